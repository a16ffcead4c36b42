"""Sections of the configuration: ensembles, statistics, classical samplers, chain and fit."""

from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

Name = Annotated[str, Field(pattern=r"^[A-Za-z0-9_]+$", max_length=40)]
Probability = Annotated[float, Field(gt=0, lt=1)]
Count = Annotated[int, Field(ge=1)]


class Section(BaseModel):
    """Base of every section: unknown keys are errors, values never change."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class Ensemble(Section):
    """A lattice and its couplings, in the convention of arXiv:1904.12072 eq. 20-21 (no 1/2)."""

    name: Name
    L: Annotated[int, Field(ge=2)] | None = None
    d: Annotated[int, Field(ge=1, le=4)] = 2
    shape: tuple[Annotated[int, Field(ge=2)], ...] | None = None
    m2: float
    lam: Annotated[float, Field(gt=0)]
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
        return self

    @property
    def sites(self) -> tuple[int, ...]:
        """Extents of the lattice, (d,)."""
        assert self.shape is not None
        return self.shape

    @property
    def extent(self) -> int:
        """L as it enters m_p L and the scaling fits: the extent of the time axis."""
        return self.sites[0]

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

    configurations: Annotated[int, Field(ge=100)] = 1_000_000
    save_every: Count = 10
    replicas: Annotated[int, Field(ge=2)] = 128
    keep_fields: Annotated[int, Field(ge=1)] = 1000

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

    steps: Count = 10
    acceptance: Probability = 0.7
    thermalisation: Count = 1000


class Local(Section):
    """Local Metropolis: fixed order, uniform proposal of tuned half-width."""

    acceptance: Probability = 0.7
    thermalisation: Count = 2000


class Cluster(Section):
    """Embedded Wolff cluster, each update followed by Metropolis sweeps."""

    clusters: Count = 1
    sweeps: Count = 1
    save_every: Count = 2
    acceptance: Probability = 0.7
    thermalisation: Count = 500


class Samplers(Section):
    """Settings of the classical samplers; all three always run."""

    hmc: Hmc = Hmc()
    local: Local = Local()
    cluster: Cluster = Cluster()


class Propose(Section):
    """Parallel generation of proposals."""

    block: Annotated[int, Field(ge=16)] = 4096
    ranks: Count = 1


class Accept(Section):
    """The independence Metropolis chain on stored log weights."""

    replicas: Count = 10
    burn_in: Annotated[int, Field(ge=0)] = 100


class Fit(Section):
    """Scaling fits tau = alpha L^z."""

    L: tuple[int, ...] = (10, 12, 14)

    @field_validator("L")
    @classmethod
    def _enough(cls, value: tuple[int, ...]) -> tuple[int, ...]:
        if len(set(value)) < 3:
            raise ValueError("needs at least three different L, e.g. [10, 12, 14]")
        return value
