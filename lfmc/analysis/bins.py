"""Bins of a chain: sums over stretches long enough to be independent.

The paper bins 100 saved configurations (arXiv:1904.12072, section III). Here a bin is lengthened
to 20 tau_int of chi2 where 100 would be too short; bins never join two replicas unless whole
replicas, which are independent of each other, are shorter than a bin.
"""

from collections.abc import Iterable
from math import ceil
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from lfmc.analysis.unresolved import Unresolved

Floats = NDArray[np.floating]

PAPER_BIN = 100
TAUS_PER_BIN = 20
FEWEST_BINS = 10


class Layout(NamedTuple):
    """How a chain of (replicas, length) entries is cut.

    Attributes:
        starts: first entry of each bin within a replica, (bins per replica,).
        length: entries of a replica.
        group: replicas joined in one bin (1 unless replicas are shorter than a bin).
        replicas: number of replicas.
    """

    starts: NDArray[np.int64]
    length: int
    group: int
    replicas: int

    @property
    def counts(self) -> NDArray[np.int64]:
        """Entries in each bin, (B,), replica by replica."""
        inside = np.diff(np.append(self.starts, self.length))
        each = np.broadcast_to(inside, (self.replicas, len(inside)))
        return self._grouped(each)

    def sums(self, series: Iterable[Floats]) -> Floats:
        """Sum of each bin in float64: (replicas, length, ...) -> (B, ...)."""
        parts = [np.add.reduceat(r, self.starts, axis=0, dtype=np.float64) for r in series]
        return self._grouped(np.stack(parts))

    def means(self, series: Iterable[Floats]) -> Floats:
        """Mean of each bin: (replicas, length, ...) -> (B, ...)."""
        total = self.sums(series)
        return total / self.counts.reshape(-1, *[1] * (total.ndim - 1))

    def finer(self, factor: int) -> "Layout":
        """The same bins for a series with `factor` entries for each entry here."""
        return self._replace(starts=self.starts * factor, length=self.length * factor)

    def _grouped(self, parts: NDArray) -> NDArray:
        if self.group > 1:
            first = np.arange(0, self.replicas - self.group + 1, self.group)
            return np.add.reduceat(parts[:, 0], first, axis=0)
        return parts.reshape(-1, *parts.shape[2:])


def bin_layout(replicas: int, length: int, tau: float, shortest: int = PAPER_BIN) -> Layout:
    """Bins of at least max(shortest, 20 tau) entries; all entries are used.

    Args:
        replicas, length: shape of the chain.
        tau: integrated autocorrelation time in entries (convention 1/2 + sum).

    Raises:
        Unresolved: fewer than 10 bins would remain; says how long the chain would have to be.
    """
    need = max(shortest, ceil(TAUS_PER_BIN * tau))
    if length >= need:
        pieces = length // need
        starts = np.arange(pieces, dtype=np.int64) * length // pieces
        layout = Layout(starts, length, 1, replicas)
    else:
        group = max(1, min(ceil(shortest / length), replicas // FEWEST_BINS))
        layout = Layout(np.zeros(1, dtype=np.int64), length, group, replicas)
    if len(layout.counts) < FEWEST_BINS:
        raise Unresolved(
            f"{replicas} replicas of {length} saved configurations give {len(layout.counts)} bins "
            f"of {need}; at least {FEWEST_BINS} are needed: save "
            f"{ceil(FEWEST_BINS / replicas) * need} configurations per replica",
            f"{len(layout.counts)} bins, {FEWEST_BINS} are needed",
        )
    return layout


def whole_replicas(replicas: int, length: int) -> Layout:
    """Each replica one bin: independent however long tau is."""
    return Layout(np.zeros(1, dtype=np.int64), length, 1, replicas)
