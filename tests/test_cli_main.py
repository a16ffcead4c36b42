"""Claims about the command line: quick, lazy, and one line when something is wrong."""

import subprocess
import sys

import pytest

from lfmc.cli.main import COMMANDS, SUMMARY

pytestmark = pytest.mark.unit

HEAVY = ("torch", "numba", "pandas", "matplotlib", "pyerrors", "h5py", "mpi4py", "scipy", "numpy")


def loaded_after(code: str) -> set[str]:
    """Heavy modules in a fresh interpreter after running `code`."""
    report = f"import sys; print(*[m for m in {HEAVY} if m in sys.modules])"
    done = subprocess.run(
        [sys.executable, "-c", f"{code}\n{report}"], capture_output=True, text=True, check=True
    )
    return set(done.stdout.splitlines()[-1].split())


def test_help_imports_nothing_heavy():
    help_only = """
from click.testing import CliRunner
from lfmc.cli.main import lfmc
assert "in the order" in CliRunner().invoke(lfmc, ["--help"]).output
"""
    assert loaded_after(help_only) == set()


@pytest.mark.parametrize("command", COMMANDS)
def test_help_of_every_command_imports_nothing_heavy(command):
    code = f"""
from click.testing import CliRunner
from lfmc.cli.main import lfmc
result = CliRunner().invoke(lfmc, ["{command}", "--help"])
assert result.exit_code == 0, result.output
assert len(result.output) > 100, result.output
"""
    assert loaded_after(code) <= {"numpy"}


def test_the_snakefile_imports_nothing_heavy():
    assert loaded_after("import lfmc.config, lfmc.errors, lfmc.figures.registry") == set()


def test_every_command_has_a_summary():
    assert set(SUMMARY) == set(COMMANDS)


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["brew"], "no command 'brew'; there are init, run, tune"),
        (["hmc"], "Missing option '--ensemble'"),
        (["hmc", "--ensemble", "E1"], "config.yaml: cannot be read"),
        (["config", "check", "absent.yaml"], "absent.yaml: cannot be read"),
        (["show", "absent.h5"], "absent.h5: no such file"),
        (["fit", "--tempo", "3"], "No such option"),
    ],
)
def test_bad_arguments_are_exit_code_2_without_a_traceback(arguments, says, run_lfmc, tmp_path):
    done = run_lfmc(*arguments)
    assert done.returncode == 2
    assert says in done.stderr
    assert "Traceback" not in done.stderr
    assert done.stdout == ""
    assert not list(tmp_path.iterdir())


SMALL = """
ensembles:
  - {{ name: A, L: {L}, m2: -4.0, lam: 8.0 }}
"""


@pytest.mark.parametrize("command", ["hmc", "local", "cluster", "train", "tune"])
def test_an_unknown_ensemble_lists_the_choices(command, run_lfmc, tmp_path):
    (tmp_path / "config.yaml").write_text(SMALL.format(L=4))
    done = run_lfmc(command, "--ensemble", "E9")
    assert done.returncode == 2
    assert done.stderr.strip() == "lfmc: error: no ensemble 'E9'; there are A"
    assert [p.name for p in tmp_path.iterdir()] == ["config.yaml"]


@pytest.mark.parametrize(
    "arguments",
    [
        ["propose", "--ensemble", "A", "--sampler", "flow-70"],
        ["accept", "--ensemble", "A", "--sampler", "flow-70"],
        ["measure", "--ensemble", "A", "--sampler", "hmc"],
        ["measure", "--ensemble", "A", "--sampler", "flow-70"],
        ["autocorrelation", "--ensemble", "A", "--sampler", "cluster"],
        ["verify", "--ensemble", "A", "--sampler", "local"],
        ["fit"],
        ["gates"],
        ["summary"],
        ["summary", "--print"],
        ["plot", "tau_int"],
    ],
)
def test_a_missing_input_is_one_line_and_nothing_is_written(arguments, run_lfmc, tmp_path):
    (tmp_path / "config.yaml").write_text(SMALL.format(L=4))
    done = run_lfmc(*arguments)
    assert done.returncode == 2, done.stderr
    assert "Traceback" not in done.stderr
    lines = [line for line in done.stderr.splitlines() if line.startswith("lfmc: error: ")]
    assert len(lines) == 1, done.stderr
    assert "results/" in lines[0]
    assert not [p for p in tmp_path.rglob("*") if p.is_file() and p.name != "config.yaml"]


def test_the_package_runs_as_a_module():
    command = [sys.executable, "-m", "lfmc", "--version"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout.startswith("lfmc, version ")


def test_an_invalid_configuration_stops_every_command(run_lfmc, tmp_path):
    (tmp_path / "config.yaml").write_text(SMALL.format(L=7))
    for command in ("hmc", "train"):
        done = run_lfmc(command, "--ensemble", "A")
        assert done.returncode == 2
        assert done.stderr.strip().count("\n") == 0
        assert "ensembles[0]: extent 7 is odd" in done.stderr
