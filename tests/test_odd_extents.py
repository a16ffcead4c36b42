"""Any number of sites: odd ones, whose last site has no partner, and the smallest extents."""

import numpy as np
import pytest
from exact_targets import ring_quadrature, sigmas
from flows_disturbed import SETTINGS, disturbed, normals
from guards import guarded
from test_flows_exactness import jacobian_log_det
from test_samplers_targets import CHAINS, every_sampler, run, schwinger_dyson

from lfmc.errors import LfmcError
from lfmc.flows.base import standard_normal_log_density
from lfmc.flows.build import build_flow
from lfmc.flows.heatbath.adjoint import scoring
from lfmc.flows.heatbath.arrays import flow_arrays
from lfmc.flows.heatbath.checkerboard import split
from lfmc.flows.heatbath.draw import draw, field_log_weight, model_log_weight
from lfmc.flows.heatbath.draw_scores import scored
from lfmc.kernels.lanes import LANES
from lfmc.lattice import khat2, volume
from lfmc.samplers.cluster import ClusterParameters, sample_cluster
from lfmc.samplers.hmc import HmcParameters, leapfrog, sample_hmc
from lfmc.samplers.local import LocalParameters, sample_local
from lfmc.samplers.state import chains_first, cold_start, fields
from lfmc.theories.phi4 import Phi4

ODD = [(3, 3), (5,), (3, 5), (3, 3, 3)]
SAMPLES = {
    "hmc": (sample_hmc, HmcParameters(0.8, 7)),
    "local": (sample_local, LocalParameters(0.5)),
    "cluster": (sample_cluster, ClusterParameters(0.5, 1, 1)),
}


@pytest.mark.stat
@every_sampler
@pytest.mark.parametrize("shape", ODD)
def test_free_field_on_odd_lattices_has_the_exact_propagator(name, shape):
    """4.5 sigma on at most 27 momenta x 12 cases, 180 in all: false-alarm rate 1.3e-3.

    The negative control, m2 off by 10 %, must be beyond 6 sigma.
    """
    saved = run(name, Phi4(shape, 1.0, 0.0), 900, save_every=5).saved
    axes = tuple(range(2, 2 + len(shape)))
    mode = np.fft.fftn(saved.reshape(*saved.shape[:2], *shape), axes=axes)
    power = (abs(mode) ** 2 / volume(shape)).mean(1).reshape(CHAINS, -1)
    assert sigmas(power, 1 / (2 * (khat2(shape) + 1.0))).max() < 4.5
    assert sigmas(power, 1 / (2 * (khat2(shape) + 1.1))).max() > 6


@pytest.mark.stat
@every_sampler
@pytest.mark.parametrize("sites", [2, 3, 5])
def test_interacting_rings_agree_with_the_transfer_matrix(name, sites):
    """4.5 sigma on 4 numbers x 9 cases: false-alarm rate 3e-4. Control: lam off by 5 %.

    A ring of two sites has two bonds between them, as the action says.
    """
    action = Phi4((sites,), -2.0, 3.0)
    found = run(name, action, 4000).scalars
    values = {name: found[name] for name in ("phi2", "phi4", "E")}
    values["chi2"] = sites * found["m"] ** 2
    exact, wrong = ring_quadrature(action), ring_quadrature(Phi4((sites,), -2.0, 3.15))
    deviation = {k: sigmas(v.mean(1), exact[k]) for k, v in values.items()}
    assert max(deviation.values()) < 4.5, deviation
    assert max(sigmas(v.mean(1), wrong[k]) for k, v in values.items()) > 6


@pytest.mark.stat
@every_sampler
@pytest.mark.parametrize("shape", [(3, 3), (5, 3)])
def test_schwinger_dyson_holds_on_odd_lattices(name, shape):
    """4.5 sigma on 6 numbers: false-alarm rate 4e-5. Control: lam off by 2 %."""
    action = Phi4(shape, -4.0, 6.0)
    found = run(name, action, 4000).scalars
    assert sigmas(schwinger_dyson(found, action), 1) < 4.5
    assert sigmas(schwinger_dyson(found, Phi4(shape, -4.0, 6.12)), 1) > 6


@pytest.mark.unit
@pytest.mark.parametrize("shape", [*ODD, (2,), (2, 3), (4, 3)])
def test_leapfrog_is_that_of_the_formula(shape):
    action = Phi4(shape, -2.0, 5.0)
    phi = cold_start(Phi4(shape, -2.0, 5.0), 5, range(LANES), "check", "leapfrog", width=0.4).phi
    p = cold_start(Phi4(shape, -2.0, 5.0), 6, range(LANES), "check", "momenta", width=1.0).phi
    end, p_end = leapfrog(phi, p, action, HmcParameters(0.6, 6))
    x, q = (chains_first(a, LANES) for a in (phi, p))
    q = q - 0.05 * action.gradient(x)
    for step in range(6):
        x = x + 0.1 * q
        q = q - (0.1 if step < 5 else 0.05) * action.gradient(x)
    # Six steps of about 20 operations on numbers of order one.
    assert abs(chains_first(end, LANES) - x).max() < 1e-12
    assert abs(chains_first(p_end, LANES) - q).max() < 1e-12


@pytest.mark.unit
@pytest.mark.parametrize("shape", [*ODD, (2,), (2, 2), (4, 4)])
@pytest.mark.parametrize("name", SAMPLES)
def test_samplers_stay_within_their_buffers(name, shape, monkeypatch):
    sample, parameters = SAMPLES[name]
    guards = guarded(monkeypatch)
    state = cold_start(Phi4(shape, -2.0, 5.0), 1, range(LANES + 1), "check", name)
    assert np.isfinite(fields(state)).all()
    end, info = sample(state, Phi4(shape, -2.0, 5.0), parameters, 4, 2)
    assert np.isfinite(end.phi).all()
    assert np.isfinite(info.saved).all()
    assert all(np.isfinite(values).all() for values in info.scalars.values())
    assert len(guards.given) >= 6
    assert guards.broken() == 0


@pytest.mark.unit
def test_guards_notice_a_row_too_many(monkeypatch):
    """The negative control: a pair stored where one site is left."""
    guards = guarded(monkeypatch)
    state = cold_start(Phi4((3, 3), -4.0, 6.0), 1, range(LANES), "check", "guards")
    row = guards.given[-1][-8 * LANES :][:LANES]
    row[:] = state.phi[0, -1]
    assert guards.broken() == 1


@pytest.mark.unit
@pytest.mark.parametrize("shape", [(2, 2), (4, 2), (6, 6), (2, 2, 2), (4, 2, 6)])
def test_passes_of_the_flow_stay_within_their_buffers(shape, monkeypatch):
    flow = disturbed("heatbath", shape, 6.0)
    guards = guarded(monkeypatch)
    z = normals(flow, LANES + 3).numpy()
    phi, log_q = draw(flow_arrays(flow), z)
    reduced = np.ascontiguousarray(z[:, : flow.reduced_sites])
    found = [
        log_q,
        field_log_weight(flow_arrays(flow), phi),
        model_log_weight(flow_arrays(flow), reduced),
    ]
    found += list(scored(scoring(flow), reduced))
    assert all(np.isfinite(values).all() for values in found)
    assert len(guards.given) > 20
    assert guards.broken() == 0


@pytest.mark.unit
@pytest.mark.parametrize("kind", [k for k in SETTINGS if k[:8] not in ("heatbath", "continuo")])
@pytest.mark.parametrize("shape", [(3, 3), (5,), (3, 4)])
def test_flows_that_need_no_checkerboard_are_exact_on_odd_lattices(kind, shape):
    """Two colours split any lattice; whether neighbours share one matters to no Jacobian."""
    flow = disturbed(kind, shape, 6.0)
    z = normals(flow, 1)
    drawn = flow(z)
    log_det = jacobian_log_det(lambda y: flow(y).phi, z[0])
    expected = float(standard_normal_log_density(z[0])) - log_det
    assert float(drawn.log_q) == pytest.approx(expected, abs=1e-10)
    assert float(flow.log_q(drawn.phi)) == pytest.approx(expected, abs=1e-10)


@pytest.mark.unit
@pytest.mark.parametrize("shape", [(3, 3), (4, 5), (3, 4, 4), (4, 1)])
def test_heatbath_needs_even_extents_and_says_so(shape):
    odd = next(n for n in shape if n % 2)
    for make in (split, lambda s: build_flow(Phi4(s, -4.0, 6.0), SETTINGS["heatbath"])):
        with pytest.raises(LfmcError, match=f"extent {odd} is odd.*even extents") as caught:
            make(shape)
        assert "\n" not in str(caught.value)


@pytest.mark.unit
@pytest.mark.parametrize("shape", [(1,), (1, 4), (4, 1), ()])
@pytest.mark.parametrize("name", SAMPLES)
def test_samplers_refuse_sites_that_are_their_own_neighbours(name, shape):
    sample, parameters = SAMPLES[name]
    state = cold_start(Phi4((2, 2), -4.0, 6.0), 1, range(4), "check", name)
    with pytest.raises(LfmcError, match="each at least 2"):
        sample(state, Phi4(shape, -4.0, 6.0), parameters, 1, 1)
