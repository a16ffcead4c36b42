"""What a cluster gets to see of a run: how many jobs, with which resources. No Slurm is needed."""

import os
import re
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest
import yaml

pytestmark = pytest.mark.unit

ENSEMBLES = 60


def dry_run(root: Path, folder: Path, site: dict, ensembles: int = 3, *arguments: str) -> str:
    """Output of a dry run with the Slurm profile, for that many ensembles."""
    config = yaml.safe_load((root / "config.yaml").read_text())
    config["ensembles"] = [
        {"name": f"E{i}", "L": (10, 12, 14)[i % 3], "m2": -4.0, "lam": 5.0 + i / 1000}
        for i in range(ensembles)
    ]
    (folder / "config.yaml").write_text(yaml.safe_dump(config))
    (folder / "site.yaml").write_text(yaml.safe_dump(site))
    done = subprocess.run(
        [sys.executable, "-m", "snakemake", "--snakefile", str(root / "Snakefile"), "--dry-run"]
        + ["--workflow-profile", str(root / "workflow/profiles/slurm"), *arguments],
        cwd=folder,
        env={**os.environ, "LFMC_SITE": str(folder / "site.yaml")},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


LOCAL = ("figures", "fit", "gates", "logz", "summary")  # they run where Snakemake runs


def submissions(output: str) -> Counter[str]:
    """Jobs that Slurm would get, by rule or group; rules within a group are indented."""
    alone = re.findall(r"^rule (\w+):", output, re.MULTILINE)
    groups = re.findall(r"Group job (\w+) ", output)
    return Counter(name for name in alone + groups if name not in LOCAL)


def test_rules_of_seconds_share_jobs(root, tmp_path):
    """60 tunings, ten per job; 180 flow chains of four rules and 180 others of three
    independent ones: 1260 rules, 50 pieces per job. The ensembles are a scan of lam."""
    found = submissions(dry_run(root, tmp_path, {"accounting": False}, ENSEMBLES))
    work = {"train": 60, "retrain": 120, "propose": 180, "hmc": 60, "local": 60, "cluster": 60}
    assert found == {**work, "critical": 1, "weighted": 1, "plot": 1, "tune": 6, "light": 15}


def test_a_short_time_limit_makes_smaller_groups(root, tmp_path):
    """A limit of 22 minutes holds five pieces of up to four rules, a minute each."""
    found = submissions(dry_run(root, tmp_path, {"max_runtime": 22}, 6))
    assert (found["tune"], found["light"]) == (2, 15)


def test_a_limit_too_short_for_a_group_leaves_every_rule_a_job(root, tmp_path):
    found = submissions(dry_run(root, tmp_path, {"max_runtime": 2}))
    assert (found["tune"], found["accept"], found["measure"]) == (3, 9, 18)


def test_gpus_of_the_example_reach_the_training_and_nothing_else(root, tmp_path):
    """The example of docs/cluster.md, as text, through Snakemake's own reading of resources."""
    text = (root / "docs" / "cluster.md").read_text()
    example = re.search(
        r"^    rules:\n      train: .*\n(?:      retrain: .*\n)?", text, re.MULTILINE
    )
    assert example is not None
    output = dry_run(root, tmp_path, yaml.safe_load(example.group()))
    jobs = dict(re.findall(r"^rule (\w+):\n(?:.*\n)*?    resources: (.*)$", output, re.MULTILINE))
    with_gpu = {rule for rule, requested in jobs.items() if re.search(r"\bgpu=1\b", requested)}
    assert with_gpu == {"train", "retrain"}
    assert all("slurm_partition=gpu" in jobs[rule] for rule in with_gpu)
    assert all("cpus_per_task=8" in jobs[rule] for rule in with_gpu)
    assert "slurm_partition" not in jobs["hmc"]
