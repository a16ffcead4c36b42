"""The vectorised exp, log, sine-cosine and generators against independent references."""

import numpy as np
import pytest

from lfmc.kernels.generators import draw, normal_pair, symmetric, uniform
from lfmc.kernels.lanes import LANES, broadcast, kernel, load, store
from lfmc.kernels.mathematics import (
    exp_negative,
    exponential,
    log_positive,
    logarithm,
    sincos_turns,
    softplus,
    tanh,
)

pytestmark = pytest.mark.unit


@kernel
def _apply(function, x, out):
    for row in range(x.shape[0]):
        store(out, row, function(load(x, row)))


@kernel
def _sincos(x, sine, cosine):
    for row in range(x.shape[0]):
        s, c = sincos_turns(load(x, row))
        store(sine, row, s)
        store(cosine, row, c)


@kernel
def _scalar_exp(x, out):
    for i in range(x.size):
        out[i] = exp_negative(x[i])


@kernel
def _words(streams, out):
    state = load(streams, 0), load(streams, 1), load(streams, 2), load(streams, 3)
    for row in range(out.shape[0]):
        word, state = draw(state)
        store(out, row, word)


@kernel
def _uniforms(streams, out, both_signs):
    state = load(streams, 0), load(streams, 1), load(streams, 2), load(streams, 3)
    for row in range(out.shape[0]):
        value = broadcast(0.0)
        if both_signs:
            value, state = symmetric(state)
        else:
            value, state = uniform(state)
        store(out, row, value)


@kernel
def _normals(streams, out):
    state = load(streams, 0), load(streams, 1), load(streams, 2), load(streams, 3)
    for row in range(0, out.shape[0], 2):
        one, two, state = normal_pair(state)
        store(out, row, one)
        store(out, row + 1, two)


def applied(function, values):
    out = np.empty_like(values)
    _apply(function, values, out)
    return out


def rows(values):
    values = np.asarray(values)
    return np.resize(values, (-(-len(values) // LANES), LANES)).astype(np.float64)


@pytest.fixture
def streams():
    return np.random.default_rng(11).integers(0, 2**64, (4, LANES), dtype=np.uint64)


def test_exp_is_accurate_to_an_ulp_or_two():
    x = rows(-np.concatenate([np.geomspace(1e-300, 708, 20000), np.linspace(0, 50, 20000)]))
    reference = np.exp(x.astype(np.longdouble))
    assert float(abs(applied(exp_negative, x) / reference - 1).max()) < 4.5e-16


def test_exp_is_clamped_as_an_acceptance():
    x = rows(np.array([0.0, 1.0, 800.0, np.inf, -709.0, -1e6, -np.inf]))
    assert np.array_equal(applied(exp_negative, x)[0, :4], np.ones(4))
    assert (applied(exp_negative, x)[0, 4:7] == applied(exp_negative, rows([-708.0]))[0, 0]).all()


def test_exp_of_a_scalar_is_the_exp_of_a_lane():
    x = rows(-np.random.default_rng(2).exponential(5, 4096))
    out = np.empty(x.size)
    _scalar_exp(x.ravel(), out)
    assert np.array_equal(out, applied(exp_negative, x).ravel())


def test_log_is_accurate_to_two_ulps_also_near_one():
    near = 1 + np.concatenate([-np.geomspace(2.0**-53, 0.5, 5000), np.geomspace(2.0**-52, 1, 5000)])
    x = rows(np.concatenate([near, np.geomspace(1e-300, 1e300, 20000), [2.0**-52, 0.5, 2.0]]))
    reference = np.log(x.astype(np.longdouble))
    error = abs(applied(log_positive, x) - reference)
    assert float((error / np.maximum(abs(reference), 1e-300)).max()) < 5e-16
    assert applied(log_positive, rows([1.0]))[0, 0] == 0.0


def test_sine_and_cosine_are_accurate_in_all_quadrants():
    x = rows(np.concatenate([np.linspace(0, 2, 40001), np.linspace(-1, 0, 1001)]))
    sine, cosine = np.empty_like(x), np.empty_like(x)
    _sincos(x, sine, cosine)
    angle = 2 * np.longdouble("3.14159265358979323846264338327950288") * x.astype(np.longdouble)
    assert float(abs(sine - np.sin(angle)).max()) < 4e-16
    assert float(abs(cosine - np.cos(angle)).max()) < 4e-16


def test_words_are_those_of_xoshiro256_plus_plus(streams):
    out = np.empty((50, LANES), np.uint64)
    _words(streams, out)
    modulus = (1 << 64) - 1
    s = [int(w) for w in streams[:, 3]]

    def rotated(x, k):
        return ((x << k) | (x >> (64 - k))) & modulus

    for row in range(50):
        assert int(out[row, 3]) == (rotated((s[0] + s[3]) & modulus, 23) + s[0]) & modulus
        t = (s[1] << 17) & modulus
        s[2] ^= s[0]
        s[3] ^= s[1]
        s[1] ^= s[2]
        s[0] ^= s[3]
        s[2] ^= t
        s[3] = rotated(s[3], 45)


@pytest.mark.parametrize("both_signs", [False, True])
def test_uniforms_have_the_right_moments_and_range(streams, both_signs):
    """4.5 sigma on 4 moments and 64 bins: false-alarm rate 5e-4."""
    out = np.empty((60000, LANES))
    _uniforms(streams, out, both_signs)
    if both_signs:
        assert -1 < out.min() < -0.9999
        assert 0.9999 < out.max() < 1
        out = (out + 1) / 2
    assert out.min() >= 0
    assert out.max() < 1
    n = out.size
    for k in range(1, 5):
        sigma = np.sqrt((1 / (2 * k + 1) - 1 / (k + 1) ** 2) / n)
        assert abs((out**k).mean() - 1 / (k + 1)) < 4.5 * sigma
    counts = np.histogram(out, 64, (0, 1))[0]
    assert abs(counts - n / 64).max() < 4.5 * np.sqrt(n / 64)


def test_normals_have_the_right_moments_and_tails(streams):
    """4.5 sigma on 8 moments, 4 tails and 2 correlations: false-alarm rate 1e-4."""
    from scipy.special import ndtr

    out = np.empty((60000, LANES))
    _normals(streams, out)
    n = out.size
    exact = {1: 0, 2: 1, 3: 0, 4: 3, 5: 0, 6: 15, 7: 0, 8: 105}
    squares = {1: 1, 2: 3, 3: 15, 4: 105, 5: 945, 6: 10395, 7: 135135, 8: 2027025}
    for k, value in exact.items():
        sigma = np.sqrt((squares[k] - value**2) / n)
        assert abs((out**k).mean() - value) < 4.5 * sigma, k
    for edge in (-3.5, -2.0, 2.0, 3.5):
        p = ndtr(-abs(edge))
        inside = (out < edge).mean() if edge < 0 else (out > edge).mean()
        assert abs(inside - p) < 4.5 * np.sqrt(p / n)
    assert abs((out[0::2] * out[1::2]).mean()) < 4.5 * np.sqrt(2 / n)
    assert abs((out[:-1] * out[1:]).mean()) < 4.5 / np.sqrt(n)


def test_exp_of_both_signs_is_accurate_and_refuses_what_it_cannot():
    x = rows(np.linspace(-699.9, 699.9, 50001))
    assert float(abs(applied(exponential, x) / np.exp(x.astype(np.longdouble)) - 1).max()) < 4.5e-16
    assert np.isnan(applied(exponential, rows([700.5, -700.5, np.inf, -np.inf, np.nan]))).all()


def test_logarithm_refuses_what_it_cannot():
    x = rows(np.geomspace(1.1e-300, 0.9e300, 1001))
    assert np.array_equal(applied(logarithm, x), applied(log_positive, x))
    assert np.isnan(applied(logarithm, rows([0.0, -1.0, 1e-301, 1e301, np.inf, np.nan]))).all()


@pytest.mark.parametrize(
    ("function", "reference"),
    [(tanh, np.tanh), (softplus, lambda x: np.logaddexp(np.longdouble(0), x))],
)
def test_tanh_and_softplus_are_accurate_and_keep_what_is_not_finite(function, reference):
    x = rows(np.concatenate([np.linspace(-60, 60, 40001), np.linspace(-1e-3, 1e-3, 999), [1e5]]))
    exact = reference(x.astype(np.longdouble))
    assert float((abs(applied(function, x) - exact) / (1 + abs(exact))).max()) < 3e-16
    assert np.isnan(applied(function, rows([np.nan, np.inf, -np.inf]))).all()
