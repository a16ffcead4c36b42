"""Claims about control variates: mean zero, right and smaller errors, recorded and verified.

Of a normal q, w = exp(a x - a^2/2) and O = x, the Hermite part of order n of w (x - a) has the
variance n a^(2n-2) / (n - 1)!, so that He_1 and He_2 take 1 + 2 a^2 of exp(a^2) (1 + a^2).
"""

from math import factorial

import h5py
import numpy as np
import pytest
from flows_disturbed import disturbed_for
from test_weighted import OneNumber

import lfmc
from lfmc.analysis.controls import Regression
from lfmc.analysis.weighted import Proposals, weighted
from lfmc.analysis.weighted_chain import differences, visits
from lfmc.api.flows import as_model
from lfmc.config import parse_config, stage_settings
from lfmc.conformance.exact import exact_averages
from lfmc.errors import LfmcError
from lfmc.flows.build import build_flow, save_flow
from lfmc.flows.control_variates import of_widths
from lfmc.mpi.ranks import ALONE
from lfmc.proposals.accept import accept_proposals, independence_chains
from lfmc.proposals.generate import make_block, proposal_task
from lfmc.proposals.propose import propose
from lfmc.proposals.verify import verify_flow
from lfmc.theories.ensembles import theory_of

A = 0.5
THEORY = lfmc.Phi4((4, 2), m2=-4.0, lam=6.0)


def drawn(rng, count: int, off: float = 0.0) -> Proposals:
    """With He_1 and He_2 as control variates, whose means are off by so much."""
    x = rng.normal(size=count)
    controls = np.stack([x, (x * x - 1) / 2**0.5], axis=1) + off
    return Proposals(A * x, {"x": x}, np.stack([x + 1.0, x], axis=1), controls)


@pytest.mark.stat
@pytest.mark.parametrize("theory", [THEORY, lfmc.Phi4((8, 8), m2=-4.0, lam=6.0)])
def test_control_variates_of_a_flow_have_mean_zero_and_width_one(theory):
    """chi^2 of all means within 4.5 of its sigmas; widths within 4 of their errors of 1 %."""
    flow = disturbed_for(theory, "heatbath", 0.3)
    found = flow.control_variates()
    z = flow.base.draw(np.random.default_rng(1), 100_000)
    values = found(z)
    assert values.shape == (len(z), found.number)
    regression = Regression(values, "test")
    assert abs(regression.distance - found.number) < 4.5 * (2 * found.number) ** 0.5
    assert values.std(axis=0) == pytest.approx(np.ones(found.number), abs=0.04)
    with pytest.raises(LfmcError, match="control variates are not zero"):
        Regression(found(1.02 * z), "test")  # the negative control: 2 % wider


def test_modes_are_grouped_by_momentum_from_the_smallest_on():
    widths = np.log([3.0, 2.0, 2.0, 1.5, 1.2, 1.2, 1.0])
    found = of_widths(widths)
    assert [list(shell) for shell in found.shells] == [[1, 2], [3], [4, 5], [6]]
    assert (len(found.others), found.number) == (0, 4 + 4 + 4)
    many = of_widths(np.log(np.arange(20.0, 0.0, -1)))
    assert (len(many.shells), list(many.others)) == (6, list(range(7, 20)))
    z = np.random.default_rng(2).normal(size=(50, 20))
    assert many(z)[:, 3] == pytest.approx((z[:, 0] ** 4 - 6 * z[:, 0] ** 2 + 3) / 24**0.5, abs=1e-5)
    assert many(z)[:, 10] == pytest.approx((z[:, 7:] ** 2 - 1).sum(1) / 26**0.5, abs=1e-5)


@pytest.mark.stat
def test_errors_with_control_variates_are_right_and_smaller():
    """100 estimates of 4000 proposals: the spread of as many pulls is known to 7 %."""
    rng = np.random.default_rng(3)
    found = [weighted(drawn(rng, 4000), OneNumber(), "test").values for _ in range(100)]
    x = [one["x"] for one in found]
    pulls = np.array([(one.value - A) / one.error for one in x])
    assert abs(pulls.mean()) < 4 / np.sqrt(100)
    assert 0.8 < pulls.std() < 1.2
    exact = np.exp(A * A) * (1 + A * A) - 1 - 2 * A * A
    parts = [n * A ** (2 * n - 2) / factorial(n - 1) for n in range(3, 30)]
    assert exact == pytest.approx(sum(parts))
    assert np.mean([one.proposals for one in x]) == pytest.approx(exact, rel=0.1)
    error = np.sqrt(exact / 4000)
    assert np.mean([one.error for one in x]) == pytest.approx(error, rel=0.1)
    square = np.array([(one["x2"].value - A * A) / one["x2"].error for one in found])
    assert 0.8 < square.std() < 1.2
    # The negative control: means of the control variates that are not zero, too small to refuse.
    off = [weighted(drawn(rng, 4000, 0.03), OneNumber(), "test").values["x"] for _ in range(50)]
    assert abs(np.mean([(one.value - A) / one.error for one in off])) > 4 / np.sqrt(50)


@pytest.mark.stat
def test_the_difference_to_the_chain_knows_the_control_variates():
    """50 chains; the spread of as many pulls is known to 10 %."""
    rng, pulls = np.random.default_rng(4), []
    for k in range(50):
        made = drawn(rng, 3000)
        streams = [np.random.default_rng((k, replica)) for replica in range(4)]
        chain = independence_chains(made.log_weight, 4, 0, lambda r, s=streams: s[r])
        states = {"index": chain.index, "multiplicity": chain.multiplicity}
        one = differences(made, visits(states, 3000), OneNumber(), ("x",))["x"]
        pulls.append(one.difference / one.error)
        assert one.chain + one.difference == pytest.approx(
            weighted(made, OneNumber(), "test").values["x"].value
        )
    assert abs(np.mean(pulls)) < 4 / np.sqrt(50)
    assert 0.7 < np.std(pulls) < 1.3


def test_control_variates_that_are_none_are_refused():
    rng = np.random.default_rng(5)
    with pytest.raises(LfmcError, match=r"means of its 2 control variates are not zero"):
        weighted(drawn(rng, 10_000, 0.2), OneNumber(), "test")
    broken = drawn(rng, 1000)
    broken.controls[3, 1] = np.nan
    with pytest.raises(LfmcError, match="control variates are not finite"):
        weighted(broken, OneNumber(), "test")
    few = Proposals(np.zeros(100), {"x": np.zeros(100)}, np.zeros((100, 2)), np.ones((100, 6)))
    with pytest.raises(LfmcError, match="100 proposals for 6 control variates; at least 120"):
        weighted(few, OneNumber(), "test")


@pytest.mark.stat
def test_a_flow_gives_the_exact_averages_with_smaller_errors():
    """4 x 2 by transfer matrices, within 4.5 errors of chi2, E and phi2."""
    model = lfmc.train(THEORY, 0.7, seed=1, progress=False)
    made = lfmc.propose(model, 60_000, seed=2, controls=True, progress=False)
    bare = lfmc.propose(model, 60_000, seed=2, progress=False)
    assert np.array_equal(made.log_weight, bare.log_weight)
    found, plain = lfmc.measure(made), lfmc.measure(bare)
    for name, exact in exact_averages(THEORY).items():
        if name in ("chi2", "E", "phi2"):
            assert abs(found[name].value - exact) < 4.5 * found[name].error, name
            # Controlled and plain differ by what the control variates explain.
            rest = (plain[name].error ** 2 - found[name].error ** 2) ** 0.5
            assert abs(found[name].value - plain[name].value) < 4.5 * rest, name
    assert found.chi2.error < 0.75 * plain.chi2.error
    assert found.chi2.tau < 0.5 * plain.chi2.tau


def config_of(**changes):
    raw = {
        "ensembles": [{"name": "T", "shape": [4, 2], "m2": -4.0, "lam": 6.0}],
        "statistics": {"configurations": 2000, "replicas": 2, "keep_fields": 10},
        "flow": {"targets": [0.5], "model": {"kind": "heatbath", "layers": 2}},
        "propose": {"block": 300, "controls": True},
    }
    return parse_config({**raw, **changes})


@pytest.fixture(scope="module")
def stage(tmp_path_factory):
    """Model, proposals and chain of a flow that is not trained."""
    folder, config = tmp_path_factory.mktemp("controls"), config_of()
    (ensemble,) = config.ensembles
    flow = build_flow(theory_of(ensemble), config.flow.model)
    model, proposals, chain = folder / "flow-50.safetensors", folder / "p.h5", folder / "c.h5"
    save_flow(model, flow.state_dict(), config.flow, ensemble)
    task = proposal_task(config, "T", "flow-50", model)
    assert propose(task, proposals, ALONE, lambda done, total: None, lambda: False)
    accept_proposals(config, "T", "flow-50", proposals, chain)
    return config, model, proposals, chain


def test_they_are_recorded_beside_the_same_proposals(stage):
    config, model, proposals, chain = stage
    task, bare = proposal_task(config, "T", "flow-50", model), config_of(propose={"block": 300})
    other = proposal_task(bare, "T", "flow-50", model)
    one, two = make_block(task, 1), make_block(other, 1)
    known = one.pop("controls")
    assert known.shape == (300, task.controls.number)
    assert one.keys() == two.keys()
    assert all(np.array_equal(one[name], two[name]) for name in two)
    with h5py.File(proposals) as file:
        assert np.array_equal(file["controls"][300:600], known)
        assert np.array_equal(file["log_q"][300:600], two["log_q"])
    found = verify_flow(config, "T", "flow-50", model, proposals, chain)
    assert "reproduced bit for bit" in found["summary"]
    assert task.key != other.key
    for name, differs in (("propose", True), ("train", False), ("accept", False)):
        settings = [stage_settings(c, name, "T", "flow-50") for c in (config, bare)]
        assert (settings[0] != settings[1]) is differs
    assert "controls" not in stage_settings(bare, "propose", "T", "flow-50")


@pytest.mark.parametrize("kind", ["realnvp", "spline"])
def test_kinds_without_control_variates_are_refused(kind):
    words = f"propose.controls: kind {kind} has no control variates; leave it out"
    with pytest.raises(LfmcError, match=words):
        config_of(flow={"targets": [0.5], "model": {"kind": kind}})
    theory = lfmc.Phi4((4, 4), m2=1.0, lam=1.0)
    flow = lfmc.build_flow(theory, {"kind": kind}, seed=1)
    with pytest.raises(LfmcError, match="has no control variates; leave them out"):
        lfmc.propose(as_model(flow, theory), 10, seed=1, controls=True)
