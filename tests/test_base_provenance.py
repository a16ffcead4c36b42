"""Claims about provenance: it is complete, in one line, and names the state of the sources."""

import hashlib
import json
import platform
import re
import subprocess
import sys
from importlib.metadata import version

import pytest

from lfmc import __version__
from lfmc.provenance import file_hash, note_parallel, provenance, stamp

pytestmark = pytest.mark.unit


def test_a_stamp_says_what_when_where_and_from_what(tmp_path):
    source = tmp_path / "input"
    source.write_bytes(b"content")
    text = stamp({"seed": 1, "stage": "fit"}, (source,))
    assert "\n" not in text
    content = json.loads(text)
    assert content["lfmc"] == __version__
    assert content["settings"] == {"seed": 1, "stage": "fit"}
    assert content["inputs"] == {str(source): hashlib.sha256(b"content").hexdigest()}
    assert content["command"].startswith("lfmc")
    assert content["packages"]["torch"] == version("torch")
    assert re.fullmatch("[0-9a-f]{64}", content["code"])
    for key in ("commit", "dirty", "host", "utc", "python"):
        assert key in content
    assert content["utc"].endswith("+00:00")


def test_the_hash_is_of_the_bytes(tmp_path):
    (tmp_path / "empty").write_bytes(b"")
    assert file_hash(tmp_path / "empty") == hashlib.sha256(b"").hexdigest()


def test_the_commit_is_the_one_checked_out(root):
    head = subprocess.run(
        ["git", "-C", str(root), "rev-parse", "HEAD"], capture_output=True, text=True
    )
    if head.returncode:
        pytest.skip("not a git checkout")
    # in its own process, because there may be new commits since the start of this one
    code = "import lfmc.provenance as p; print(p.provenance()['commit'])"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert len(found.stdout.strip()) in (40, 64)


def test_versions_are_read_without_importing_the_packages():
    code = (
        "import sys, lfmc.provenance as p; p.provenance();"
        "print([m for m in ('torch', 'numba', 'pandas', 'mpi4py') if m in sys.modules])"
    )
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "[]"


def test_no_inputs_and_no_settings_are_allowed():
    assert provenance()["inputs"] == {}


def test_a_job_of_a_cluster_is_named(monkeypatch):
    for name in ("SLURM_STEP_ID", "SLURMD_NODENAME", "SLURM_CLUSTER_NAME", "SLURM_RESTART_COUNT"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("SLURM_JOB_ID", "42")
    monkeypatch.setenv("SLURM_JOB_NODELIST", "n[1-3]")
    assert provenance()["job"] == {"id": "42", "nodes": "n[1-3]"}


def test_ranks_are_noted_for_all_files_that_follow(monkeypatch):
    monkeypatch.setattr("lfmc.provenance._PARALLEL", {})
    alone = {"ranks": 1, "nodes": [platform.node()], "launcher": "none", "mpi": "none"}
    assert provenance()["parallel"] == alone
    note_parallel({"ranks": 3, "nodes": ["a", "b"]})
    assert provenance()["parallel"] == {**alone, "ranks": 3, "nodes": ["a", "b"]}
