"""The hybrid chain of an ensemble: a trained flow and a classical sampler in alternation."""

import json
from pathlib import Path
from typing import Any

import torch

from lfmc.config import Config, settings_hash, stage_settings
from lfmc.flows.base import Flow
from lfmc.flows.build import read_model
from lfmc.flows.passes import passes
from lfmc.provenance import file_hash
from lfmc.samplers.hybrid import HybridParameters, Inner, Proposals, hybrid_kind
from lfmc.samplers.method import Method, method
from lfmc.samplers.task import ChainTask, read_tuning, task_of
from lfmc.theories.base import Theory
from lfmc.theories.ensembles import theory_of


def proposals_of(flow: Flow) -> Proposals:
    """What a hybrid chain needs of a flow in float64, compiled where there are kernels."""
    found = passes(flow)
    found.compile(draw=True, inverse=True)
    law = flow.base.law == "uniform"
    return Proposals(flow.base.numbers, law, found.draw, found.log_q, found.compiled)


def hybrid_method(
    config: Config, theory: Theory, tuned: dict[str, Any], proposals: Proposals, model: str
) -> Method:
    """A hybrid sampler with one update between proposals; see `with_updates`.

    Args:
        tuned: of `lfmc.samplers.tune`.
        model: sha256 of the flow.
    """
    section = config.samplers.hybrid
    kernel = section.kernel or theory.opening
    inner = method(config, kernel, theory, tuned)
    kind = hybrid_kind(proposals, Inner(kernel, inner.kind.sample, inner.parameters))
    parameters = HybridParameters(kernel, 1, inner.known(), model)
    opening = inner.opening
    return Method("hybrid", kind, parameters, section.save_every, section.thermalisation, opening)


def with_updates(chosen: Method, between: int) -> Method:
    """The same with another number of updates between proposals."""
    return chosen._replace(parameters=chosen.parameters._replace(between=between))


class HybridSetUp:
    """The model and the tuned kernel of an ensemble, before the updates in between are chosen.

    Attributes:
        key: hash of everything that the choice depends on.
        method: with one update between proposals.
        seconds: CPU time of the tuning and of the training.
    """

    def __init__(self, config: Config, ensemble: str, tuning: Path, model: Path) -> None:
        """Read the tuning and the model; sets torch to one thread.

        Raises:
            LfmcError: files that are missing or of other settings.
        """
        torch.set_num_threads(1)
        self.config, self.ensemble, self.sources = config, ensemble, (tuning, model)
        self.theory = theory_of(config.ensemble(ensemble))
        tuned = read_tuning(tuning, config, ensemble)
        saved = read_model(model, config.ensemble(ensemble))
        self.method = hybrid_method(
            config, self.theory, tuned, proposals_of(saved.flow), file_hash(model)
        )
        settings = stage_settings(config, "hybrid", ensemble)
        self.key = settings_hash({**settings, "parameters": self.method.known()})
        kernel = self.method.parameters.kernel
        self.seconds = float(tuned.get(kernel, {}).get("seconds", 0.0))
        self.seconds += float(json.loads(saved.notes.get("training", "{}")).get("seconds", 0.0))

    def task(self, between: int, seconds: float = 0.0) -> ChainTask:
        """Everything that determines the chain; seconds: CPU time that the choice took."""
        chosen, spent = with_updates(self.method, between), self.seconds + seconds
        return task_of(self.config, self.ensemble, chosen, self.sources, spent)
