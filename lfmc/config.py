"""Typed, frozen, validated configuration: the one description of a run.

Every problem of a file is reported at once, with its path and what would be right.
"""

import hashlib
import json
from pathlib import Path
from typing import Annotated, Any, Literal, Self

import yaml
from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    ValidationError,
    field_validator,
    model_validator,
)

from lfmc.errors import LfmcError

Name = Annotated[str, Field(pattern=r"^[A-Za-z0-9_]+$", max_length=40)]
Probability = Annotated[float, Field(gt=0, lt=1)]
Count = Annotated[int, Field(ge=1)]


def _odd(value: int) -> int:
    if value % 2 == 0:
        raise ValueError("must be odd: a kernel is centred on its site")
    return value


Kernel = Annotated[int, Field(ge=3, le=15), AfterValidator(_odd)]
PriorKind = Literal["normal", "variational"]

CLASSICAL = ("hmc", "local", "cluster")


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


class HeatbathSettings(Section):
    """The default flow: exact heat bath on one colour, equivariant couplings on the other."""

    kind: Literal["heatbath"] = "heatbath"
    layers: Annotated[int, Field(ge=2)] = 4
    features: Count = 2
    smooth: Count = 2
    table: Annotated[int, Field(ge=64)] = 256


class RealNvpSettings(Section):
    """Real NVP of arXiv:1904.12072, section II: fully connected affine couplings."""

    kind: Literal["realnvp"] = "realnvp"
    couplings: Annotated[int, Field(ge=2, le=64)] = 8
    hidden: Annotated[tuple[Annotated[int, Field(ge=8, le=4096)], ...], Field(min_length=1)] = (
        256,
        256,
    )
    prior: PriorKind = "normal"

    @classmethod
    def from_albergo2019(cls, couplings: int = 8, layers: int = 2, width: int = 256) -> Self:
        """Networks within the published ranges: 8-12 couplings, 2-6 layers of 100-1024 units."""
        if not (8 <= couplings <= 12 and 2 <= layers <= 6 and 100 <= width <= 1024):
            raise ValueError("published: 8-12 couplings of 2-6 layers with 100-1024 hidden units")
        return cls(couplings=couplings, hidden=(width,) * layers)


class ConvolutionalSettings(Section):
    """Real NVP with periodic convolutions; its weights fit any L."""

    kind: Literal["convolutional"] = "convolutional"
    couplings: Annotated[int, Field(ge=2, le=64)] = 8
    channels: Annotated[tuple[Annotated[int, Field(ge=1, le=512)], ...], Field(min_length=1)] = (
        8,
        8,
    )
    kernel: Kernel = 3
    activation: Literal["tanh", "leaky_relu"] = "tanh"
    prior: PriorKind = "variational"


class ContinuousSettings(Section):
    """Equivariant continuous flow; log q is its integral in `steps` Runge-Kutta steps."""

    kind: Literal["continuous"] = "continuous"
    features: Count = 5
    order: Annotated[int, Field(ge=0, le=20)] = 3
    steps: Annotated[int, Field(ge=1, le=1000)] = 16
    prior: PriorKind = "variational"


class SplineSettings(Section):
    """Rational-quadratic spline couplings; needs the extra `spline`."""

    kind: Literal["spline"] = "spline"
    couplings: Annotated[int, Field(ge=2, le=64)] = 4
    conditioner: Literal["convolutional", "connected"] = "convolutional"
    hidden: Annotated[tuple[Annotated[int, Field(ge=1, le=4096)], ...], Field(min_length=1)] = (
        16,
        16,
    )
    kernel: Kernel = 3
    bins: Annotated[int, Field(ge=2, le=64)] = 8
    bound: Annotated[float, Field(gt=0)] = 2.0
    prior: PriorKind = "variational"


class MultiscaleSettings(Section):
    """Coarse lattice first, then conditional refinement, by convolutional monotone couplings."""

    kind: Literal["multiscale"] = "multiscale"
    rounds: Annotated[int, Field(ge=1, le=32)] = 2
    channels: Annotated[tuple[Annotated[int, Field(ge=1, le=512)], ...], Field(min_length=1)] = (8,)
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


class Training(Section):
    """Adam on the shifted reverse Kullback-Leibler divergence, until both acceptances pass."""

    batch: Annotated[int, Field(ge=8)] = 512
    learning_rate: Annotated[float, Field(gt=0, lt=1)] = 4e-3
    average: Annotated[float, Field(ge=0, lt=1)] = 0.99
    max_steps: Count = 20000
    max_seconds: Annotated[float, Field(gt=0)] = 3600.0
    clip: Annotated[float, Field(gt=0)] = 10.0
    check_every: Count = 25
    check_samples: Annotated[int, Field(ge=512)] = 4096
    decide_samples: Annotated[int, Field(ge=512)] = 65536


class FlowSettings(Section):
    """The flow that every ensemble trains, and the acceptances it is trained to.

    The first of `models` makes the ensemble's chains; the others, trained apart from it with the
    following seeds, only short ones, which tell how much tau_int depends on the training.
    """

    model: Flow = HeatbathSettings()
    targets: Annotated[tuple[Probability, ...], Field(min_length=1)] = (0.5, 0.7)
    models: Count = 3
    retrain_configurations: Annotated[int, Field(ge=1000)] = 200_000
    training: Training = Training()

    @field_validator("targets")
    @classmethod
    def _ascending(cls, value: tuple[float, ...]) -> tuple[float, ...]:
        if list(value) != sorted(set(value)):
            raise ValueError("targets must ascend without repeats, e.g. [0.5, 0.7]")
        if any(round(100 * x, 9) % 1 for x in value):
            raise ValueError("targets are whole per cents, e.g. 0.5 (they name flow-50)")
        return value


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


class Config(Section):
    """A whole run."""

    seed: Annotated[int, Field(ge=0, lt=2**63)] = 1904
    results: str = "results"
    ensembles: Annotated[tuple[Ensemble, ...], Field(min_length=1)]
    statistics: Statistics = Statistics()
    samplers: Samplers = Samplers()
    flow: FlowSettings = FlowSettings()
    propose: Propose = Propose()
    accept: Accept = Accept()
    fit: Fit = Fit()

    @model_validator(mode="after")
    def _check(self) -> Self:
        names = [e.name for e in self.ensembles]
        twice = sorted({n for n in names if names.count(n) > 1})
        if twice:
            raise ValueError(f"ensembles: name {twice[0]} appears twice")
        missing = sorted(set(self.fit.L) - {e.extent for e in self.ensembles})
        if missing and "fit" in self.model_fields_set:
            raise ValueError(f"fit.L: no ensemble has L = {missing[0]}")
        return self

    def retraining(self, model: int) -> Self:
        """The configuration of model number `model` >= 1: the next seeds, short chains."""
        shorter = self.statistics.model_copy(
            update={"configurations": self.flow.retrain_configurations}
        )
        return self.model_copy(update={"seed": self.seed + model, "statistics": shorter})

    def ensemble(self, name: str) -> Ensemble:
        """The ensemble of that name; an unknown one names the choices."""
        for e in self.ensembles:
            if e.name == name:
                return e
        raise LfmcError(f"no ensemble {name!r}; there are {', '.join(self.ensemble_names)}")

    @property
    def ensemble_names(self) -> tuple[str, ...]:
        return tuple(e.name for e in self.ensembles)

    @property
    def flow_names(self) -> tuple[str, ...]:
        """Flow samplers, one for each target: flow-50, flow-70."""
        return tuple(f"flow-{round(100 * t)}" for t in self.flow.targets)

    @property
    def sampler_names(self) -> tuple[str, ...]:
        return (*self.flow_names, *CLASSICAL)

    @property
    def proposals(self) -> int:
        """Proposals of each flow: configurations of its chain plus burn-in of its replicas."""
        replicas = self.accept.replicas
        each = -(-self.statistics.configurations // replicas)
        return replicas * (each + self.accept.burn_in)

    def target(self, flow: str) -> float:
        """Acceptance target of a flow sampler's name."""
        for name, value in zip(self.flow_names, self.flow.targets, strict=True):
            if name == flow:
                return value
        raise LfmcError(f"no flow {flow!r}; there are {', '.join(self.flow_names)}")


def read_config(path: str | Path) -> Config:
    """Read and validate a YAML file.

    Raises:
        LfmcError: unreadable file, or every invalid key with its path and what would be right.
    """
    try:
        text = Path(path).read_text()
        raw = yaml.safe_load(text)
    except OSError as error:
        raise LfmcError(f"{path}: cannot be read ({error.strerror})") from None
    except yaml.YAMLError as error:
        raise LfmcError(f"{path}: not valid YAML ({' '.join(str(error).split())})") from None
    if not isinstance(raw, dict):
        raise LfmcError(f"{path}: expected a mapping with 'ensembles: [...]' at the top")
    return parse_config(raw, str(path))


def parse_config(raw: dict[str, Any], origin: str = "configuration") -> Config:
    """Validate a mapping; see `read_config`."""
    try:
        return Config.model_validate(raw)
    except ValidationError as error:
        raise LfmcError(f"{origin}: {problems(error)}") from None


def problems(error: ValidationError) -> str:
    """Everything that is wrong, each with its path in the file, as one line."""
    return "; ".join(f"{_where(e['loc'])}: {_what(e)}" for e in error.errors() if not _echo(e))


def _where(location: tuple[int | str, ...]) -> str:
    path = ""
    for part in location:
        path += f"[{part}]" if isinstance(part, int) else f".{part}" if path else part
    return path or "top level"


def _echo(error: Any) -> bool:
    """A list that is called too short only because of its invalid entries, reported themselves."""
    return error["type"] == "too_short" and len(error["input"]) >= error["ctx"]["min_length"]


def _what(error: Any) -> str:
    message = error["msg"].removeprefix("Value error, ")
    if error["type"] == "extra_forbidden":
        return "unknown key"
    if error["type"] == "missing":
        return "missing"
    return (
        f"{message} (got {error['input']!r})" if not isinstance(error["input"], dict) else message
    )


def stage_settings(
    config: Config, stage: str, ensemble: str | None = None, sampler: str | None = None
) -> dict[str, Any]:
    """The settings on which a stage's bits depend, and nothing else.

    The Snakefile passes them as params, so a change reruns exactly the rules that it touches;
    checkpoints and files carry their hash. Stages of the whole run (fit, gates, plot) name no
    ensemble and depend on the list of all.
    """
    settings: dict[str, Any] = {"stage": stage, "seed": config.seed}
    if ensemble is None:
        settings["ensembles"] = [e.model_dump(mode="json") for e in config.ensembles]
        settings["samplers"] = list(config.sampler_names)
    else:
        settings["ensemble"] = config.ensemble(ensemble).model_dump(mode="json")
    if sampler is not None:
        settings["sampler"] = sampler
    statistics = config.statistics.model_dump(mode="json")
    if stage in ("train", "retrain"):
        # Limits decide whether a training ends well, never what it yields.
        other: Any = {"training": {"max_steps", "max_seconds"}}
        if stage == "train":
            other |= {"models": True, "retrain_configurations": True}
        else:
            settings["accept"] = config.accept.model_dump(mode="json")
            settings["block"] = config.propose.block
        settings["flow"] = config.flow.model_dump(mode="json", exclude=other)
    elif stage == "propose":
        settings["block"] = config.propose.block
        settings["proposals"] = config.proposals
        settings["keep_fields"] = config.statistics.keep_fields
    elif stage == "accept":
        settings["accept"] = config.accept.model_dump(mode="json")
        settings["configurations"] = config.statistics.configurations
    elif stage in CLASSICAL:
        settings["settings"] = getattr(config.samplers, stage).model_dump(mode="json")
        settings["statistics"] = statistics
    elif stage == "tune":
        settings["settings"] = config.samplers.model_dump(mode="json")
    elif stage == "fit":
        settings["fit"] = config.fit.model_dump(mode="json")
    return settings


def settings_hash(settings: Any) -> str:
    """sha256 (16 hex digits) of any JSON-like settings, key order ignored."""
    text = json.dumps(settings, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def json_schema() -> dict[str, Any]:
    """JSON schema of the configuration file, generated from these types."""
    dialect = "https://json-schema.org/draft/2020-12/schema"
    return {"$schema": dialect, **Config.model_json_schema()}
