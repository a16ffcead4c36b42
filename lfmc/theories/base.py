"""What a theory is: a lattice, couplings, the action, and what is measured.

A theory is a frozen dataclass. Its fields but `shape` are its parameters, in the order and with the
types, defaults and limits (`typing.Annotated` with pydantic's Field) that a configuration has for
`theory: { kind: ..., ... }`. The module that defines it names it `THEORY`, and is found as
`lfmc.theories.KIND`, or through the entry point KIND of the group `lfmc.theories` of any package.

Samplers, flows, tables, gates and figures read the rest from the attributes below.
"""

from abc import abstractmethod
from dataclasses import dataclass, fields
from math import isfinite
from operator import index
from typing import Any, ClassVar, Literal, NamedTuple, Protocol, Self

import numpy as np
from numpy.typing import NDArray

from lfmc.errors import LfmcError
from lfmc.lattice import Shape, sampler_neighbours, volume

Floats = NDArray[np.floating]


class Action(Protocol):
    """The least that flows, proposals and independence chains need of a theory."""

    @property
    def shape(self) -> Shape:
        """Extents of the lattice."""
        ...

    def evaluate(self, phi: Any) -> Any:
        """S of each configuration of a batch (..., numbers) -> (...)."""
        ...


class Field(NamedTuple):
    """Where a field lives and in which values.

    Attributes:
        on: sites, or links (d per site).
        components: numbers per site or link.
        space: of which they are coordinates.
    """

    on: Literal["sites", "links"] = "sites"
    components: int = 1
    space: Literal["real", "circle", "sphere"] = "real"

    def numbers(self, shape: Shape) -> int:
        """Numbers of one configuration."""
        per_site = len(shape) if self.on == "links" else 1
        return volume(shape) * per_site * self.components


class Identity(NamedTuple):
    """An exact statement <observable> = value, which becomes a gate of every sampler.

    Attributes:
        gate: name of the gate; observable: one of `Theory.observables`.
    """

    gate: str
    observable: str
    value: float


class Means(NamedTuple):
    """Expectation values, or several estimates of them along leading axes.

    Attributes:
        scalars: of `Theory.averaged`, name -> (...).
        correlators: (..., K).
    """

    scalars: dict[str, Floats]
    correlators: Floats


class Reference(NamedTuple):
    """What is known of an ensemble from elsewhere.

    Attributes:
        name: that it has there.
        published: observable -> (value, error) of a paper; `paper` is that paper.
        measured: observable -> (value, error), independent measurement.
    """

    name: str
    published: dict[str, tuple[float, float]]
    measured: dict[str, tuple[float, float]]
    paper: str = ""


@dataclass(frozen=True)
class Theory:
    """Base of every theory of the configuration; see the module's docstring.

    Attributes:
        kind: name in configurations, tables and files.
        field: where the field lives.
        scalars: averages over the lattice that are recorded of every update, in the order of
            `measure` and of the kernel `measure`.
        example: parameters of a point at which conformance is checked.
        line: attributes that two ensembles must share for one power law in L to join them.
        family: of theories with the same observables, which have figures of their own.
        own_samplers: samplers of which the theory has its own kernel: name -> "module:object" of
            a `lfmc.samplers.kind.SamplerKind`, in the place of the general one.
        own_flow: kind of flow that is trained where a configuration chooses none; "" for the
            general default.
        shape: extents of the lattice.
    """

    kind: ClassVar[str]
    field: ClassVar[Field] = Field()
    scalars: ClassVar[tuple[str, ...]]
    example: ClassVar[dict[str, float]] = {}
    line: ClassVar[tuple[str, ...]] = ()
    family: ClassVar[str] = ""
    own_samplers: ClassVar[dict[str, str]] = {}
    own_flow: ClassVar[str] = ""

    shape: Shape

    def __post_init__(self) -> None:
        """Lists become tuples, and what is no number is refused.

        Raises:
            LfmcError: extents that are not whole numbers from 1 on, parameters that are not finite.
        """
        try:
            object.__setattr__(self, "shape", tuple(index(n) for n in self.shape))
            numbers = [float(x) for x in self.parameters().values()]
            good = all(map(isfinite, numbers)) and min(self.shape, default=1) >= 1
        except (TypeError, ValueError):
            good = False
        if not good:
            given = ", ".join(f"{name}={value!r}" for name, value in self.parameters().items())
            raise LfmcError(
                f"{type(self).__name__}({self.shape!r}, {given}): give a list of extents, "
                "whole numbers from 1 on, and finite couplings"
            )

    def parameters(self) -> dict[str, float]:
        """Every parameter by name, in the order of the configuration."""
        return {f.name: getattr(self, f.name) for f in fields(self) if f.name != "shape"}

    def label(self) -> str:
        """The parameters in words, for tables and figures: "m2 = -4, lam = 6.975"."""
        return ", ".join(f"{name} = {value:g}" for name, value in self.parameters().items())

    def joins(self, other: Self) -> bool:
        """Whether one power law in L may join the two: same kind, dimension and `line`."""
        same = all(getattr(self, name) == getattr(other, name) for name in self.line)
        return type(self) is type(other) and self.dimension == other.dimension and same

    @property
    def dimension(self) -> int:
        """Number of axes of the lattice."""
        return len(self.shape)

    @property
    def numbers(self) -> int:
        """Numbers of one configuration."""
        return self.field.numbers(self.shape)

    @property
    @abstractmethod
    def samplers(self) -> tuple[str, ...]:
        """The classical samplers that exist for it, of `lfmc.classical.CLASSICAL`."""

    @property
    def opening(self) -> str:
        """The one of `samplers` that leads chains from their start towards equilibrium."""
        return "local" if "local" in self.samplers else self.samplers[0]

    @property
    @abstractmethod
    def slowest(self) -> str:
        """The observable that sets bins, checks of thermalisation and costs."""

    @property
    def odd(self) -> str:
        """The scalar that a symmetry reverses, so that its mean is 0; empty if there is none."""
        return ""

    @property
    def series(self) -> tuple[str, ...]:
        """What autocorrelation times are estimated of, see `series_of`."""
        return self.scalars

    @property
    @abstractmethod
    def compared(self) -> tuple[str, ...]:
        """Observables in which all samplers of an ensemble must agree."""

    @property
    def scales(self) -> dict[str, str]:
        """Observables whose errors are checked -> the observable that sets their scale."""
        return {name: name for name in self.compared}

    @property
    @abstractmethod
    def identities(self) -> tuple[Identity, ...]:
        """Exact statements, each a gate."""

    @abstractmethod
    def couplings(self) -> Any:
        """A NamedTuple of what kernels need; its type selects them (`lfmc.kernels.theory`)."""

    def geometry(self) -> Any:
        """What kernels are given as `near`: an int64 table, (numbers, columns).

        Here the neighbours of every site, (sites, 2d).

        Raises:
            LfmcError: an extent below 2, where a site is its own neighbour.
        """
        return sampler_neighbours(self.shape)

    def start(self, phi: Floats) -> Floats:
        """Fields from which chains start, from normals of small width; both (..., numbers, lanes).

        Here the normals themselves. A field that is not real numbers is made of them.
        """
        return phi

    @abstractmethod
    def evaluate(self, phi: Any) -> Any:
        """S of each configuration, numpy or torch, (..., numbers) -> (...).

        Raises:
            LfmcError: as `lfmc.theories.flat.require_flat`.
        """

    @abstractmethod
    def gradient(self, phi: Any) -> Any:
        """dS/dphi, numpy or torch, (..., numbers) -> (..., numbers); the force is its negative."""

    @abstractmethod
    def measure(self, phi: Floats) -> dict[str, Floats]:
        """`scalars` of each configuration, (batch, numbers) -> (batch,) each."""

    @abstractmethod
    def correlators(self, phi: Floats) -> Floats:
        """Correlators of each configuration, (batch, numbers) -> (batch, K)."""

    @property
    def separations(self) -> int:
        """K, the number of correlators."""
        return self.correlators(np.zeros((1, self.numbers))).shape[1]

    def series_of(self, name: str, scalars: dict[str, Floats]) -> Floats:
        """One of `series` from the scalars of every update, (replicas, updates)."""
        return scalars[name]

    def slow_series(self, scalars: dict[str, Floats]) -> Floats:
        """Of every update, a number that is correlated for as long as `slowest`."""
        return self.series_of(self.slowest, scalars)

    def averaged(self, scalars: dict[str, Floats]) -> dict[str, Floats]:
        """What is averaged over bins, of every configuration, for `observables`."""
        return dict(scalars)

    @abstractmethod
    def observables(self, means: Means) -> dict[str, Floats]:
        """Every observable as a function of expectation values, in the order of tables: (...)."""

    def independent_fields(self, count: int, seed: int) -> Floats | None:
        """Independent samples of p, (count, numbers), if the theory can draw them.

        Trainings check a model on them. None: they come from a classical sampler.
        """
        return None

    @property
    def companion(self) -> "Theory | None":
        """A theory of the same fields that reaches those between which no update of this one moves.

        Samples of p for trainings exchange fields with it (`lfmc.training.exchange`).
        """
        return None

    @property
    def log_Z(self) -> float | None:
        """log of int d phi exp(-S) where it is known exactly."""
        return None

    def reference(self) -> Reference | None:
        """What is known of this point from elsewhere, if anything."""
        return None
