"""The throw-away Slurm of workflow/slurm/try_slurm.py, and jobs in it, for several tests."""

import importlib
import os
import random
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).resolve().parents[2]
# Each fault at so many random moments (LFMC_FAULT_MOMENTS=5 for the whole matrix).
ACCOUNTING = "LFMC_SLURM_ACCOUNTING" in os.environ  # make test-slurm ACCOUNTING=1
MOMENTS = range(int(os.environ.get("LFMC_FAULT_MOMENTS", "1")))


def load_try_slurm() -> ModuleType:
    """The script as a module."""
    sys.path.insert(0, str(ROOT / "workflow" / "slurm"))
    try:
        return importlib.import_module("try_slurm")
    finally:
        del sys.path[0]


TRY = load_try_slurm()


def running_cluster() -> Iterator[Path]:
    """Folder of a cluster of three nodes, taken down afterwards; skips where none can be."""
    reason = TRY.not_possible(ACCOUNTING)
    if reason:
        pytest.skip(f"no Slurm here: {reason}")
    folder = TRY.FOLDER
    TRY.down(folder)
    TRY.up(folder, 3, ACCOUNTING)
    yield folder
    TRY.down(folder)


def environment(**extra: str) -> dict[str, str]:
    """Of a job: this lfmc and the MPI wheel's programs first, one thread, no job around it."""
    here = str(Path(sys.executable).parent)
    inherited = {k: v for k, v in os.environ.items() if not k.startswith(("SLURM_", "LFMC_"))}
    return {
        **inherited,
        "PATH": f"{here}:{TRY.search_path()}",
        "PYTHONPATH": str(ROOT),
        "OMP_NUM_THREADS": "1",
        **extra,
    }


def sbatch(folder: Path, command: str, *options: str) -> str:
    """Submit a shell command; job id."""
    done = subprocess.run(
        ["sbatch", "--parsable", "--output=job-%j.log", "--open-mode=append", *options]
        + [f"--wrap={command}"],
        cwd=folder,
        env=environment(),
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def facts(job: str) -> dict[str, str]:
    """What the controller knows of a job: JobState, Restarts, NodeList..."""
    text = TRY.run("scontrol", "show", "job", job).stdout
    return dict(pair.split("=", 1) for pair in text.split() if "=" in pair)


def state(job: str) -> str:
    return facts(job).get("JobState", "")


def log_of(folder: Path, job: str) -> str:
    path = folder / f"job-{job}.log"
    return path.read_text() if path.exists() else ""


def wait_for(what: str, ready: Callable[[], object], seconds: float = 90) -> None:
    """Wait, or fail with what was waited for."""
    deadline = time.monotonic() + seconds
    while not ready():
        assert time.monotonic() < deadline, f"{what}: not within {seconds:.0f} s"
        time.sleep(0.1)


def finished(job: str) -> str:
    """Wait for the end of a job; its state."""
    at_work = ("RUNNING", "PENDING", "COMPLETING", "")  # "": the controller is busy
    wait_for(f"end of job {job}", lambda: state(job) not in at_work, 240)
    return state(job) or finished(job)


def let_its_time_be_over(job: str) -> None:
    """Draw the limit of a running job back to now, for the shortest of Slurm is a minute.

    The controller looks twice a minute. It may lose an earlier end by then (seen once in ten
    runs of these tests), so the request is repeated.
    """

    def over() -> bool:
        known, now = facts(job), time.strftime("%Y-%m-%dT%H:%M:%S")
        if known.get("JobState") == "RUNNING" and known["EndTime"] > now:
            TRY.run("scontrol", "update", f"JobId={job}", f"EndTime={now}")
        return known.get("JobState") not in ("RUNNING", None)

    wait_for(f"time limit of job {job}", over, 120)


def processes_on(node: str, job: str) -> list[int]:
    """Processes of a job on one virtual node, by their environment."""
    found = []
    wanted = {f"SLURMD_NODENAME={node}", f"SLURM_JOB_ID={job}"}
    for path in Path("/proc").glob("[0-9]*/environ"):
        try:
            if wanted <= set(path.read_text(errors="replace").split("\0")):
                found.append(int(path.parent.name))
        except OSError:
            continue
    return found


def moment(seed: int, blocks: int) -> int:
    """A random number of finished blocks, neither none nor nearly all."""
    return random.Random(seed).randint(1, max(1, blocks * 2 // 3))
