"""Claims about symmetrised proposals: exact, even, with streams of their own, or refused."""

import numpy as np
import pytest
import torch
from exact_targets import quadrature

import lfmc
from lfmc.config import parse_config, stage_settings
from lfmc.errors import LfmcError
from lfmc.proposals import symmetrise
from lfmc.proposals.symmetrise import random_signs, symmetric_drawing, symmetric_log_q
from lfmc.training.acceptance import acceptance_from_target
from lfmc.training.step import field_log_weight, model_log_weight

ORDERED = lfmc.Phi4((2, 2), m2=-4.0, lam=1.5)  # two deep wells
SEEN = 4.0


class OneWell(torch.nn.Module):
    """Normals about one of the wells: exact for neither."""

    def __init__(self, mean=1.1, width=0.45):
        super().__init__()
        self.mean = torch.nn.Parameter(torch.tensor([mean], dtype=torch.float64))
        self.width = width

    def forward(self, z):
        return self.mean + self.width * z, self.log_q(self.mean + self.width * z)

    def log_q(self, phi):
        return torch.distributions.Normal(self.mean, self.width).log_prob(phi).sum(-1)


@pytest.fixture(scope="module")
def model():
    return lfmc.as_model(OneWell(), ORDERED)


@pytest.mark.unit
def test_the_density_is_that_of_both_signs_and_normalised(model):
    draw = symmetric_drawing(model.flow)
    z = np.random.default_rng(1).standard_normal((200, 4))
    phi, log_q = draw(z)
    one, other = (model.flow.log_q(torch.tensor(s * phi)).detach().numpy() for s in (1, -1))
    assert log_q == pytest.approx(np.log((np.exp(one) + np.exp(other)) / 2), abs=1e-12)
    assert symmetric_log_q(model.flow, phi) == pytest.approx(log_q, abs=1e-12)
    assert symmetric_log_q(model.flow, -phi) == pytest.approx(log_q, abs=1e-12)
    x = np.linspace(-4, 4, 33)
    grid = np.stack(np.meshgrid(x, x, x, x, indexing="ij"), -1).reshape(-1, 4)
    total = np.exp(symmetric_log_q(model.flow, grid)).sum() * (x[1] - x[0]) ** 4
    assert total == pytest.approx(1.0, abs=1e-3)


@pytest.mark.stat
def test_a_flow_of_one_well_samples_both(model):
    exact = quadrature(ORDERED, 37, 3.0)
    chain = lfmc.sample(model, 100_000, seed=3, symmetrise=True, progress=False)
    found = lfmc.measure(chain)
    for name in ("chi2", "phi2", "phi4", "E"):
        assert abs(found[name].value - exact[name]) < SEEN * found[name].error, name
    assert abs(found.m.value) < SEEN * found.m.error
    assert abs(found.sd.value - 1) < SEEN * found.sd.error
    flips = np.diff(np.sign(chain.scalars["m"]), axis=1) != 0
    # Half of the accepted proposals; about 20 000 of them, so 0.5 within 0.004.
    assert abs(flips.mean() / chain.acceptance - 0.5) < 0.03


@pytest.mark.stat
def test_without_the_second_density_it_would_be_biased(monkeypatch):
    """The negative control: wells that overlap, signs, but log q of the flow alone."""
    shallow = lfmc.Phi4((2, 2), m2=-3.0, lam=3.0)
    model, exact = lfmc.as_model(OneWell(0.4, 0.5), shallow), quadrature(shallow)

    def worst():
        found = lfmc.measure(lfmc.sample(model, 50_000, seed=3, symmetrise=True, progress=False))
        names = ("chi2", "phi2", "phi4", "E")
        return max(abs(found[n].value - exact[n]) / found[n].error for n in names)

    assert worst() < SEEN
    monkeypatch.setattr(symmetrise, "_mean", lambda one, other: one)
    assert worst() > 6


@pytest.mark.unit
def test_signs_have_a_stream_of_their_own(model):
    bare = lfmc.sample(model, 2000, seed=3, progress=False)
    both = lfmc.sample(model, 2000, seed=3, symmetrise=True, progress=False)
    again = lfmc.sample(model, 4000, seed=3, symmetrise=True, progress=False)
    assert len(bare.log_weight) == len(both.log_weight)
    assert np.array_equal(both.log_weight, again.log_weight[: len(both.log_weight)])
    signs = [random_signs(1, ("A", "flow-70", block), 4096) for block in (0, 1)]
    assert set(np.unique(signs[0])) == {-1.0, 1.0}
    assert not np.array_equal(*signs)
    assert abs(np.mean(signs)) < SEEN / 8192**0.5


@pytest.mark.unit
def test_flows_that_are_even_and_actions_that_are_not_are_refused(model):
    flow = lfmc.build_flow(lfmc.Phi4((4, 4), -4.0, 7.0), {"kind": "heatbath"}, seed=1)
    with pytest.raises(LfmcError, match="same at phi and -phi already"):
        symmetric_drawing(flow)
    field = lfmc.theory("phi4_in_field", (2, 2), m2=-4.0, lam=1.5, J=0.1)
    with pytest.raises(LfmcError, match="the action is not even"):
        lfmc.sample(lfmc.as_model(OneWell(), field), 1000, seed=1, symmetrise=True)
    with pytest.raises(LfmcError, match=r"no q\(-phi\)"):
        lfmc.sample(model, 1000, seed=1, symmetrise=True, anneal=2)


def config(**changed):
    raw = {"ensembles": [{"name": "A", "L": 4, "m2": -4.0, "lam": 6.0}]}
    return parse_config(raw | {"flow": {"model": {"kind": "realnvp"}}} | changed)


@pytest.mark.unit
def test_settings_are_as_they_were_where_it_is_off():
    place = ("propose", "A", "flow-70")
    bare = stage_settings(config(), *place)
    assert stage_settings(config(propose={"symmetrise": False}), *place) == bare
    assert "symmetrise" not in bare
    both = config(propose={"symmetrise": True})
    assert stage_settings(both, *place)["symmetrise"] is True
    train = ("train", "A")
    assert stage_settings(both, *train) == stage_settings(config(), *train) | {"symmetrise": True}


@pytest.mark.unit
def test_configurations_in_which_it_is_not_exact_are_refused():
    field = {"kind": "phi4_in_field", "m2": -4.0, "lam": 6.0, "J": 0.1}
    with pytest.raises(LfmcError, match=r"propose\.symmetrise: the action of B is not even"):
        config(ensembles=[{"name": "B", "L": 4, "theory": field}], propose={"symmetrise": True})
    with pytest.raises(LfmcError, match="annealed proposals"):
        config(propose={"symmetrise": True, "anneal": 4})
    with pytest.raises(LfmcError, match="kind heatbath is even already"):
        config(propose={"symmetrise": True}, flow={"model": {"kind": "heatbath"}})


@pytest.mark.unit
def test_trainings_see_the_symmetrised_density(model):
    """Both sides of the stop rule: log w of q_sym; that of q alone has lost half of p."""
    flow, random = model.flow, torch.Generator()
    both = model_log_weight(flow, 4096, random.manual_seed(1), symmetrise=True).numpy()
    with torch.no_grad():
        phi = flow(flow.base.tensor(random.manual_seed(1), 4096, torch.float64)).phi
    exact = -ORDERED.evaluate(phi.numpy()) - symmetric_log_q(flow, phi.numpy())
    assert both == pytest.approx(exact, abs=1e-9)
    signs = random_signs(1, ("A",), 4096)[:, None]
    fields = torch.from_numpy(signs * phi.numpy())
    assert field_log_weight(flow, fields, symmetrise=True).numpy() == pytest.approx(exact, abs=1e-9)
    alone = model_log_weight(flow, 4096, random.manual_seed(1)).numpy()
    of_target = field_log_weight(flow, fields).numpy()
    accepted = acceptance_from_target(exact, both).value
    assert accepted > 0.5
    assert acceptance_from_target(of_target, alone).value < 0.6 * accepted
