"""Sections of the samplers of links and unit vectors."""

from typing import Annotated, ClassVar

from pydantic import Field

from lfmc.config.sampler_section import SamplerSection
from lfmc.config.sections import Count, Few


class Heatbath(SamplerSection):
    """Heat bath of every link or site in a fixed order."""

    runs: ClassVar[str] = "lfmc.samplers.u1_heatbath:HEATBATH"
    cost: ClassVar[float] = 25.0

    sweeps: Few = 1
    thermalisation: Count = 200


class Instanton(SamplerSection):
    """Heat bath of every link, and `moves` that change the topological charge by one."""

    runs: ClassVar[str] = "lfmc.samplers.u1_heatbath:INSTANTON"
    cost: ClassVar[float] = 25.0

    sweeps: Few = 1
    moves: Few = 1
    thermalisation: Count = 200


class Overrelaxation(SamplerSection):
    """Sweeps of `reflections` of unit vectors that keep the energy, then of a heat bath."""

    runs: ClassVar[str] = "lfmc.samplers.spheres_heatbath:OVERRELAXATION"
    cost: ClassVar[float] = 10.0

    sweeps: Few = 1
    reflections: Few = 4
    thermalisation: Count = 200


class Wolff(SamplerSection):
    """Single clusters of O(N) spins, reflected in a random direction."""

    runs: ClassVar[str] = "lfmc.samplers.wolff:WOLFF"
    cost: ClassVar[float] = 10.0

    clusters: Few = 1
    save_every: Few = 2
    thermalisation: Count = 500

    def saves_every(self, common: int) -> int:
        return self.save_every


class Flux(SamplerSection):
    """Overrelaxation of CP^(N-1) models, then `moves` that drive a unit of topological flux.

    Attributes:
        steps: sweeps of reflections of a move, per component N of the vectors.
    """

    runs: ClassVar[str] = "lfmc.samplers.cpn_flux:FLUX"
    cost: ClassVar[float] = 200.0
    on_request: ClassVar[bool] = True

    sweeps: Few = 1
    reflections: Few = 4
    moves: Few = 1
    steps: Few = 16
    save_every: Few = 1
    thermalisation: Count = 50

    def saves_every(self, common: int) -> int:
        return self.save_every


class FluxTuned(SamplerSection):
    """Overrelaxation of CP^(N-1) models, then `moves` of the flux of one plaquette through pi, each
    by a program of reflections in a disc, which is trained.

    Attributes:
        width: cores are chosen with weight exp(|flux|/width), in radians.
        scan_moves: of each chain for one program of the training.
    """

    runs: ClassVar[str] = "lfmc.samplers.flux_training:FLUX_TUNED"
    cost: ClassVar[float] = 50.0
    tuned: ClassVar[str] = "radius"
    on_request: ClassVar[bool] = True

    sweeps: Few = 1
    reflections: Few = 4
    moves: Few = 8
    width: Annotated[float, Field(ge=0.05, le=100)] = 0.7
    scan_moves: Annotated[int, Field(ge=1, le=10**6)] = 80
    save_every: Few = 1
    thermalisation: Count = 50

    def saves_every(self, common: int) -> int:
        return self.save_every
