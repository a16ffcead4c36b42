"""Sections of the configuration: the kinds of flows that come with lfmc, and what they need."""

from importlib.util import find_spec
from itertools import pairwise
from math import prod
from typing import Annotated, Any, ClassVar, Literal, Self, TypeVar

from pydantic import AfterValidator, Field, SerializerFunctionWrapHandler, model_serializer

from lfmc.config import coarsest
from lfmc.config.coarsest import factors_of_two
from lfmc.config.flow_section import FlowSection
from lfmc.config.sphere_couplings_section import SphereCouplingsSettings


def _odd(value: int) -> int:
    if value % 2 == 0:
        raise ValueError("must be odd: a kernel is centred on its site")
    return value


Kernel = Annotated[int, Field(ge=3, le=15), AfterValidator(_odd)]
Width = TypeVar("Width")
Layers = Annotated[tuple[Width, ...], Field(min_length=1, max_length=64)]
Channels = Annotated[int, Field(ge=1, le=512)]
PriorKind = Literal["normal", "variational"]


class HeatbathSettings(FlowSection):
    """The default flow: exact heat bath on one colour, equivariant couplings on the other.

    A coupling sees `features` frequencies of the field, `pairs` hidden fields and `smooth`
    smoothed ones; the map along rings that follows it has `rings` terms (0: no such maps). The zero
    mode of its prior has `wells` = 1 or 2 wells, see `lfmc.flows.heatbath.wells`; the widths of the
    others have `infrared` further functions of the momentum, for lattices beyond 32 x 32.
    """

    builds: ClassVar[str] = "lfmc.flows.heatbath.flow:HeatbathFlow"
    dimensions: ClassVar[range] = range(2, 5)  # it needs two halves of one colour
    scores: ClassVar[bool] = True
    transfers: ClassVar[bool] = True
    even: ClassVar[bool] = True
    inverts: ClassVar[bool] = True
    controls: ClassVar[bool] = True

    kind: Literal["heatbath"] = "heatbath"
    layers: Annotated[int, Field(ge=2, le=128)] = 4
    features: Annotated[int, Field(ge=1, le=32)] = 2
    pairs: Annotated[int, Field(ge=1, le=32)] = 3
    smooth: Annotated[int, Field(ge=1, le=32)] = 2
    rings: Annotated[int, Field(ge=0, le=32)] = 2
    table: Annotated[int, Field(ge=64, le=65_536)] = 256
    wells: Literal[1, 2] = 1
    infrared: Annotated[int, Field(ge=0, le=8)] = 0

    @model_serializer(mode="wrap")
    def _as_before(self, handler: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """One well and no further functions are not named, as before there was a choice."""
        before = {"wells": 1, "infrared": 0}
        found: dict[str, Any] = handler(self)
        return {k: v for k, v in found.items() if k not in before or v != before[k]}

    @property
    def needs_even(self) -> str:
        return "wells: 2" if self.wells == 2 else ""


class RealNvpSettings(FlowSection):
    """Real NVP of arXiv:1904.12072, section II: fully connected affine couplings."""

    builds: ClassVar[str] = "lfmc.flows.realnvp:RealNvpFlow"
    inverts: ClassVar[bool] = True

    kind: Literal["realnvp"] = "realnvp"
    couplings: Annotated[int, Field(ge=2, le=64)] = 8
    hidden: Layers[Annotated[int, Field(ge=8, le=4096)]] = (256, 256)
    prior: PriorKind = "normal"

    @classmethod
    def from_albergo2019(cls, couplings: int = 8, layers: int = 2, width: int = 256) -> Self:
        """Networks within the published ranges: 8-12 couplings, 2-6 layers of 100-1024 units."""
        if not (8 <= couplings <= 12 and 2 <= layers <= 6 and 100 <= width <= 1024):
            raise ValueError("published: 8-12 couplings of 2-6 layers with 100-1024 hidden units")
        return cls(couplings=couplings, hidden=(width,) * layers)

    @property
    def path_gradient_pays(self) -> bool:
        return self.prior == "variational"

    def parameters(self, shape: tuple[int, ...]) -> int:
        half = prod(shape) // 2
        return 2 * self.couplings * dense((half, *self.hidden, half))


class ConvolutionalSettings(FlowSection):
    """Real NVP with periodic convolutions; its parameters fit any L."""

    builds: ClassVar[str] = "lfmc.flows.convolutional:ConvolutionalFlow"
    dimensions: ClassVar[range] = range(1, 4)
    inverts: ClassVar[bool] = True

    kind: Literal["convolutional"] = "convolutional"
    couplings: Annotated[int, Field(ge=2, le=64)] = 8
    channels: Layers[Channels] = (8, 8)
    kernel: Kernel = 3
    activation: Literal["tanh", "leaky_relu"] = "tanh"
    prior: PriorKind = "variational"

    def refusal(self, shape: tuple[int, ...]) -> str:
        return super().refusal(shape) or too_wide(self.kernel, shape)

    def parameters(self, shape: tuple[int, ...]) -> int:
        one = dense((1, *self.channels, 2)) * self.kernel ** len(shape)
        return int(self.couplings * one)


class ContinuousSettings(FlowSection):
    """Equivariant continuous flow; log q is its integral in `steps` Runge-Kutta steps."""

    builds: ClassVar[str] = "lfmc.flows.continuous:ContinuousFlow"

    kind: Literal["continuous"] = "continuous"
    features: Annotated[int, Field(ge=1, le=256)] = 5
    order: Annotated[int, Field(ge=0, le=20)] = 3
    steps: Annotated[int, Field(ge=1, le=1000)] = 16
    prior: PriorKind = "variational"


class SplineSettings(FlowSection):
    """Rational-quadratic spline couplings; needs the extra `spline`."""

    builds: ClassVar[str] = "lfmc.flows.spline:SplineFlow"
    inverts: ClassVar[bool] = True

    kind: Literal["spline"] = "spline"
    couplings: Annotated[int, Field(ge=2, le=64)] = 4
    conditioner: Literal["convolutional", "connected"] = "convolutional"
    hidden: Layers[Annotated[int, Field(ge=1, le=4096)]] = (16, 16)
    kernel: Kernel = 3
    bins: Annotated[int, Field(ge=2, le=64)] = 8
    bound: Annotated[float, Field(gt=0, le=1e6)] = 2.0
    prior: PriorKind = "variational"

    def missing(self) -> str:
        if find_spec("zuko") is None:
            return "kind: spline needs the package zuko; pip install 'lfmc[spline]'"
        return ""

    def exists_in(self) -> range:
        return range(1, 5) if self.conditioner == "connected" else range(1, 4)

    def refusal(self, shape: tuple[int, ...]) -> str:
        wide = "" if self.conditioner == "connected" else too_wide(self.kernel, shape)
        return super().refusal(shape) or wide

    def parameters(self, shape: tuple[int, ...]) -> int:
        half, outputs = prod(shape) // 2, 3 * self.bins + 1
        if self.conditioner == "connected":
            return self.couplings * dense((half, *self.hidden, half * outputs))
        one = dense((1, *self.hidden, outputs)) * self.kernel ** len(shape)
        return int(self.couplings * one)


class MultiscaleSettings(FlowSection):
    """Coarse lattice first, then conditional refinement, by convolutional monotone couplings."""

    builds: ClassVar[str] = "lfmc.flows.multiscale:MultiscaleFlow"
    dimensions: ClassVar[range] = range(1, 4)
    inverts: ClassVar[bool] = True

    kind: Literal["multiscale"] = "multiscale"
    rounds: Annotated[int, Field(ge=1, le=32)] = 2
    channels: Layers[Channels] = (8,)
    kernel: Kernel = 3

    def parameters(self, shape: tuple[int, ...]) -> int:
        one = dense((1, *self.channels, 2)) * self.kernel ** len(shape)
        return int(self.rounds * 32 * one)


class DecimatedSection(FlowSection):
    """Links in two dimensions, of which each of `levels` halves the longest even axis."""

    dimensions: ClassVar[range] = range(2, 3)
    on: ClassVar[str] = "links"
    space: ClassVar[str] = "circle"
    scores: ClassVar[bool] = True

    levels: Annotated[int, Field(ge=0, le=16)] = 3

    def refusal(self, shape: tuple[int, ...]) -> str:
        most = sum(factors_of_two(n) for n in shape)
        if self.levels > most:
            return f"levels: {self.levels} is more than the {most} factors of two of its extents"
        return super().refusal(shape)


class DecimationSettings(DecimatedSection):
    """U(1) in two dimensions: `levels` exact decimations under a Villain prior of one width.

    Each level halves the lattice along its longest even axis. As many levels as there are factors
    of two in the extents leave one plaquette, of a perfect sampler.
    """

    builds: ClassVar[str] = "lfmc.flows.decimation:DecimationFlow"
    theories: ClassVar[tuple[str, ...]] = ("u1",)

    kind: Literal["decimation"] = "decimation"


class QuenchedSettings(DecimatedSection):
    """The Schwinger model: links of U(1) at a fitted beta by `levels` decimations, fewer charges,
    and holonomies of fitted densities.
    """

    builds: ClassVar[str] = "lfmc.flows.quenched:QuenchedFlow"
    theories: ClassVar[tuple[str, ...]] = ("schwinger",)

    kind: Literal["quenched"] = "quenched"
    levels: Annotated[int, Field(ge=0, le=16)] = 2


class HierarchySettings(FlowSection):
    """O(N), CP^(N-1) or phi^4 in two dimensions, drawn from coarse to fine by one-site laws.

    A site sees the nearest `shells` of sites drawn before it, and products of three of its near
    sites if `products` (phi^4: of two too); sublattices are drawn in 1, 2 or 4 `colours`. O(N)
    spins and CP^(N-1) vectors of theory `cpn` are boosted by the nearest `boosts` shells, and by
    the products; 0: no boosts. `loops` of two near sites and the site itself are for CP^(N-1).
    """

    builds: ClassVar[str] = "lfmc.flows.hierarchy.kinds:hierarchy_flow"
    dimensions: ClassVar[range] = range(2, 3)
    space: ClassVar[str] = "sphere"
    theories: ClassVar[tuple[str, ...]] = ("spheres", "cpn", "cpn_auxiliary", "phi4")
    scores: ClassVar[bool] = True
    even: ClassVar[bool] = True

    kind: Literal["hierarchy"] = "hierarchy"
    shells: Annotated[int, Field(ge=1, le=32)] = 6
    colours: Literal[1, 2, 4] = 4
    products: bool = True
    loops: bool = True
    boosts: Annotated[int, Field(ge=0, le=32)] = 3

    def refusal(self, shape: tuple[int, ...]) -> str:
        return super().refusal(shape) or coarsest.refusal(shape)


KINDS: dict[str, type[FlowSection]] = {
    "heatbath": HeatbathSettings,
    "realnvp": RealNvpSettings,
    "convolutional": ConvolutionalSettings,
    "continuous": ContinuousSettings,
    "spline": SplineSettings,
    "multiscale": MultiscaleSettings,
    "decimation": DecimationSettings,
    "quenched": QuenchedSettings,
    "hierarchy": HierarchySettings,
    "sphere_couplings": SphereCouplingsSettings,
}


def dense(widths: tuple[int, ...]) -> int:
    """Parameters of fully connected layers of these widths, without biases."""
    return sum(inputs * outputs for inputs, outputs in pairwise(widths))


def too_wide(kernel: int, shape: tuple[int, ...]) -> str:
    """Why a kernel does not fit on a lattice; empty if it does."""
    widest = 2 * min(shape) + 1
    if kernel <= widest:
        return ""
    return f"kernel: {kernel} is wider than the lattice; at most {widest}"
