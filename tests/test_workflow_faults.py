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
from flows_small import environment, lfmc, write_small
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


def snakemake(folder: Path) -> list[str]:
    command = [sys.executable, "-m", "snakemake", *TARGETS, "--cores", "2", "--nolock"]
    return [*command, "--configfile", "small.yaml"]


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
    with (folder / "log").open("w") as log:
        running = subprocess.Popen(
            snakemake(folder),
            cwd=folder,
            env=environment(),
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
        time.sleep(random.Random(seed).uniform(0.2, 0.9) * seconds)
        os.killpg(running.pid, signal.SIGKILL)
        running.wait()
    done = subprocess.run(
        snakemake(folder), cwd=folder, env=environment(), capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert differences(folder / "results", undisturbed / "results") == []


@pytest.fixture
def small_disk(tmp_path):
    """A folder on a disk of 300 kB, and a function that makes the disk larger."""
    disk = tmp_path / "disk"
    disk.mkdir()
    made = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=300k", "tmpfs", str(disk)], capture_output=True
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
