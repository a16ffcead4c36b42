"""With accounting (make test-slurm ACCOUNTING=1): sacct is used, and accounts are checked."""

import pytest
from slurm_cluster import ACCOUNTING, TRY, finished, sbatch, wait_for
from slurm_workflow import through_slurm, workflow

pytestmark = [
    pytest.mark.slurm,
    pytest.mark.xdist_group("slurm"),
    pytest.mark.skipif(not ACCOUNTING, reason="without accounting; make test-slurm ACCOUNTING=1"),
]


def test_jobs_of_a_run_are_in_the_books(slurm_results):
    """A run with `accounting: true` was seen through sacct, in the account of the site."""
    found = TRY.run("sacct", "--allocations", "--noheader", "--parsable2", "--format=Account,State")
    jobs = [tuple(line.split("|")) for line in found.stdout.splitlines()]
    assert jobs.count(("lattice", "COMPLETED")) > 10, found.stdout


def test_an_unknown_account_is_one_clear_refusal(root, cluster, tmp_path):
    folder = workflow(root, tmp_path / "run", 1, account="nobodys")
    code, output = through_slurm(folder, "results-smoke/train/S4/history.csv", "--retries", "0")
    assert code != 0
    assert "nobodys" in output
    assert "Traceback" not in output


def test_the_way_a_job_ended_is_in_the_books(cluster, tmp_path):
    job = sbatch(tmp_path, "exit 3", "--account=lattice")
    assert finished(job) == "FAILED"

    def state() -> str:
        return TRY.run("sacct", "-X", "-n", "-P", "--jobs", job, "--format=State,ExitCode").stdout

    wait_for("the end of the job in the books", lambda: "FAILED|3:0" in state(), 30)
