"""The workflow in a folder of its own, here and through the throw-away Slurm.

Every rule runs, with one flow, least statistics and one ensemble verified; LFMC_SLURM_PRESET=1
takes the preset `smoke` as it is and all of it, in four times the time.
"""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import yaml
from slurm_cluster import ACCOUNTING, environment

SITE = {
    "accounting": ACCOUNTING,
    "account": "lattice" if ACCOUNTING else None,
    "check_seconds": 2,
    "max_runtime": 34,  # small groups of light rules, of which three run at a time
    "node_mem_mb": 5000,
    "rules": {"propose": {"nodes": 3}},
}


PRESET = "LFMC_SLURM_PRESET" in os.environ
RANKS = 3
SAMPLERS = ("flow-50", "hmc", "local", "cluster")
TARGETS = [] if PRESET else ["plot", *(f"results-smoke/verify/S4/{name}.json" for name in SAMPLERS)]


def configuration(root: Path, ranks: int) -> str:
    """The preset `smoke`, made smaller unless it is asked for as it is."""
    chosen = yaml.safe_load((root / "lfmc" / "data" / "presets" / "smoke.yaml").read_text())
    chosen["propose"]["ranks"] = ranks
    if not PRESET:
        chosen["statistics"] |= {"configurations": 6400, "keep_fields": 50}
        chosen["flow"] |= {"targets": [0.5], "retrain_configurations": 3200}
        chosen["flow"]["model"] |= {"layers": 2, "table": 128}
    return yaml.safe_dump(chosen)


def workflow(root: Path, folder: Path, ranks: int, **site: object) -> Path:
    """A folder with its own copy of the workflow, the small configuration and site settings."""
    folder.mkdir(exist_ok=True)
    shutil.copy(root / "Snakefile", folder)
    shutil.copytree(root / "workflow", folder / "workflow")
    (folder / "profiles").symlink_to("workflow/profiles")
    (folder / "smoke.yaml").write_text(configuration(root, ranks))
    (folder / "site.yaml").write_text(yaml.safe_dump({**SITE, **site}))
    return folder


def snakemake(folder: Path, *arguments: str, **extra: str) -> subprocess.CompletedProcess[str]:
    """Snakemake in that folder."""
    command = [sys.executable, "-m", "snakemake", *arguments, "--configfile", "smoke.yaml"]
    settings = {"LFMC_SITE": str(folder / "site.yaml"), **extra}
    return subprocess.run(
        command, cwd=folder, env=environment(**settings), capture_output=True, text=True
    )


def through_slurm(folder: Path, *targets: str, **extra: str) -> subprocess.CompletedProcess[str]:
    return snakemake(folder, *targets, "--workflow-profile", "workflow/profiles/slurm", **extra)


def both(root: Path, folder: Path) -> tuple[Path, Path]:
    """Results of a run through Slurm, ranks on three nodes, and of a run on this machine."""
    there = workflow(root, folder / "slurm", RANKS)
    done = through_slurm(there, *TARGETS)
    assert done.returncode == 0, (done.stdout + done.stderr)[-8000:]
    here = workflow(root, folder / "local", 1)
    done = snakemake(here, *TARGETS, "--cores", "2")
    assert done.returncode == 0, (done.stdout + done.stderr)[-8000:]
    return there / "results-smoke", here / "results-smoke"
