"""Independent samples of p for the stop rule, from a short cluster run."""

import numpy as np

from lfmc.action import Phi4
from lfmc.flows.modes import variational_variance
from lfmc.lattice import FloatArray
from lfmc.samplers.cluster import ClusterParameters, sample_cluster
from lfmc.samplers.state import cold_start

CHAINS = 128
THERMALISATION = 400
SPACING = 10


def compile_target(action: Phi4) -> None:
    """Compile what `target_fields` calls: that is no part of what a training costs."""
    state = cold_start(action.shape, 0, range(1), "check", "")
    sample_cluster(state, action, ClusterParameters(1.0, clusters=1, sweeps=1), 1, 1)


def target_fields(action: Phi4, count: int, seed: int, ensemble: str) -> FloatArray:
    """`count` fields of p, (count, volume), SPACING cluster updates apart (several tau_int)."""
    width = 1.2 * float(np.sqrt(variational_variance(action).mean()))
    parameters = ClusterParameters(width, clusters=1, sweeps=1)
    state = cold_start(action.shape, seed, range(CHAINS), "check", ensemble)
    state, _ = sample_cluster(state, action, parameters, THERMALISATION, THERMALISATION)
    each = -(-count // CHAINS)
    _, info = sample_cluster(state, action, parameters, each * SPACING, SPACING)
    # Neighbours in the list come from different chains, so blocks of it are fair samples.
    return np.ascontiguousarray(info.saved.swapaxes(0, 1).reshape(each * CHAINS, -1)[:count])
