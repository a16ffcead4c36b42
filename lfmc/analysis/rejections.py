"""Runs of rejections: what the independence chain's autocorrelation is made of.

For independence Metropolis, rho(t)/rho(0) = probability of t rejections in a row
(arXiv:1904.12072 eq. 15-18), as far as an observable is not correlated with the weight; hence
tau_acc = 1/2 + sum_t P(t rejections in a row).
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from lfmc.analysis.gamma_method import Tau
from lfmc.analysis.jackknife import jackknife
from lfmc.chains import Chain

Floats = NDArray[np.floating]
Flags = NDArray[np.bool_]

SEGMENTS = 200


class Runs(NamedTuple):
    """Maximal runs of consecutive rejections in all replicas.

    Attributes:
        length: rejections in each run, (runs,).
        replica: where it is, (runs,).
        start: first rejected transition of each run, (runs,).
        transitions: transitions of a replica.
        replicas: number of replicas.
    """

    length: NDArray[np.int64]
    replica: NDArray[np.int64]
    start: NDArray[np.int64]
    transitions: int
    replicas: int

    @property
    def longest(self) -> int:
        """Most rejections in a row; 0 if there was none."""
        return int(self.length.max(initial=0))

    @property
    def histogram(self) -> NDArray[np.int64]:
        """Number of runs of exactly k rejections, k = 0 ... longest (0 runs at k = 0)."""
        return np.bincount(self.length, minlength=1).astype(np.int64)


def rejected_updates(chain: Chain) -> Flags:
    """Transitions that changed nothing, (replicas, updates - 1).

    An update that leaves all scalars of the whole lattice at the same bits was rejected as a
    whole; two different fields would have to agree in four or more float32 numbers to be mistaken.
    """
    same: Flags | None = None
    for series in chain.scalars.values():
        equal = series[:, 1:] == series[:, :-1]
        same = equal if same is None else same & equal
    assert same is not None
    return same


def rejection_runs(rejected: Flags) -> Runs:
    """Maximal runs of True in each row of (replicas, transitions)."""
    replicas, transitions = rejected.shape
    padded = np.zeros((replicas, transitions + 2), dtype=np.int8)
    padded[:, 1:-1] = rejected
    step = np.diff(padded, axis=1)
    replica, start = np.nonzero(step == 1)
    end = np.nonzero(step == -1)[1]
    return Runs(end - start, replica, start, transitions, replicas)


def acceptance_error(rejected: Flags) -> float:
    """Jackknife error of the fraction of accepted transitions, over segments of the chain."""
    runs = rejection_runs(rejected)
    counts, (total,) = _segments(runs, runs.length.astype(np.float64))
    bins = (total / counts)[:, None]
    return float(jackknife(bins, counts, lambda mean: 1 - mean)[1][0])


def acceptance_time(rejected: Flags) -> Tau:
    """tau_acc from the runs of rejections (arXiv:1904.12072 eq. 15-18), with jackknife error.

    A run of k holds k - t + 1 stretches of t rejections, so that all t together contribute
    k (k+1)/2. `window` is the longest run.
    """
    runs = rejection_runs(rejected)
    counts, (total,) = _segments(runs, runs.length * (runs.length + 1) / 2)
    value, error = jackknife((total / counts)[:, None], counts, lambda mean: 0.5 + mean)
    return Tau(float(value[0]), float(error[0]), runs.longest)


def jensen_bound(acceptance: float, error: float) -> Tau:
    """1/2 + (1-a)/a <= tau_acc, from Jensen's inequality on P(t rejections) (D of eq. 15-18)."""
    return Tau(0.5 + (1 - acceptance) / acceptance, error / acceptance**2, 0)


def _segments(runs: Runs, *weights: Floats) -> tuple[NDArray[np.int64], list[Floats]]:
    """Transitions, and sums of weights of the runs that start there, in each of ~200 segments."""
    pieces = max(1, min(-(-SEGMENTS // runs.replicas), runs.transitions // 20))
    edges = np.arange(pieces + 1) * runs.transitions // pieces
    segment = np.searchsorted(edges, runs.start, side="right") - 1
    place = runs.replica * pieces + segment
    size = runs.replicas * pieces
    counts = np.tile(np.diff(edges), runs.replicas).astype(np.int64)
    return counts, [np.bincount(place, w, minlength=size).astype(np.float64) for w in weights]
