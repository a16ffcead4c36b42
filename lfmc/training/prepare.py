"""What a training needs before its first step: ranks with samples of p, a method, and its key."""

from copy import deepcopy

import torch

from lfmc.action import action_of
from lfmc.compiled.plan import has_kernels
from lfmc.config import Config, settings_hash, stage_settings
from lfmc.device import device_key
from lfmc.flow_sections import FlowSettings
from lfmc.flows.base import Flow
from lfmc.ranks import Ranks
from lfmc.sections import Ensemble
from lfmc.training.adam import Adam
from lfmc.training.method import Method
from lfmc.training.natural import NaturalGradient, Sums, precision
from lfmc.training.start import Start
from lfmc.training.target import compile_target, target_fields
from lfmc.training.team import Team, clock_of


def precision_of(settings: FlowSettings) -> torch.dtype:
    """In which a flow is trained."""
    natural = settings.optimiser == "natural"
    return precision(settings.training.natural.damping) if natural else torch.float32


def team_of(config: Config, ensemble: Ensemble, flow: Flow, mpi: Ranks) -> Team:
    """The ranks, with samples of p. These cost time that counts, unlike what is compiled."""
    action, like = action_of(ensemble), next(flow.parameters())
    compile_target(action)
    if has_kernels(flow):
        from lfmc.compiled.scores import compile_for_training

        compile_for_training(flow, config.flow.optimiser == "natural")
    clock = clock_of(flow)
    began = clock()
    count = max(config.flow.training.decide_samples // 4, 512)
    fields = target_fields(action, count, config.seed, ensemble.name)
    on_device = torch.from_numpy(fields).to(like.device, like.dtype)
    return Team(mpi, flow, deepcopy(flow), on_device, clock() - began)


def method_of(settings: FlowSettings, flow: Flow, seed: int, sums: Sums) -> Method:
    """The configured method of training a flow."""
    training = settings.training
    if settings.optimiser == "natural":
        return NaturalGradient(flow, training.natural, seed, sums)
    return Adam(flow, training, settings.gradient, seed)


def key_of(config: Config, ensemble: Ensemble, device: torch.device, start: Start | None) -> str:
    """Of all that the steps of a training depend on; targets only say where a model is taken."""
    settings = stage_settings(config, "train", ensemble.name) | device_key(device)
    flow = {name: value for name, value in settings["flow"].items() if name != "targets"}
    return settings_hash(settings | {"flow": flow} | ({"model": start.digest} if start else {}))
