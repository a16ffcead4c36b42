"""Training as a stage: the loop with its checkpoint, and with saved models for lower targets."""

import logging
from functools import partial
from pathlib import Path
from typing import Any

import torch

from lfmc.clock import CPU, WALL, cpu_seconds
from lfmc.config import Config
from lfmc.config.sections import Ensemble
from lfmc.mpi.ranks import ALONE, Disagreement, Ranks
from lfmc.training.loop import Loop, Outcome
from lfmc.training.optimiser import Parameters
from lfmc.training.prepare import Starting, key_of, no_start, prepared
from lfmc.training.start import read_start
from lfmc.training.state import TrainingState, load_state, save_state
from lfmc.training.trail import Trail

__all__ = ["Outcome", "Trainer"]

log = logging.getLogger(__name__)


class Trainer(Loop):
    """One training run of one ensemble on any number of ranks; resumes from its checkpoint.

    Attributes:
        origin: the ensemble whose model it starts from ("" if none), and the clock of its seconds.
    """

    def __init__(
        self,
        config: Config,
        ensemble: Ensemble,
        work: Path,
        start: Path | Starting | None = None,
        device: torch.device = torch.device("cpu"),  # noqa: B008 (immutable)
        mpi: Ranks = ALONE,
    ) -> None:
        """Args: configuration, ensemble, folder of the checkpoint, model to start from (its file,
        or a function of the new flow), device, ranks that evaluate.

        Raises:
            LfmcError: a start that does not fit, or several ranks for an optimiser of one rank.
        """
        if mpi.size > 1 and config.flow.optimiser != "natural":
            raise Disagreement(
                f"flow.training.optimiser: {config.flow.optimiser} trains on one rank, not on "
                f"{mpi.size}; take natural, or one rank",
                mpi.rank == 0,
            )
        if isinstance(start, Path):
            start = partial(read_start, start, config, warn=mpi.rank == 0)
        begin = start or no_start
        made = prepared(config, ensemble, begin, device, mpi)
        self.config, self.ensemble, self.start = config, ensemble, made.start
        seconds = self.start.seconds if self.start else 0.0
        super().__init__(
            ensemble.name,
            config.flow,
            made.optimiser,
            made.team,
            made.check_seed,
            seconds,
            made.fit,
        )
        self.origin = {
            "start": self.start.ensemble if self.start else "",
            "clock": CPU if self.clock is cpu_seconds else WALL,
        }
        self.path = work / "checkpoint.pt"
        self.key = key_of(config, ensemble, device, self.start)
        self.trail = Trail(work / "trail", self.key)
        saved = load_state(self.path, self.key) if mpi.rank == 0 else None
        if saved:
            self._continue(saved)

    def _continue(self, saved: TrainingState) -> None:
        """Continue from a checkpoint, or start again if the optimiser cannot read it."""
        try:
            self.optimiser.restore(saved.optimiser)
        except (KeyError, TypeError, ValueError, RuntimeError, AttributeError):
            log.warning("%s is of another version of lfmc; training starts again", self.path)
            self.optimiser.restore(self.begin.optimiser)
            return
        self.state = saved

    def _resume(self) -> None:
        """Decide on targets with which earlier checks were not compared."""
        for target in self._open():
            if target in self.state.compared:
                continue
            for pair, before, row in self.trail.in_question(self.state, target):
                if pair is None:
                    missing = f"models of earlier checks, for target {target:g}, were not kept"
                    log.warning("train %s: %s; training starts again", self.name, missing)
                    self.optimiser.restore(self.begin.optimiser)
                    self.state, self.earlier = self.begin, self.begin.seconds
                    return
                if self._decide(target, pair, before, row, self._seconds()):
                    break
            self.state.compared.append(target)
        self.state.compared = list(self.settings.targets)

    def _keep(self, row: dict[str, Any], model: Parameters) -> None:
        self.trail.keep(self.state, row, model)

    def _checkpoint(self) -> None:
        self.state.optimiser, self.state.seconds = self.optimiser.state(), self._seconds()
        save_state(self.path, self.key, self.state)
