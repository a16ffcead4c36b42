"""CP^(N-1) models: action, observables and kernels against exact numbers, and what must fail."""

import numpy as np
import pytest
import torch
from scipy.integrate import quad
from scipy.special import i0

from lfmc.errors import LfmcError
from lfmc.kernels.lanes import LANES, kernel, store
from lfmc.kernels.theory import action_change, measure
from lfmc.kernels.tuples import store_each
from lfmc.lattice import separation_orbits
from lfmc.theories.cpn import CPN
from lfmc.theories.cpn.auxiliary import CPNAuxiliary
from lfmc.theories.cpn.charge import topological_charge
from lfmc.theories.spheres import Spheres, exact
from lfmc.theories.spheres.charge import topological_charge as charge_of_spins

pytestmark = pytest.mark.unit
FORMS = pytest.mark.parametrize("form", [CPN, CPNAuxiliary])


def fields(theory, count=LANES, seed=1):
    normals = np.random.default_rng(seed).standard_normal((count, theory.numbers))
    vectors = normals.reshape(count, -1, 2 * theory.N)
    return (vectors / np.linalg.norm(vectors, axis=-1, keepdims=True)).reshape(count, -1)


def spins_of(z):
    """n = z^+ sigma z of vectors with two components."""
    cross = 2 * z[..., 0].conj() * z[..., 1]
    along = abs(z[..., 0]) ** 2 - abs(z[..., 1]) ** 2
    return np.stack([cross.real, cross.imag, along], -1)


@kernel
def _kernels(old, new, near, couplings, seen, change):
    before, after = measure(old, near, couplings), measure(new, near, couplings)
    store_each(seen, 0, before)
    store(change, 0, action_change(after, before, near, couplings))


@FORMS
@pytest.mark.parametrize("n", [2, 3])
@pytest.mark.parametrize("shape", [(2, 2), (4, 6)])
def test_kernels_say_what_arrays_say(form, n, shape):
    theory = form(shape, n, 0.7)
    old, new = fields(theory, seed=1), fields(theory, seed=2)
    seen, change = np.empty((len(theory.scalars), LANES)), np.empty((1, LANES))
    block, other = np.ascontiguousarray(old.T), np.ascontiguousarray(new.T)
    _kernels(block, other, theory.geometry(), theory.couplings(), seen, change)
    for row, name in zip(seen, theory.scalars, strict=True):
        np.testing.assert_allclose(row, theory.measure(old)[name], atol=1e-11, err_msg=name)
    np.testing.assert_allclose(change[0], theory.evaluate(new) - theory.evaluate(old), atol=1e-10)


@FORMS
def test_gradient_and_torch(form):
    theory = form((4, 4), 3, 0.7)
    phi = torch.from_numpy(fields(theory)).requires_grad_()
    energy = theory.evaluate(phi)
    (slope,) = torch.autograd.grad(energy.sum(), phi)
    np.testing.assert_allclose(slope.numpy(), theory.gradient(phi.detach()).numpy(), atol=1e-12)
    np.testing.assert_allclose(slope.numpy(), theory.gradient(phi.detach().numpy()), atol=1e-12)
    np.testing.assert_allclose(energy.detach().numpy(), theory.evaluate(phi.detach().numpy()))


@FORMS
def test_curvature_is_the_laplacian_of_the_action_on_spheres(form):
    """Second differences along an orthonormal frame of geodesics of every site."""
    theory, step = form((2, 2), 3, 0.7), 1e-3
    phi = fields(theory, 2)
    total = np.zeros(2)
    for site in range(4):
        rows = slice(6 * site, 6 * site + 6)
        for b in range(2):
            here = phi[b, rows].copy()
            frame = np.linalg.svd(here[None])[2][1:]
            for direction in frame:
                at = []
                for t in (-step, 0.0, step):
                    moved = phi[b : b + 1].copy()
                    moved[0, rows] = np.cos(t) * here + np.sin(t) * direction
                    at.append(theory.evaluate(moved)[0])
                total[b] += (at[0] - 2 * at[1] + at[2]) / step**2
    np.testing.assert_allclose(theory.measure(phi)["curvature"], total / 4, rtol=1e-5)


@FORMS
def test_nothing_depends_on_the_phases_of_vectors(form):
    theory = form((4, 4), 3, 0.8)
    phi = fields(theory)
    turn = np.exp(2j * np.pi * np.random.default_rng(2).random((LANES, 16, 1)))
    turned = (theory.vectors(phi) * turn).view(np.float64).reshape(phi.shape)
    for name, value in theory.measure(phi).items():
        np.testing.assert_allclose(theory.measure(turned)[name], value, atol=1e-12, err_msg=name)
    np.testing.assert_allclose(theory.correlators(turned), theory.correlators(phi), atol=1e-12)
    np.testing.assert_allclose(theory.evaluate(turned), theory.evaluate(phi), atol=1e-12)


def test_two_components_are_o3_spins():
    """S, E, chi and Q of the vectors and of the spins they make, and log Z on 2 x 2."""
    theory, spins = CPN((4, 4), 2, 0.9), Spheres((4, 4), 3, 0.9)
    phi = fields(theory)
    n = spins_of(theory.vectors(phi))
    seen, other = theory.measure(phi), spins.measure(n.reshape(LANES, -1))
    np.testing.assert_allclose(seen["E"], 0.5 + 0.5 * other["E"], atol=1e-13)
    np.testing.assert_allclose(seen["m2"], 0.5 * other["m2"], atol=1e-13)
    np.testing.assert_array_equal(seen["Q"], other["Q"])
    assert np.abs(seen["Q"]).max() > 0
    np.testing.assert_allclose(charge_of_spins(n, (4, 4)), other["Q"], atol=1e-9)
    small, ring = CPN((2, 2), 2, 0.4).known, exact.ring(3, 0.8, 4)
    assert small["E"] == pytest.approx(0.5 + 0.5 * ring["E"], abs=1e-12)
    assert small["chi"] == pytest.approx(0.5 * ring["chi"], abs=1e-11)
    shift = 4 * 0.8 + 4 * np.log(np.pi / 2)  # |z.z'|^2 = (1 + n.n')/2; areas 2 pi^2 and 4 pi
    assert small["log_Z"] == pytest.approx(ring["log_Z"] + shift, abs=1e-11)


@FORMS
@pytest.mark.parametrize("n", [2, 4, 21])
def test_exact_values_are_derivatives_of_log_z(form, n):
    def log_z(beta):
        return form((2, 2), n, beta).log_Z

    slope = (log_z(0.3 + 1e-4) - log_z(0.3 - 1e-4)) / 2e-4
    factor = 1 if form is CPN else 2
    assert form((2, 2), n, 0.3).known["E"] == pytest.approx(slope / (8 * factor * n), abs=1e-7)
    area = np.log(2) + n * np.log(np.pi) - sum(np.log(k) for k in range(1, n))
    assert log_z(1e-9) == pytest.approx(4 * area, abs=1e-6)


def test_the_weight_of_a_bond_is_an_average_over_phases():
    theory = CPNAuxiliary((2, 2), 3, 0.8)
    for t in (0.0, 0.3, 1.0):
        u = 4.8 * np.sqrt(t)
        average = quad(lambda a, u=u: np.exp(u * np.cos(a)) / np.pi, 0, np.pi)[0]
        assert theory.log_bond(np.array(t)) == pytest.approx(np.log(average), abs=1e-12)
        assert average == pytest.approx(i0(u))


def test_charge_is_whole_odd_and_that_of_an_instanton():
    shape = (12, 12)
    theory = CPN(shape, 3, 1.0)
    phi = fields(theory, 40)
    z = theory.vectors(phi)
    charge = topological_charge(z, shape)
    np.testing.assert_allclose(charge, np.rint(charge), atol=1e-9)
    assert np.abs(charge).max() > 0.5
    np.testing.assert_allclose(topological_charge(z.conj(), shape), -charge, atol=1e-9)
    x, y = np.meshgrid(*2 * [np.arange(12) - 5.5], indexing="ij")
    radius = np.hypot(x, y)
    polar = np.pi * np.minimum(radius / 5, 1)
    one = np.zeros((1, 144, 3), complex)
    one[0, :, 0] = np.cos(polar / 2).ravel()
    one[0, :, 1] = (np.sin(polar / 2) * (x + 1j * y) / radius).ravel()
    assert abs(topological_charge(one, shape)[0]) == pytest.approx(1, abs=1e-9)


def test_correlators_add_up_to_the_susceptibility():
    theory = CPN((4, 6), 3, 1.0)
    phi = fields(theory)
    found = theory.correlators(phi)
    total = found @ separation_orbits(theory.shape).size
    np.testing.assert_allclose(total, 24 * theory.measure(phi)["m2"], atol=1e-12)
    np.testing.assert_allclose(found[:, 0], 2 / 3, atol=1e-13)


@pytest.mark.parametrize(
    ("form", "shape", "n", "beta", "word"),
    [(CPN, (4, 4), 1, 1.0, "N = 1"), (CPN, (4, 4), 33, 0.1, "N = 33"), (CPN, (4,), 3, 1.0, "two"),
     (CPN, (4, 1), 3, 1.0, "at least 2"), (CPN, (4, 4), 3, 0.0, "beta"),
     (CPN, (4, 4), 10, 1.3, "at most 1.25"), (CPN, (4, 4), 2.5, 1.0, "N = 2.5"),
     (CPNAuxiliary, (4, 4), 21, 1.2, "cpn_auxiliary: beta = 1.2")],
)  # fmt: skip
def test_what_is_no_such_model_is_refused(form, shape, n, beta, word):
    with pytest.raises(LfmcError, match=word):
        form(shape, n, beta)
