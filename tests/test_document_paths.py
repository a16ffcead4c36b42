"""Claims about the documentation: every file that it names or links to exists."""

import re

import pytest
from documented_commands import documents
from test_layers import LAYERS

pytestmark = pytest.mark.unit

NAMED = re.compile(r"`((?:lfmc|tests|benchmarks|workflow|docs|envs|config)/[\w./-]+)`")
LINKED = re.compile(r"\]\((?!https?:|#)([^)#\s]+)(?:#[\w-]+)?\)")
EXAMPLE = re.compile(r"NAME|HASH|KIND")  # names that stand for others


def missing(path, root):
    """Files that a document names from the repository, or links to from its own folder."""
    text = path.read_text()
    named = {root / name for name in NAMED.findall(text) if not EXAMPLE.search(name)}
    linked = {path.parent / name for name in LINKED.findall(text)}
    return sorted(str(p) for p in named | linked if not p.exists())


def test_files_of_the_documents_exist(root):
    found = {path.name: missing(path, root) for path in documents(root)}
    assert {name: lost for name, lost in found.items() if lost} == {}


def test_a_file_that_is_gone_is_seen(root, tmp_path):
    page = tmp_path / "page.md"
    page.write_text("`lfmc/gone.py`, [gone](gone.md#here), `lfmc/store.py`, [site](https://a.b/c)")
    gone = {str(tmp_path / "gone.md"), str(root / "lfmc/gone.py")}
    assert set(missing(page, root)) == gone  # in which order, the names of the folders decide


def layers_of(text):
    """Rows of the table of layers, lowest first: the names in code of the second column."""
    rows = re.findall(r"^\| (\d+) \| ([^|]+) \|", text, re.MULTILINE)
    return [set(re.findall(r"`([a-z_0-9]+)`", names)) for _, names in sorted(rows, key=level)]


def level(row):
    return int(row[0])


def test_the_table_of_layers_is_that_of_the_imports(root):
    lowest, *higher = layers_of((root / "docs" / "architecture.md").read_text())
    assert lowest < LAYERS[0]  # its names end with "..."
    assert higher == [set(names) for names in LAYERS[1:]]
