"""A classical sampler with its kernel, its tuned parameters and its settings."""

from typing import Any, NamedTuple

from lfmc.config import Config
from lfmc.samplers.kind import Sample, SamplerKind, sampler_kind
from lfmc.samplers.state import Info, State
from lfmc.theories.base import Theory


class Opening(NamedTuple):
    """The updates that open a thermalisation: a sampler of the theory and its parameters."""

    name: str
    sample: Sample
    parameters: Any

    def known(self) -> dict[str, Any]:
        """Its parameters by name, opening_delta ..., as the settings of a chain carry them."""
        return {f"opening_{key}": value for key, value in self.parameters._asdict().items()}


class Method(NamedTuple):
    """A sampler ready to run.

    Attributes:
        name: hmc, local, cluster ...
        kind: its kernel and what is known of it.
        parameters: of the kernel, tuned.
        save_every: updates from one saved configuration to the next.
        thermalisation: updates before the first one that counts.
        opening: what opens the thermalisation.
    """

    name: str
    kind: SamplerKind
    parameters: Any
    save_every: int
    thermalisation: int
    opening: Opening

    @property
    def forces_per_update(self) -> int:
        """Gradient evaluations of the whole lattice in one update (0: none)."""
        return self.kind.forces(self.parameters)

    def advance(
        self, state: State, theory: Theory, updates: int, save_every: int
    ) -> tuple[State, Info]:
        """Run the kernel."""
        return self.kind.sample(state, theory, self.parameters, updates, save_every)

    def proposals(self, numbers: int) -> int:
        """Accept decisions in one update of one chain that `Info.accepted` refers to."""
        return self.kind.decisions(self.parameters, numbers)

    def known(self) -> dict[str, float | int]:
        """The parameters by name, but for those that are not in use."""
        given = self.parameters._asdict()
        return {name: value for name, value in given.items() if value is not None}


def method(config: Config, name: str, theory: Theory, tuned: dict[str, Any]) -> Method:
    """The sampler `name` of a theory with the parameters that `lfmc.samplers.tune` found.

    Raises:
        LfmcError: a sampler that the theory has not.
    """
    settings, opening = config.samplers.section(name), theory.opening
    kind, parameters = _ready(config, name, theory, tuned)
    first, its_parameters = _ready(config, opening, theory, tuned)
    return Method(
        name,
        kind,
        parameters,
        settings.saves_every(config.statistics.save_every),
        settings.thermalisation,
        Opening(opening, first.sample, its_parameters),
    )


def _ready(
    config: Config, name: str, theory: Theory, tuned: dict[str, Any]
) -> tuple[SamplerKind, Any]:
    settings = config.samplers.section(name)
    kind = sampler_kind(name, settings, theory)
    if kind.recorded:
        return kind, kind.recorded(settings, tuned[name])
    value = float(tuned[name][settings.tuned]) if settings.tuned else float("nan")
    return kind, kind.parameters(settings, value)
