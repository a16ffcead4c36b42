"""Claims about log Z, against values that are known exactly."""

import numpy as np
import pytest
from exact_targets import log_partition

import lfmc
from lfmc.lattice import khat2

pytestmark = pytest.mark.stat

TINY = lfmc.Phi4((2, 2), m2=-4.0, lam=5.0)


@pytest.fixture(scope="module")
def tiny():
    return lfmc.train(TINY, 0.7, seed=1, progress=False)


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_log_z_of_four_sites_is_the_quadrature(tiny, seed):
    """Within 4.5 errors: by chance beyond once in 1.5e5 estimates. Another coupling must fail."""
    found = lfmc.log_Z(tiny, samples=20_000, seed=seed)
    assert 0 < found.error < 0.02
    assert abs(found.value - log_partition(TINY)) < 4.5 * found.error
    wrong = log_partition(lfmc.Phi4((2, 2), m2=-4.0, lam=5.5))
    assert abs(found.value - wrong) > 6 * found.error


def test_log_z_of_almost_free_fields_is_the_determinant():
    """lam -> 0: Z = prod_k sqrt(pi / (m2 + khat^2)), S being sum_k (m2 + khat^2) |phi_k|^2."""
    theory = lfmc.Phi4((4, 4), m2=1.0, lam=1e-9)
    model = lfmc.train(theory, 0.7, seed=1, progress=False)
    found = lfmc.log_Z(model, samples=20_000)
    exact = 0.5 * np.log(np.pi / (1.0 + khat2((4, 4)))).sum()
    assert abs(found.value - exact) < 4.5 * found.error + 1e-7  # lam <phi^4> V is 1e-9
    assert abs(found.value - exact - 0.5 * np.log(2)) > 6 * found.error


def test_the_error_is_that_of_independent_estimates(tiny):
    """The scatter of 60 estimates has a relative error of 9 %: 4.5 of them at most."""
    found = [lfmc.log_Z(tiny, samples=2000, seed=seed) for seed in range(60)]
    scatter = np.std([one.value for one in found], ddof=1)
    ratio = scatter / np.mean([one.error for one in found])
    assert abs(ratio - 1) < 4.5 * 0.09
    assert len({one.value for one in found}) == 60


def test_ess_is_that_of_the_training(tiny):
    found = lfmc.log_Z(tiny, samples=20_000)
    assert 0 < found.ess <= 1
    assert str(found).startswith("log Z = ")
    assert lfmc.log_Z(tiny, samples=20_000) == found
