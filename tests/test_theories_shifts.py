"""The sum over forward neighbours is that of the table, to the bits, also where it is shifted."""

import numpy as np
import pytest

from lfmc.lattice import neighbours
from lfmc.theories.two_point import MOST_GATHERED, forward_sum

pytestmark = pytest.mark.unit


@pytest.mark.parametrize("shape", [(6, 6), (20, 20), (17, 18), (1, 300), (6, 6, 8), (300,)])
def test_shifts_give_the_bits_of_the_table(shape):
    phi = np.random.default_rng(1).normal(size=(3, 2, int(np.prod(shape))))
    forward = neighbours(shape)[:, 0::2]
    found = forward_sum(phi, shape)
    assert (found == sum(phi[..., forward[:, mu]] for mu in range(len(shape)))).all()
    assert (forward_sum(phi[0, 0], shape) == found[0, 0]).all()
    assert (phi.shape[-1] > MOST_GATHERED) == (shape != (6, 6))
