"""The clock of all costs: CPU seconds, which other work on the machine does not change.

Wall time of the same work is wrong by two to six on a busy machine. The seconds of all threads of
the process count, so that they are those of one core whatever the number of threads; ranks are
added up by those who know them.
"""

from time import process_time
from typing import NamedTuple

CPU, WALL = "cpu", "wall"  # attribute `clock` of files; those without it were timed by the wall


class Spent(NamedTuple):
    """CPU seconds of one core.

    Attributes:
        sampling: from random numbers to fields, with action, scalars and log q.
        measure: of correlators, with what is kept of fields.
    """

    sampling: float
    measure: float

    def __add__(self, other: "Spent") -> "Spent":  # type: ignore[override]
        return Spent(self.sampling + other.sampling, self.measure + other.measure)


def cpu_seconds() -> float:
    """CPU seconds of this process so far."""
    return process_time()
