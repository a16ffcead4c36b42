"""What a training needs before its first step: samples of p, an optimiser, and its key."""

from collections.abc import Callable
from copy import deepcopy
from typing import NamedTuple

import torch

from lfmc.config import Config, settings_hash, stage_settings
from lfmc.config.sections import Ensemble
from lfmc.config.training_sections import FlowSettings
from lfmc.device import device_key
from lfmc.flows.base import Flow
from lfmc.flows.build import build_flow
from lfmc.flows.heatbath.flow import HeatbathFlow
from lfmc.flows.passes import passes
from lfmc.mpi.ranks import Ranks
from lfmc.streams import generator as stream
from lfmc.theories.base import Theory
from lfmc.theories.ensembles import theory_of
from lfmc.training.adam import Adam
from lfmc.training.natural import NaturalGradient, Sums, precision
from lfmc.training.optimiser import Optimiser
from lfmc.training.prior_fit import SAMPLES, PriorFit
from lfmc.training.start import Start
from lfmc.training.target import compile_target, target_fields
from lfmc.training.team import Team, clock_of

Starting = Callable[[Flow], Start | None]  # the start of a new flow


def no_start(flow: Flow) -> None:
    """The flow keeps its own parameters."""


class Prepared(NamedTuple):
    """The arguments of a training loop; `check_seed` is the seed of the checks' samples."""

    optimiser: Optimiser
    team: Team
    check_seed: int
    start: Start | None
    fit: PriorFit | None


def prepared(
    config: Config, ensemble: Ensemble, start: Starting, device: torch.device, mpi: Ranks
) -> Prepared:
    """Build a flow on a device, with the parameters of another model if `start` gives one.

    It sets torch to one thread and seeds torch's global generator for the CPU.

    Raises:
        LfmcError: a start that does not fit.
    """
    # The matrices are small, and the bits must not depend on the number of cores.
    torch.set_num_threads(1)
    seeds = seeds_of(config.seed, ensemble.name)
    torch.default_generator.manual_seed(seeds.parameters)
    flow = build_flow(theory_of(ensemble), config.flow.model)
    flow = flow.to(device, precision_of(config.flow))
    begin = start(flow)
    if begin:
        flow.load_state_dict(begin.parameters)
    theory, clock = theory_of(ensemble), clock_of(flow)
    compile_kernels(theory, flow, config.flow, turn_of(config, ensemble) + mpi.rank)
    began = clock()  # time counts from here: not that of compilation
    if not begin and flow.start_samples:
        flow.start_from(
            target_fields(theory, flow.start_samples, config.seed, ensemble.name, "start")
        )
    fit = prior_fit(theory, config.flow, flow, config.seed, ensemble.name)
    count = max(config.flow.training.decide_samples // 4, 512)
    like = next(flow.parameters())
    precision = torch.empty(0, dtype=like.dtype).numpy().dtype
    fields = target_fields(theory, count, config.seed, ensemble.name, dtype=precision)
    on_device = torch.from_numpy(fields).to(like.device)
    symmetrise = config.propose.symmetrise
    team = Team(mpi, flow, deepcopy(flow), on_device, clock() - began, symmetrise)
    optimiser = optimiser_of(config.flow, flow, seeds.samples, team.score_sums)
    return Prepared(optimiser, team, seeds.checks, begin, fit)


def turn_of(config: Config, ensemble: Ensemble) -> int:
    """The place of an ensemble in its run: trainings side by side are mostly neighbours."""
    return [other.name for other in config.ensembles].index(ensemble.name)


def compile_kernels(theory: Theory, flow: Flow, settings: FlowSettings, turn: int) -> None:
    """Compile all kernels of a training, or find what another process has compiled.

    Scores take as long as all other kernels. Processes of even and odd turn begin with the one and
    the other, so that two of them that start together share the work.
    """

    def scores() -> None:
        passes(flow).compile(scores=settings.optimiser == "natural")

    def others() -> None:
        compile_target(theory)
        passes(flow).compile(weights=True)

    for part in (scores, others) if turn % 2 else (others, scores):
        part()


def prior_fit(
    theory: Theory, settings: FlowSettings, flow: Flow, seed: int, name: str
) -> PriorFit | None:
    """What fits the prior of models, with samples of p of its own; None if nothing does."""
    if not (settings.fits_prior and isinstance(flow, HeatbathFlow)):
        return None
    return PriorFit(flow, target_fields(theory, SAMPLES, seed, name, "prior"))


class Seeds(NamedTuple):
    """Seeds of the samples of steps, of the samples of checks, and of the initial parameters."""

    samples: int
    checks: int
    parameters: int


def seeds_of(seed: int, ensemble: str) -> Seeds:
    """The seeds of a training, from the seed of the run and the name of the ensemble."""
    return Seeds(*stream(seed, "train", ensemble).integers(2**62, size=3).tolist())


def precision_of(settings: FlowSettings) -> torch.dtype:
    """The precision in which a flow is trained."""
    natural = settings.optimiser == "natural"
    return precision(settings.training.natural.damping) if natural else torch.float32


def optimiser_of(settings: FlowSettings, flow: Flow, seed: int, sums: Sums) -> Optimiser:
    """Return the configured optimiser of a flow."""
    training = settings.training
    if settings.optimiser == "natural":
        return NaturalGradient(flow, training.natural, seed, sums)
    return Adam(flow, training, settings.gradient, seed)


def key_of(config: Config, ensemble: Ensemble, device: torch.device, start: Start | None) -> str:
    """Hash all settings that the steps depend on. Targets only select models on the way."""
    settings = stage_settings(config, "train", ensemble.name) | device_key(device)
    flow = {name: value for name, value in settings["flow"].items() if name != "targets"}
    return settings_hash(settings | {"flow": flow} | ({"model": start.digest} if start else {}))
