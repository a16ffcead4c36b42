"""Z of a 2 x 2 lattice from a flow's weights, for theories beside phi^4, against quadrature."""

import numpy as np
import pytest
from exact_targets import log_partition
from flows_disturbed import disturbed_for, normals

from lfmc.flows.passes import TorchPasses, passes
from lfmc.theories.free import Free
from lfmc.theories.phi4_in_field import Phi4InField
from lfmc.theories.sine_gordon import SineGordon

pytestmark = pytest.mark.stat

SHAPE = (2, 2)
# Each with one whose action is off, as a negative control.
CASES = {
    "sine_gordon": (SineGordon(SHAPE, 1.5, 0.8, 3.0), SineGordon(SHAPE, 1.5, 0.9, 3.0)),
    "phi4_in_field": (Phi4InField(SHAPE, -4.0, 5.0, 1.5), Phi4InField(SHAPE, -4.0, 5.0, 2.0)),
    "free": (Free(SHAPE, 1.5), Free(SHAPE, 1.65)),
}


@pytest.mark.parametrize("kind", ["heatbath", "convolutional", "multiscale"])
@pytest.mark.parametrize("name", CASES)
def test_mean_weight_is_the_partition_function(name, kind):
    """4.5 sigma on one number for 3 theories and 3 flows: false-alarm rate 6e-5."""
    theory, other = CASES[name]
    flow = disturbed_for(theory, kind, 0.03)
    found = passes(flow) if kind == "heatbath" else TorchPasses(flow)
    phi, log_q = found.draw(normals(flow, 40_000).numpy())

    def off(action):
        weight = np.exp(-action.evaluate(phi) - log_q - log_partition(theory, 41, 3.0))
        return abs(weight.mean() - 1) / (weight.std() / len(weight) ** 0.5)

    assert off(theory) < 4.5
    assert off(other) > 10
