"""Claims about the documentation: every file that it names or links to exists."""

import re

import pytest
from documented_commands import documents

pytestmark = pytest.mark.unit

NAMED = re.compile(r"`((?:lfmc|tests|benchmarks|workflow|docs|envs|config)/[\w./-]+)`")
LINKED = re.compile(r"\]\((?!https?:|#)([^)#\s]+)(?:#[\w-]+)?\)")
EXAMPLE = re.compile(r"NAME|HASH")  # names that stand for others


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
    assert missing(page, root) == [str(tmp_path / "gone.md"), str(root / "lfmc/gone.py")]
