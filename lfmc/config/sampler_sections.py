"""Sections of the configuration: the classical samplers, and what is known of each.

Another sampler is a name in `lfmc.classical`, a section here and a key of `Samplers`.
"""

from collections.abc import Iterable
from typing import Annotated, Any, ClassVar, Literal

from pydantic import (
    AfterValidator,
    BeforeValidator,
    ConfigDict,
    Field,
    field_validator,
    model_validator,
)

from lfmc.classical import CLASSICAL, WITH_MODEL
from lfmc.config.compact_sections import (
    Flux,
    FluxTuned,
    Heatbath,
    Instanton,
    Overrelaxation,
    Wolff,
)
from lfmc.config.sampler_section import SamplerSection
from lfmc.config.section import Section
from lfmc.config.sections import Count, Few, Probability
from lfmc.errors import unknown


def _known(value: str) -> str:
    if value not in CLASSICAL:
        raise ValueError(str(unknown("sampler", value, CLASSICAL)))
    return value


class Hmc(SamplerSection):
    """Hybrid Monte Carlo: leapfrog, momentum first; trajectory length tuned to `acceptance`."""

    runs: ClassVar[str] = "lfmc.samplers.hmc:HMC"
    tuned: ClassVar[str] = "trajectory_length"

    steps: Few = 10
    length: Literal["random", "fixed"] = "random"
    acceptance: Probability = 0.7
    thermalisation: Count = 1000

    def chain_settings(self) -> dict[str, Any]:
        """As they were before there was a choice of lengths: fixed ones are not named."""
        settings = self.model_dump(mode="json")
        if settings["length"] == "fixed":
            del settings["length"]
        return settings


class HmcTuned(SamplerSection):
    """Hybrid Monte Carlo as cheap as it can be: random lengths, their mean and the number of steps
    where a scan needs the fewest forces per independent value of the slowest observable.

    Attributes:
        acceptance: of trajectories of 10 steps, which sets the size of a step for all numbers.
        scan_forces: gradient evaluations of each chain for one number of steps of the scan.
    """

    runs: ClassVar[str] = "lfmc.samplers.hmc_tuned:HMC_TUNED"
    tuned: ClassVar[str] = "trajectory_length"
    on_request: ClassVar[bool] = True

    acceptance: Probability = 0.7
    scan_forces: Annotated[int, Field(ge=1000, le=10**9)] = 60_000
    save_every: Few = 1
    thermalisation: Count = 200

    def saves_every(self, common: int) -> int:
        return self.save_every


class Local(SamplerSection):
    """Local Metropolis: fixed order, uniform proposal of tuned half-width."""

    runs: ClassVar[str] = "lfmc.samplers.local:LOCAL"
    cost: ClassVar[float] = 5.0
    tuned: ClassVar[str] = "delta"

    acceptance: Probability = 0.7
    thermalisation: Count = 2000


class Cluster(SamplerSection):
    """Embedded Wolff cluster, each update followed by Metropolis sweeps.

    Attributes:
        clusters: of one update; auto: those that `lfmc tune` finds to be the cheapest.
    """

    runs: ClassVar[str] = "lfmc.samplers.cluster_tuned:CLUSTER"
    cost: ClassVar[float] = 15.0
    tuned: ClassVar[str] = "delta"

    clusters: Literal["auto"] | Few = 1
    sweeps: Few = 1
    save_every: Few = 2
    acceptance: Probability = 0.7
    thermalisation: Count = 500

    def saves_every(self, common: int) -> int:
        return self.save_every


class Hybrid(SamplerSection):
    """Proposals of a flow alternated with updates of `kernel`; runs only where it is named.

    Attributes:
        flow: target of the model that proposes; None: the last of `flow.targets`.
        kernel: the sampler of the updates; None: that which opens the theory's chains.
        between: updates from one proposal to the next; auto: the cheapest (`lfmc hybrid`).
    """

    runs: ClassVar[str] = "lfmc.samplers.hybrid:"  # a flow completes it: `lfmc.proposals.hybrid`
    cost: ClassVar[float] = 400.0
    on_request: ClassVar[bool] = True

    flow: Probability | None = None
    kernel: Annotated[str, AfterValidator(_known)] | None = None
    between: Literal["auto"] | Few = "auto"
    save_every: Few = 1
    thermalisation: Count = 100

    def saves_every(self, common: int) -> int:
        return self.save_every


class LatentHmc(SamplerSection):
    """Hybrid Monte Carlo in the base normals of a flow; runs only where it is named.

    Attributes:
        flow: target of the model; None: the last of `flow.targets`.
        steps: kicks of a trajectory; auto: the cheapest (`lfmc latent-hmc`).
    """

    # A flow completes it: `lfmc.proposals.latent_hmc`.
    runs: ClassVar[str] = "lfmc.samplers.latent_hmc:"
    cost: ClassVar[float] = 150.0
    on_request: ClassVar[bool] = True

    flow: Probability | None = None
    steps: Literal["auto"] | Few = "auto"
    save_every: Few = 1
    thermalisation: Count = 50

    def saves_every(self, common: int) -> int:
        return self.save_every


SamplerName = Annotated[
    str, AfterValidator(_known), Field(json_schema_extra={"enum": list(CLASSICAL)})
]


def _as_tuple(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value


class Samplers(Section):
    """Settings of the classical samplers, and which of them run: all that a theory has, if no
    `run` is given. `samplers: [hmc, cluster]` is short for `samplers: { run: [hmc, cluster] }`.
    """

    model_config = ConfigDict(populate_by_name=True)  # hmc_tuned too, as it is written to files

    run: Annotated[tuple[SamplerName, ...] | None, BeforeValidator(_as_tuple)] = None
    hmc: Hmc = Hmc()
    local: Local = Local()
    cluster: Cluster = Cluster()
    heatbath: Heatbath = Heatbath()
    instanton: Instanton = Instanton()
    hmc_tuned: Annotated[HmcTuned, Field(alias="hmc-tuned")] = HmcTuned()
    hybrid: Hybrid = Hybrid()
    latent_hmc: Annotated[LatentHmc, Field(alias="latent-hmc")] = LatentHmc()
    overrelaxation: Overrelaxation = Overrelaxation()
    wolff: Wolff = Wolff()
    flux: Flux = Flux()
    flux_tuned: Annotated[FluxTuned, Field(alias="flux-tuned")] = FluxTuned()

    @model_validator(mode="before")
    @classmethod
    def _listed(cls, raw: Any) -> Any:
        return {"run": raw} if isinstance(raw, list) else raw

    @field_validator("run")
    @classmethod
    def _once(cls, value: tuple[str, ...] | None) -> tuple[str, ...] | None:
        if value is not None and len(set(value)) != len(value):
            raise ValueError("names a sampler twice")
        return value

    def section(self, name: str) -> SamplerSection:
        """The settings of the sampler of that name."""
        found: SamplerSection = getattr(self, name.replace("-", "_"))
        return found

    def wanted(self, exist: tuple[str, ...]) -> tuple[str, ...]:
        """Those that run, of the samplers that a theory has, in the order of tables.

        Those of `WITH_MODEL` need a flow and not the theory.
        """
        return tuple(n for n in CLASSICAL if n in (*exist, *WITH_MODEL) and self._wants(n))

    def tunes(self, exist: tuple[str, ...]) -> tuple[str, ...]:
        """Those that `lfmc tune` tunes: all with a parameter that do not wait for a request."""
        names = (n for n in tuned_samplers(CLASSICAL) if n in exist)
        return tuple(n for n in names if not self.section(n).on_request or self._wants(n))

    def _wants(self, name: str) -> bool:
        if self.run is not None:
            return name in self.run
        return not self.section(name).on_request or name.replace("-", "_") in self.model_fields_set


def tuned_samplers(names: Iterable[str]) -> tuple[str, ...]:
    """Those of some samplers that have a parameter to tune."""
    sections = Samplers()
    return tuple(name for name in names if sections.section(name).tuned)
