"""Ranks that must not work together: one clear line, an exit code, and nothing written."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest
from flows_small import PATIENCE, environment, lfmc, small, write_small

from lfmc.flows.build import build_flow, save_flow
from lfmc.theories.ensembles import theory_of

pytestmark = [pytest.mark.unit, pytest.mark.mpi]

PROPOSE = ("--ensemble", "T4", "--sampler", "flow-50")


@pytest.fixture
def folder(tmp_path):
    """A configuration and a model as it is before training."""
    write_small(tmp_path)
    config, path = small(), tmp_path / "results/train/T4/flow-50.safetensors"
    ensemble = config.ensemble("T4")
    flow = build_flow(theory_of(ensemble), config.flow.model)
    save_flow(path, flow.state_dict(), config.flow, ensemble)
    return tmp_path


def launch(folder: Path, *ranks: tuple[dict[str, str], str]) -> subprocess.CompletedProcess[str]:
    """One process for each (environment, name of the configuration)."""
    command = ["mpiexec"]
    for variables, config in ranks:
        command += [":"] * (len(command) > 1) + ["-n", "1"]
        command += [x for name, value in variables.items() for x in ("-env", name, value)]
        command += [*lfmc("propose", "--config", config, *PROPOSE)]
        command += ["--expect-ranks", str(len(ranks))]
    return subprocess.run(
        command, cwd=folder, env=environment(), capture_output=True, text=True, timeout=PATIENCE
    )


def only_line(run: subprocess.CompletedProcess[str]) -> str:
    """The one line that lfmc says; launchers may add theirs."""
    assert run.returncode != 0
    assert "Traceback" not in run.stderr
    lines = [line for line in run.stderr.splitlines() if line.startswith("lfmc: ")]
    assert len(lines) == 1, run.stderr
    return lines[0]


def test_ranks_that_agree_make_the_proposals(folder):
    run = launch(folder, *[({}, "small.yaml")] * 2)
    assert run.returncode == 0, run.stderr
    assert (folder / "results/propose/T4/flow-50.h5").exists()


@pytest.mark.parametrize("old", [0, 1])
def test_ranks_of_different_code_are_refused(folder, root, old):
    """A second tree with one more comment in it, of the same version and commit."""
    shutil.copytree(root / "lfmc", folder / "tree" / "lfmc")
    with (folder / "tree" / "lfmc" / "action.py").open("a") as source:
        source.write("# edited\n")
    here = {"PYTHONPATH": os.pathsep.join([str(root), os.environ.get("PYTHONPATH", "")])}
    there = {"PYTHONPATH": str(folder / "tree")}
    ranks = [(here, "small.yaml")] * 3
    ranks[old] = (there, "small.yaml")
    line = only_line(launch(folder, *ranks))
    assert line.startswith("lfmc: error: ranks run different code; give all nodes one tree: lfmc ")
    assert "on 1 rank(s) from rank" in line
    assert "on 2 rank(s) from rank" in line
    assert not (folder / "results/propose").exists()


def test_ranks_of_different_settings_are_refused(folder):
    text = (folder / "small.yaml").read_text()
    (folder / "other.yaml").write_text(text.replace("seed: 11", "seed: 12"))
    line = only_line(launch(folder, ({}, "small.yaml"), ({}, "other.yaml")))
    assert "ranks read different settings or models; is results one folder for all nodes?" in line
    assert not (folder / "results/propose").exists()


def test_a_wrong_number_of_ranks_is_one_line_whatever_their_number(folder):
    command = ["mpiexec", "-n", "3", *lfmc("propose", "--config", "small.yaml", *PROPOSE)]
    run = subprocess.run(
        [*command, "--expect-ranks", "2"],
        cwd=folder,
        env=environment(),
        capture_output=True,
        text=True,
        timeout=PATIENCE,
    )
    assert "3 MPI rank(s) here, 2 expected" in only_line(run)
    assert not (folder / "results/propose").exists()


def test_a_launcher_of_another_mpi_library_is_refused(folder):
    """Its processes, each alone by their own library, would all do the whole work."""
    run = subprocess.run(
        lfmc("propose", "--config", "small.yaml", *PROPOSE),
        cwd=folder,
        env=environment() | {"OMPI_COMM_WORLD_SIZE": "2", "OMPI_COMM_WORLD_RANK": "1"},
        capture_output=True,
        text=True,
        timeout=PATIENCE,
    )
    line = only_line(run)
    assert "the launcher started 2 process(es) (OMPI_COMM_WORLD_SIZE), 1 MPI rank(s) here" in line
    assert not (folder / "results/propose").exists()
