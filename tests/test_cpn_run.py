"""CP^(N-1) through the stages: training, proposals under ranks, gates, figures, refusals."""

import subprocess

import h5py
import numpy as np
import pytest
import yaml
from flows_small import PATIENCE, environment, lfmc

from lfmc.config import parse_config, read_config
from lfmc.errors import LfmcError

RAW = {
    "seed": 5,
    "results": "results",
    "ensembles": [{"name": "V2", "L": 2, "theory": {"kind": "cpn", "N": 3, "beta": 0.7}}],
    "statistics": {"configurations": 2000, "save_every": 5, "replicas": 40, "keep_fields": 50},
    "samplers": {name: {"thermalisation": 100} for name in ("heatbath", "overrelaxation")},
    "flow": {
        "model": {"kind": "hierarchy"},
        "targets": [0.6],
        "models": 1,
        "training": {"check_samples": 1024, "decide_samples": 4096},
    },
    "propose": {"block": 400},
    "accept": {"replicas": 4, "burn_in": 20},
    "fit": {"L": []},
}
SAMPLERS = ("heatbath", "overrelaxation")


def written(folder, **changes):
    (folder / "cpn.yaml").write_text(yaml.safe_dump(RAW | changes))
    return folder


def command_of(*arguments, ranks=0):
    command = lfmc(*arguments[:1], "--config", "cpn.yaml", *arguments[1:])
    return ["mpiexec", "-n", str(ranks), *command] if ranks else command


def done(folder, *arguments, ranks=0):
    found = subprocess.run(
        command_of(*arguments, ranks=ranks), cwd=folder, env=environment(), capture_output=True,
        text=True, timeout=PATIENCE,
    )  # fmt: skip
    assert found.returncode == 0, found.stdout + found.stderr
    return found.stderr


@pytest.mark.mpi
def test_proposals_do_not_depend_on_the_number_of_ranks(tmp_path):
    written(tmp_path)
    done(tmp_path, "train", "--ensemble", "V2")
    found = []
    for ranks in (1, 2, 3):
        done(tmp_path, "propose", "--ensemble", "V2", "--sampler", "flow-60", ranks=ranks)
        with h5py.File(tmp_path / "results/propose/V2/flow-60.h5") as file:
            names = ("log_q", "S", "two_point", "fields/phi", "fields/prior", "scalars/Q")
            found.append([file[name][()] for name in names])
        (tmp_path / "results/propose").rename(tmp_path / f"of-{ranks}")
    assert found[0][4].shape[1] == 4 * 5  # uniforms of four vectors with three components
    for other in found[1:]:
        for one, two in zip(found[0], other, strict=True):
            np.testing.assert_array_equal(one, two)


@pytest.mark.workflow
@pytest.mark.mpi
def test_every_stage_and_gate_of_a_small_run(tmp_path):
    written(tmp_path)
    done(tmp_path, "tune", "--ensemble", "V2")
    done(tmp_path, "train", "--ensemble", "V2", ranks=2)
    done(tmp_path, "propose", "--ensemble", "V2", "--sampler", "flow-60")
    done(tmp_path, "accept", "--ensemble", "V2", "--sampler", "flow-60")
    for sampler in SAMPLERS:
        done(tmp_path, sampler, "--ensemble", "V2")
    for sampler in (*SAMPLERS, "flow-60"):
        for stage in ("measure", "autocorrelation", "verify"):
            done(tmp_path, stage, "--ensemble", "V2", "--sampler", sampler)
    done(tmp_path, "fit")
    done(tmp_path, "gates")
    done(tmp_path, "summary")
    assert "Traceback" not in done(tmp_path, "plot", "--all", "--jobs", "2")
    figures = {path.stem for path in (tmp_path / "results/figures").glob("*.txt")}
    assert "tau_int" in figures
    gates = (tmp_path / "results/tables/gates.csv").read_text()
    for name in ("schwinger_dyson", "integer", "symmetry", "exact"):
        assert name in gates


@pytest.mark.unit
@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"flow": {"model": {"kind": "heatbath"}}}, "take hierarchy"),
        ({"samplers": ["overrelaxatio"]}, "perhaps 'overrelaxation'"),
        (
            {"ensembles": [{"name": "A", "L": 3, "theory": {"kind": "cpn", "N": 3, "beta": 1.0}}]},
            "even",
        ),
        (
            {"ensembles": [{"name": "A", "L": 4, "theory": {"kind": "cpn", "N": 3, "beta": 9.0}}]},
            "at most 4.16667 for N = 3",
        ),
    ],
)
def test_what_does_not_exist_is_refused(changes, words):
    with pytest.raises(LfmcError, match=words) as refused:
        parse_config(RAW | changes)
    assert "\n" not in str(refused.value)


@pytest.mark.unit
def test_the_configuration_of_the_repository_is_valid(root):
    config = read_config(root / "config/cpn.yaml")
    assert {e.parameters["N"] for e in config.ensembles} == {4}
    assert config.flow.model.kind == "hierarchy"
