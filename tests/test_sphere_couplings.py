"""Couplings of unit vectors by boosts and by projections: exact, and what must fail."""

import numpy as np
import pytest
import torch

from lfmc.config import parse_config
from lfmc.config.sphere_couplings_section import SphereCouplingsSettings
from lfmc.errors import LfmcError
from lfmc.flows import sphere_couplings
from lfmc.flows.sphere_couplings import SphereCouplingsFlow
from lfmc.theories.spheres import Spheres

pytestmark = pytest.mark.unit
MAPS = ["boost", "stereographic"]


def flow_of(kind, n=3, shape=(2, 4), **settings):
    """A flow with parameters that nobody trained."""
    torch.manual_seed(1)
    chosen = SphereCouplingsSettings(**{"map": kind, "couplings": 7, "hidden": (4,)} | settings)
    flow = SphereCouplingsFlow(Spheres(shape, n, 0.8), chosen).requires_grad_(False)
    for parameter in flow.parameters():
        parameter.add_(0.3 * torch.randn_like(parameter))
    return flow


def normals(flow, count):
    return flow.base.tensor(torch.Generator().manual_seed(2), count, torch.float64)


@pytest.mark.parametrize("kind", MAPS)
@pytest.mark.parametrize("n", [2, 3, 5])
def test_log_q_of_a_drawn_field_is_that_of_its_draw(kind, n):
    flow = flow_of(kind, n)
    phi, log_q = flow(normals(flow, 50))
    np.testing.assert_allclose(flow.log_q(phi), log_q, atol=1e-10)
    np.testing.assert_allclose(flow.action.spins(phi).norm(dim=-1), 1, atol=1e-13)
    assert log_q.std() > 0.1


def jacobian_errors(flow):
    """|log q - that of the Jacobian|, between the tangent planes of every vector."""
    n, errors = flow.action.N, []
    for z in normals(flow, 3):
        start = torch.nn.functional.normalize(flow.action.spins(z), dim=-1)
        phi, log_q = flow(start.reshape(1, -1))
        whole = torch.autograd.functional.jacobian(
            lambda x: flow(x[None]).phi[0], start.reshape(-1)
        )
        planes = [
            torch.block_diag(*(torch.linalg.svd(one[None])[2][1:] for one in vectors))
            for vectors in (start, phi.reshape(-1, n))
        ]
        slope = torch.linalg.slogdet(planes[1] @ whole @ planes[0].T)[1]
        area = {2: 2 * np.pi, 3: 4 * np.pi}[n]
        errors.append(abs(float(log_q[0] + slope) + flow.sites * np.log(area)))
    return errors


@pytest.mark.parametrize("kind", MAPS)
@pytest.mark.parametrize("n", [2, 3])
def test_log_q_is_that_of_the_jacobian(kind, n):
    assert max(jacobian_errors(flow_of(kind, n))) < 1e-10


@pytest.mark.parametrize("kind", MAPS)
def test_a_jacobian_that_is_left_out_is_caught(kind, monkeypatch):
    flow, whole = flow_of(kind), getattr(sphere_couplings, kind)

    def without(*arguments):
        found = whole(*arguments)
        return found._replace(log_slope=0 * found.log_slope)

    monkeypatch.setattr(sphere_couplings, kind, without)
    assert min(jacobian_errors(flow)) > 0.01


def test_boosts_are_symmetric_and_projections_are_not():
    turn = np.linalg.qr(np.random.default_rng(3).standard_normal((3, 3)))[0]
    change = {}
    for kind in MAPS:
        flow = flow_of(kind)
        phi, log_q = flow(normals(flow, 5))
        turned = (flow.action.spins(phi) @ torch.from_numpy(turn)).reshape(phi.shape)
        change[kind] = float((flow.log_q(turned) - log_q).abs().min())
    assert change["boost"] < 1e-10 < 1e-3 < change["stereographic"]


def test_a_vector_at_the_pole_is_nan():
    flow = flow_of("stereographic", couplings=2)
    field = torch.zeros(1, flow.numbers, dtype=torch.float64)
    field[:, 0::3] = 1
    assert torch.isnan(flow.log_q(field)).all()
    field[:, 0::3], field[:, 1::3] = 0, 1
    assert torch.isfinite(flow.log_q(field)).all()


def test_lattices_and_theories_without_such_couplings_are_refused():
    theory = {"kind": "spheres", "N": 3, "beta": 1.0}
    raw = {
        "ensembles": [{"name": "A", "L": 3, "theory": theory}],
        "flow": {"model": {"kind": "sphere_couplings"}},
    }
    with pytest.raises(LfmcError, match="needs even extents"):
        parse_config(raw)
    with pytest.raises(LfmcError, match="shells: 4 is more than"):
        flow_of("boost", shape=(2, 4), shells=4)
    with pytest.raises(LfmcError, match="N >= 2"):
        flow_of("boost", 1)
