"""A package of its own brings a theory and a flow: checked, and run to its figures."""

import os
import subprocess
import sys

import pytest

from lfmc.config.kinds import theory_class, theory_kinds
from lfmc.theories.scalar import Scalar

KIND = "lfmc_example"
SCALAR = {kind for kind in theory_kinds() if issubclass(theory_class(kind), Scalar)}


@pytest.fixture(scope="module")
def installed(root, tmp_path_factory):
    """Environment of a process that finds the example package, installed as pip does it."""
    target = tmp_path_factory.mktemp("plugin")
    source = target / "source"
    subprocess.run(["cp", "-r", str(root / "examples" / "plugin"), str(source)], check=True)
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--no-index", "--no-deps"]
    command = [*pip, "--no-build-isolation", "--target", str(target / "site"), str(source)]
    subprocess.run(command, check=True)
    return os.environ | {"PYTHONPATH": os.pathsep.join([str(root), str(target / "site")])}


def lfmc(installed, *arguments, cwd=None):
    command = [sys.executable, "-m", "lfmc.cli.main", *arguments]
    return subprocess.run(command, cwd=cwd, env=installed, capture_output=True, text=True)


@pytest.mark.unit
@pytest.mark.parametrize("kind", ["phi6", "sitewise"])
def test_the_example_conforms(installed, kind):
    done = lfmc(installed, "conformance", f"{KIND}.{kind}")
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.splitlines()[-1].startswith(f"{KIND}.{kind} conforms: ")


@pytest.mark.unit
def test_parameters_of_another_package_are_checked(installed, root, tmp_path):
    text = (root / "examples" / "plugin" / "config.yaml").read_text()
    for old, new, says in (
        ("kappa: 1.0", "kappa: -1.0", "kappa: must be greater than 0"),
        ("phi6", "phi8", "no kind of theory 'lfmc_example.phi8'"),
        ("example.sitewise }", "example.sitewise, scale: 0 }", "scale: must be greater than 0"),
        ("example.sitewise }", "example.other }", "no installed package has a flow"),
    ):
        assert old in text
        (tmp_path / "config.yaml").write_text(text.replace(old, new))
        done = lfmc(installed, "config", "check", "config.yaml", cwd=tmp_path)
        assert done.returncode == 2
        assert says in done.stderr
        assert len(done.stderr.splitlines()) == 1


@pytest.mark.workflow
def test_the_example_appears_in_all_tables_and_figures(installed, root, tmp_path):
    text = (root / "examples" / "plugin" / "config.yaml").read_text()
    (tmp_path / "config.yaml").write_text(text)
    command = [sys.executable, "-m", "snakemake", "--nolock", "--cores", "2", "--quiet", "all"]
    place = ["--snakefile", str(root / "Snakefile"), "--configfile", "config.yaml"]
    done = subprocess.run([*command, *place], cwd=tmp_path, env=installed, capture_output=True)
    assert done.returncode == 0, done.stderr.decode()[-3000:]
    results = tmp_path / "results-plugin"
    for table in ("observables", "tau_int", "acceptance", "costs"):
        found = (results / "tables" / f"{table}.csv").read_text()
        assert ",flow-30," in found
    for name in ("greens", "chi2_energy", "tau_int"):
        assert (results / "figures" / f"{name}.pdf").stat().st_size > 10_000
    verified = lfmc(installed, "verify", "--config", "config.yaml", cwd=tmp_path)
    assert verified.returncode == 0, verified.stderr


def without_examples(text):
    """Python without the examples in its docstrings."""
    lines = text.splitlines()
    return "\n".join(line for line in lines if not line.lstrip().startswith((">>>", "...")))


@pytest.mark.unit
def test_a_theory_is_one_file(root):
    """Nothing outside of a theory's own file knows its name; phi^4 has its history."""
    for kind in SCALAR - {"phi4"}:
        own = root / "lfmc" / "theories" / f"{kind}.py"
        assert len(own.read_text().splitlines()) <= 100
        word = f'"{kind}"'
        named = [
            path.name
            for path in (root / "lfmc").rglob("*.py")
            if path != own and word in without_examples(path.read_text())
        ]
        assert named == []
