"""Claims about the documentation: every command line in it is run, as it is or in little."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from documented_commands import Documented, commands, documents, script_of

pytestmark = [pytest.mark.workflow, pytest.mark.xdist_group("documented")]

ROOT = Path(__file__).resolve().parent.parent
COPIED = (
    "benchmarks",
    "config.yaml",
    "docs",
    "envs",
    "examples",
    "lfmc",
    "Makefile",
    "pyproject.toml",
)
FOUND = {
    found.command: found
    for path in documents(ROOT)
    for found in commands(path.read_text(encoding="utf-8"))
}
RUN: set[str] = set()

# Makes a configuration tiny, whatever its flow: the same commands, done in seconds.
TINY = """
import sys
import yaml
path = sys.argv[1]
config = yaml.safe_load(open(path))
config["seed"] = config["seed"] + int(sys.argv[2] if len(sys.argv) > 2 else 0)
config["ensembles"] = [
    {"name": e["name"], "L": 4, "m2": 1.0, "lam": 4.0 + n}
    for n, e in enumerate(config["ensembles"])
    if e["name"] in ("E1", "E5")
]
config["statistics"] = {"configurations": 20_000, "save_every": 2, "keep_fields": 20}
flow = config["flow"]
flow |= {"models": 2, "retrain_configurations": 2000}
if flow["model"]["kind"] == "realnvp":
    flow["model"] |= {"couplings": 4, "hidden": [32]}
    flow["targets"] = [0.7]  # below, its tails are too thin for errors from so few proposals
    flow["models"] = 1
flow["training"] = {"batch": 256, "check_samples": 1024, "decide_samples": 2048, "check_every": 50}
config["propose"] = {"block": 4096}
config["fit"] = {"L": []}
yaml.safe_dump(config, open(path, "w"), sort_keys=False)
"""


def shell(folder: Path, script: str) -> subprocess.CompletedProcess[str]:
    path = f"{folder / '.venv/bin'}:{os.environ['PATH']}"
    environment = {**os.environ, "PATH": path, "HOME": str(folder)}
    for name in ("LFMC_SITE", "MAKEFLAGS", "MAKELEVEL", "MAKEOVERRIDES", "CONFIG"):
        environment.pop(name, None)
    command = ["bash", "-euo", "pipefail", "-c", script]
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True)


@pytest.fixture(scope="module")
def place(tmp_path_factory) -> Path:
    """A copy of the repository, its path with a space, where `make figures` ran in little."""
    folder = tmp_path_factory.mktemp("documented") / "a copy"
    folder.mkdir()
    ignore = shutil.ignore_patterns("__pycache__", "*.nbi", "*.nbc", "results", "results-*")
    for name in (*COPIED, "config", "tests", "workflow", "Snakefile", "README.md", "CITATION.cff"):
        source = ROOT / name
        if source.is_dir():
            shutil.copytree(source, folder / name, ignore=ignore)
        else:
            shutil.copy(source, folder)
    (folder / "profiles").symlink_to("workflow/profiles")
    environment = folder / ".venv"  # the one at work, in the place where make looks for it
    environment.mkdir()
    for part in Path(sys.prefix).iterdir():
        if part.name != ".installed":
            (environment / part.name).symlink_to(part)
    (environment / ".installed").touch()
    (folder / "tiny.py").write_text(TINY)
    for seed in (0, 1):  # gates of a right run fail in about 1 of 100 tables; then another seed
        shutil.copy(ROOT / "config.yaml", folder)
        done = shell(folder, f"python tiny.py config.yaml {seed}; make figures")
        if "gates failed" not in done.stdout + done.stderr:
            break
    assert done.returncode == 0, (done.stdout + done.stderr)[-6000:]
    assert (folder / "results" / "report.html").stat().st_size > 500_000
    return folder


@pytest.mark.parametrize("command", FOUND)
def test_a_documented_command_line_runs(place, command):
    script, reason = script_of(FOUND[command])
    if script is None:
        pytest.skip(f"{command}: {reason}")
    if script in RUN:
        return  # one script for the several lines of a block
    done = shell(place, script)
    RUN.add(script)
    assert done.returncode == 0, f"{script}\n{(done.stdout + done.stderr)[-6000:]}"
    assert "Traceback" not in done.stderr


def test_a_line_that_no_rule_knows_fails():
    for line in ("make coffee", "lfmc brew --ensemble E1", "snakemake --touch"):
        with pytest.raises(KeyError):
            script_of(Documented(line, line))


def test_command_lines_are_found_in_blocks_and_in_sentences():
    blocks = "    make figures  # all\n    x = 1\n\n```sh\nA=1 lfmc gates\n```\n"
    text = f"Say `lfmc fit now` or\n\n{blocks}"
    assert {found.command for found in commands(text)} == {
        "lfmc fit now",
        "make figures",
        "A=1 lfmc gates",
    }
    assert len(FOUND) > 60
