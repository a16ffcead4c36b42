"""Claims about the Python interface and the workflow: one code, one result."""

import json

import numpy as np
import pytest
import torch
from api_small import SMALL

import lfmc
from lfmc.config import parse_config
from lfmc.proposals.retrain import short_chain, short_proposals
from lfmc.samplers import run as sampling
from lfmc.samplers import task as tasks
from lfmc.samplers.tune import tune
from lfmc.store import write_json
from lfmc.training.records import reached
from lfmc.training.train import Trainer

pytestmark = pytest.mark.unit

CONFIG = parse_config(
    {
        "seed": 5,
        "ensembles": [{"name": "S4", "L": 4, "m2": -4.0, "lam": 6.975}],
        "statistics": {"configurations": 640, "replicas": 32, "keep_fields": 40},
        "samplers": {"hmc": {"length": "fixed"}},
        "flow": {"targets": [0.5]},
        "accept": {"replicas": 4},
    }
)
CLASSICAL = {
    "hmc": {"updates": 200, "length": "fixed"},
    "local": {"updates": 200},
    "cluster": {"updates": 40},
}


@pytest.fixture(scope="module")
def stage(tmp_path_factory):
    """The workflow's training in a folder, and its weights."""
    work = tmp_path_factory.mktemp("train")
    outcome = Trainer(CONFIG, CONFIG.ensembles[0], work).run(lambda state: None, lambda: False)
    return reached(CONFIG, outcome.state)["flow-50"]["weights"]


@pytest.fixture(scope="module")
def model():
    return lfmc.train(SMALL, target=0.5, seed=5, name="S4", progress=False)


def test_the_model_is_that_of_the_stage(stage, model):
    weights = dict(model.flow.named_parameters())
    assert set(weights) == set(stage)
    assert all(torch.equal(weights[key], value.double()) for key, value in stage.items())


def test_another_seed_or_name_gives_another_model(stage, model):
    for other in ({"seed": 6, "name": "S4"}, {"seed": 5, "name": "S5"}):
        found = lfmc.train(SMALL, target=0.5, progress=False, **other)
        assert repr(found) != repr(model)


def test_the_chain_of_a_model_is_that_of_the_stages(stage, model):
    from lfmc.mpi.ranks import ALONE

    made = short_proposals(CONFIG, "S4", "flow-50", stage, ALONE)
    wanted, log_weight = short_chain(CONFIG, "S4", "flow-50", made)
    chain = lfmc.sample(model, 640, seed=5, replicas=4, progress=False)
    assert chain.acceptance == wanted.acceptance
    assert (chain.log_weight == log_weight).all()
    assert (chain.two_point == wanted.two_point).all()
    for name, series in wanted.scalars.items():
        assert (chain.scalars[name] == series).all()
    other = lfmc.sample(model, 640, seed=6, replicas=4, progress=False)
    assert (other.log_weight != log_weight).all()


@pytest.mark.parametrize("sampler", CLASSICAL)
def test_classical_chains_are_those_of_the_stages(sampler, tmp_path):
    tuned = tune(CONFIG, "S4")
    write_json(tmp_path / "S4.json", {**tuned, "provenance": {}})
    task = tasks.chain_task(CONFIG, sampler, "S4", tmp_path / "S4.json")
    sampling.run(task, tmp_path / "S4.h5", tmp_path / "work")
    wanted = lfmc.load(tmp_path / "S4.h5")
    options = {"chains": 32, "keep_fields": 40, "name": "S4", "progress": False}
    chain = getattr(lfmc, sampler)(SMALL, seed=5, **options, **CLASSICAL[sampler])
    assert chain.theory == wanted.theory == SMALL
    assert chain.acceptance == wanted.acceptance
    assert (chain.two_point == wanted.two_point).all()
    assert (chain.fields == wanted.fields).all()
    assert (chain.update == wanted.update).all()
    for name, series in wanted.scalars.items():
        assert (chain.scalars[name] == series).all()
    parameters = json.loads(wanted.record.attributes["parameters"])
    assert chain.record.attributes["parameters"] == parameters


def test_fields_are_those_of_their_updates(model):
    for chain in (
        lfmc.sample(model, 400, seed=1, keep_fields=30, progress=False),
        lfmc.hmc(SMALL, chains=3, updates=40, seed=1, keep_fields=9, progress=False),
    ):
        m = chain.scalars["m"][chain.replica, chain.update]
        assert len(chain.fields) in (9, 30)
        assert np.allclose(chain.fields.mean(1), m, rtol=1e-6, atol=1e-7)
        assert not np.allclose(chain.fields.mean(1)[::-1], m, rtol=1e-6, atol=1e-7)


def test_no_field_is_kept_where_none_is_wanted(model):
    assert lfmc.sample(model, 100, seed=1, keep_fields=0, progress=False).fields.shape == (0, 16)
    chain = lfmc.hmc(SMALL, chains=2, updates=20, seed=1, keep_fields=0, progress=False)
    assert chain.fields.shape == (0, 16)
