"""The Schwinger model's determinant, force and scalars against dense matrices and exact values."""

import numpy as np
import pytest
import torch
from schwinger_small import SIGMA, dense, exact_on_two, free_log_determinant, links_of_two

from lfmc.errors import LfmcError
from lfmc.theories.schwinger import Schwinger
from lfmc.theories.schwinger.dirac import determinant_gradient, log_determinant
from lfmc.theories.u1 import U1

pytestmark = pytest.mark.unit

SHAPES = [(2, 2), (4, 4), (2, 6), (6, 4)]
KAPPA = 0.24


def fields(shape, batch=5, seed=1):
    return np.random.default_rng(seed).uniform(-np.pi, np.pi, (batch, 2 * shape[0] * shape[1]))


def fermions_of(theory, phi):
    """log |det D| of both forms: compiled, and by the library."""
    gauge = U1.evaluate(theory, phi)
    compiled = 0.5 * (gauge - theory.evaluate(phi))
    return compiled, log_determinant(phi, theory.shape, theory.kappa)


@pytest.mark.parametrize("shape", SHAPES)
def test_determinant_and_trace_are_those_of_the_whole_operator(shape):
    theory, phi = Schwinger(shape, 1.3, KAPPA), fields(shape)
    whole = [dense(one, shape, KAPPA) for one in phi]
    wanted = np.array([np.linalg.slogdet(d)[1] for d in whole])
    for found in fermions_of(theory, phi):
        assert np.abs(found - wanted).max() < 1e-11
    trace = np.array([np.trace(np.linalg.inv(d)) for d in whole])
    assert np.abs(trace.imag).max() < 1e-11
    seen = theory.measure(phi)
    assert np.allclose(seen["condensate"], trace.real / (shape[0] * shape[1]), atol=1e-11)
    assert np.allclose(seen["log_det"], 2 * wanted / (shape[0] * shape[1]), atol=1e-11)
    wrong = np.array([np.linalg.slogdet(dense(one, shape, KAPPA, 1.0))[1] for one in phi])
    assert np.abs(wrong - wanted).max() > 1e-3  # periodic fermions are noticed


@pytest.mark.parametrize("shape", SHAPES)
def test_the_operator_is_gamma5_hermitian_so_that_its_determinant_is_real(shape):
    gamma5 = np.kron(np.eye(shape[0] * shape[1]), -1j * SIGMA[0] @ SIGMA[1])
    for one in fields(shape):
        d = dense(one, shape, KAPPA)
        assert np.abs(d.conj().T - gamma5 @ d @ gamma5).max() < 1e-14
        assert abs(np.linalg.slogdet(d)[0].imag) < 1e-12


@pytest.mark.parametrize("shape", SHAPES)
def test_the_gradient_is_that_of_the_action(shape):
    theory, phi = Schwinger(shape, 1.3, KAPPA), fields(shape)
    found = theory.gradient(phi)
    for k in range(phi.shape[1]):
        step = np.zeros(phi.shape[1])
        step[k] = 1e-5
        slope = (theory.evaluate(phi + step) - theory.evaluate(phi - step)) / 2e-5
        assert np.allclose(found[:, k], slope, atol=1e-6), k
    tensor = torch.tensor(phi, requires_grad=True)
    theory.evaluate(tensor).sum().backward()
    assert np.allclose(found, tensor.grad.numpy(), atol=1e-10)
    assert np.allclose(found, theory.gradient(torch.from_numpy(phi)).numpy(), atol=1e-10)
    library = determinant_gradient(phi, shape, KAPPA)
    assert np.allclose(found - U1.gradient(theory, phi), -2 * library, atol=1e-10)


@pytest.mark.parametrize("shape", SHAPES)
def test_everything_is_gauge_invariant(shape):
    theory, phi = Schwinger(shape, 1.3, KAPPA), fields(shape)
    links = phi.reshape(-1, *shape, 2).copy()
    angle = fields(shape, seed=2)[:, ::2].reshape(-1, *shape)
    for mu in range(2):
        links[..., mu] += angle - np.roll(angle, -1, 1 + mu)
    other = links.reshape(phi.shape)
    assert np.abs(theory.evaluate(other) - theory.evaluate(phi)).max() < 1e-11
    assert np.abs(theory.gradient(other) - theory.gradient(phi)).max() < 1e-11
    for name, values in theory.measure(phi).items():
        assert np.abs(theory.measure(other)[name] - values).max() < 1e-11, name


@pytest.mark.parametrize("shape", SHAPES)
def test_free_fermions_have_the_determinant_of_momentum_space(shape):
    theory, links = Schwinger(shape, 1.3, 0.23), np.zeros((1, 2 * shape[0] * shape[1]))
    for found in fermions_of(theory, links):
        assert found[0] == pytest.approx(free_log_determinant(shape, 0.23), abs=1e-12)
        assert abs(found[0] - free_log_determinant(shape, 0.23, antiperiodic=False)) > 1e-4


def test_the_lowest_order_of_the_hopping_expansion():
    """log det D = 8 kappa^4 sum cos P + O(kappa^6), from 6 x 6 sites on without winding loops."""
    shape, phi = (6, 6), fields((6, 6))
    plaquettes = 36 * U1(shape, 1.0).measure(phi)["plaquette"]
    for kappa, accuracy in ((0.04, 0.6), (0.02, 0.15)):
        theory = Schwinger(shape, 1.3, kappa)
        off = fermions_of(theory, phi)[0] / (8 * kappa**4) - plaquettes
        assert np.abs(off).max() < accuracy


def test_without_hopping_it_is_u1():
    theory, gauge, phi = Schwinger((2, 2), 1.3, 0.0), U1((2, 2), 1.3), fields((2, 2))
    assert np.array_equal(theory.evaluate(phi), gauge.evaluate(phi))
    assert np.array_equal(theory.gradient(phi), gauge.gradient(phi))
    assert theory.log_Z == gauge.log_Z
    assert theory.identities == gauge.identities
    assert np.array_equal(theory.independent_fields(5, 1), gauge.independent_fields(5, 1))
    seen = theory.measure(phi)
    assert (seen["condensate"] == 2).all()  # tr 1 of two components
    assert (seen["log_det"] == 0).all()
    other = Schwinger((2, 2), 1.3, 0.1)
    assert other.log_Z is None
    assert other.independent_fields(5, 1) is None


def test_the_average_over_links_satisfies_the_schwinger_dyson_identity():
    """On 2 x 2 by quadrature; without the fermions' force it is off."""
    theory, phi = Schwinger((2, 2), 1.0, 0.3), links_of_two(10)
    weight = np.exp(-theory.evaluate(phi))
    mean = {k: float(weight @ v / weight.sum()) for k, v in theory.measure(phi).items()}
    right = 2 * mean["plaquette"]
    assert theory.beta * mean["force2"] + mean["force_product"] == pytest.approx(right, abs=1e-5)
    assert abs(theory.beta * mean["force2"] - right) > 1e-2


def test_the_quadrature_has_converged():
    one, two = exact_on_two(1.0, 0.3, 8), exact_on_two(1.0, 0.3, 10)
    for name, value in two.items():
        assert one[name] == pytest.approx(value, abs=2e-4), name


@pytest.mark.parametrize(
    ("shape", "beta", "kappa", "words"),
    [
        ((4, 5), 1.0, 0.2, "extents must be even"),
        ((4, 4, 4), 1.0, 0.2, "theory schwinger, shape .* two dimensions"),
        ((4, 4), -1.0, 0.2, "theory schwinger: beta"),
        ((4, 4), 1.0, 0.5, "kappa = 0.5 must be at least 0 and below 0.5"),
    ],
)
def test_what_is_no_such_model_is_refused_in_one_line(shape, beta, kappa, words):
    with pytest.raises(LfmcError, match=words) as refused:
        Schwinger(shape, beta, kappa)
    assert "\n" not in str(refused.value)
