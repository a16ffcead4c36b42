"""The fork server of tests/forked: a fork is as the process that requested it, or there is none."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import yaml

pytestmark = [
    pytest.mark.unit,
    pytest.mark.skipif(sys.platform != "linux", reason="elsewhere jobs are not forked"),
]
LFMC = [sys.executable, "-m", "lfmc.cli.main"]
PATIENCE = 60
LONG = {
    "seed": 1,
    "ensembles": [{"name": "E", "L": 8, "m2": 1.0, "lam": 4.0}],
    "statistics": {"configurations": 10**9, "save_every": 10},
    "samplers": {"hmc": {"steps": 10, "length": "fixed", "thermalisation": 100}},
    "flow": {"targets": []},
}


def run(folder: Path, *arguments: str) -> tuple[int, str, str]:
    done = subprocess.run([*LFMC, *arguments], cwd=folder, capture_output=True, text=True)
    return done.returncode, done.stdout, done.stderr


def requested(**environment: str) -> str:
    """What becomes of a command in an environment: its exit code, or None for `no fork`."""
    code = "import sitecustomize as s; print(s.forked(s.ADDRESS, ['config', 'schema']))"
    done = subprocess.run(
        [sys.executable, "-c", code],
        env=os.environ | environment,
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout.splitlines()[-1]


def processes(folder: Path) -> list[int]:
    """Those at work in a folder."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if (process / "cwd").readlink() == folder:
                found.append(int(process.name))
        except OSError:
            continue  # it has ended
    return found


def until(count: int, folder: Path) -> None:
    end = time.monotonic() + PATIENCE
    while len(processes(folder)) != count:
        assert time.monotonic() < end, f"{processes(folder)} at work, not {count}"
        time.sleep(0.05)


@pytest.fixture
def long(tmp_path):
    """A long chain at work: the process that was started, and the fork."""
    (tmp_path / "config.yaml").write_text(yaml.safe_dump(LONG))
    assert run(tmp_path, "tune", "--ensemble", "E")[0] == 0
    process = subprocess.Popen([*LFMC, "hmc", "--ensemble", "E"], cwd=tmp_path, stderr=-1)
    until(2, tmp_path)
    while not list((tmp_path / "results").rglob("*hmc*")):
        time.sleep(0.05)
    yield process, tmp_path
    process.kill()
    process.communicate()


def test_a_process_that_differs_in_what_counts_is_not_forked():
    assert requested() == "0"
    for name in ("OMP_NUM_THREADS", "NUMBA_CPU_NAME", "PYTHONHASHSEED", "MKL_CBWR"):
        assert requested(**{name: "2"}) == "None", name
    assert requested(HOME="/", LFMC_FRONT_END="1") == "0"


def test_output_and_exit_code_are_those_of_a_process(tmp_path, monkeypatch):
    commands = (["config", "preset", "smoke"], ["brew"], ["config", "check"], ["--version"])
    forked = [run(tmp_path, *arguments) for arguments in commands]
    monkeypatch.delenv("LFMC_FORK_SERVER")
    assert forked == [run(tmp_path, *arguments) for arguments in commands]
    assert [code for code, _, _ in forked] == [0, 2, 2, 0]


def test_the_fork_of_a_killed_process_is_killed(long):
    process, folder = long
    process.kill()
    process.wait()
    until(0, folder)


def test_a_signal_reaches_the_fork_and_its_exit_code_comes_back(long):
    process, folder = long
    process.send_signal(signal.SIGTERM)
    _, errors = process.communicate(timeout=PATIENCE)
    assert process.returncode == 128 + signal.SIGTERM
    assert b"stopped on SIGTERM" in errors
    until(0, folder)
