"""Claims about bad arguments: one clear error, before any work."""

import re

import numpy as np
import pytest
import torch
from api_small import EASY, SMALL, Own, Scaled, small_model
from torch import nn

import lfmc

pytestmark = pytest.mark.unit

SPINS = lfmc.theory("spheres", (4, 4), N=3, beta=0.9)
QUIET = {"progress": False}
WRONG = {
    "couplings of words": (lambda: lfmc.Phi4((4, 4), "a", 1.0), "finite couplings"),
    "an infinite coupling": (lambda: lfmc.Phi4((4, 4), 1.0, np.inf), "finite couplings"),
    "an extent of 2.5": (lambda: lfmc.Phi4((4, 2.5), 1.0, 1.0), "whole numbers"),
    "an extent of 0": (lambda: lfmc.Phi4((4, 0), 1.0, 1.0), "whole numbers"),
    "odd extents": (
        lambda: lfmc.train(lfmc.Phi4((5, 4), -4.0, 6.0), seed=1, **QUIET),
        "extent 5 is odd",
    ),
    "odd extents of hmc": (
        lambda: lfmc.hmc(lfmc.Phi4((4, 5), -4.0, 6.0), updates=10, seed=1, **QUIET),
        "extent 5 is odd",
    ),
    "no quartic term": (
        lambda: lfmc.hmc(lfmc.Phi4((4, 4), -4.0, 0.0), updates=10, seed=1, **QUIET),
        "lam",
    ),
    "a shape of one number": (lambda: lfmc.theory("u1", 8, beta=1.0), "shape = 8; give extents"),
    "a kind that is no text": (lambda: lfmc.theory(3, (4, 4)), "kind = 3; give the name"),
    "fields of another lattice": (
        lambda: lfmc.theory("u1", (4, 4), beta=1.0).evaluate(np.zeros((2, 33))),
        "u1: fields of shape (2, 33); flat ones are (..., 32)",
    ),
    "tensors of another lattice": (
        lambda: lfmc.theory("cpn", (4, 4), N=2, beta=1.0).gradient(torch.zeros(2, 60)),
        "cpn: fields of shape (2, 60)",
    ),
    "fields that are not flat": (lambda: SMALL.evaluate(np.zeros((3, 4, 4))), "flat ones are"),
    "a list of fields": (lambda: SMALL.gradient([[0.0] * 16]), "list is no array or tensor"),
    "a start off the sphere": (
        lambda: lfmc.markov_chain(
            SPINS, "wolff", chains=4, updates=10, seed=1, start=np.ones((1, 48)), **QUIET
        ),
        "start: field 0 has vectors that are not of unit length",
    ),
    "log q off the sphere": (
        lambda: lfmc.log_prob(lfmc.as_model(lfmc.build_flow(SPINS), SPINS), np.ones((1, 48))),
        "phi: field 0 has vectors that are not of unit length",
    ),
    "a theory in the place of a model": (
        lambda: lfmc.sample(SMALL, 100, seed=1),
        "sample needs a model, of lfmc.train",
    ),
    "samples of a chain": (lambda: lfmc.draw(3, 10, seed=1), "draw needs a model"),
    "log Z of a theory": (lambda: lfmc.log_Z(SMALL), "log_Z needs a model"),
    "hybrid chains of a theory": (
        lambda: lfmc.hybrid(SMALL, updates=10, seed=1),
        "hybrid needs a model",
    ),
    "a measurement of an array": (lambda: lfmc.measure(np.zeros(3)), "needs a chain or proposals"),
    "an array reweighted": (lambda: lfmc.reweight(np.zeros(3), lam=1.0), "reweight needs a chain"),
    "no theory": (lambda: lfmc.train("phi4", seed=1, **QUIET), "str is no theory"),
    "a negative seed": (lambda: lfmc.train(SMALL, seed=-1, **QUIET), "seed = -1"),
    "a seed of a half": (lambda: lfmc.sample(small_model(), 10, seed=0.5), "seed = 0.5"),
    "a target of 2": (lambda: lfmc.train(SMALL, 2.0, seed=1, **QUIET), "must be at most 1"),
    "a target of 0.705": (lambda: lfmc.train(SMALL, 0.705, seed=1, **QUIET), "whole per cents"),
    "an unknown kind": (
        lambda: lfmc.train(SMALL, seed=1, flow="realnvb", **QUIET),
        "no kind realnvb; there are heatbath",
    ),
    "an unknown setting": (
        lambda: lfmc.train(SMALL, seed=1, flow={"kind": "realnvp", "layer": 3}, **QUIET),
        "layer: unknown key",
    ),
    "an unknown option of training": (
        lambda: lfmc.train(SMALL, seed=1, max_step=3, **QUIET),
        "max_step: unknown key",
    ),
    "an unknown option of hmc": (
        lambda: lfmc.hmc(SMALL, updates=10, seed=1, step=3, **QUIET),
        "samplers.hmc.step: unknown key",
    ),
    "a name with a space": (lambda: lfmc.train(SMALL, seed=1, name="a b", **QUIET), "name"),
    "no chains": (lambda: lfmc.hmc(SMALL, chains=0, updates=10, seed=1), "chains = 0"),
    "odd updates": (lambda: lfmc.hmc(SMALL, updates=15, seed=1), "a multiple of save_every = 10"),
    "no configurations": (lambda: lfmc.sample(small_model(), 0, seed=1), "configurations = 0"),
    "hmc of an own theory": (
        lambda: lfmc.hmc(Own(), updates=10, seed=1),
        "hmc needs a theory of lfmc, e.g. lfmc.Phi4 or a subclass of lfmc.Scalar, not Own",
    ),
    "heatbath of an own theory": (
        lambda: lfmc.train(Own(), seed=1, **QUIET),
        "kind: heatbath with these settings needs a theory of lfmc",
    ),
    "a variational prior of an own theory": (
        lambda: lfmc.train(Own(), seed=1, flow="convolutional", **QUIET),
        "take a kind with prior: normal",
    ),
    "a flat field of another size": (
        lambda: lfmc.log_prob(small_model(), np.zeros((2, 15))),
        "shape (2, 15); expected (..., 16) or (..., 4, 4)",
    ),
    "a number as field": (lambda: lfmc.log_prob(small_model(), 1.0), "shape ()"),
    "words as field": (lambda: lfmc.log_prob(small_model(), ["a"]), "no array|not an array"),
    "NaN": (lambda: lfmc.log_prob(small_model(), np.full((4, 4), np.nan)), "field 0 is not finite"),
    "few samples of p": (
        lambda: lfmc.train(EASY, seed=1, flow=Scaled(), fields=np.zeros((3, 16)), **QUIET),
        "3 fields; at least 64",
    ),
    "infinite samples of p": (
        lambda: lfmc.train(EASY, seed=1, fields=np.full((99, 16), np.inf), **QUIET),
        "fields: field 0 is not finite (99 of 99)",
    ),
    "saving a list": (lambda: lfmc.save([], "a.h5"), "list cannot be saved"),
    "a model as HDF5": (lambda: lfmc.save(small_model(), "a.h5"), "ends in .safetensors"),
    "no such file": (lambda: lfmc.load("a.safetensors"), "no such file"),
    "no such chain": (lambda: lfmc.load("a.h5"), "no such file|not there|missing"),
    "no such run": (lambda: lfmc.open_run("nowhere"), "no such folder"),
    "a flow of another size": (lambda: lfmc.as_model(Scaled(15), EASY), "Scaled"),
    "a flow without log_q": (lambda: lfmc.as_model(nn.Linear(16, 16), EASY), "no log_q"),
}


@pytest.mark.parametrize("name", WRONG)
def test_a_bad_argument_is_one_clear_error(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    call, message = WRONG[name]
    pattern = message if "|" in message else re.escape(message)
    with pytest.raises(lfmc.LfmcError, match=pattern) as caught:
        call()
    assert "\n" not in str(caught.value)
    assert not list(tmp_path.iterdir())


def test_lists_and_numpy_numbers_are_welcome():
    theory = lfmc.Phi4([4, np.int64(4)], m2=-4, lam=np.float64(6.975))
    assert theory == lfmc.Phi4((4, 4), -4.0, 6.975)
    assert hash(theory) == hash(SMALL)


def test_fields_may_be_flat_or_shaped_arrays_or_tensors():
    phi = np.random.default_rng(1).standard_normal((3, 2, 4, 4)) / 2
    wanted = lfmc.log_prob(small_model(), phi)
    assert wanted.shape == (3, 2)
    flat = lfmc.log_prob(small_model(), torch.tensor(phi).reshape(3, 2, 16))
    assert np.array_equal(flat, wanted)
    one = lfmc.log_prob(small_model(), phi[0, 0])
    assert isinstance(one, float)
    assert one == pytest.approx(wanted[0, 0], rel=1e-12)


def test_a_missed_target_carries_the_best_model():
    with pytest.raises(lfmc.TargetNotReached, match="max_steps = 2 at acceptance 0") as caught:
        lfmc.train(SMALL, 0.95, seed=1, max_steps=2, progress=False)
    model = caught.value.model
    assert not model.reached
    assert "not reached" in repr(model)
    assert caught.value.limit == "flow.training.max_steps = 2"
    chain = lfmc.sample(model, 2000, seed=1, progress=False)
    assert chain.acceptance == pytest.approx(model.acceptance.value, abs=0.1)
