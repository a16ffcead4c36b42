"""Claims about zero modes drawn for chi2: their density is known, estimates are right, errors less.

Densities are compared without their distribution function, by the slope of the map of normals.
"""

import h5py
import numpy as np
import pytest
from flows_disturbed import disturbed_for
from test_weighted_controls import THEORY, config_of

import lfmc
from lfmc.analysis.controls import Regression
from lfmc.api.flows import as_model
from lfmc.config import stage_settings
from lfmc.conformance.exact import exact_averages
from lfmc.errors import LfmcError
from lfmc.flows.build import build_flow, save_flow
from lfmc.mpi.ranks import ALONE
from lfmc.proposals.accept import accept_proposals
from lfmc.proposals.generate import make_block, proposal_task
from lfmc.proposals.propose import propose
from lfmc.proposals.verify import verify_flow
from lfmc.proposals.zero_mode import ZeroMode, normal_density
from lfmc.theories.ensembles import theory_of

SHARE = 0.7


@pytest.mark.parametrize("share", [0.05, SHARE, 0.95])
def test_the_map_of_normals_has_the_density_that_weights_know(share):
    """t(z) = N(x)/(dz/dx) for z of the normal x, to 1e-6; tails of 13 widths too."""
    found = ZeroMode(share)
    x = np.linspace(-13, 13, 2602)
    z, step = found.quantile(x), 1e-5
    assert (np.diff(z) > 0).all()
    assert found.quantile(-x) == pytest.approx(-z)
    assert np.exp(found.log_ratio(z)).max() <= 1 / (1 - share)
    slope = (found.quantile(x + step) - found.quantile(x - step)) / (2 * step)
    smooth = np.abs(np.abs(z) - 1) > 1e-3  # t has kinks at -1 and 1
    density = normal_density(z) * np.exp(-found.log_ratio(z))
    assert (density * slope)[smooth] == pytest.approx(normal_density(x)[smooth], rel=1e-6)
    z = np.linspace(-9, 9, 200_001)
    known = normal_density(z) * np.exp(-found.log_ratio(z))
    assert np.trapezoid(known, z) == pytest.approx(1, abs=1e-8)


@pytest.mark.stat
def test_weights_that_know_nothing_of_the_zero_mode_cost_half_as_much():
    """w of variance e - 1; what He_1 ... He_4 leave of r w (z^2 - 1), known to 3 %."""
    rng, density, left = np.random.default_rng(4), ZeroMode(SHARE), []
    weight = np.exp(rng.normal(size=200_000) - 0.5)
    for z, log_ratio in (
        density(rng.normal(size=(len(weight), 1))),
        (rng.normal(size=(len(weight), 1)), 0),
    ):
        x = z[:, 0]
        ratio = np.exp(log_ratio) * np.ones(len(x))
        own = ratio[:, None] * np.stack([np.ones_like(x), x, x**2, x**3, x**4], axis=1)
        mean = weight @ ratio / len(x)
        values = ratio * weight * (x * x - 1)
        rest = values - own @ np.linalg.lstsq(own, values, rcond=None)[0]
        left.append((rest**2).mean() / mean**2 / 2)
    assert left == pytest.approx([0.495 * (np.e - 1), np.e - 1], rel=0.1)


@pytest.mark.stat
def test_estimates_agree_with_exact_ones():
    """4 x 2 by transfer matrices, within 4.5 errors. Negative control: weights without r."""
    model = as_model(disturbed_for(THEORY, "heatbath", 0.1), THEORY)
    made = lfmc.propose(model, 40_000, seed=2, controls=True, zero_mode=SHARE, progress=False)
    found = lfmc.measure(made)
    exactly = exact_averages(THEORY)
    for name, exact in exactly.items():
        if name in ("chi2", "E", "phi2"):
            assert abs(found[name].value - exact) < 4.5 * found[name].error, name
    ratio = 1 + made.controls[:, -1]
    wrong = np.exp(made.log_weight - made.log_weight.max()) / ratio
    chi2 = THEORY.numbers * np.average(made.scalars["m"] ** 2, weights=wrong)
    assert abs(chi2 - exactly["chi2"]) > 10 * found.chi2.error


@pytest.mark.stat
def test_control_variates_have_mean_zero_only_with_the_ratio():
    flow = build_flow(THEORY, config_of().flow.model)
    task = as_model(flow, THEORY)
    made = lfmc.propose(task, 40_000, seed=5, controls=True, zero_mode=SHARE, progress=False)
    number = made.controls.shape[1]
    assert number == flow.control_variates().number + 1
    found = Regression(made.controls, "test")
    assert abs(found.distance - number) < 4.5 * (2 * number) ** 0.5
    with pytest.raises(LfmcError, match="control variates are not zero"):
        Regression(made.controls[:, :-1] / (1 + made.controls[:, -1:]), "test")


def test_a_stage_has_them_and_verifies_them(tmp_path):
    """Blocks differ from bare ones, chains follow their weights, `verify` draws them again."""
    config = config_of(propose={"block": 300, "controls": True, "zero_mode": SHARE})
    bare = config_of()
    (ensemble,) = config.ensembles
    flow = build_flow(theory_of(ensemble), config.flow.model)
    model, made, chain = tmp_path / "flow-50.safetensors", tmp_path / "p.h5", tmp_path / "c.h5"
    save_flow(model, flow.state_dict(), config.flow, ensemble)
    task, other = (proposal_task(c, "T", "flow-50", model) for c in (config, bare))
    assert propose(task, made, ALONE, lambda done, total: None, lambda: False)
    accept_proposals(config, "T", "flow-50", made, chain)
    found = verify_flow(config, "T", "flow-50", model, made, chain)
    assert "reproduced bit for bit" in found["summary"]
    with h5py.File(made) as file:
        ratio = file["log_weight"][()] + file["S"][()] + file["log_q"][()]
        z = file["fields/prior"][:, 0]
        at = file["fields/index"][()]
        assert ratio[at] == pytest.approx(ZeroMode(SHARE).log_ratio(z), abs=1e-9)
    assert "log_weight" not in make_block(other, 0)
    assert task.key != other.key
    for name, differs in (("propose", True), ("train", False), ("accept", False)):
        settings = [stage_settings(c, name, "T", "flow-50") for c in (config, bare)]
        assert (settings[0] != settings[1]) is differs
    assert "zero_mode" not in stage_settings(bare, "propose", "T", "flow-50")


def test_kinds_without_a_zero_mode_and_wrong_shares_are_refused():
    words = "propose.zero_mode: kind realnvp has no normal of a zero mode; leave it out"
    with pytest.raises(LfmcError, match=words):
        config_of(
            flow={"targets": [0.5], "model": {"kind": "realnvp"}}, propose={"zero_mode": SHARE}
        )
    flow = lfmc.build_flow(THEORY, {"kind": "realnvp"}, seed=1)
    with pytest.raises(LfmcError, match="has no normal of a zero mode"):
        lfmc.propose(as_model(flow, THEORY), 10, seed=1, zero_mode=SHARE)
    for share in (1.0, -0.1, True, "half"):
        with pytest.raises(LfmcError, match=r"is no share of proposals, from 0 to 0.95"):
            lfmc.propose(as_model(flow, THEORY), 10, seed=1, zero_mode=share)
