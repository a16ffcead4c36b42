"""The ranks of a training: rank 0 trains and sends commands, and all ranks execute them.

The other ranks have no state. Each command comes with the parameters that it needs, so they cannot
diverge from rank 0. A checkpoint is written by rank 0 alone, and a training continues from it on
any number of ranks. A command costs a message of 4 bytes per parameter to every rank, and the
messages of `lfmc.mpi.tree`.
"""

from collections.abc import Callable, Sequence
from time import perf_counter
from typing import Any

import numpy as np
import torch
from torch import Tensor

from lfmc.clock import cpu_seconds
from lfmc.errors import LfmcError
from lfmc.flows.base import Flow
from lfmc.lattice import FloatArray
from lfmc.mpi.messages import concatenated, receive_command, send_command
from lfmc.mpi.ranks import OfAllRanks, Ranks
from lfmc.training.fisher import score_sums
from lfmc.training.moment import FEWEST, Verdict, verdict
from lfmc.training.optimiser import Parameters, set_vector, vector_of
from lfmc.training.step import field_log_weight, model_log_weight

FINISHED, STOPPED, FAILED = "finished", "stopped", "failed"


class Team:
    """The commands of rank 0 and their execution on all ranks.

    Attributes:
        stop: whether this rank should stop, e.g. after SIGTERM.
    """

    def __init__(
        self,
        mpi: Ranks,
        trained: Flow,
        evaluated: Flow,
        fields: Tensor,
        prepared: float = 0.0,
        symmetrise: bool = False,
    ) -> None:
        """Args: the ranks, the flow that is trained, a second one that evaluates other parameters,
        samples of p, the seconds of this rank that their preparation took, and whether both signs
        of a field will be proposed."""
        self.mpi, self.trained, self.evaluated, self.fields = mpi, trained, evaluated, fields
        self.symmetrise = symmetrise
        self.stop: Callable[[], bool] = lambda: False
        self._stop_seen = False
        self._clock, self._prepared = clock_of(trained), prepared
        self._began = self._clock()
        self._commands: dict[str, tuple[Flow | None, Callable[..., Any]]] = {
            "seconds": (None, self._seconds),
            "score sums": (trained, self._score_sums),
            "log weights": (evaluated, self._log_weights),
        }

    def stopped(self) -> bool:
        """Whether any rank should stop; the other ranks report it with each command."""
        self._stop_seen = self._stop_seen or self.stop()
        return self._stop_seen

    def score_sums(self, seeds: Sequence[int], origin: float) -> Tensor:
        """Return `lfmc.training.fisher.score_sums` of the flow that is trained."""
        found: Tensor = self._run_on_all("score sums", seeds, origin)
        return found

    def log_weight(self, parameters: Parameters, samples: int, seed: int) -> FloatArray:
        """Return log weights of new samples of a model with these parameters, (samples,)."""
        self.evaluated.load_state_dict(parameters)
        found: FloatArray = self._run_on_all("log weights", samples, seed, 0)[0]
        return found

    def evaluate(self, parameters: Parameters, samples: int, seed: int, divisor: int) -> Verdict:
        """Estimate both acceptances from 1/divisor of the samples of q and of those of p.

        The samples are the same for all parameters, so that the noise of differences is small.
        """
        self.evaluated.load_state_dict(parameters)
        few = min(max(len(self.fields) // divisor, FEWEST), len(self.fields))
        count = max(samples // divisor, FEWEST)
        return verdict(*self._run_on_all("log weights", count, seed, few))

    def seconds(self, prepared: bool) -> float:
        """Return the seconds that all ranks have used since `run` began.

        These are CPU seconds, which do not depend on other work on the machine, and wall-clock
        seconds on a GPU.

        Args:
            prepared: whether to add the seconds of the preparation.
        """
        return float(self._run_on_all("seconds", prepared).sum())

    def run(self, train: Callable[[], bool]) -> bool:
        """Train on rank 0 while the other ranks execute its commands; return whether it finished.

        Args:
            train: the training; returns false if it was stopped.

        Raises:
            LfmcError: the error of the training; OfAllRanks on each rank if there are several.
        """
        self._stop_seen, self._began = False, self._clock()
        if self.mpi.rank:
            return self._serve()
        try:
            finished = train()
        except LfmcError as error:
            send_command(self.mpi, (FAILED, None, ()))
            if self.mpi.size > 1:
                raise OfAllRanks(str(error), True) from None
            raise
        send_command(self.mpi, (FINISHED if finished else STOPPED, None, ()))
        return finished

    def _serve(self) -> bool:
        while True:
            command, vector, arguments = receive_command(self.mpi)
            if command == FAILED:
                raise OfAllRanks("the training has failed on rank 0", False)
            if command in (FINISHED, STOPPED):
                return bool(command == FINISHED)
            flow = self._commands[command][0]
            if flow is not None:
                set_vector(flow, torch.from_numpy(vector))
            self._execute(command, arguments)

    def _run_on_all(self, command: str, *arguments: Any) -> Any:
        if self.mpi.size > 1:
            flow = self._commands[command][0]
            vector = None if flow is None else vector_of(flow).numpy()
            send_command(self.mpi, (command, vector, arguments))
        return self._execute(command, arguments)

    def _execute(self, command: str, arguments: tuple[Any, ...]) -> Any:
        result = self._commands[command][1](*arguments)
        if self.mpi.size > 1 and not self.mpi.all_agree(not self.stopped()):
            self._stop_seen = True
        return result

    def _seconds(self, prepared: bool) -> FloatArray:
        used = self._clock() - self._began + (self._prepared if prepared else 0.0)
        return concatenated(self.mpi, np.array([used]))

    def _score_sums(self, seeds: Sequence[int], origin: float) -> Tensor:
        return score_sums(self.trained, seeds, origin, self.mpi)

    def _log_weights(self, samples: int, seed: int, fields: int) -> tuple[FloatArray, FloatArray]:
        generator = torch.Generator().manual_seed(seed)
        ways = (self.mpi, self.symmetrise)
        of_model = model_log_weight(self.evaluated, samples, generator, *ways).numpy()
        if not fields:
            return of_model, of_model[:0]
        return of_model, field_log_weight(self.evaluated, self.fields[:fields], *ways).numpy()


def clock_of(flow: Flow) -> Callable[[], float]:
    """Return a clock of this process: CPU seconds, or wall-clock seconds if a GPU computes."""
    return cpu_seconds if next(flow.parameters()).device.type == "cpu" else perf_counter
