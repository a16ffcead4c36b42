"""Sections of the configuration: ensembles, statistics, classical samplers, chain and fit."""

from math import prod
from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

MOST_SITES = 65_536  # of a lattice: flows keep matrices of (sites/2)^2 numbers, 8 GB here

Name = Annotated[str, Field(pattern=r"^[A-Za-z0-9_]+$", max_length=40)]
Probability = Annotated[float, Field(gt=0, lt=1)]
Count = Annotated[int, Field(ge=1, le=1_000_000)]
Few = Annotated[int, Field(ge=1, le=1000)]
Configurations = Annotated[int, Field(ge=100, le=10**9)]
Coupling = Annotated[float, Field(ge=-1e9, le=1e9)]


class Section(BaseModel):
    """Base of every section: unknown keys are errors, values never change."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class Ensemble(Section):
    """A lattice and its couplings, in the convention of arXiv:1904.12072 eq. 20-21 (no 1/2)."""

    name: Name
    L: Annotated[int, Field(ge=2, le=MOST_SITES)] | None = None
    d: Annotated[int, Field(ge=1, le=4)] = 2
    shape: (
        Annotated[
            tuple[Annotated[int, Field(ge=2, le=MOST_SITES)], ...],
            Field(min_length=1, max_length=4),
        ]
        | None
    ) = None
    m2: Coupling
    lam: Annotated[Coupling, Field(gt=0)]
    normalisation: Annotated[float, Field(json_schema_extra={"enum": [1.0, 0.5]})] = 1.0

    @field_validator("normalisation")
    @classmethod
    def _known(cls, value: float) -> float:
        if value not in (1.0, 0.5):
            raise ValueError("is 1.0, or 0.5 for the negative control")
        return value

    @model_validator(mode="after")
    def _check(self) -> Self:
        cube = None if self.L is None else (self.L,) * self.d
        if self.shape is None and cube is None:
            raise ValueError("give L (and d) or shape, e.g. 'L: 8' or 'shape: [8, 8]'")
        if self.shape is None:
            object.__setattr__(self, "shape", cube)
        elif cube not in (None, self.shape):
            raise ValueError(f"L = {self.L} and shape {list(self.shape)} differ; give one of them")
        elif "d" in self.model_fields_set and len(self.shape) != self.d:
            raise ValueError(f"shape {list(self.shape)} has not d = {self.d} extents")
        else:
            object.__setattr__(self, "d", len(self.shape))
        odd = [n for n in self.sites if n % 2]
        if odd:
            raise ValueError(f"extent {odd[0]} is odd: a checkerboard needs even extents")
        if self.volume > MOST_SITES:
            raise ValueError(f"shape {list(self.sites)} has more than {MOST_SITES} sites")
        return self

    @property
    def sites(self) -> tuple[int, ...]:
        """Extents of the lattice, (d,)."""
        assert self.shape is not None
        return self.shape

    @property
    def volume(self) -> int:
        """Number of sites."""
        return prod(self.sites)

    @property
    def extent(self) -> int:
        """L as it enters m_p L and the scaling fits: the extent of the time axis."""
        return self.sites[0]

    def joins(self, other: Self) -> bool:
        """Whether one power law in L may join the two: the same dimension and m2."""
        return (self.d, self.m2, self.normalisation) == (other.d, other.m2, other.normalisation)

    @classmethod
    def from_albergo2019(cls, name: Literal["E1", "E2", "E3", "E4", "E5"]) -> Self:
        """One of the ensembles of table I of arXiv:1904.12072."""
        couplings = {
            "E1": (6, 6.975),
            "E2": (8, 6.008),
            "E3": (10, 5.550),
            "E4": (12, 5.276),
            "E5": (14, 5.113),
        }
        extent, lam = couplings[name]
        return cls(name=name, L=extent, m2=-4.0, lam=lam)


class Statistics(Section):
    """How much is sampled and what is kept."""

    configurations: Configurations = 1_000_000
    save_every: Few = 10
    replicas: Annotated[int, Field(ge=2, le=1_000_000)] = 128
    keep_fields: Count = 1000

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.configurations < self.replicas * 10:
            raise ValueError(
                f"configurations = {self.configurations} leaves fewer than 10 per replica; "
                f"give at least {self.replicas * 10} or fewer replicas"
            )
        return self


class Hmc(Section):
    """Hybrid Monte Carlo: leapfrog, momentum first; trajectory length tuned to `acceptance`."""

    steps: Few = 10
    length: Literal["random", "fixed"] = "random"
    acceptance: Probability = 0.7
    thermalisation: Count = 1000


class Local(Section):
    """Local Metropolis: fixed order, uniform proposal of tuned half-width."""

    acceptance: Probability = 0.7
    thermalisation: Count = 2000


class Cluster(Section):
    """Embedded Wolff cluster, each update followed by Metropolis sweeps."""

    clusters: Few = 1
    sweeps: Few = 1
    save_every: Few = 2
    acceptance: Probability = 0.7
    thermalisation: Count = 500


class Samplers(Section):
    """Settings of the classical samplers; all three always run."""

    hmc: Hmc = Hmc()
    local: Local = Local()
    cluster: Cluster = Cluster()


class Propose(Section):
    """Parallel generation of proposals."""

    block: Annotated[int, Field(ge=16, le=1_000_000)] = 4096
    ranks: Annotated[int, Field(ge=1, le=100_000)] = 1


class Accept(Section):
    """The independence Metropolis chain on stored log weights."""

    replicas: Count = 10
    burn_in: Annotated[int, Field(ge=0, le=1_000_000)] = 100


class Fit(Section):
    """Scaling fits tau = alpha L^z.

    Attributes:
        L: extents of the ensembles that are fitted; empty: no fit. A configuration without it
            takes all, where there are three (`lfmc.config`).
    """

    L: Annotated[tuple[int, ...], Field(max_length=1000)] = ()

    @field_validator("L")
    @classmethod
    def _enough(cls, value: tuple[int, ...]) -> tuple[int, ...]:
        if value and len(set(value)) < 3:
            raise ValueError("needs at least three different L, e.g. [10, 12, 14]")
        return value
