"""The workflow in a folder of its own, here and through the throw-away Slurm.

Every rule runs, with one flow, two ensembles of which one is verified, and least statistics.
LFMC_SLURM_PRESET=1 takes the preset `smoke` as it is and all of it, LFMC_SLURM_PRESET=10 ten times
its statistics; LFMC_SLURM_LIMIT=2 is the longest time of a job in minutes.
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
    "check_seconds": 2,  # the first; prompt_snakemake.py keeps to it
    # 18: small groups of light rules, of which three run at a time
    "max_runtime": int(os.environ.get("LFMC_SLURM_LIMIT", "18")),
    "node_mem_mb": 5000,
    "rules": {"propose": {"nodes": 3}},
}


PRESET = int(os.environ.get("LFMC_SLURM_PRESET", "0"))
RANKS = 3
SLURM = ("--workflow-profile", "workflow/profiles/slurm")
SAMPLERS = ("flow-50", "hmc", "local", "cluster")
TARGETS = [] if PRESET else ["plot", *(f"results-smoke/verify/S4/{name}.json" for name in SAMPLERS)]


def configuration(root: Path, ranks: int) -> str:
    """The preset `smoke`, made smaller unless the whole one is requested."""
    chosen = yaml.safe_load((root / "lfmc" / "data" / "presets" / "smoke.yaml").read_text())
    chosen["propose"]["ranks"] = ranks
    # Two cores serve all ranks here, which wait busily: two show that the bits are the same.
    chosen["flow"].setdefault("training", {})["ranks"] = min(ranks, 2)
    if PRESET:
        chosen["statistics"]["configurations"] *= PRESET
        chosen["flow"]["retrain_configurations"] *= PRESET
    else:
        chosen["statistics"] |= {"configurations": 6400, "keep_fields": 50}
        chosen["flow"] |= {"targets": [0.5], "retrain_configurations": 3200}
        chosen["flow"]["model"] |= {"layers": 2, "table": 128}
        chosen["ensembles"] = [e for e in chosen["ensembles"] if e["name"] != "S6"]
        chosen["fit"]["L"] = []
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


def started(folder: Path, *arguments: str, **more: str) -> subprocess.Popen[bytes]:
    """Snakemake in that folder, with the site's settings; its output goes into the file log."""
    program = Path(__file__).with_name("prompt_snakemake.py")
    command = [sys.executable, str(program), *arguments, "--configfile", "smoke.yaml"]
    settings = environment(LFMC_SITE=str(folder / "site.yaml")) | more
    with (folder / "log").open("w") as log:
        return subprocess.Popen(command, cwd=folder, env=settings, stdout=log, stderr=log)


def snakemake(folder: Path, *arguments: str) -> tuple[int, str]:
    """The same to its end: exit code and output."""
    return started(folder, *arguments).wait(), (folder / "log").read_text()


def through_slurm(folder: Path, *targets: str) -> tuple[int, str]:
    return snakemake(folder, *targets, *SLURM)


def both(root: Path, folder: Path, forked: dict[str, str]) -> tuple[Path, Path]:
    """Results of a run through Slurm, ranks on three nodes, and of a run beside it, without.

    Args:
        forked: environment in which jobs of the run beside it are forks of one process.
    """
    there = workflow(root, folder / "slurm", RANKS)
    here = workflow(root, folder / "local", 1)
    beside = started(here, *TARGETS, "--cores", "1", **forked)
    code, output = through_slurm(there, *TARGETS)
    assert code == 0, output[-8000:]
    assert beside.wait() == 0, (here / "log").read_text()[-8000:]
    return there / "results-smoke", here / "results-smoke"
