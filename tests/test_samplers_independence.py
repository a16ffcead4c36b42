"""Independence Metropolis: exact on known targets, wrong when broken, safe on any input."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lfmc.errors import LfmcError
from lfmc.samplers.independence import independence_chain

pytestmark = pytest.mark.unit


def expand(chain) -> np.ndarray:
    return np.repeat(chain.proposal, chain.multiplicity)


@given(
    st.integers(2, 200),
    st.integers(0, 250),
    st.integers(0, 2**32),
    st.sampled_from([0.0, 0.5, 5.0, 1000.0]),
)
def test_every_update_has_one_state(n, burn_in, seed, spread):
    random = np.random.default_rng(seed)
    log_weight, uniforms = random.normal(0, spread, n), random.random(n)
    if n <= max(burn_in, 1):
        with pytest.raises(LfmcError, match="burn-in"):
            independence_chain(log_weight, uniforms, burn_in)
        return
    chain = independence_chain(log_weight, uniforms, burn_in)
    state = expand(chain)
    assert len(state) == n - burn_in
    assert (np.diff(chain.proposal) > 0).all()
    assert (state <= np.arange(burn_in, n)).all()
    assert chain.longest_run == chain.multiplicity.max() - 1
    whole = expand(independence_chain(log_weight, uniforms))
    assert np.array_equal(state, whole[burn_in:])


def test_accepts_with_the_ratio_of_weights_compared_in_log_space():
    log_weight = np.array([0.0, -1.0, 800.0, 0.0, 1700.0])
    below, above = np.exp(-1) - 1e-9, np.exp(-1) + 1e-9
    accepted = independence_chain(log_weight, np.array([0.5, below, 0.9, 0.0, 0.9]))
    assert expand(accepted).tolist() == [0, 1, 2, 3, 4]
    rejected = independence_chain(log_weight, np.array([0.5, above, 0.9, 1e-300, 0.9]))
    assert expand(rejected).tolist() == [0, 0, 2, 2, 4]
    assert rejected.accepted == 3


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_weights_that_are_not_finite_are_refused(bad):
    log_weight = np.zeros(50)
    log_weight[20] = bad
    with pytest.raises(LfmcError, match="log weight 20 is"):
        independence_chain(log_weight, np.full(50, 0.5))


def second_moment(sign: float, jacobian: bool, seed: int) -> tuple[float, float]:
    """<x^2> of p = N(0,1) by a chain on q = N(0, 1.3^2), with its error from 50 replicas."""
    random = np.random.default_rng(seed)
    means = []
    for _ in range(50):
        z = random.normal(size=4000)
        x = 1.3 * z
        log_q = -0.5 * z * z - (0 if not jacobian else np.log(1.3))
        if not jacobian:  # a map that stretches where it is far out, without its log-det
            x = z + 0.15 * z**3
        log_weight = sign * (-0.5 * x * x - log_q)
        state = expand(independence_chain(log_weight, random.random(4000), 100))
        means.append((x[state] ** 2).mean())
    return float(np.mean(means)), float(np.std(means, ddof=1) / np.sqrt(50))


@pytest.mark.stat
def test_chain_samples_its_target():
    """4 errors from 50 replicas (Student): false-alarm rate 2e-4."""
    value, error = second_moment(+1, True, 3)
    assert abs(value - 1) < 4 * error
    assert error < 0.01


@pytest.mark.stat
@pytest.mark.parametrize(("sign", "jacobian"), [(-1, True), (+1, False)])
def test_wrong_sign_and_missing_jacobian_are_caught(sign, jacobian):
    """The same test must fail on a broken kernel: by more than 8 errors."""
    value, error = second_moment(sign, jacobian, 3)
    assert abs(value - 1) > 8 * error
