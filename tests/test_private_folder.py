"""Code is loaded only from folders to which nobody else can write."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from flows_small import write_small

from benchmarks.peers.environment import make
from lfmc.errors import LfmcError
from lfmc.private_folder import private_folder, trusted_folder

pytestmark = pytest.mark.unit


def test_a_missing_folder_is_made_for_its_owner_alone(tmp_path):
    made = private_folder(tmp_path / "a" / "kernels", "X")
    assert made.stat().st_mode & 0o777 == 0o700
    assert private_folder(made, "X") == made


@pytest.mark.parametrize("mode", [0o1777, 0o777, 0o770, 0o702, 0o720])
def test_a_folder_to_which_others_can_write_is_refused(tmp_path, mode):
    tmp_path.chmod(mode)
    with pytest.raises(LfmcError, match=f"X: others can write to .*mode {mode:04o}.*0700") as error:
        private_folder(tmp_path, "X")
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("mode", [0o700, 0o755, 0o750])
def test_reading_it_is_harmless(tmp_path, mode):
    tmp_path.chmod(mode)
    assert private_folder(tmp_path, "X") == tmp_path


def test_a_folder_of_another_user_is_refused(tmp_path, monkeypatch):
    tmp_path.chmod(0o700)
    monkeypatch.setattr(os, "geteuid", lambda: tmp_path.stat().st_uid + 1)
    with pytest.raises(LfmcError, match="belongs to user"):
        private_folder(tmp_path, "X")
    assert trusted_folder(tmp_path, "X", (tmp_path.stat().st_uid,)) == tmp_path


def test_a_link_is_judged_by_where_it_leads(tmp_path):
    (tmp_path / "open").mkdir()
    (tmp_path / "open").chmod(0o777)
    (tmp_path / "link").symlink_to(tmp_path / "open")
    with pytest.raises(LfmcError, match="others can write"):
        private_folder(tmp_path / "link", "X")


def test_what_is_no_folder_is_refused(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(LfmcError, match=r"X: .*file cannot be made \(File exists\)"):
        private_folder(tmp_path / "file", "X")
    with pytest.raises(LfmcError, match=r"cannot be looked at \(No such file"):
        trusted_folder(tmp_path / "none", "X", (0,))


@pytest.mark.parametrize("command", ["tune", "train"])
def test_kernels_are_never_loaded_from_an_open_folder(run_lfmc, tmp_path, command):
    (tmp_path / "cache").mkdir()
    (tmp_path / "cache").chmod(0o1777)
    arguments = ["--config", write_small(tmp_path), "--ensemble", "T4"]
    environment = {**os.environ, "NUMBA_CACHE_DIR": str(tmp_path / "cache")}
    done = run_lfmc(command, *arguments, env=environment)
    assert done.returncode == 2
    (line,) = done.stderr.splitlines()
    assert line.startswith("lfmc: error: NUMBA_CACHE_DIR: others can write to")
    assert list((tmp_path / "cache").iterdir()) == []


def test_peers_are_run_from_no_open_folder(tmp_path):
    (tmp_path / "peers" / "bin").mkdir(parents=True)
    (tmp_path / "peers" / "bin" / "python").symlink_to(sys.executable)
    (tmp_path / "peers").chmod(0o777)
    peers = tmp_path / "peers"
    for command in (
        ["benchmarks", "--parts", "peers", "--peers", str(peers / "bin" / "python")],
        ["benchmarks.peers.environment", str(peers)],
    ):
        done = subprocess.run(
            [sys.executable, "-m", *command], capture_output=True, text=True,
            cwd=Path(__file__).resolve().parent.parent,
        )  # fmt: skip
        assert done.returncode != 0
        assert "others can write to" in done.stderr.splitlines()[-1]
        assert "Traceback" not in done.stderr
    assert (peers / "bin" / "python").exists()


def test_the_folder_of_peers_is_not_emptied_of_other_things(tmp_path):
    (tmp_path / "thesis.tex").touch()
    tmp_path.chmod(0o700)
    with pytest.raises(LfmcError, match="not empty and no environment"):
        make(tmp_path, [])
    assert (tmp_path / "thesis.tex").exists()
