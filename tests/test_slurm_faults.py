"""Faults on a real Slurm: nothing accepted is lost or wrong, and the final bits are the same.

Each at a random moment (fixed seed); LFMC_FAULT_MOMENTS=5 takes five moments each.
"""

import os
import shutil
import signal
import subprocess
import time
from pathlib import Path

import pytest
from flows_small import blocks_made, lfmc, write_small
from same_results import contents, same
from slurm_cluster import (
    MOMENTS,
    TRY,
    environment,
    facts,
    finished,
    let_its_time_be_over,
    log_of,
    moment,
    processes_on,
    sbatch,
    wait_for,
)

pytestmark = [pytest.mark.slurm, pytest.mark.xdist_group("slurm")]

BLOCKS = 150
SAVED_SECONDS = 6  # slurmctld writes its state within 5 s; a job that is not in it yet is lost
LAUNCH = "srun --mpi=pmi2 --kill-on-bad-exit=1 --nodes=3 -n 3 "
PROPOSE = "--config small.yaml --ensemble T8 --sampler flow-50"
NODES = ("--nodes=3", "--ntasks=3", "--mem-per-cpu=1500", "--requeue")


@pytest.fixture(scope="module")
def trained(tmp_path_factory) -> Path:
    """A trained model of an 8 x 8 lattice, and a configuration of BLOCKS blocks."""
    folder = tmp_path_factory.mktemp("trained")
    write_small(
        folder,
        ensembles=[{"name": "T8", "L": 8, "m2": -4.0, "lam": 8.0}],
        statistics={"configurations": 2000 * BLOCKS, "replicas": 4, "keep_fields": 50},
        flow={
            "model": {"kind": "heatbath", "layers": 2, "table": 128},
            "targets": [0.5],
            "training": {"batch": 128, "check_samples": 1024, "decide_samples": 2048},
        },
        propose={"block": 2000},
        accept={"replicas": 1, "burn_in": 0},
    )
    run_here(folder, "train", "--config", "small.yaml", "--ensemble", "T8")
    return folder


@pytest.fixture(scope="module")
def reference(trained, tmp_path_factory) -> dict:
    """The proposals of an undisturbed run on this machine, without Slurm and MPI."""
    folder = shutil.copytree(trained, tmp_path_factory.mktemp("reference") / "run")
    run_here(folder, "propose", *PROPOSE.split())
    return contents(output(folder))


@pytest.fixture
def folder(cluster, trained, reference, tmp_path) -> Path:
    """A folder in which a fault may happen, on a cluster whose nodes are all idle."""
    wait_for("idle nodes", lambda: set(TRY.states()) == {"idle"})
    return shutil.copytree(trained, tmp_path / "run")


def run_here(folder: Path, *arguments: str) -> None:
    done = subprocess.run(
        lfmc(*arguments), cwd=folder, env=environment(), capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr


def output(folder: Path) -> Path:
    return folder / "results" / "propose" / "T8" / "flow-50.h5"


def blocks(folder: Path) -> int:
    return blocks_made(folder / "results", "T8", "flow-50")


def unharmed(folder: Path, reference: dict) -> bool:
    """Whether the result has every bit of the undisturbed run."""
    found = contents(output(folder))
    return found.keys() == reference.keys() and all(same(found[k], reference[k]) for k in found)


def submit(folder: Path, *options: str) -> str:
    return sbatch(folder, f"{LAUNCH} lfmc propose {PROPOSE} --expect-ranks 3", *NODES, *options)


def in_the_middle(folder: Path, job: str, seed: int) -> int:
    """Wait until a random part of the blocks is there; how many."""
    wanted = moment(seed, BLOCKS)
    wait_for(f"{wanted} blocks", lambda: blocks(folder) >= wanted or output(folder).exists())
    assert not output(folder).exists(), "the job was too fast for this test"
    return blocks(folder)


def cause_was_survived(folder: Path, job: str, kept: int, reference: dict) -> None:
    """The job, restarted by Slurm or by hand, ends well; finished blocks were not made again."""
    assert finished(job) == "COMPLETED", log_of(folder, job)
    assert unharmed(folder, reference)
    assert kept > 0


@pytest.mark.parametrize("seed", MOMENTS)
def test_a_slurmd_killed_within_an_mpi_job(cluster, folder, reference, seed):
    """Daemon and processes of one node die at once, as when its power is cut."""
    job = submit(folder)
    kept = in_the_middle(folder, job, seed)
    TRY.stop(cluster / "slurmd-n2.pid", signal.SIGKILL)
    for pid in processes_on("n2", job):
        os.kill(pid, signal.SIGKILL)
    time.sleep(1)
    TRY.start_node(cluster, "n2")
    wait_for("nodes back", lambda: not {"down", "down*", "idle*"} & set(TRY.states()), 120)
    if finished(job) != "COMPLETED":  # a step that lost a rank ends the job before the node is
        job = submit(folder)  # missed; Snakemake submits it again, here the test does
    cause_was_survived(folder, job, kept, reference)


@pytest.mark.parametrize("seed", MOMENTS)
def test_a_rank_killed_by_signal_9(folder, reference, seed):
    job = submit(folder)
    kept = in_the_middle(folder, job, seed)
    os.kill(ranks_on("n3", job)[0], signal.SIGKILL)
    assert finished(job) in ("FAILED", "CANCELLED"), "the other ranks were left waiting"
    assert blocks(folder) >= kept
    cause_was_survived(folder, submit(folder), kept, reference)


def halt(job: str) -> None:
    """Stop one rank, so that the work cannot end before the fault; Slurm continues what it ends."""
    os.kill(ranks_on("n3", job)[0], signal.SIGSTOP)


def ranks_on(node: str, job: str) -> list[int]:
    """Processes of lfmc itself among those of a job on a node."""
    found = {p: Path(f"/proc/{p}/cmdline").read_bytes() for p in processes_on(node, job)}
    return [pid for pid, line in found.items() if b"python" in line and b"propose" in line]


@pytest.mark.parametrize("seed", MOMENTS)
def test_a_job_ended_by_preemption(cluster, folder, reference, seed):
    job = submit(folder)
    kept = in_the_middle(folder, job, seed)
    halt(job)
    urgent = sbatch(folder, "sleep 3", "--partition=urgent", "--nodes=3", "--exclusive")
    assert finished(urgent) == "COMPLETED"
    # A job that stops by itself within the grace time has failed, in Slurm's eyes, and is submitted
    # again by Snakemake, here by the test; one that is killed at its end is requeued by Slurm.
    if finished(job) != "COMPLETED":
        assert "WEXITSTATUS 143" in (cluster / "slurmctld.log").read_text()
        log = log_of(folder, job)
        job = submit(folder)
    else:
        assert facts(job)["Restarts"] == "1"
        log = log_of(folder, job)
    assert "stopped on SIGTERM; finished blocks are kept" in log
    cause_was_survived(folder, job, kept, reference)


@pytest.mark.parametrize("seed", MOMENTS)
def test_the_controller_restarted_while_a_job_runs(cluster, folder, reference, seed):
    job = submit(folder)
    kept = in_the_middle(folder, job, seed)
    halt(job)
    time.sleep(SAVED_SECONDS)
    TRY.stop(cluster / "slurmctld.pid", signal.SIGKILL)
    time.sleep(2)
    TRY.start_controller(cluster)
    for pid in ranks_on("n3", job):
        os.kill(pid, signal.SIGCONT)
    cause_was_survived(folder, job, kept, reference)
    assert facts(job)["Restarts"] == "0"


@pytest.mark.parametrize("seed", MOMENTS)
def test_a_job_over_its_memory_limit(folder, reference, seed):
    """A rank that takes too much is killed with its job; submitted again, the work goes on."""
    (folder / "start.py").write_text(
        "import os, sys, time\n"
        "if os.fork() == 0:\n"
        "    while not os.path.exists('eat'): time.sleep(0.05)\n"
        "    data = b'x' * 900_000_000\n"
        "    time.sleep(600)\n"
        "os.execvp('lfmc', ['lfmc', *sys.argv[1:]])\n"
    )
    command = f"{LAUNCH} python start.py propose {PROPOSE} --expect-ranks 3"
    job = sbatch(folder, command, *NODES, "--mem-per-cpu=1000")
    kept = in_the_middle(folder, job, seed)
    halt(job)
    (folder / "eat").touch()
    assert finished(job) in ("OUT_OF_MEMORY", "FAILED", "CANCELLED")
    assert "memory" in log_of(folder, job).lower(), log_of(folder, job)
    assert not output(folder).exists()
    cause_was_survived(folder, submit(folder), kept, reference)


@pytest.mark.parametrize("seed", MOMENTS)
def test_a_job_over_its_time_limit(folder, reference, seed):
    job = submit(folder, "--time=1")
    kept = in_the_middle(folder, job, seed)
    halt(job)
    let_its_time_be_over(job)
    assert finished(job) in ("TIMEOUT", "FAILED")
    assert "DUE TO TIME LIMIT" in log_of(folder, job)
    # Slurm calls the job ended before its ranks have left, for which it gives them 17 seconds.
    message = "stopped on SIGTERM; finished blocks are kept"
    wait_for("the message of the ranks", lambda: message in log_of(folder, job), 30)
    assert blocks(folder) >= kept
    cause_was_survived(folder, submit(folder), kept, reference)


def test_a_wrong_number_of_ranks_is_refused(folder):
    job = sbatch(folder, f"{LAUNCH} lfmc propose {PROPOSE} --expect-ranks 4", *NODES)
    assert finished(job) == "FAILED"
    assert "3 MPI rank(s) here, 4 expected" in log_of(folder, job)


def test_a_launcher_of_another_mpi_is_refused(folder):
    """srun without a PMI starts three processes which each believe to be alone."""
    wrong = LAUNCH.replace("--mpi=pmi2", "--mpi=none")
    job = sbatch(folder, f"{wrong} lfmc propose {PROPOSE} --expect-ranks 3", *NODES)
    assert finished(job) == "FAILED"
    assert "1 MPI rank(s) here, 3 expected" in log_of(folder, job)
    assert blocks(folder) == 0


def test_a_rank_that_never_starts_ends_the_job_with_a_message(folder):
    """Two of three ranks start MPI; without the limit they would wait for the job's time limit."""
    script = (
        "import os, sys, time; r = int(os.environ['PMI_RANK']); "
        "time.sleep(600) if r == 2 else os.execvp('lfmc', ['lfmc', 'propose', *sys.argv[1:]])"
    )
    (folder / "start.py").write_text(script)
    job = sbatch(
        folder,
        f"export LFMC_STARTUP_SECONDS=5; {LAUNCH} python start.py {PROPOSE} --expect-ranks 3",
        *NODES,
    )
    assert finished(job) == "FAILED"
    assert "not all MPI ranks started within 5 s" in log_of(folder, job)
