"""The section `couplings` of the configuration: a line of constant physics to be found."""

from typing import Annotated, Any, Self

from pydantic import Field, model_validator

from lfmc.config.sampler_sections import Samplers
from lfmc.config.section import Section

Extent = Annotated[int, Field(ge=2, le=65_536)]


class CouplingSearch(Section):
    """Which coupling is sought on which lattices, so that an observable has a given value.

    Attributes:
        L, d: extents of the hypercubes, and their dimension.
        theory: its kind and every parameter but the one that is sought.
        parameter: that is sought; observable: which must become `target`.
        tolerance: error of the observable at the result, relative to the target.
        between: values of the parameter where the search starts; it may leave them.
        configurations: largest number of saved configurations of one run.
    """

    L: Annotated[tuple[Extent, ...], Field(min_length=1, max_length=100)]
    d: Annotated[int, Field(ge=1, le=4)] = 2
    theory: dict[str, Any]
    parameter: str = "lam"
    observable: str = "mpL"
    target: float = 4.0
    tolerance: Annotated[float, Field(gt=0, le=0.5)] = 0.003
    between: tuple[float, float] | None = None
    configurations: Annotated[int, Field(ge=10_000, le=10**9)] = 2_000_000

    @model_validator(mode="after")
    def _check(self) -> Self:
        if not isinstance(self.theory.get("kind"), str):
            raise ValueError("theory: needs a kind, e.g. theory: { kind: phi4, m2: -4.0 }")
        if self.parameter in self.theory:
            raise ValueError(f"theory: {self.parameter} is sought; leave it out")
        if self.between is not None and not self.between[0] < self.between[1]:
            raise ValueError("between: give two values in ascending order, e.g. [4.0, 6.0]")
        if len(set(self.L)) < len(self.L):
            raise ValueError("L: an extent stands there twice")
        return self


def settings_of_search(
    search: CouplingSearch, extent: int, seed: int, samplers: Samplers
) -> dict[str, Any]:
    """What the result for one lattice depends on."""
    return {
        "stage": "couplings",
        "seed": seed,
        "L": extent,
        "couplings": search.model_dump(mode="json", exclude={"L"}),
        "samplers": samplers.model_dump(mode="json", exclude={"run"}, exclude_unset=True),
    }
