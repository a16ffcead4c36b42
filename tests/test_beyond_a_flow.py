"""Annealed proposals, hybrid chains and log Z of every theory: they work, or say why not."""

import numpy as np
import pytest
import torch

import lfmc
from lfmc.analysis.log_z import log_Z_of
from lfmc.config.flow_sections import DecimationSettings
from lfmc.config.kinds import theory_class, theory_kinds
from lfmc.flows.build import build_flow
from lfmc.proposals import anneal
from lfmc.proposals.anneal import annealing
from lfmc.theories.u1 import U1
from lfmc.training.acceptance import effective_sample_size

LINKS = U1((8, 8), 2.0)
COUNT = 4096

# `examples/plugin` is no part.
OWN = [kind for kind in theory_kinds() if theory_class(kind).__module__.startswith("lfmc.")]


def anneals(model):
    bare = lfmc.propose(model, 64, seed=1, progress=False)
    found = lfmc.propose(model, 64, seed=1, anneal=3, progress=False)
    assert np.isfinite(found.log_weight).all()
    assert not np.array_equal(found.log_weight, bare.log_weight)


def hybridises(model):
    chain = lfmc.hybrid(model, chains=4, updates=6, seed=1, between=1, progress=False)
    assert chain.extra["log_weight"].shape == (4, 6)


def has_log_z(model):
    found = lfmc.log_Z(model, samples=512)
    assert np.isfinite(found.value)


WAYS = {"anneal": anneals, "hybrid": hybridises, "logz": has_log_z}


@pytest.mark.unit
@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("kind", OWN)
def test_every_theory_goes_beyond_its_flow(kind, way):
    theory = lfmc.theory(kind, (4, 4), **theory_class(kind).example)
    WAYS[way](lfmc.as_model(lfmc.build_flow(theory), theory))


def drawn(steps):
    """Links and work of annealed proposals of a decimation whose prior is too wide."""
    flow, random = build_flow(LINKS, DecimationSettings(levels=1)), np.random.default_rng(5)
    with torch.no_grad():
        flow.log_b.sub_(0.35)
    flow.requires_grad_(False)
    chosen = annealing(flow, steps, random)
    z = flow.base.draw(random, COUNT)
    z, change = (z, 0.0) if chosen is None else chosen(z, random)
    assert z.min() > 0
    assert z.max() < 1
    with torch.no_grad():
        phi, log_q = (found.numpy() for found in flow(torch.from_numpy(z)))
    return phi, change - LINKS.evaluate(phi) - log_q


def deviations(phi, work):
    """Weighted plaquette and log Z in errors from their exact values."""
    weight, plaquette = np.exp(work - work.max()), LINKS.measure(phi)["plaquette"]
    mean = (weight * plaquette).sum() / weight.sum()
    error = np.sqrt((weight**2 * (plaquette - mean) ** 2).sum()) / weight.sum()
    z = log_Z_of(work)
    off = (mean - LINKS.known["plaquette"]) / error, (z.value - LINKS.log_Z) / z.error
    return np.abs(off)


@pytest.mark.stat
def test_uniform_base_variables_are_annealed_exactly(monkeypatch):
    """Four deviations within 4.5 errors: a false alarm in 3e-5 of the seeds.

    Negative control: moves that do not keep the base density.
    """
    found = {steps: drawn(steps) for steps in (1, 4, 16)}
    for steps in (4, 16):
        assert deviations(*found[steps]).max() < 4.5
    bare, annealed = found[1][1], found[16][1]
    assert annealed.var() < 0.3 * bare.var()
    assert effective_sample_size(annealed) > 1.8 * effective_sample_size(bare)
    right = anneal._move

    def wider(weigh, x, log_weight, fraction, b, random):
        return right(weigh, 1.1 * x, weigh(1.1 * x), fraction, b, random)

    monkeypatch.setattr(anneal, "_move", wider)
    assert deviations(*drawn(16)).max() > 6
