"""Faults on one machine: a full disk, and a workflow that is cut off and called again.

Killed ranks and damaged blocks: test_proposals.py. The same on a cluster: test_slurm_faults.py.
LFMC_FAULT_MOMENTS=5 takes five random moments each.
"""

import os
import random
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from flows_small import blocks_made, environment, lfmc, write_small
from same_results import contents, differences, same
from slurm_cluster import MOMENTS

pytestmark = pytest.mark.workflow

TARGETS = ("results/accept/T4/flow-70.h5", "results/hmc/T4.h5", "results/verify/T4/local.json")


def workflow(root: Path, folder: Path) -> Path:
    """A folder with a copy of the workflow and a small configuration."""
    folder.mkdir()
    shutil.copy(root / "Snakefile", folder)
    shutil.copytree(root / "workflow", folder / "workflow")
    (folder / "profiles").symlink_to("workflow/profiles")
    write_small(folder)
    return folder


def snakemake(folder: Path, *targets: str) -> list[str]:
    command = [sys.executable, "-m", "snakemake", *(targets or TARGETS), "--cores", "2", "--nolock"]
    return [*command, "--configfile", "small.yaml"]


def started(folder: Path, *targets: str) -> subprocess.Popen[bytes]:
    """Snakemake and its jobs as a process group of their own."""
    with (folder / "log").open("w") as log:
        return subprocess.Popen(
            snakemake(folder, *targets),
            cwd=folder,
            env=environment(),
            stdout=log,
            stderr=log,
            start_new_session=True,
        )


def continued(folder: Path, *targets: str) -> None:
    """Snakemake once more, to the end."""
    done = subprocess.run(
        snakemake(folder, *targets), cwd=folder, env=environment(), capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.fixture(scope="module")
def undisturbed(root, tmp_path_factory) -> Path:
    folder = workflow(root, tmp_path_factory.mktemp("undisturbed") / "run")
    began = time.monotonic()
    done = subprocess.run(
        snakemake(folder), cwd=folder, env=environment(), capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout + done.stderr
    (folder / "seconds").write_text(str(time.monotonic() - began))
    return folder


@pytest.mark.parametrize("seed", MOMENTS)
def test_a_workflow_cut_off_at_any_moment_ends_with_the_same_bits(
    root, undisturbed, tmp_path, seed
):
    """Snakemake and all its jobs are killed by signal 9, as by a power cut, and called again."""
    folder = workflow(root, tmp_path / "run")
    seconds = float((undisturbed / "seconds").read_text())
    running = started(folder)
    time.sleep(random.Random(seed).uniform(0.2, 0.9) * seconds)
    os.killpg(running.pid, signal.SIGKILL)
    running.wait()
    continued(folder)
    assert differences(folder / "results", undisturbed / "results") == []


@pytest.mark.parametrize("seed", MOMENTS)
def test_a_damaged_block_is_made_again(root, undisturbed, tmp_path, seed):
    """Killed amid its blocks; one of them then loses its end, or has a bit flipped, anywhere."""
    folder = workflow(root, tmp_path / "run")
    shutil.copytree(undisturbed / "results" / "train", folder / "results" / "train")
    name, chance = "results/propose/T4/flow-70.h5", random.Random(seed)
    work = folder / "results/propose/T4/flow-70"
    running, wanted = started(folder, name), chance.randint(1, 5)
    while running.poll() is None and blocks_made(folder / "results", "T4", "flow-70") < wanted:
        time.sleep(0.002)
    os.killpg(running.pid, signal.SIGKILL)
    running.wait()
    found = sorted(work.glob("part-*.h5"))
    assert found, "the job was too fast for this test"
    path = chance.choice(found)
    data = bytearray(path.read_bytes())
    if seed % 2:
        data = data[: chance.randrange(len(data))]
    else:
        data[chance.randrange(len(data))] ^= 1 << chance.randrange(8)
    path.write_bytes(bytes(data))
    continued(folder, name)
    one, two = contents(folder / name), contents(undisturbed / name)
    assert all(same(one[key], two[key]) for key in one.keys() | two.keys())


@pytest.fixture(params=MOMENTS)
def small_disk(tmp_path, request):
    """A folder on a disk that will be full at some moment, and a function that makes it larger."""
    disk = tmp_path / "disk"
    disk.mkdir()
    size = random.Random(request.param).randrange(150, 500)
    made = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={size}k", "tmpfs", str(disk)], capture_output=True
    )
    if made.returncode:
        pytest.skip("mounting a small disk needs root")
    yield disk, lambda: subprocess.run(["mount", "-o", "remount,size=64m", str(disk)], check=True)
    subprocess.run(["umount", str(disk)], check=True)


def test_a_full_disk_is_one_line_and_the_rerun_has_the_same_bits(undisturbed, small_disk):
    disk, enlarge = small_disk
    shutil.copy(undisturbed / "small.yaml", disk)
    (disk / "results").mkdir()
    shutil.copytree(undisturbed / "results" / "train", disk / "results" / "train")
    command = lfmc("propose", "--config", "small.yaml", "--ensemble", "T4", "--sampler", "flow-70")
    options = {"cwd": disk, "env": environment(), "capture_output": True, "text": True}
    full = subprocess.run(command, **options)
    assert full.returncode == 2
    assert "cannot be written (No space left on device)" in full.stderr
    assert "Traceback" not in full.stderr
    assert not list(disk.rglob("*.part*"))
    enlarge()
    assert subprocess.run(command, **options).returncode == 0
    name = "results/propose/T4/flow-70.h5"
    one, two = contents(disk / name), contents(undisturbed / name)
    assert all(same(one[key], two[key]) for key in one.keys() | two.keys())
