"""Independent samples of p for the stop rule: the theory's own, or from a short classical run."""

import numpy as np

from lfmc.flows.variational import variational_variance
from lfmc.lattice import FloatArray
from lfmc.samplers.cluster import ClusterParameters, sample_cluster
from lfmc.samplers.hmc import WINDOW, HmcParameters, sample_hmc
from lfmc.samplers.local import LocalParameters, sample_local
from lfmc.samplers.state import Info, State, cold_start
from lfmc.samplers.tune import Sample, approach
from lfmc.streams import generator
from lfmc.theories.scalar import Scalar

CHAINS = 128
THERMALISATION = 400
SPACING = 10
HMC_STEPS = 10
HMC_ACCEPTANCE = 0.7


def compile_target(theory: Scalar) -> None:
    """Compile the kernels of `target_fields`, whose time does not count as training."""
    state = cold_start(theory.shape, 0, range(1), "check", "")
    if "cluster" in theory.samplers:
        sample_cluster(state, theory, ClusterParameters(1.0, clusters=1, sweeps=1), 1, 1)
    else:
        state, _ = sample_local(state, theory, LocalParameters(1.0), 1, 1)
        sample_hmc(state, theory, HmcParameters(0.1, HMC_STEPS, WINDOW), 1, 1)


def target_fields(theory: Scalar, count: int, seed: int, ensemble: str) -> FloatArray:
    """Return fields of p, (count, numbers), SPACING updates apart (several tau_int).

    They are the theory's own if it can draw them (`Theory.independent_fields`), else they come from
    cluster updates if the theory has them, and from HMC of tuned length otherwise.
    """
    own = theory.independent_fields(count, int(generator(seed, "check", ensemble).integers(2**62)))
    if own is not None:
        return np.ascontiguousarray(own, dtype=np.float64)
    width = 1.2 * float(np.sqrt(variational_variance(theory).mean()))
    state = cold_start(theory.shape, seed, range(CHAINS), "check", ensemble)
    each = -(-count // CHAINS)
    if "cluster" in theory.samplers:
        parameters = ClusterParameters(width, clusters=1, sweeps=1)
        state, _ = sample_cluster(state, theory, parameters, THERMALISATION, THERMALISATION)
        _, info = sample_cluster(state, theory, parameters, each * SPACING, SPACING)
    else:
        state, _ = sample_local(
            state, theory, LocalParameters(width), THERMALISATION, THERMALISATION
        )
        length, _ = approach(_trajectories(theory), state, HMC_ACCEPTANCE, "hmc")
        hmc = HmcParameters(length, HMC_STEPS, WINDOW)
        state, _ = sample_hmc(state, theory, hmc, THERMALISATION, THERMALISATION)
        _, info = sample_hmc(state, theory, hmc, each * SPACING, SPACING)
    # Neighbours in the list come from different chains, so blocks of it are unbiased samples.
    return np.ascontiguousarray(info.saved.swapaxes(0, 1).reshape(each * CHAINS, -1)[:count])


def _trajectories(theory: Scalar) -> Sample:
    def sample(state: State, length: float, updates: int) -> tuple[State, Info]:
        return sample_hmc(state, theory, HmcParameters(length, HMC_STEPS, WINDOW), updates, updates)

    return sample
