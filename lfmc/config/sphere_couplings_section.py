"""Section of the configuration: couplings of unit vectors."""

from collections.abc import Mapping
from typing import Annotated, ClassVar, Literal

from pydantic import Field

from lfmc.config.flow_section import FlowSection


class SphereCouplingsSettings(FlowSection):
    """O(N), N >= 2: `couplings` of vectors by one map, driven by `shells` of the other colour."""

    builds: ClassVar[str] = "lfmc.flows.sphere_couplings:SphereCouplingsFlow"
    space: ClassVar[str] = "sphere"
    theories: ClassVar[tuple[str, ...]] = ("spheres",)
    checked_at: ClassVar[dict[str, float]] = {"beta": 0.3}  # near uniform vectors, its start

    kind: Literal["sphere_couplings"] = "sphere_couplings"
    map: Literal["boost", "stereographic"] = "boost"
    couplings: Annotated[int, Field(ge=2, le=64)] = 8
    shells: Annotated[int, Field(ge=1, le=8)] = 2
    hidden: Annotated[
        tuple[Annotated[int, Field(ge=1, le=1024)], ...], Field(min_length=1, max_length=64)
    ] = (16,)

    def refusal(self, shape: tuple[int, ...]) -> str:
        odd = any(n % 2 for n in shape)
        return "needs even extents" if odd else super().refusal(shape)

    def parameters_refusal(self, parameters: Mapping[str, float]) -> str:
        return "needs N >= 2: the vectors of N = 1 are signs" if parameters["N"] < 2 else ""
