"""What the configuration of every sampler has."""

from typing import TYPE_CHECKING, Any, ClassVar

from lfmc.config.section import Section


class SamplerSection(Section):
    """Settings of a classical sampler, and what is known of the sampler.

    Attributes:
        runs: "module:object" of its `lfmc.samplers.kind.SamplerKind`, imported when it runs.
        cost: seconds of an update of one number of the field, in those of a force of HMC, about.
        tuned: the parameter that `lfmc tune` finds; empty if there is none.
        thermalisation: updates before the first one that counts.
        acceptance: to which `tuned` is tuned; only where there is such a parameter.
        on_request: whether it runs only where it is named, or has a section.
    """

    runs: ClassVar[str]
    cost: ClassVar[float] = 1.0
    tuned: ClassVar[str] = ""
    on_request: ClassVar[bool] = False

    if TYPE_CHECKING:  # each has its own, so that files keep the order of their keys

        @property
        def thermalisation(self) -> int: ...
        @property
        def acceptance(self) -> float: ...

    def saves_every(self, common: int) -> int:
        """Updates from one saved configuration to the next; `common`: of most samplers."""
        return common

    def chain_settings(self) -> dict[str, Any]:
        """The settings on which a chain depends."""
        return self.model_dump(mode="json")
