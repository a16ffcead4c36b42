"""Sections of the configuration: every kind of flow, and its training."""

from typing import Annotated, Literal, Self, TypeVar

from pydantic import AfterValidator, Field, field_validator, model_validator

from lfmc.config.section import Section
from lfmc.config.sections import Configurations, Count, Few, Name, Probability


def _odd(value: int) -> int:
    if value % 2 == 0:
        raise ValueError("must be odd: a kernel is centred on its site")
    return value


Kernel = Annotated[int, Field(ge=3, le=15), AfterValidator(_odd)]
Width = TypeVar("Width")
Layers = Annotated[tuple[Width, ...], Field(min_length=1, max_length=64)]
Channels = Annotated[int, Field(ge=1, le=512)]
PriorKind = Literal["normal", "variational"]


class HeatbathSettings(Section):
    """The default flow: exact heat bath on one colour, equivariant couplings on the other.

    A coupling sees `features` frequencies of the field, `pairs` hidden fields and `smooth`
    smoothed ones; the map along rings that follows it has `rings` terms (0: no such maps).
    """

    kind: Literal["heatbath"] = "heatbath"
    layers: Annotated[int, Field(ge=2, le=128)] = 4
    features: Annotated[int, Field(ge=1, le=32)] = 2
    pairs: Annotated[int, Field(ge=1, le=32)] = 3
    smooth: Annotated[int, Field(ge=1, le=32)] = 2
    rings: Annotated[int, Field(ge=0, le=32)] = 2
    table: Annotated[int, Field(ge=64, le=65_536)] = 256


class RealNvpSettings(Section):
    """Real NVP of arXiv:1904.12072, section II: fully connected affine couplings."""

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


class ConvolutionalSettings(Section):
    """Real NVP with periodic convolutions; its parameters fit any L."""

    kind: Literal["convolutional"] = "convolutional"
    couplings: Annotated[int, Field(ge=2, le=64)] = 8
    channels: Layers[Channels] = (8, 8)
    kernel: Kernel = 3
    activation: Literal["tanh", "leaky_relu"] = "tanh"
    prior: PriorKind = "variational"


class ContinuousSettings(Section):
    """Equivariant continuous flow; log q is its integral in `steps` Runge-Kutta steps."""

    kind: Literal["continuous"] = "continuous"
    features: Annotated[int, Field(ge=1, le=256)] = 5
    order: Annotated[int, Field(ge=0, le=20)] = 3
    steps: Annotated[int, Field(ge=1, le=1000)] = 16
    prior: PriorKind = "variational"


class SplineSettings(Section):
    """Rational-quadratic spline couplings; needs the extra `spline`."""

    kind: Literal["spline"] = "spline"
    couplings: Annotated[int, Field(ge=2, le=64)] = 4
    conditioner: Literal["convolutional", "connected"] = "convolutional"
    hidden: Layers[Annotated[int, Field(ge=1, le=4096)]] = (16, 16)
    kernel: Kernel = 3
    bins: Annotated[int, Field(ge=2, le=64)] = 8
    bound: Annotated[float, Field(gt=0, le=1e6)] = 2.0
    prior: PriorKind = "variational"


class MultiscaleSettings(Section):
    """Coarse lattice first, then conditional refinement, by convolutional monotone couplings."""

    kind: Literal["multiscale"] = "multiscale"
    rounds: Annotated[int, Field(ge=1, le=32)] = 2
    channels: Layers[Channels] = (8,)
    kernel: Kernel = 3


Flow = Annotated[
    HeatbathSettings
    | RealNvpSettings
    | ConvolutionalSettings
    | ContinuousSettings
    | SplineSettings
    | MultiscaleSettings,
    Field(discriminator="kind"),
]


Samples = Annotated[int, Field(ge=512, le=10**8)]


class NaturalSettings(Section):
    """Natural gradients: flows of a few thousand parameters that give scores of single samples.

    A step draws `samples`, at the start doubled until they are half as many as the parameters.
    """

    samples: Samples = 1024
    largest_samples: Samples = 32768
    damping: Annotated[float, Field(gt=0, lt=1)] = 2e-5
    divergence: Annotated[float, Field(gt=0)] = 0.5
    check_every: Count = 1


class Training(Section):
    """Minimisation of the shifted reverse Kullback-Leibler divergence, until both acceptances pass.

    `natural` is for `kind: heatbath` only, and so are several MPI `ranks` that share a training;
    `gradient` to `check_every` are Adam's.
    """

    optimiser: Literal["natural", "adam"] | None = None
    natural: NaturalSettings = NaturalSettings()
    gradient: Literal["path", "reparametrised"] | None = None
    batch: Annotated[int, Field(ge=8, le=1_000_000)] = 512
    learning_rate: Annotated[float, Field(gt=0, lt=1)] = 4e-3
    average: Annotated[float, Field(ge=0, lt=1)] = 0.99
    max_steps: Annotated[int, Field(ge=1, le=10**9)] = 20000
    max_seconds: Annotated[float, Field(gt=0, le=1e9)] = 3600.0
    clip: Annotated[float, Field(gt=0)] = 10.0
    check_every: Count = 25
    check_samples: Samples = 4096
    decide_samples: Samples = 65536
    ranks: Annotated[int, Field(ge=1, le=100_000)] = 1


class FlowSettings(Section):
    """The flow that every ensemble trains, and the acceptances it is trained to.

    No `targets`, an empty list, is a run without flows.

    The first of `models` makes the ensemble's chains; the others, trained apart from it with the
    following seeds, only short ones, which tell how much tau_int depends on the training.
    `start` maps an ensemble to another one whose last model its trainings start from.
    """

    model: Flow = HeatbathSettings()
    start: dict[Name, Name] = Field(default_factory=dict)
    targets: Annotated[tuple[Probability, ...], Field(max_length=99)] = (0.5, 0.7)
    models: Few = 3
    retrain_configurations: Annotated[Configurations, Field(ge=1000)] = 200_000
    training: Training = Training()

    @property
    def optimiser(self) -> Literal["natural", "adam"]:
        """The configured one, else the best that the flow allows."""
        return self.training.optimiser or (
            "natural" if isinstance(self.model, HeatbathSettings) else "adam"
        )

    @property
    def gradient(self) -> Literal["path", "reparametrised"]:
        """Adam's estimator of the gradient: the configured one, else what was found to be faster.

        Only many parameters near their optimum compensate for the more expensive step
        (docs/performance.md).
        """
        model = self.model
        pays = isinstance(model, RealNvpSettings) and model.prior == "variational"
        return self.training.gradient or ("path" if pays else "reparametrised")

    @model_validator(mode="after")
    def _start(self) -> Self:
        if self.start and not isinstance(self.model, HeatbathSettings):
            raise ValueError(
                f"start needs a model whose parameters fit any lattice, not kind: {self.model.kind}"
            )
        for name in self.start:
            seen, last = [name], self.start[name]
            while last in self.start and last not in seen:
                seen.append(last)
                last = self.start[last]
            if last in seen:
                raise ValueError(f"start goes in a circle: {' <- '.join([*seen, last])}")
        return self

    @model_validator(mode="after")
    def _scores(self) -> Self:
        if self.optimiser == "natural" and not isinstance(self.model, HeatbathSettings):
            raise ValueError(
                f"training.optimiser: natural needs scores of single samples, which kind: "
                f"{self.model.kind} has not; take adam"
            )
        if self.optimiser == "natural" and self.training.gradient:
            raise ValueError(
                "training.gradient chooses between estimators for optimiser: adam; the natural "
                "gradient has its own, so leave it out"
            )
        if self.optimiser == "adam" and self.training.ranks > 1:
            raise ValueError("training.ranks: adam trains on one rank; only natural on several")
        return self

    @field_validator("targets")
    @classmethod
    def _ascending(cls, value: tuple[float, ...]) -> tuple[float, ...]:
        if list(value) != sorted(set(value)):
            raise ValueError("targets must ascend without repeats, e.g. [0.5, 0.7]")
        if any(round(100 * x, 9) % 1 for x in value):
            raise ValueError("targets are whole per cents, e.g. 0.5 (they name flow-50)")
        return value
