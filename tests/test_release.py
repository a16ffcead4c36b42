"""Claims about what a release is made of: one version, one list of dependencies, one Python."""

import json
import re
import tomllib
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement

import lfmc

pytestmark = pytest.mark.unit

CONDA_NAMES = {"torch": "pytorch", "matplotlib": "matplotlib-base"}
# What could not be run where it was written says so, with the date.
UNTRIED = (
    "envs/Dockerfile",
    "envs/conda/meta.yaml",
    ".github/workflows/test.yml",
    ".github/workflows/docs.yml",
    ".github/workflows/wheel.yml",
)


@pytest.fixture(scope="module")
def project(root) -> dict:
    return tomllib.loads((root / "pyproject.toml").read_text())["project"]


def test_every_file_names_the_same_version(root, project):
    citation = yaml.safe_load((root / "CITATION.cff").read_text())
    recipe = yaml.safe_load((root / "envs/conda/meta.yaml").read_text())
    bibtex = re.search(r"version = \{(.*)\}", (root / "README.md").read_text())
    assert bibtex
    assert {
        lfmc.__version__,
        project["version"],
        citation["version"],
        citation["preferred-citation"]["version"],
        json.loads((root / ".zenodo.json").read_text())["version"],
        recipe["package"]["version"],
        bibtex[1],
    } == {project["version"]}


def test_the_citation_has_a_year_and_the_changelog_its_release(root, project):
    citation = yaml.safe_load((root / "CITATION.cff").read_text())
    day = citation["date-released"]
    assert citation["preferred-citation"]["year"] == day.year
    assert f"year    = {{{day.year}}}" in (root / "README.md").read_text()
    heading = rf"^## \[{re.escape(project['version'])}\] - {day}$"
    assert re.search(heading, (root / "CHANGELOG.md").read_text(), re.MULTILINE)


def test_the_paper_is_cited_alike_everywhere(root):
    for name in ("CITATION.cff", ".zenodo.json", "README.md"):
        text = (root / name).read_text()
        assert "10.1103/PhysRevD.100.034515" in text, name
        assert "1904.12072" in text, name


def plain(requirement: str) -> tuple[str, frozenset[str]]:
    """Name and bounds of a requirement, whatever its spaces."""
    parsed = Requirement(requirement)
    return parsed.name.lower(), frozenset(str(parsed.specifier).split(",")) - {""}


def test_the_conda_recipe_asks_for_what_pyproject_asks_for(root, project):
    recipe = yaml.safe_load((root / "envs/conda/meta.yaml").read_text())["requirements"]
    wanted = {plain(line) for line in project["dependencies"]}
    wanted = {(CONDA_NAMES.get(name, name), bounds) for name, bounds in wanted}
    wanted.add(("python", frozenset({project["requires-python"]})))
    assert {plain(line) for line in recipe["run"]} == wanted
    extras = {plain(r) for rs in project["optional-dependencies"].values() for r in rs}
    named = {plain(line.replace("-minimal", "")) for line in recipe["run_constrained"]}
    assert named <= extras


def test_the_docker_image_installs_the_lock_file_on_the_python_of_the_other_image(root):
    text = (root / "envs/Dockerfile").read_text()
    image = re.search(r"^From: (\S+)$", (root / "envs/lfmc.def").read_text(), re.MULTILINE)
    assert image
    assert f"\nFROM {image[1]}\n" in text
    assert "-r envs/requirements.lock" in text
    assert 'ENTRYPOINT ["lfmc"]' in text


def steps(path: Path) -> list[str]:
    """Shell commands of a workflow file, those of all jobs."""
    jobs = yaml.safe_load(path.read_text())["jobs"].values()
    return [step["run"] for job in jobs for step in job["steps"] if "run" in step]


def test_the_matrix_is_the_table_of_platforms(root, project):
    jobs = yaml.safe_load((root / ".github/workflows/test.yml").read_text())["jobs"]
    matrix = jobs["platforms"]["strategy"]["matrix"]
    assert matrix["python"] == ["3.11", "3.12", "3.13"]
    assert f">={matrix['python'][0]}" == project["requires-python"]
    table = (root / "docs/install.md").read_text()
    for platform in ("Linux x86_64", "Linux aarch64", "macOS arm64"):
        assert f"| {platform} |" in table
    assert len(matrix["os"]) == 3


def test_workflows_of_the_forge_call_what_there_is(root):
    targets = re.findall(r"^([a-z-]+):.*##", (root / "Makefile").read_text(), re.MULTILINE)
    called = [step for name in ("test", "docs", "wheel") for step in steps(
        root / f".github/workflows/{name}.yml"
    )]  # fmt: skip
    assert called
    for step in called:
        for target in re.findall(r"\bmake ([a-z-]+)", step):
            assert target in targets
    assert any("lfmc run --preset smoke" in step for step in called)


def test_hooks_before_a_commit_are_those_of_make_lint(root):
    hooks = yaml.safe_load((root / ".pre-commit-config.yaml").read_text())["repos"][0]["hooks"]
    recipe = (root / "Makefile").read_text()
    for hook in hooks:
        first = hook["entry"].removeprefix("bash -c '").split(" | ")[0]
        assert first.replace("--check", "").strip().split(" $")[0] in recipe.replace(" --check", "")


@pytest.mark.parametrize("name", UNTRIED)
def test_what_could_not_be_run_says_so_with_the_date(root, name):
    head = "".join((root / name).read_text().splitlines(keepends=True)[:6])
    assert re.search(r"Not (?:run|built) as\s+(?:# )?of\s+(?:# )?20\d\d-\d\d-\d\d", head), name
