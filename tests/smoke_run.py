"""The smoke run in a folder of its own, and its analysis made again from the same chains."""

import shutil
import subprocess
import sys
from pathlib import Path

# Made from chains and models alone; cheap, and the same on every machine but for rounding.
ANALYSIS = ("accept", "measure", "autocorrelation", "verify", "tables", "figures")


def prepare(root: Path, folder: Path) -> None:
    """A folder with its own copy of the workflow and the smoke preset."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    shutil.copy(root / "Snakefile", folder)
    shutil.copytree(root / "workflow", folder / "workflow")
    (folder / "profiles").symlink_to("workflow/profiles")
    shutil.copy(root / "lfmc" / "data" / "presets" / "smoke.yaml", folder)


def snakemake(folder: Path, variables: dict[str, str], jobs: int, *options: str) -> list[str]:
    """Run it to its figures; what went wrong, in lines."""
    command = [sys.executable, "-m", "snakemake", "--cores", str(jobs), "--configfile"]
    path = f"{Path(sys.executable).parent}:{variables.get('PATH', '')}"
    done = subprocess.run(
        [*command, "smoke.yaml", *options],
        cwd=folder,
        env={**variables, "PATH": path},
        capture_output=True,
        text=True,
    )
    if done.returncode == 0:
        return []
    return ["the smoke run failed:", *(done.stdout + done.stderr).splitlines()[-40:]]


def smoke_run(root: Path, folder: Path, variables: dict[str, str], jobs: int) -> list[str]:
    """A fresh run; what went wrong, in lines."""
    prepare(root, folder)
    return snakemake(folder, variables, jobs)


def analyse_again(original: Path, folder: Path, variables: dict[str, str], jobs: int) -> list[str]:
    """Copy a finished run, remove all that is made from chains and models, and make it again."""
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(original, folder, symlinks=True)
    for name in ANALYSIS:
        shutil.rmtree(folder / "results-smoke" / name, ignore_errors=True)
    # What is missing is made, and nothing else: the chains of the other setting stay.
    return snakemake(folder, variables, jobs, "--rerun-triggers", "input")
