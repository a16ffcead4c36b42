"""Sections of the configuration: a flow, the acceptances it is trained to, and its training."""

import json
from collections.abc import Iterable
from typing import Annotated, Any, Literal, Self

from pydantic import (
    BeforeValidator,
    Discriminator,
    Field,
    PlainValidator,
    SerializeAsAny,
    Tag,
    WithJsonSchema,
    field_validator,
    model_validator,
)

from lfmc.config.flow_kinds import flow_section
from lfmc.config.flow_section import FlowSection
from lfmc.config.flow_sections import (
    ContinuousSettings,
    ConvolutionalSettings,
    DecimationSettings,
    HeatbathSettings,
    HierarchySettings,
    MultiscaleSettings,
    QuenchedSettings,
    RealNvpSettings,
    SplineSettings,
)
from lfmc.config.kinds import theory_class
from lfmc.config.section import Section
from lfmc.config.sections import Configurations, Count, Ensemble, Few, Name
from lfmc.config.sphere_couplings_section import SphereCouplingsSettings
from lfmc.config.targets import AUTO, BEST, Target, as_targets

OTHERS = "another package's"
SHARED_BY = 1_000_000
BestBy = Literal["chain", "weights", "controls"]  # what `best` makes cheap


def _tag(value: Any) -> str | None:
    # Of what is no section at all, heatbath says that it must be one.
    kind = value.get("kind") if isinstance(value, dict) else getattr(value, "kind", "heatbath")
    return OTHERS if isinstance(kind, str) and "." in kind else kind


FlowModel = Annotated[
    Annotated[HeatbathSettings, Tag("heatbath")]
    | Annotated[RealNvpSettings, Tag("realnvp")]
    | Annotated[ConvolutionalSettings, Tag("convolutional")]
    | Annotated[ContinuousSettings, Tag("continuous")]
    | Annotated[SplineSettings, Tag("spline")]
    | Annotated[MultiscaleSettings, Tag("multiscale")]
    | Annotated[DecimationSettings, Tag("decimation")]
    | Annotated[QuenchedSettings, Tag("quenched")]
    | Annotated[HierarchySettings, Tag("hierarchy")]
    | Annotated[SphereCouplingsSettings, Tag("sphere_couplings")]
    | Annotated[
        FlowSection,
        PlainValidator(flow_section),
        WithJsonSchema({"type": "object", "properties": {"kind": {"pattern": "[.]"}}}),
        Tag(OTHERS),
    ],
    Discriminator(_tag),
]


Depth = Annotated[int, Field(ge=2, le=128)]
TRIED = (4, 8, 12)  # by `targets: auto`
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
    `gradient` to `check_every` are Adam's. `fit_prior`: models of `kind: heatbath` at targets below
    0.85 have the prior fitted to samples of p. `shared_by`: independent configurations for which
    the target `best` has the least total cost, by its chain, by weights, or by weights with control
    variates (`best_by`).
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
    fit_prior: bool = True
    shared_by: Annotated[int, Field(ge=1, le=10**12)] = SHARED_BY
    best_by: BestBy = "chain"


class FlowSettings(Section):
    """The flow that every ensemble trains, and the acceptances it is trained to.

    No `targets`, an empty list, is a run without flows.

    The first of `models` makes the ensemble's chains; the others, trained apart from it with the
    following seeds, only short ones, which tell how much tau_int depends on the training.
    `start` maps an ensemble to another one whose last model its trainings start from.
    `layers_tried`: numbers of layers among which `best` chooses too (`lfmc.training.depths`);
    `targets: auto` is `best` with [4, 8, 12].
    """

    model: SerializeAsAny[FlowModel] = HeatbathSettings()
    start: dict[Name, Name] = Field(default_factory=dict)
    targets: Annotated[tuple[Target, ...], Field(max_length=99), BeforeValidator(as_targets)] = (
        0.5,
        0.7,
    )
    layers_tried: Annotated[tuple[Depth, ...], Field(max_length=16)] = ()
    models: Few = 3
    retrain_configurations: Annotated[Configurations, Field(ge=1000)] = 200_000
    training: Training = Training()

    @property
    def optimiser(self) -> Literal["natural", "adam"]:
        """The configured one, else the best that the flow allows."""
        return self.training.optimiser or ("natural" if self.model.scores else "adam")

    @property
    def fits_prior(self) -> bool:
        """Whether models at low targets have a fitted prior."""
        return self.training.fit_prior and self.model.kind == "heatbath"

    @property
    def gradient(self) -> Literal["path", "reparametrised"]:
        """Adam's estimator of the gradient: the configured one, else what was found to be faster.

        Only many parameters near their optimum compensate for the more expensive step
        (docs/performance.md).
        """
        pays = self.model.path_gradient_pays
        return self.training.gradient or ("path" if pays else "reparametrised")

    def stage_settings(self, without: Any) -> dict[str, Any]:
        """The settings on which a training depends, as they were before there were choices."""
        found = self.model_dump(mode="json", exclude=without)
        if not self.fits_prior:
            del found["training"]["fit_prior"]
        if self.training.shared_by == SHARED_BY:
            del found["training"]["shared_by"]
        if self.training.best_by == "chain":
            del found["training"]["best_by"]
        if not self.layers_tried:
            del found["layers_tried"]
        return found

    @property
    def layers(self) -> int:
        """Number of layers of the flow; 0 of a kind that has none."""
        return int(getattr(self.model, "layers", 0))

    def of_depth(self, layers: int) -> Self:
        """The settings of a training to `best` with one of `layers_tried`."""
        model = self.model.model_copy(update={"layers": layers})
        return self.model_copy(update={"model": model, "layers_tried": ()})

    @model_validator(mode="after")
    def _depths(self) -> Self:
        if self.targets == (AUTO,):
            object.__setattr__(self, "targets", (BEST,))
            object.__setattr__(self, "layers_tried", self.layers_tried or TRIED)
            self.model_fields_set.add("layers_tried")
        if AUTO in self.targets:
            raise ValueError("targets: auto stands alone")
        if not self.layers_tried:
            return self
        if list(self.layers_tried) != sorted(set(self.layers_tried)):
            raise ValueError("layers_tried must ascend without repeats, e.g. [4, 8, 12]")
        if self.targets != (BEST,):
            raise ValueError("layers_tried is for targets: [best] alone")
        if self.model.kind != "heatbath":
            raise ValueError(f"layers_tried is for kind: heatbath, not kind: {self.model.kind}")
        return self

    @model_validator(mode="after")
    def _start(self) -> Self:
        if self.start and not self.model.transfers:
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
        if self.optimiser == "natural" and not self.model.scores:
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
            raise ValueError("targets must ascend without repeats, e.g. [0.5, 0.7, best]")
        if any(round(100 * x, 9) % 1 for x in value):
            raise ValueError("targets are whole per cents, e.g. 0.5 (they name flow-50)")
        return value


def with_own_flow(flow: FlowSettings, ensembles: Iterable[Ensemble]) -> FlowSettings:
    """The settings with the flow that all theories name as their own, if none is chosen."""
    own = {theory_class(e.kind).own_flow for e in ensembles}
    kind = own.pop() if len(own) == 1 else ""
    if not kind or "model" in flow.model_fields_set:
        return flow
    chosen = flow.model_dump(mode="json", exclude_unset=True)
    return FlowSettings.model_validate_json(json.dumps({**chosen, "model": {"kind": kind}}))
