"""Claims about flows and theories of the user's own."""

import numpy as np
import pytest
import torch
from api_small import EASY, SMALL, Own, Sampled, Scaled, small_model

import lfmc

pytestmark = pytest.mark.unit

REALNVP = {"kind": "realnvp", "couplings": 2, "hidden": [16]}


@pytest.fixture(scope="module")
def scaled():
    """Scaled trained for EASY to 60 %."""
    return lfmc.train(EASY, 0.6, seed=1, flow=Scaled(), progress=False)


def test_an_own_flow_trains_and_its_chain_is_exact(scaled):
    """Means of its chain and of HMC differ by less than 4.5 of their errors: by chance once in
    5e4 runs (six numbers). A model's own samples, without accepting, must fail."""
    assert scaled.reached
    assert scaled.acceptance_target.value > 0.6
    chain = lfmc.sample(scaled, 40_000, seed=2, progress=False)
    assert chain.acceptance == pytest.approx(scaled.acceptance.value, abs=0.02)
    found, wanted = lfmc.measure(chain), lfmc.measure(reference())
    for name in ("chi2", "E", "phi2", "phi4", "absm", "sd"):
        error = np.hypot(found[name].error, wanted[name].error)
        assert abs(found[name].value - wanted[name].value) < 4.5 * error, name
    phi = lfmc.draw(scaled, 40_000, seed=3).phi
    chi2 = 16 * phi.mean(1) ** 2
    off = abs(chi2.mean() - wanted.chi2.value)
    assert off > 6 * np.hypot(chi2.std() / 200, wanted.chi2.error)


def reference():
    return lfmc.hmc(EASY, chains=32, updates=2000, seed=4, progress=False)


def test_the_module_of_the_user_is_left_alone():
    module = Scaled()
    lfmc.train(EASY, 0.5, seed=1, flow=module, progress=False)
    assert not module.log_width.any()
    assert module.log_width.requires_grad
    assert module.log_width.dtype == torch.float32
    assert module.training


def test_an_own_flow_has_reproducible_bits(scaled):
    again = lfmc.train(EASY, 0.6, seed=1, flow=Scaled(), progress=False)
    other = lfmc.train(EASY, 0.6, seed=2, flow=Scaled(), progress=False)
    widths = [m.flow.module.log_width for m in (scaled, again, other)]
    assert torch.equal(widths[0], widths[1])
    assert not torch.equal(widths[0], widths[2])


class Mixing(Scaled):
    """Its samples depend on the batch."""

    def forward(self, z):
        phi, log_q = super().forward(z)
        return phi + z.mean(0), log_q


class Shy(Scaled):
    """Gives fields only."""

    def forward(self, z):
        return super().forward(z)[0]


@pytest.mark.parametrize(
    ("module", "message"),
    [
        (Scaled(jacobian=1.01), "log q is off the density of its map by"),
        (Mixing(), "log_q\\(phi\\) differs|depends on its batch"),
        (Shy(), "must give \\(phi, log_q\\)"),
    ],
)
def test_a_flow_with_a_wrong_density_is_refused(module, message):
    with torch.no_grad():
        module.log_width.fill_(0.3)
    with pytest.raises(lfmc.LfmcError, match=message):
        lfmc.as_model(module, EASY)


def test_a_flow_trained_elsewhere_is_a_model():
    module = Scaled()
    with torch.no_grad():
        module.log_width.fill_(-1.0)
    model = lfmc.as_model(module, EASY)
    assert "Scaled of 16 parameters" in repr(model)
    exact = torch.distributions.Normal(0.0, np.exp(-1.0)).log_prob(torch.ones(16)).sum()
    assert lfmc.log_prob(model, np.ones(16)) == pytest.approx(float(exact))
    assert lfmc.sample(model, 500, seed=1, progress=False).sampler == "flow"


def test_a_flow_of_the_package_is_a_model_too():
    flow = lfmc.build_flow(SMALL, REALNVP, seed=3)
    assert lfmc.as_model(flow, SMALL).parameters == sum(p.numel() for p in flow.parameters())


def test_an_own_theory_gives_the_chain_of_the_same_known_one():
    """The same flow, seed and action: the same proposals, and the model's side decides."""
    model = lfmc.train(Own(), 0.4, seed=1, flow=REALNVP, progress=False)
    assert model.acceptance_target is None
    chain = lfmc.sample(model, 4000, seed=2, progress=False)
    known = lfmc.sample(
        lfmc.as_model(model.flow, EASY), 4000, seed=2, progress=False, keep_fields=0
    )
    assert chain.acceptance == pytest.approx(known.acceptance, abs=0.03)
    found = lfmc.measure(chain)
    assert "sd" not in found
    assert found.acceptance.value == chain.acceptance
    assert "Own" in repr(chain)


def test_samples_of_p_of_an_own_theory_are_used():
    model = lfmc.train(Sampled(), 0.4, seed=1, flow=Scaled(), progress=False)
    assert model.acceptance_target.value > 0.4
    given = Sampled().independent_fields(4096, 9)
    other = lfmc.train(Own(), 0.4, seed=1, flow=Scaled(), fields=given, progress=False)
    assert other.acceptance_target.value == pytest.approx(model.acceptance_target.value, abs=0.03)


def test_samples_of_another_p_stop_the_training():
    """Fields of which the flow makes too few: its own samples alone would pass."""
    far = np.full((512, 16), 0.5)
    assert lfmc.train(Own(), 0.4, seed=1, flow=Scaled(), max_steps=1000, progress=False).reached
    with pytest.raises(lfmc.TargetNotReached):
        lfmc.train(EASY, 0.4, seed=1, flow=Scaled(), fields=far, max_steps=1000, progress=False)


class Flat(Own):
    """S of another sign for a batch of one."""

    def evaluate(self, phi):
        return EASY.evaluate(phi) * (1 if len(phi) > 1 else -1)


class OfArrays(Own):
    def evaluate(self, phi):
        return np.sum(phi * phi, -1)


@pytest.mark.parametrize("theory", [Flat(), OfArrays()])
def test_a_theory_that_is_none_is_refused(theory):
    with pytest.raises(lfmc.LfmcError, match="evaluate"):
        lfmc.train(theory, seed=1, flow=Scaled(), progress=False)


class Odd(Own):
    """Quartic, on a lattice without a checkerboard."""

    shape = (3, 5)
    right = np.roll(np.arange(15).reshape(3, 5), -1, 1).ravel()

    def evaluate(self, phi):
        return (4 * phi**2 + phi**4 - phi * phi[..., self.right]).sum(-1)


def test_own_theories_and_flows_need_no_even_extents():
    model = lfmc.train(Odd(), 0.5, seed=1, flow=Scaled(15), progress=False)
    chain = lfmc.sample(model, 2000, seed=1, progress=False)
    assert lfmc.log_prob(model, chain.fields.reshape(-1, 3, 5)).shape == (1000,)
    with pytest.raises(lfmc.LfmcError, match="extent 3 is odd"):
        lfmc.train(Odd(), 0.5, seed=1, flow="realnvp", progress=False)


def test_given_samples_of_p_serve_flows_of_the_package():
    given = lfmc.cluster(SMALL, chains=64, updates=32, seed=3, progress=False).fields
    model = lfmc.train(SMALL, 0.5, seed=1, fields=given, progress=False)
    assert model.acceptance_target.value > 0.5
    assert model.settings.model.kind == "heatbath"


def test_kinds_and_settings_pass_through():
    flow = lfmc.build_flow(SMALL, {"kind": "heatbath", "layers": 2})
    assert len(flow.layers()) == 2
    assert small_model().settings.model.kind == "heatbath"
