"""Sections of the configuration: ensembles, statistics, classical samplers, chain and fit."""

from math import prod
from typing import Annotated, Any, Literal, Self

from pydantic import (
    Field,
    SerializeAsAny,
    SerializerFunctionWrapHandler,
    ValidationError,
    ValidationInfo,
    field_validator,
    model_serializer,
    model_validator,
)

from lfmc.config import kinds
from lfmc.config.problems import problems
from lfmc.config.section import Section
from lfmc.errors import LfmcError

MOST_SITES = 65_536  # of a lattice: flows keep matrices of (sites/2)^2 numbers, 8 GB here

Name = Annotated[str, Field(pattern=r"^[A-Za-z0-9_]+$", max_length=40)]
Probability = Annotated[float, Field(gt=0, lt=1)]
Count = Annotated[int, Field(ge=1, le=1_000_000)]
Few = Annotated[int, Field(ge=1, le=1000)]
Configurations = Annotated[int, Field(ge=100, le=10**9)]
Coupling = Annotated[float, Field(ge=-1e9, le=1e9)]


class Ensemble(Section):
    """A lattice and a theory on it.

    m2, lam and normalisation are those of phi^4 in the convention of arXiv:1904.12072 eq. 20-21 (no
    1/2); any other theory is `theory: { kind: ..., ... }` with the parameters of its own.
    """

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
    theory: SerializeAsAny[Section] | None = None
    m2: Annotated[Coupling | None, Field(validate_default=True)] = None
    lam: Annotated[Annotated[Coupling, Field(gt=0)] | None, Field(validate_default=True)] = None
    normalisation: Annotated[float, Field(json_schema_extra={"enum": [1.0, 0.5]})] = 1.0

    @field_validator("theory", mode="plain")
    @classmethod
    def _known_kind(cls, value: Any) -> Any:
        if value is None or isinstance(value, Section):
            return value
        if not isinstance(value, dict) or not isinstance(value.get("kind"), str):
            raise ValueError("needs a kind, e.g. theory: { kind: sine_gordon, ... }")
        return kinds.parameters_of(value)

    @field_validator("m2", "lam")
    @classmethod
    def _needed(cls, value: float | None, info: ValidationInfo) -> float | None:
        if value is None and "theory" in info.data and info.data["theory"] is None:
            raise ValueError("is empty; phi^4 needs it, another theory is theory: { kind: ... }")
        return value

    @field_validator("normalisation")
    @classmethod
    def _known(cls, value: float) -> float:
        if value not in (1.0, 0.5):
            raise ValueError("is 1.0, or 0.5 for the negative control")
        return value

    @model_validator(mode="after")
    def _check(self) -> Self:
        beside = {"m2", "lam", "normalisation"} & self.model_fields_set
        if self.theory is not None and beside:
            raise ValueError(f"{min(beside)} is of phi^4; leave it out beside theory")
        if self.kind == "phi4" and self.theory is not None:
            self._take(self.theory)
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
        try:
            kinds.theory_class(self.kind)(self.sites, **self.parameters)
        except LfmcError as error:
            raise ValueError(str(error)) from None
        return self

    def _take(self, phi4: Section) -> None:
        """`theory: { kind: phi4, ... }` is the same as its parameters beside the name."""
        given = {k: v for k, v in phi4.model_dump().items() if k != "kind"}
        try:
            checked = type(self).model_validate({"name": self.name, "L": 2, **given})
        except ValidationError as error:
            raise ValueError(f"theory: {problems(error)}") from None
        for name in ("m2", "lam", "normalisation", "theory"):
            object.__setattr__(self, name, getattr(checked, name))

    @model_serializer(mode="wrap")
    def _of_its_theory(self, handler: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """An ensemble of phi^4 as it was written before there were other theories."""
        whole: dict[str, Any] = handler(self)
        theory = whole.pop("theory", None)
        if theory is None:
            return whole
        lattice = {key: whole[key] for key in ("name", "L", "d", "shape") if key in whole}
        return lattice | {"theory": theory}

    @property
    def kind(self) -> str:
        """Of its theory."""
        return "phi4" if self.theory is None else str(self.theory.kind)  # type: ignore[attr-defined]

    @property
    def parameters(self) -> dict[str, float]:
        """Of its theory, by name."""
        if self.theory is None:
            return {name: getattr(self, name) for name in ("m2", "lam", "normalisation")}
        return {k: v for k, v in self.theory.model_dump().items() if k != "kind"}

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

    @property
    def size(self) -> str:
        """For readers: L, or all extents where they differ."""
        equal = len(set(self.sites)) == 1
        return str(self.extent) if equal else " x ".join(map(str, self.sites))

    @property
    def line(self) -> tuple[Any, ...]:
        """What ensembles share that one power law in L may join."""
        theory = kinds.theory_class(self.kind)(self.sites, **self.parameters)
        return self.kind, self.d, *(getattr(theory, name) for name in theory.line)

    def joins(self, other: Self) -> bool:
        """Whether one power law in L may join the two: the same line of one theory."""
        return self.line == other.line

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


class Propose(Section):
    """Parallel generation of proposals.

    `controls` records functions of the base normals of mean zero beside every proposal, with which
    `lfmc weighted` makes smaller errors (`lfmc.flows.control_variates`). `zero_mode` is the share
    of proposals whose zero mode is drawn where chi2 differs most from its mean
    (`lfmc.proposals.zero_mode`).
    """

    block: Annotated[int, Field(ge=16, le=1_000_000)] = 4096
    anneal: Literal["auto"] | Few = 1
    symmetrise: bool = False
    controls: bool = False
    zero_mode: Annotated[float, Field(ge=0, le=0.95)] = 0.0
    ranks: Annotated[int, Field(ge=1, le=100_000)] = 1

    @property
    def signs(self) -> dict[str, bool]:
        """The entry of the settings of stages; nothing where it is off, as before there was it."""
        return {"symmetrise": True} if self.symmetrise else {}

    @property
    def recorded(self) -> dict[str, bool]:
        """The same of what is recorded beside proposals."""
        return {"controls": True} if self.controls else {}

    @property
    def drawn(self) -> dict[str, float]:
        """The same of the density of the zero mode."""
        return {"zero_mode": self.zero_mode} if self.zero_mode else {}


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
