"""The finished run, made by the first of several test processes that needs it."""

import fcntl
import os
from pathlib import Path

import pytest

from bad_inputs.finished import copy_of, finish


@pytest.fixture(scope="session")
def finished(tmp_path_factory) -> Path:
    """Folder of a tiny finished run: to copy, not to change."""
    base = tmp_path_factory.getbasetemp()
    shared = base.parent if "PYTEST_XDIST_WORKER" in os.environ else base
    folder = shared / "finished"
    with open(shared / "finished.lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (folder / "done").exists():
            folder.mkdir()
            finish(folder)
            (folder / "done").touch()
    return folder


@pytest.fixture
def run_folder(finished, tmp_path) -> Path:
    """A copy of it for one test."""
    return copy_of(finished, tmp_path)
