"""The ranks of a training: rank 0 trains and asks, and all ranks evaluate what it asks for.

The other ranks know no step and decide nothing. Each question comes with the weights that it is
about, so they keep nothing either: they cannot come to differ from rank 0, a checkpoint is rank 0's
alone, and it continues on any number of ranks. A question costs a message of 4 bytes a parameter
to every rank, and the answers of `lfmc.training.tree`.
"""

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor

from lfmc.errors import LfmcError
from lfmc.flows.base import Flow
from lfmc.lattice import FloatArray
from lfmc.ranks import OfAllRanks, Ranks
from lfmc.training.fisher import score_sums
from lfmc.training.messages import hear, tell
from lfmc.training.method import Weights, set_vector, vector_of
from lfmc.training.moment import FEWEST, Verdict, verdict
from lfmc.training.step import log_weights, log_weights_of

FINISHED, STOPPED, FAILED = "finished", "stopped", "failed"


class Team:
    """What rank 0 asks for, and what the others answer.

    Attributes:
        stop: whether this rank was asked to stop.
    """

    def __init__(self, mpi: Ranks, trained: Flow, judged: Flow, fields: Tensor) -> None:
        """Args: the ranks, the flow that steps change, one to judge models, and samples of p."""
        self.mpi, self.trained, self.judged, self.fields = mpi, trained, judged, fields
        self.stop: Callable[[], bool] = lambda: False
        self._asked = False
        self._questions: dict[str, tuple[Flow, Callable[..., Any]]] = {
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

    def run(self, train: Callable[[], bool]) -> bool:
        """Whether the training is finished: rank 0 trains, the others answer until it has ended.

        Args:
            train: the training; false if it was stopped.

        Raises:
            LfmcError: the training's; of several ranks OfAllRanks, by each.
        """
        self._asked = False
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
            set_vector(self._questions[question][0], torch.from_numpy(vector))
            self._answer(question, arguments)

    def _ask(self, question: str, *arguments: Any) -> Any:
        if self.mpi.size > 1:
            vector = vector_of(self._questions[question][0]).numpy()
            tell(self.mpi, (question, vector, arguments))
        return self._answer(question, arguments)

    def _answer(self, question: str, arguments: tuple[Any, ...]) -> Any:
        answer = self._questions[question][1](*arguments)
        if self.mpi.size > 1 and not self.mpi.all_agree(not self.stopped()):
            self._asked = True
        return answer

    def _score_sums(self, seeds: Sequence[int], origin: float) -> Tensor:
        return score_sums(self.trained, seeds, origin, self.mpi)

    def _log_weights(self, samples: int, seed: int, fields: int) -> tuple[FloatArray, FloatArray]:
        generator = torch.Generator().manual_seed(seed)
        of_model = log_weights(self.judged, samples, generator, mpi=self.mpi).numpy()
        if not fields:
            return of_model, of_model[:0]
        return of_model, log_weights_of(self.judged, self.fields[:fields], self.mpi).numpy()
