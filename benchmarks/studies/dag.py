"""How long Snakemake takes to build the DAG of many ensembles, and to print it as a dry run.

    python benchmarks/studies/dag.py [--ensembles 500] [--profile slurm]

Prints wall and CPU seconds, the number of rules to run and of jobs that a cluster would get.
"""

import argparse
import os
import re
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import yaml

ROOT = Path(__file__).resolve().parents[2]


def main() -> None:
    """Time one dry run in a folder of its own."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--ensembles", type=int, default=500)
    parser.add_argument("--profile", choices=("default", "slurm"), default="slurm")
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        began = time.monotonic()
        done = dry_run(Path(folder), chosen.ensembles, chosen.profile)
        wall = time.monotonic() - began
    if done.returncode:
        sys.exit(done.stderr or done.stdout)
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    total = re.findall(r"^total +(\d+)$", done.stdout, re.MULTILINE)
    alone = re.findall(r"^rule \w+:|Group job", done.stdout, re.MULTILINE)
    print(
        f"{chosen.ensembles} ensembles, profile {chosen.profile}: {wall:.1f} s wall, "
        f"{used.ru_utime + used.ru_stime:.1f} s CPU, load {os.getloadavg()[0]:.1f}; "
        f"{total[0]} rules, {len(alone)} jobs"
    )


def dry_run(folder: Path, ensembles: int, profile: str) -> subprocess.CompletedProcess[str]:
    """Snakemake's dry run of the default configuration with that many ensembles."""
    config = yaml.safe_load((ROOT / "config.yaml").read_text())
    config["ensembles"] = [
        {"name": f"E{i}", "L": (6, 8, 10, 12, 14)[i % 5], "m2": -4.0, "lam": 5.0 + i / 1000}
        for i in range(ensembles)
    ]
    (folder / "config.yaml").write_text(yaml.safe_dump(config))
    (folder / "site.yaml").write_text("accounting: false\n")
    command = [sys.executable, "-m", "snakemake", "--snakefile", str(ROOT / "Snakefile")]
    command += ["--dry-run", "--workflow-profile", str(ROOT / "workflow" / "profiles" / profile)]
    command += ["--cores", "2"] if profile == "default" else []
    environment = {**os.environ, "LFMC_SITE": str(folder / "site.yaml")}
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True)


if __name__ == "__main__":
    main()
