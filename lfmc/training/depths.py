"""The number of layers whose total cost is least: trainings to `best`, one after another.

The depths of `flow.layers_tried` are trained in ascending order, each from the model of the one
before with further layers, which begin as the identity; the first from `flow.start`. The search
ends with the first depth that is not cheaper than the one before. Costs are those of
`lfmc.training.cheapest`, in proposals of four layers. What was spent on all depths counts as the
cost of the chosen model.
"""

import logging
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from math import inf
from pathlib import Path
from typing import Any, NamedTuple

import torch

from lfmc.config import Config, settings_hash, stage_settings
from lfmc.config.sections import Ensemble
from lfmc.flows.base import Flow
from lfmc.flows.build import read_model, trained_flow
from lfmc.mpi.ranks import ALONE, Ranks
from lfmc.not_reached import not_reached
from lfmc.provenance import file_hash
from lfmc.training.cheapest import proposal_cost
from lfmc.training.loop import Outcome, Passed, Report
from lfmc.training.prepare import Starting
from lfmc.training.start import Start, started
from lfmc.training.state import EMPTY, TrainingState
from lfmc.training.train import Trainer

log = logging.getLogger(__name__)


class Depth(NamedTuple):
    """One training of the search.

    Attributes:
        layers: of the flow.
        cost: of its best model in proposals of four layers, its own training included.
        seconds: of all trainings up to this one, starts included.
        acceptance: of the best model, from its own samples.
    """

    layers: int
    cost: float
    seconds: float
    acceptance: float


class DepthTrainer:
    """The trainings of one ensemble with every depth that is tried; resumes like `Trainer`.

    Attributes:
        config: with the chosen depth, when `run` has ended.
        tried: the depths that were trained, in their order.
        state: of the training of the chosen depth, with the seconds of all in its record.
        origin: as that of `Trainer`, of the first training.
    """

    def __init__(
        self,
        config: Config,
        ensemble: Ensemble,
        work: Path,
        start: Path | None = None,
        device: torch.device = torch.device("cpu"),  # noqa: B008 (immutable)
        mpi: Ranks = ALONE,
    ) -> None:
        """Args: as those of `Trainer`; the checkpoints lie in folders of `work`."""
        self.config, self.ensemble, self.work, self.start = config, ensemble, work, start
        self.device, self.mpi, self.settings = device, mpi, config.flow
        self.path, self.state = work / "checkpoint.pt", EMPTY
        self.tried: list[Depth] = []
        self.origin: dict[str, str] = {}
        origin = {"model": file_hash(start)} if start and start.exists() else {}
        self.key = settings_hash(stage_settings(config, "train", ensemble.name) | origin)

    def run(
        self,
        report: Report,
        stop: Callable[[], bool],
        passed: Passed = lambda record: None,
    ) -> Outcome:
        """Train depth after depth; as `Loop.run`, but `passed` is called once, at the end."""
        chosen: TrainingState = EMPTY
        starting: Path | Starting | None = self.start
        given = self.config
        for layers in depths(given.flow.layers_tried, self.start):
            config = given.model_copy(update={"flow": given.flow.of_depth(layers)})
            folder = self.work / f"layers-{layers}"
            trainer = Trainer(config, self.ensemble, folder, starting, self.device, self.mpi)
            self.origin = self.origin or trainer.origin
            outcome = trainer.run(report, stop)
            if not outcome.finished:
                return outcome
            # Only rank 0 has the models; all ranks need the start of the next depth.
            record = self.mpi.broadcast((outcome.state.passed or [{}])[0])
            if not record:  # a limit before the first check
                if self.tried:
                    break
                self.state = outcome.state
                return outcome
            self.tried.append(self._depth(layers, outcome.state, record))
            if not cheaper(self.tried):
                break
            self.config, chosen = config, outcome.state
            source = trained_flow(self.ensemble, config.flow, record["weights"])
            starting = partial(_deeper, source, record["seconds"], trainer.key, self.origin)
        return self._settled(chosen, passed)

    def _depth(self, layers: int, state: TrainingState, record: dict[str, Any]) -> Depth:
        cost = state.best.get("cheapest", {}).get("cost", inf) * proposal_cost(layers)
        found = Depth(layers, cost, record["seconds"], record["acceptance_q"])
        return Depth(*self.mpi.broadcast(tuple(found)))

    def _settled(self, chosen: TrainingState, passed: Passed) -> Outcome:
        """The chosen training, at the cost of all."""
        if self.mpi.rank == 0:
            spent = {"seconds": self.tried[-1].seconds, "layers": self.config.flow.layers}
            record = chosen.passed[0] | spent
            chosen = replace(chosen, passed=[record])
            costs = ", ".join(f"{d.layers} layers {d.cost:.3g}" for d in self.tried)
            log.info("train %s: costs in proposals: %s", self.ensemble.name, costs)
            self.state = chosen
            passed(record)
        return Outcome(chosen, True, "")


def depths(tried: tuple[int, ...], start: Path | None) -> tuple[int, ...]:
    """Those of the configured depths that the start fits; if there are none, that of the start.

    Raises:
        LfmcError: a start that cannot be read.
    """
    if start is None or not_reached(start):
        return tried
    least = read_model(start).settings.layers
    return tuple(layers for layers in tried if layers >= least) or (least,)


def cheaper(tried: list[Depth]) -> bool:
    """Whether the last depth costs less than all before it."""
    return all(tried[-1].cost < one.cost for one in tried[:-1])


def _deeper(source: Flow, seconds: float, digest: str, origin: dict[str, str], flow: Flow) -> Start:
    return started(flow, source, seconds, origin["start"], digest)
