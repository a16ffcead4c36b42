"""What a training loop works with: of the stage, or of a theory, flow or fields of the user's."""

from collections.abc import Callable
from copy import deepcopy
from typing import Any, NamedTuple

import torch
from torch import nn

from lfmc.api.arguments import fields_of, settings_of
from lfmc.api.flows import new_flow, own_flow
from lfmc.api.model import Model
from lfmc.config import Config
from lfmc.config.problems import validated
from lfmc.config.training_sections import FlowSettings
from lfmc.errors import LfmcError
from lfmc.flows.base import Flow
from lfmc.flows.build import trained_flow
from lfmc.lattice import FloatArray
from lfmc.mpi.ranks import ALONE
from lfmc.theories.base import Theory
from lfmc.theories.scalar import Scalar
from lfmc.training.acceptance import acceptance_from_model, effective_sample_size
from lfmc.training.moment import FEWEST, Verdict
from lfmc.training.optimiser import Optimiser, Parameters
from lfmc.training.prepare import optimiser_of, precision_of, prepared, prior_fit, seeds_of
from lfmc.training.prior_fit import PriorFit
from lfmc.training.start import Start, started
from lfmc.training.target import target_fields
from lfmc.training.team import Team

FEWEST_FIELDS = 64


class SetUp(NamedTuple):
    """The parts of a training.

    Attributes:
        optimiser, team, check_seed: arguments of the loop.
        rebuild: parameters -> flow in float64, on the CPU.
        both: whether the acceptance is also estimated from samples of p.
        seconds: of the training that this one starts from.
        fit: of the prior of models, if it is fitted.
    """

    optimiser: Optimiser
    team: Team
    check_seed: int
    rebuild: Callable[[Parameters], Flow]
    both: bool
    seconds: float = 0.0
    fit: PriorFit | None = None


class Origin(NamedTuple):
    """Where a training begins: the device, and the model whose parameters are its start."""

    device: torch.device = torch.device("cpu")
    model: Model | None = None

    def start(self, flow: Flow) -> Start | None:
        """The model's parameters for a new flow, which may be of another lattice."""
        if self.model is None:
            return None
        return started(flow, self.model.flow, self.model.seconds, self.model.name)


def of_stage(theory: Theory, settings: FlowSettings, seed: int, name: str, origin: Origin) -> SetUp:
    """As `lfmc train` does it, with the same bits."""
    ensemble = settings_of(theory, name, "this flow")
    raw = {"seed": seed, "ensembles": [ensemble.model_dump(mode="json", exclude={"L", "d"})]}
    flow = settings.model_dump(mode="json", exclude_unset=True)
    config = validated(Config, raw | {"flow": flow}, "train")
    made = prepared(config, ensemble, origin.start, origin.device, ALONE)
    return SetUp(
        made.optimiser,
        made.team,
        made.check_seed,
        lambda parameters: trained_flow(ensemble, settings, parameters),
        True,
        made.start.seconds if made.start else 0.0,
        made.fit,
    )


def of_user(
    theory: Any,
    module: nn.Module | None,
    settings: FlowSettings,
    seed: int,
    name: str,
    fields: FloatArray | None,
    origin: Origin,
) -> SetUp:
    """Of a theory or a flow of the user's, or with samples of p that are given."""
    seeds = seeds_of(seed, name)
    if module is None:
        torch.default_generator.manual_seed(seeds.parameters)
        start, precision = new_flow(theory, settings), precision_of(settings)
    else:
        start, precision = own_flow(theory, module), torch.float64
    trained = deepcopy(start).to(origin.device, precision).requires_grad_(True)
    begin = origin.start(trained)
    if begin:
        trained.load_state_dict(begin.parameters)
    count = max(settings.training.decide_samples // 4, 512)
    if fields is None:
        fields = _samples_of_p(theory, count, seed, name)
    kind = Team if fields is not None else _ModelAlone
    samples = torch.empty(0) if fields is None else torch.from_numpy(fields)
    samples = samples.to(origin.device, precision)
    team = kind(ALONE, trained, deepcopy(trained), samples)
    optimiser = optimiser_of(settings, trained, seeds.samples, team.score_sums)

    def rebuild(parameters: Parameters) -> Flow:
        start.load_state_dict({key: value.double() for key, value in parameters.items()})
        return start

    seconds = begin.seconds if begin else 0.0
    fit = prior_fit(theory, settings, trained, seed, name) if isinstance(theory, Scalar) else None
    return SetUp(optimiser, team, seeds.checks, rebuild, fields is not None, seconds, fit)


class _ModelAlone(Team):
    """Evaluates models on their own samples only, if there are no samples of p."""

    def evaluate(self, parameters: Parameters, samples: int, seed: int, divisor: int) -> Verdict:
        log_weight = self.log_weight(parameters, max(samples // divisor, FEWEST), seed)
        found = acceptance_from_model(log_weight)
        return Verdict(found, found, effective_sample_size(log_weight))


def _samples_of_p(theory: Any, count: int, seed: int, name: str) -> FloatArray | None:
    if isinstance(theory, Theory):
        settings_of(theory, name, "a sampler")
        return target_fields(theory, count, seed, name)
    if not callable(getattr(theory, "independent_fields", None)):
        return None
    return checked_fields(theory, theory.independent_fields(count, seed))


def checked_fields(theory: Any, fields: Any) -> FloatArray:
    found = fields_of(theory, fields, "fields")
    if len(found) < FEWEST_FIELDS:
        raise LfmcError(f"{len(found)} fields; at least {FEWEST_FIELDS} samples of p are needed")
    return found.copy()
