"""Claims about the documentation: code blocks and notebooks run as printed, in a fresh process.

Notebooks run cell by cell by `exec`, with smaller numbers in the cell tagged `parameters`: no
Jupyter is needed.
"""

import json
import os
import re
import subprocess
import sys

import pytest

import lfmc

pytestmark = pytest.mark.unit

BLOCK = re.compile(r"^```python\n(.*?)^```$", re.MULTILINE | re.DOTALL)
SMALLER = {
    "paper": "couplings = {4: 8.0, 6: 6.975}\n"
    "target, configurations, chains, updates = 0.5, 4_000, 32, 400",
    "own_theory": "L, target, configurations, hidden = 4, 0.3, 4_000, 16",
}


def blocks(path):
    found = BLOCK.findall(path.read_text())
    assert found
    return found


def run(pieces, folder):
    """Execute pieces of code one after another in a new process, in one namespace."""
    script = "names = {'__name__': '__main__'}\n"
    for number, piece in enumerate(pieces):
        script += f"exec(compile({piece!r}, 'piece {number}', 'exec'), names)\n"
    (folder / "script.py").write_text(script)
    command = [sys.executable, "-W", "error", "script.py"]
    return subprocess.run(
        command, cwd=folder, capture_output=True, text=True, env=environment(folder)
    )


def environment(folder):
    return {**os.environ, "MPLBACKEND": "Agg", "MPLCONFIGDIR": str(folder)}


@pytest.mark.parametrize("document", ["README.md", "docs/python.md"])
def test_code_blocks_run_as_printed(document, root, small_run):
    done = run(blocks(root / document), small_run)
    assert done.returncode == 0, done.stderr
    assert "value(error)" in done.stdout


def test_a_code_block_that_fails_is_noticed(tmp_path):
    done = run(["a = 1", "assert a == 2"], tmp_path)
    assert done.returncode == 1
    assert "piece 1" in done.stderr


@pytest.mark.parametrize("name", SMALLER)
def test_notebooks_run(name, root, tmp_path):
    notebook = json.loads((root / "docs" / "notebooks" / f"{name}.ipynb").read_text())
    assert notebook["nbformat"] == 4
    pieces = []
    for cell in notebook["cells"]:
        if cell["cell_type"] == "code":
            assert not cell["outputs"], "notebooks are kept without outputs"
            tagged = "parameters" in cell["metadata"].get("tags", ())
            pieces.append(SMALLER[name] if tagged else "".join(cell["source"]))
    assert SMALLER[name] in pieces
    done = run(pieces, tmp_path)
    assert done.returncode == 0, done.stderr


def test_every_call_is_documented(root):
    text = (root / "docs" / "python.md").read_text()
    for name in lfmc.__all__:
        assert re.search(rf"\b(lfmc\.)?{name}\b", text), name
