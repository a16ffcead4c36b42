"""The Schwinger model through the stages: training, proposals under ranks, hybrid chain, gates."""

import subprocess
from pathlib import Path

import h5py
import numpy as np
import pytest
import yaml
from flows_small import PATIENCE, environment, lfmc
from stages import stage_runner

from lfmc.config import parse_config, read_config
from lfmc.errors import LfmcError
from lfmc.table_files import read_table

RAW = {
    "seed": 5,
    "results": "results",
    "ensembles": [
        {"name": "V4", "shape": [2, 4], "theory": {"kind": "schwinger", "beta": 1.0, "kappa": 0.25}}
    ],
    "statistics": {"configurations": 6400, "save_every": 2, "replicas": 32, "keep_fields": 50},
    "samplers": {
        "run": ["hmc", "hybrid"],
        "hmc": {"steps": 5, "thermalisation": 100},
        "hybrid": {"between": 1, "thermalisation": 100},
    },
    "flow": {
        "model": {"kind": "quenched", "levels": 1},
        "targets": [0.6],
        "models": 1,
        "training": {"check_samples": 1024, "decide_samples": 2048},
    },
    "propose": {"block": 400},
    "accept": {"replicas": 4, "burn_in": 20},
    "fit": {"L": []},
}


done = stage_runner("schwinger.yaml")


def proposals(file):
    names = ("log_q", "S", "two_point", "fields/phi", "fields/prior", "scalars/log_det")
    with h5py.File(file) as opened:
        return [opened[name][()] for name in names]


@pytest.mark.workflow
@pytest.mark.mpi
def test_every_stage_and_gate_of_a_small_run(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("schwinger.yaml").write_text(yaml.safe_dump(RAW))
    of_flow = ("--ensemble", "V4", "--sampler", "flow-60")
    done("tune", "--ensemble", "V4")
    done("train", "--ensemble", "V4")
    done("propose", *of_flow)
    alone = proposals("results/propose/V4/flow-60.h5")
    Path("results/propose").rename("alone")
    ranks = ["mpiexec", "-n", "2", *lfmc("propose", "--config", "schwinger.yaml", *of_flow)]
    subprocess.run(ranks, env=environment(), check=True, timeout=PATIENCE)
    for one, two in zip(alone, proposals("results/propose/V4/flow-60.h5"), strict=True):
        np.testing.assert_array_equal(one, two)
    done("accept", *of_flow)
    for sampler in ("hmc", "hybrid"):
        done(sampler, "--ensemble", "V4")
    for sampler in ("hmc", "hybrid", "flow-60"):
        for stage in ("measure", "autocorrelation", "verify"):
            done(stage, "--ensemble", "V4", "--sampler", sampler)
    done("fit")
    done("gates")
    gates = read_table(Path("results/tables/gates.csv"))
    assert gates.passed.all()
    assert {"schwinger_dyson", "integer", "symmetry", "agreement", "creutz"} <= set(gates.gate)
    assert "condensate" in set(gates.observable)


@pytest.mark.unit
@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"flow": {"model": {"kind": "decimation"}}}, "exists for theory u1, not for schwinger"),
        ({"flow": {"model": {"kind": "quenched", "levels": 4}}}, "than the 3 factors of two"),
        ({"flow": {"model": {"kind": "heatbath"}}}, "take quenched"),
        ({"samplers": ["instantn"]}, "perhaps 'instanton'"),
    ],
)
def test_what_does_not_exist_is_refused(changes, words):
    with pytest.raises(LfmcError, match=words) as refused:
        parse_config(RAW | changes)
    assert "\n" not in str(refused.value)


@pytest.mark.unit
@pytest.mark.parametrize("name", ["kappa", "beta"])
def test_couplings_out_of_range_are_refused(name):
    theory = {"kind": "schwinger", "beta": 1.5, "kappa": 0.25} | {name: -0.1}
    with pytest.raises(LfmcError, match=f"{name}: must be"):
        parse_config(RAW | {"ensembles": [{"name": "A", "L": 4, "theory": theory}]})


@pytest.mark.unit
def test_the_configuration_of_the_repository_is_valid(root):
    config = read_config(root / "config/schwinger.yaml")
    assert {e.parameters["kappa"] for e in config.ensembles} == {0.276}
    assert config.flow.model.kind == "quenched"
