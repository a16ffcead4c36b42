"""Claims about envs/: the lock file, the conda environment and the image ask for one thing."""

import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name

pytestmark = pytest.mark.unit


@pytest.fixture(scope="module")
def project(root) -> dict:
    return tomllib.loads((root / "pyproject.toml").read_text())["project"]


@pytest.fixture(scope="module")
def locked(root) -> dict[str, str]:
    """Name -> version of every line of the lock file."""
    lines = (root / "envs" / "requirements.lock").read_text().splitlines()
    pins = [line.split("#")[0].strip() for line in lines]
    found = dict(pin.split("==") for pin in pins if pin)
    assert len(found) == sum(map(bool, pins)), "a package is locked twice"
    return found


def requirements(project: dict) -> list[Requirement]:
    groups = [project["dependencies"], *project["optional-dependencies"].values()]
    return [Requirement(line) for group in groups for line in group]


def test_the_lock_file_pins_everything_that_is_asked_for_within_its_bounds(project, locked):
    for wanted in requirements(project):
        version = locked[canonicalize_name(wanted.name)]
        assert wanted.specifier.contains(version), f"{wanted} is locked at {version}"


def test_the_conda_environment_installs_the_lock_file_on_a_python_that_will_do(root, project):
    path = root / "workflow" / "envs" / "lfmc.yaml"
    environment = yaml.safe_load(path.read_text())
    python = next(d for d in environment["dependencies"] if str(d).startswith("python "))
    series = python.removeprefix("python =")
    assert SpecifierSet(project["requires-python"]).contains(f"{series}.0")
    (pip,) = [d["pip"] for d in environment["dependencies"] if isinstance(d, dict)]
    lock, package = pip
    assert (path.parent / lock.removeprefix("-r ")).resolve() == root / "envs" / "requirements.lock"
    assert (path.parent / package).resolve() == root
    assert "UNTESTED" in path.read_text()
    assert locked_python(root) == series


def locked_python(root: Path) -> str:
    """Series of the Python that wrote the lock file, 3.11."""
    first = (root / "envs" / "requirements.lock").read_text().splitlines()[0]
    return re.search(r"Python (\d+\.\d+)", first).group(1)


def test_every_rule_that_runs_lfmc_names_the_conda_environment(root):
    for path in (root / "workflow" / "rules").glob("*.smk"):
        text = path.read_text()
        assert text.count("conda:") == text.count("shell:"), path.name
        assert text.count('"../envs/lfmc.yaml"') == text.count("conda:"), path.name


def sections(text: str) -> dict[str, str]:
    """Header and %sections of an Apptainer definition."""
    parts = re.split(r"^%(\w+)\n", text, flags=re.MULTILINE)
    return {"header": parts[0], **dict(zip(parts[1::2], parts[2::2], strict=True))}


def test_the_image_installs_the_lock_file_on_the_same_python(root):
    definition = sections((root / "envs" / "lfmc.def").read_text())
    assert set(definition) == {"header", "files", "post", "environment", "runscript"}
    assert re.search(r"^Bootstrap: docker$", definition["header"], re.MULTILINE)
    assert f"From: python:{locked_python(root)}-slim" in definition["header"]
    target = definition["files"].split()[1]
    assert f"cd {target}" in definition["post"]
    assert "-r envs/requirements.lock" in definition["post"]
    assert '"$@"' in definition["runscript"]


def test_the_image_says_which_mpi_it_brings_and_that_it_is_untested(root, locked):
    header = sections((root / "envs" / "lfmc.def").read_text())["header"]
    assert "UNTESTED" in header
    for word in ("MPICH", "PMI2", "libmpi.so.12", "Open MPI has another ABI"):
        assert word in header
    assert "mpich" in locked
    assert "openmpi" not in locked


def test_a_requirement_out_of_its_bounds_would_be_seen(project):
    """The negative control of the first claim."""
    torch = next(r for r in requirements(project) if r.name == "torch")
    assert torch.specifier.contains("2.13.0")
    assert not torch.specifier.contains("2.5.1")
    assert not torch.specifier.contains("3.0.0")


def test_tests_of_one_group_share_a_process(tmp_path):
    """pytest 9.2 ends this without a word, and every shared run is then made by each process."""
    test = "@pytest.mark.xdist_group('one')\n@pytest.mark.parametrize('i', range(8))\n"
    body = "def test_it(i, worker_id):\n    open(worker_id, 'w').close()\n    time.sleep(0.05)\n"
    (tmp_path / "test_group.py").write_text(f"import time\n\nimport pytest\n\n\n{test}{body}")
    command = [sys.executable, "-m", "pytest", "-q", "-n", "2", "--dist", "loadgroup"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    assert len(list(tmp_path.glob("gw*"))) == 1
