"""A time limit shorter than the work: the workflow submits the job again until it is done."""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from flows_small import blocks_made
from same_results import contents, same
from slurm_cluster import environment, let_its_time_be_over, processes_on, wait_for
from slurm_workflow import SLURM, started

from lfmc.store import open_hdf5

pytestmark = [pytest.mark.slurm, pytest.mark.xdist_group("slurm")]

CUTS = 2
TARGET = "results-smoke/propose/S8/flow-50.h5"


def test_a_job_cut_off_again_and_again_is_finished_by_the_workflow(slurm_results, tmp_path):
    """Proposals whose time is over twice, at another block each time, and no hand touches them."""
    folder = shutil.copytree(slurm_results[0].parent, tmp_path / "run", symlinks=True)
    config = yaml.safe_load((folder / "smoke.yaml").read_text())
    config["statistics"]["configurations"] = 60_000
    config["propose"]["block"] = 128
    (folder / "smoke.yaml").write_text(yaml.safe_dump(config))
    without_proposals(folder)
    running = started(folder, TARGET, *SLURM)
    jobs = [cut_off(folder, count) for count in range(CUTS)]
    assert running.wait(timeout=300) == 0, (folder / "log").read_text()[-4000:]
    assert (folder / "log").read_text().count("SLURM status is: 'TIMEOUT'") == CUTS
    with open_hdf5(folder / TARGET) as file:
        last = json.loads(file.attrs["provenance"])["job"]["id"]
    assert len({*jobs, last}) == CUTS + 1
    undisturbed(folder, slurm_results[1].parent, tmp_path / "other")


def without_proposals(folder: Path) -> None:
    (folder / TARGET).unlink()
    shutil.rmtree((folder / TARGET).with_suffix(""))


def cut_off(folder: Path, count: int) -> str:
    """Hold a job amid its blocks and let its time be over; its id."""

    def made() -> int:
        return blocks_made(folder / "results-smoke", "S8", "flow-50")

    def jobs() -> list[str]:
        return re.findall(r"SLURM jobid (\d+)", (folder / "log").read_text())

    def ends() -> int:
        return (folder / "log").read_text().count("status is: 'TIMEOUT'")

    wait_for("its submission", lambda: len(jobs()) > count, 240)
    before, job = made(), jobs()[-1]
    wait_for("blocks", lambda: made() > before + 50 * count, 240)
    for pid in [pid for node in ("n1", "n2", "n3") for pid in processes_on(node, job)]:
        if is_rank(pid):
            os.kill(pid, signal.SIGSTOP)
    let_its_time_be_over(job)
    wait_for("its end", lambda: ends() > count, 120)
    return job


def is_rank(pid: int) -> bool:
    words = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
    return b"python" in words[0] and b"--expect-ranks" in words


def undisturbed(folder: Path, trained: Path, other: Path) -> None:
    """The same proposals by one process on this machine."""
    shutil.copytree(trained, other, symlinks=True)
    shutil.copy(folder / "smoke.yaml", other)
    without_proposals(other)
    command = [sys.executable, "-m", "lfmc.cli.main", "propose", "--config", "smoke.yaml"]
    done = subprocess.run(
        [*command, "--ensemble", "S8", "--sampler", "flow-50"], cwd=other, env=environment()
    )
    assert done.returncode == 0
    one, two = contents(folder / TARGET), contents(other / TARGET)
    assert all(same(one[key], two[key]) for key in one.keys() | two.keys())
