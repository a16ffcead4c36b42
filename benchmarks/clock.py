"""CPU seconds of one thread: what a machine that others use too disturbs least."""

from collections.abc import Callable
from statistics import median
from time import process_time


def rate(work: Callable[[], object], amount: float, repeats: int) -> float:
    """Median amount of work per CPU second, after one call that compiles and warms up."""
    work()
    seconds = []
    for _ in range(repeats):
        began = process_time()
        work()
        seconds.append(process_time() - began)
    return amount / median(seconds)
