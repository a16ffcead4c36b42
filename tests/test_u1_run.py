"""U(1) through the stages: training, proposals under ranks, chains, gates, and refusals."""

import subprocess

import h5py
import numpy as np
import pytest
import torch
import yaml
from flows_small import PATIENCE, environment, lfmc

from lfmc.config import parse_config, read_config, stage_settings
from lfmc.config.flow_sections import DecimationSettings
from lfmc.errors import LfmcError
from lfmc.flows.build import load_flow, save_flow
from lfmc.flows.exactness import log_q_error
from lfmc.training.train import Trainer

RAW = {
    "seed": 5,
    "results": "results",
    "ensembles": [{"name": "V4", "L": 4, "theory": {"kind": "u1", "beta": 1.5}}],
    "statistics": {"configurations": 2000, "save_every": 5, "replicas": 40, "keep_fields": 50},
    "samplers": {name: {"thermalisation": 100} for name in ("hmc", "heatbath", "instanton")},
    "flow": {
        "model": {"kind": "decimation", "levels": 1},
        "targets": [0.6],
        "models": 1,
        "training": {"check_samples": 1024, "decide_samples": 4096},
    },
    "propose": {"block": 400},
    "accept": {"replicas": 4, "burn_in": 20},
}
SAMPLERS = ("hmc", "heatbath", "instanton")


def written(folder, **changes):
    (folder / "u1.yaml").write_text(yaml.safe_dump(RAW | changes))
    return folder


def run(folder, *arguments, ranks=0):
    command = lfmc(*arguments[:1], "--config", "u1.yaml", *arguments[1:])
    command = ["mpiexec", "-n", str(ranks), *command] if ranks else command
    return subprocess.run(
        command, cwd=folder, env=environment(), capture_output=True, text=True, timeout=PATIENCE
    )


def done(folder, *arguments, ranks=0):
    found = run(folder, *arguments, ranks=ranks)
    assert found.returncode == 0, found.stdout + found.stderr
    return found.stderr


@pytest.mark.unit
def test_a_training_passes_its_target_on_both_sides_and_is_saved(tmp_path):
    config = parse_config(RAW)
    (ensemble,) = config.ensembles
    trainer = Trainer(config, ensemble, tmp_path)
    state = trainer.run(lambda state: None, lambda: False).state
    (passed,) = state.passed
    assert min(passed["acceptance_q"], passed["acceptance_p"]) >= 0.6
    path = tmp_path / "flow-60.safetensors"
    save_flow(path, passed["weights"], config.flow, ensemble)
    flow = load_flow(path, ensemble)
    assert log_q_error(flow) is None  # many normals make one field
    z = flow.base.tensor(torch.Generator().manual_seed(1), 100, torch.float64)
    phi, log_q = flow(z)
    assert float((flow.log_q(phi) - log_q).abs().max()) < flow.inverse_tolerance


@pytest.mark.unit
def test_a_training_improves_a_prior_of_the_wrong_width(tmp_path):
    """The start is the optimum; from three times its width the fit goes back there."""
    config = parse_config(RAW | {"flow": RAW["flow"] | {"targets": [0.99]}})
    trainer = Trainer(config, config.ensembles[0], tmp_path)
    flow = trainer.team.trained
    best = float(flow.b.detach())
    with torch.no_grad():
        flow.log_b += np.log(3.0)
    trainer.optimiser.last_accepted = {"log_b": flow.log_b.detach().clone()}
    for step in range(12):
        trainer.optimiser.advance(step)
    assert float(flow.b.detach()) == pytest.approx(best, rel=0.05)


@pytest.mark.unit
@pytest.mark.mpi
def test_proposals_do_not_depend_on_the_number_of_ranks(tmp_path):
    files = []
    for ranks in (1, 2, 3):
        folder = tmp_path / str(ranks)
        folder.mkdir()
        written(folder)
        if ranks == 1:
            done(folder, "train", "--ensemble", "V4")
            model = (folder / "results/train/V4/flow-60.safetensors").read_bytes()
        else:
            (folder / "results/train/V4").mkdir(parents=True)
            (folder / "results/train/V4/flow-60.safetensors").write_bytes(model)
        done(folder, "propose", "--ensemble", "V4", "--sampler", "flow-60", ranks=ranks)
        with h5py.File(folder / "results/propose/V4/flow-60.h5") as file:
            names = ("log_q", "S", "two_point", "fields/phi", "fields/prior", "scalars/Q")
            files.append({name: file[name][()] for name in names})
    assert files[0]["fields/phi"].shape[1] == 32
    assert files[0]["fields/prior"].shape[1] == 34
    for other in files[1:]:
        assert all(np.array_equal(files[0][name], other[name]) for name in files[0])


@pytest.mark.workflow
@pytest.mark.mpi
def test_every_stage_and_gate_of_a_small_run(tmp_path):
    written(tmp_path)
    done(tmp_path, "tune", "--ensemble", "V4")
    done(tmp_path, "train", "--ensemble", "V4", ranks=2)
    done(tmp_path, "propose", "--ensemble", "V4", "--sampler", "flow-60")
    done(tmp_path, "accept", "--ensemble", "V4", "--sampler", "flow-60")
    for sampler in SAMPLERS:
        done(tmp_path, sampler, "--ensemble", "V4")
    for sampler in (*SAMPLERS, "flow-60"):
        for stage in ("measure", "autocorrelation", "verify"):
            done(tmp_path, stage, "--ensemble", "V4", "--sampler", sampler)
    done(tmp_path, "fit")
    done(tmp_path, "gates")
    done(tmp_path, "summary")
    drawn = done(tmp_path, "plot", "--all")
    assert "Traceback" not in drawn
    figures = {path.stem for path in (tmp_path / "results/figures").glob("*.txt")}
    assert {"u1_history", "u1_freezing", "u1_charges", "u1_loops", "tau_int"} <= figures
    assert not {"greens", "fields", "table1"} & figures
    refused = run(tmp_path, "plot", "greens")
    assert refused.returncode == 2
    assert "shows scalar theories, which this run has not" in refused.stderr


@pytest.mark.unit
@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"flow": {"model": {"kind": "heatbath"}}}, "exists for real fields on sites, not for"),
        (
            {"flow": {"model": {"kind": "decimation", "levels": 5}}},
            "than the 4 factors of two",
        ),
        ({"samplers": ["local"]}, "no sampler of these theories 'local'; there are hmc, heatbath"),
        ({"samplers": ["heatbat"]}, "perhaps 'heatbath'"),
        ({"ensembles": [{"name": "A", "L": 4, "theory": {"kind": "u1", "beta": -1.0}}]}, "beta"),
        (
            {"ensembles": [{"name": "A", "L": 4, "d": 3, "theory": {"kind": "u1", "beta": 1.0}}]},
            "two dimensions",
        ),
    ],
)
def test_what_does_not_exist_is_refused(changes, words):
    with pytest.raises(LfmcError, match=words) as refused:
        parse_config(RAW | changes)
    assert "\n" not in str(refused.value)


@pytest.mark.unit
def test_phi4_takes_no_decimation():
    raw = {"ensembles": [{"name": "A", "L": 4, "m2": -4.0, "lam": 6.0}]}
    with pytest.raises(LfmcError, match="exists for circle fields on links, not for theory phi4"):
        parse_config(raw | {"flow": {"model": {"kind": "decimation"}}})


@pytest.mark.unit
def test_the_flow_of_a_theory_is_its_own_where_none_is_chosen():
    raw = RAW | {"flow": {"targets": [0.9]}}
    config = parse_config(raw | {"ensembles": RAW["ensembles"]})
    assert config.flow.model == DecimationSettings()
    assert config.flow.targets == (0.9,)
    settings = stage_settings(config, "train", "V4")
    assert settings["flow"]["model"] == {"kind": "decimation", "levels": 3}


@pytest.mark.unit
def test_the_configuration_of_the_repository_is_valid(root):
    config = read_config(root / "config/u1.yaml")
    assert config.flow_names == ("flow-90",)
    assert {e.name for e in config.family} == {"C8", "C16", "C32"}
    assert config.fit.L == (8, 16, 32)
