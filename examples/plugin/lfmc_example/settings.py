"""Settings of the flow; without torch, for a configuration is checked before anything is built."""

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from lfmc.config.flow_section import FlowSection


class SitewiseSettings(FlowSection):
    """`flow.model: { kind: lfmc_example.sitewise }`; scale is where the map begins to bend."""

    builds: ClassVar[str] = "lfmc_example.sitewise:SitewiseFlow"

    kind: Literal["lfmc_example.sitewise"] = "lfmc_example.sitewise"
    scale: Annotated[float, Field(gt=0)] = 1.0
