"""The ranks of a training: rank 0 trains and asks, and all ranks evaluate what it asks for.

The other ranks know no step and decide nothing. Each question comes with the weights that it is
about, so they keep nothing either: they cannot come to differ from rank 0, a checkpoint is rank 0's
alone, and it continues on any number of ranks. A question costs a message of 4 bytes a parameter
to every rank, and the answers of `lfmc.mpi.tree`.
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
from lfmc.mpi.messages import concatenated, hear, tell
from lfmc.mpi.ranks import OfAllRanks, Ranks
from lfmc.training.fisher import score_sums
from lfmc.training.moment import FEWEST, Verdict, verdict
from lfmc.training.optimiser import Weights, set_vector, vector_of
from lfmc.training.step import log_weights, log_weights_of

FINISHED, STOPPED, FAILED = "finished", "stopped", "failed"


class Team:
    """What rank 0 asks for, and what the others answer.

    Attributes:
        stop: whether this rank was asked to stop.
    """

    def __init__(
        self, mpi: Ranks, trained: Flow, judged: Flow, fields: Tensor, prepared: float = 0.0
    ) -> None:
        """Args: the ranks, the flow that steps change, one to judge models, samples of p, and
        the seconds of this rank that they took."""
        self.mpi, self.trained, self.judged, self.fields = mpi, trained, judged, fields
        self.stop: Callable[[], bool] = lambda: False
        self._asked = False
        self._clock, self._prepared = clock_of(trained), prepared
        self._began = self._clock()
        self._questions: dict[str, tuple[Flow | None, Callable[..., Any]]] = {
            "seconds": (None, self._seconds),
            "score sums": (trained, self._score_sums),
            "log weights": (judged, self._log_weights),
        }

    def stopped(self) -> bool:
        """Whether any rank was asked to stop; of the others as of the last answer."""
        self._asked = self._asked or self.stop()
        return self._asked

    def score_sums(self, seeds: Sequence[int], origin: float) -> Tensor:
        """`lfmc.training.fisher.score_sums` of the flow that steps change."""
        found: Tensor = self._ask("score sums", seeds, origin)
        return found

    def log_weights(self, weights: Weights, samples: int, seed: int) -> FloatArray:
        """Of fresh samples of a model of these weights, (samples,)."""
        self.judged.load_state_dict(weights)
        found: FloatArray = self._ask("log weights", samples, seed, 0)[0]
        return found

    def judge(self, weights: Weights, samples: int, seed: int, share: int) -> Verdict:
        """Of a model of these weights, from a share-th of the samples of q and of those of p.

        The same samples for all weights, so that neighbours compare.
        """
        self.judged.load_state_dict(weights)
        few = min(max(len(self.fields) // share, FEWEST), len(self.fields))
        return verdict(*self._ask("log weights", max(samples // share, FEWEST), seed, few))

    def seconds(self, prepared: bool) -> float:
        """Used by all ranks since `run` began, if so with those of what was prepared for it.

        CPU seconds, which other work on the machine does not lengthen; of a GPU those of the wall.
        """
        return float(self._ask("seconds", prepared).sum())

    def run(self, train: Callable[[], bool]) -> bool:
        """Whether the training is finished: rank 0 trains, the others answer until it has ended.

        Args:
            train: the training; false if it was stopped.

        Raises:
            LfmcError: the training's; of several ranks OfAllRanks, by each.
        """
        self._asked, self._began = False, self._clock()
        if self.mpi.rank:
            return self._serve()
        try:
            finished = train()
        except LfmcError as error:
            tell(self.mpi, (FAILED, None, ()))
            if self.mpi.size > 1:
                raise OfAllRanks(str(error), True) from None
            raise
        tell(self.mpi, (FINISHED if finished else STOPPED, None, ()))
        return finished

    def _serve(self) -> bool:
        while True:
            question, vector, arguments = hear(self.mpi)
            if question == FAILED:
                raise OfAllRanks("the training has failed on rank 0", False)
            if question in (FINISHED, STOPPED):
                return bool(question == FINISHED)
            flow = self._questions[question][0]
            if flow is not None:
                set_vector(flow, torch.from_numpy(vector))
            self._answer(question, arguments)

    def _ask(self, question: str, *arguments: Any) -> Any:
        if self.mpi.size > 1:
            flow = self._questions[question][0]
            vector = None if flow is None else vector_of(flow).numpy()
            tell(self.mpi, (question, vector, arguments))
        return self._answer(question, arguments)

    def _answer(self, question: str, arguments: tuple[Any, ...]) -> Any:
        answer = self._questions[question][1](*arguments)
        if self.mpi.size > 1 and not self.mpi.all_agree(not self.stopped()):
            self._asked = True
        return answer

    def _seconds(self, prepared: bool) -> FloatArray:
        used = self._clock() - self._began + (self._prepared if prepared else 0.0)
        return concatenated(self.mpi, np.array([used]))

    def _score_sums(self, seeds: Sequence[int], origin: float) -> Tensor:
        return score_sums(self.trained, seeds, origin, self.mpi)

    def _log_weights(self, samples: int, seed: int, fields: int) -> tuple[FloatArray, FloatArray]:
        generator = torch.Generator().manual_seed(seed)
        of_model = log_weights(self.judged, samples, generator, mpi=self.mpi).numpy()
        if not fields:
            return of_model, of_model[:0]
        return of_model, log_weights_of(self.judged, self.fields[:fields], self.mpi).numpy()


def clock_of(flow: Flow) -> Callable[[], float]:
    """Seconds of this process: of its CPU, or of the wall where a GPU computes."""
    return cpu_seconds if next(flow.parameters()).device.type == "cpu" else perf_counter
