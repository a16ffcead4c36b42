"""A classical sampler with its kernel, its tuned parameters and its settings."""

from collections.abc import Callable
from typing import Any, NamedTuple

from lfmc.config import Config
from lfmc.errors import LfmcError
from lfmc.samplers.cluster import ClusterParameters, sample_cluster
from lfmc.samplers.hmc import HmcParameters, length_window, sample_hmc
from lfmc.samplers.local import LocalParameters, sample_local
from lfmc.samplers.state import Info, State
from lfmc.theories.base import Theory

Parameters = HmcParameters | LocalParameters | ClusterParameters


class Method(NamedTuple):
    """A sampler ready to run.

    Attributes:
        name: hmc, local or cluster.
        sample: (state, theory, parameters, updates, save_every) -> (state, info).
        parameters: of the kernel, tuned.
        forces_per_update: gradient evaluations of the whole lattice in one update (0: none).
        save_every: updates from one saved configuration to the next.
        thermalisation: updates before the first one that counts.
        delta: half-width of Metropolis proposals, for the sweeps that open the thermalisation.
    """

    name: str
    sample: Callable[[State, Theory, Any, int, int], tuple[State, Info]]
    parameters: Parameters
    forces_per_update: int
    save_every: int
    thermalisation: int
    delta: float

    def advance(
        self, state: State, theory: Theory, updates: int, save_every: int
    ) -> tuple[State, Info]:
        """Run the kernel."""
        return self.sample(state, theory, self.parameters, updates, save_every)

    def proposals(self, sites: int) -> int:
        """Accept decisions in one update of one chain that `Info.accepted` refers to."""
        if isinstance(self.parameters, ClusterParameters):
            return sites * self.parameters.sweeps
        return sites if isinstance(self.parameters, LocalParameters) else 1

    def known(self) -> dict[str, float | int]:
        """The parameters by name, but for those that are not in use."""
        given = self.parameters._asdict()
        return {name: value for name, value in given.items() if value is not None}


def method(config: Config, name: str, tuned: dict[str, Any]) -> Method:
    """The sampler `name` with the parameters that `lfmc.samplers.tune` found.

    Raises:
        LfmcError: an unknown sampler.
    """
    settings, every = config.samplers, config.statistics.save_every
    width = float(tuned["local"]["delta"])
    if name == "hmc":
        length, steps = float(tuned["hmc"]["trajectory_length"]), settings.hmc.steps
        hmc = HmcParameters(length, steps, length_window(settings.hmc))
        therm = settings.hmc.thermalisation
        return Method(name, sample_hmc, hmc, hmc.forces_per_update, every, therm, width)
    if name == "local":
        local = LocalParameters(width)
        return Method(name, sample_local, local, 0, every, settings.local.thermalisation, width)
    if name == "cluster":
        wolff = settings.cluster
        cluster = ClusterParameters(float(tuned["cluster"]["delta"]), wolff.clusters, wolff.sweeps)
        every, therm = wolff.save_every, wolff.thermalisation
        return Method(name, sample_cluster, cluster, 0, every, therm, width)
    raise LfmcError(f"no classical sampler {name!r}; there are hmc, local, cluster")
