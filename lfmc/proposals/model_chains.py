"""The chain of an ensemble that a trained model takes part in, before its last parameter is chosen.

The model comes from `lfmc train`, the tuned samplers that run beside it from `lfmc tune`.
"""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import torch

from lfmc.config import Config, settings_hash, stage_settings
from lfmc.flows.base import Flow
from lfmc.flows.build import read_model
from lfmc.proposals.hybrid import hybrid_of
from lfmc.proposals.latent_hmc import latent_of
from lfmc.provenance import file_hash
from lfmc.samplers.method import Method
from lfmc.samplers.task import ChainTask, read_tuning, task_of
from lfmc.theories.base import Theory
from lfmc.theories.ensembles import theory_of


class ModelSampler(NamedTuple):
    """A sampler that needs a model.

    Attributes:
        of: (config, theory, tuning, flow, sha256 of the model) -> the sampler with 1 of `number`.
        number: the parameter that is chosen last; a key of its section too, `auto` or a number.
        words: what it counts.
    """

    of: Callable[[Config, Theory, dict[str, Any], Flow, str], Method]
    number: str
    words: str


MODEL_SAMPLERS = {
    "hybrid": ModelSampler(hybrid_of, "between", "updates between proposals"),
    "latent-hmc": ModelSampler(latent_of, "steps", "steps per trajectory"),
}


def with_number(chosen: Method, value: int) -> Method:
    """The same sampler with another value of the parameter that is chosen last."""
    number = MODEL_SAMPLERS[chosen.name].number
    return chosen._replace(parameters=chosen.parameters._replace(**{number: value}))


def number_of(config: Config, sampler: str) -> Any:
    """What the configuration has for that parameter: `auto` or a number."""
    return getattr(config.samplers.section(sampler), MODEL_SAMPLERS[sampler].number)


class ModelChain:
    """The model and the tuned samplers of an ensemble.

    Attributes:
        key: hash of everything that the choice of the last parameter depends on.
        method: with 1 for that.
        seconds: CPU time of the tuning and of the training.
    """

    def __init__(
        self, config: Config, sampler: str, ensemble: str, tuning: Path, model: Path
    ) -> None:
        """Read the tuning and the model; sets torch to one thread.

        Raises:
            LfmcError: files that are missing or of other settings.
        """
        torch.set_num_threads(1)
        self.config, self.ensemble, self.sources = config, ensemble, (tuning, model)
        self.theory = theory_of(config.ensemble(ensemble))
        tuned = read_tuning(tuning, config, ensemble)
        saved = read_model(model, config.ensemble(ensemble))
        of = MODEL_SAMPLERS[sampler].of
        self.method = of(config, self.theory, tuned, saved.flow, file_hash(model))
        settings = stage_settings(config, sampler, ensemble)
        self.key = settings_hash({**settings, "parameters": self.method.known()})
        kernel = getattr(self.method.parameters, "kernel", "")
        self.seconds = float(tuned.get(kernel, {}).get("seconds", 0.0))
        self.seconds += float(json.loads(saved.notes.get("training", "{}")).get("seconds", 0.0))

    def task(self, number: int, seconds: float = 0.0) -> ChainTask:
        """Everything that determines the chain; seconds: CPU time that the choice took."""
        chosen, spent = with_number(self.method, number), self.seconds + seconds
        return task_of(self.config, self.ensemble, chosen, self.sources, spent)
