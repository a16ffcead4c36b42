"""Claims about lfmc as a module of another Snakemake workflow: twice in one, each on its own."""

import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

pytestmark = pytest.mark.unit

SECTION = {
    "results": "fine",
    "ensembles": [{"name": "F6", "L": 6, "m2": -4.0, "lam": 8.0}],
    "flow": {"targets": [0.7], "models": 1},
    "fit": {"L": []},
}
COARSE = SECTION | {
    "results": "coarse",
    "ensembles": [{"name": "C4", "L": 4, "m2": -4.0, "lam": 9.0}],
    "flow": {"targets": [0.5, 0.6], "models": 1},
}
USED = """
configfile: "both.yaml"


module {name}:
    snakefile: "{path}"
    config: config["{section}"]
    {more}


use rule * from {name} as {name}_*
"""
ALL = """
rule both:
    default_target: True
    input:
        rules.lfmc_all.input,
        rules.coarse_all.input,
"""


@pytest.fixture
def dry_run(root, tmp_path):
    """A dry run of a workflow that uses lfmc for both sections; `more` goes into the first."""

    def run(sections: dict, more: str = "") -> subprocess.CompletedProcess[str]:
        path = root / "workflow" / "Snakefile"
        first = USED.format(name="lfmc", section="lfmc", path=path, more=more)
        second = USED.format(name="coarse", section="coarse", path=path, more="")
        (tmp_path / "Snakefile").write_text(first + second + ALL)
        (tmp_path / "both.yaml").write_text(yaml.safe_dump(sections))
        command = [sys.executable, "-m", "snakemake", "--cores", "1", "--dry-run", "-p"]
        return subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)

    return run


def commands(done: subprocess.CompletedProcess[str]) -> list[tuple[str, str, str]]:
    """Stage, configuration and log of every shell command."""
    assert done.returncode == 0, done.stdout + done.stderr
    return re.findall(r"lfmc (\w+) --config (\S+) .*> (\S+) 2>&1", done.stdout)


def test_two_modules_in_one_workflow_have_configurations_and_results_of_their_own(
    dry_run, tmp_path
):
    done = dry_run({"lfmc": SECTION, "coarse": COARSE})
    found: dict[str, set[str]] = {}
    for _, path, log in commands(done):
        found.setdefault(Path(log).parts[0], set()).add(path)
    assert set(found) == {"fine", "coarse"}
    contents = {}
    for folder, paths in found.items():
        (path,) = paths
        contents[folder] = yaml.safe_load((tmp_path / path).read_text())
    assert contents == {"fine": SECTION, "coarse": COARSE}
    table = dict(re.findall(r"^(\w+) +(\d+)$", done.stdout + done.stderr, re.MULTILINE))
    assert (table["lfmc_propose"], table["coarse_propose"]) == ("1", "2")
    assert (table["lfmc_plot"], table["coarse_plot"]) == ("1", "1")


def test_what_is_wrong_with_the_section_of_a_module_is_one_line(dry_run, tmp_path):
    done = dry_run({"lfmc": SECTION | {"sed": 1}, "coarse": COARSE})
    assert done.returncode == 1
    (line,) = done.stderr.splitlines()
    assert line.startswith("lfmc: error: config of the module lfmc: sed: unknown key")
    assert not (tmp_path / ".snakemake" / "lfmc").exists()


@pytest.mark.parametrize("more", ['prefix: "inner"', 'replace_prefix: {"fine": "inner"}'])
def test_a_prefix_that_the_commands_would_not_know_is_refused(dry_run, more):
    done = dry_run({"lfmc": SECTION, "coarse": COARSE}, more)
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1] == (
        "lfmc: error: a module of lfmc takes no prefix; set `results` in its configuration"
    )


def test_the_catalog_finds_what_it_looks_for(root):
    assert (root / "workflow" / "Snakefile").is_file()
    assert not (root / "workflow").is_symlink()  # git show TAG:workflow/Snakefile follows no link
    assert "lfmc.yaml" in {path.name for path in (root / "workflow" / "envs").iterdir()}
    usage = yaml.safe_load((root / ".snakemake-workflow-catalog.yml").read_text())["usage"]
    assert usage["report"] is True
    assert "## As a module" in (root / "config" / "README.md").read_text()
