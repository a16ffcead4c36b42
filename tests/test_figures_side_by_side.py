"""Figures drawn by several processes: order, errors, a worker that dies."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from lfmc.errors import LfmcError
from lfmc.figures.drawable import NotDrawable
from lfmc.figures.side_by_side import in_processes

pytestmark = pytest.mark.unit

NAMES = [f"figure{i}" for i in range(7)]


def by_process(name: str) -> tuple[str, int]:
    return name, os.getpid()


def refused(name: str) -> str:
    if name == "figure3":
        raise NotDrawable(f"{name}: no chain")
    return name


def killed(name: str) -> str:
    if name == "figure3":
        os.kill(os.getpid(), signal.SIGKILL)
    return name


@pytest.mark.parametrize("jobs", [1, 3])
def test_results_come_in_the_order_of_the_names_from_processes_of_their_own(jobs: int) -> None:
    found = list(in_processes(by_process, NAMES, jobs))
    assert [name for name, _ in found] == NAMES
    assert ({pid for _, pid in found} == {os.getpid()}) == (jobs == 1)


@pytest.mark.parametrize("jobs", [1, 2])
def test_an_error_of_a_figure_is_raised_with_its_kind_and_words(jobs: int) -> None:
    with pytest.raises(NotDrawable, match="figure3: no chain"):
        list(in_processes(refused, NAMES, jobs))


@pytest.mark.skipif(sys.platform != "linux", reason="asks /proc")
def test_workers_end_when_their_parent_is_killed(tmp_path) -> None:
    code = (
        "import os, time; from test_figures_side_by_side import *\n"
        "work = in_processes(by_process, NAMES, 2)\n"
        "print(*{next(work)[1] for _ in NAMES}, flush=True)\n"
        "time.sleep(600)"
    )
    here = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    parent = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, env=here)
    workers = [int(word) for word in parent.stdout.readline().split()]
    assert workers
    assert all(alive(pid) for pid in workers)
    parent.kill()
    parent.wait()
    parent.stdout.close()
    deadline = time.monotonic() + 60
    while any(alive(pid) for pid in workers):
        assert time.monotonic() < deadline, "workers outlive their parent"
        time.sleep(0.2)


def alive(pid: int) -> bool:
    status = Path(f"/proc/{pid}/status")
    try:
        return "State:\tZ" not in status.read_text()
    except OSError:
        return False


def test_a_worker_that_is_killed_is_a_clear_error() -> None:
    with pytest.raises(LfmcError, match=r"was killed.*--jobs 1"):
        list(in_processes(killed, NAMES, 2))
