"""How a run is divided: replicas, saved configurations, segments, chunks and kept fields.

Everything follows from the settings, nothing from a clock or from the machine, so an interrupted
run and an uninterrupted one do the same work in the same pieces.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

SEGMENT_FORCES = 1.5e10  # site forces, or site updates times their cost, of one segment: 5-10 s
SEGMENT_RECORDS = 2_000_000  # updates of all chains in one segment: 40 MB of scalars and dH
SEGMENT_VALUES = 50_000_000  # saved field values in one segment: 40 MB of correlators
CHUNK_VALUES = 500_000  # saved field values between two looks at the clock: 4 MB


class Plan(NamedTuple):
    """Sizes of a run.

    Attributes:
        replicas: chains.
        saved: saved configurations of each chain.
        save_every: updates from one saved configuration to the next.
        segment: saved configurations of each chain in one segment (the last may be shorter).
        chunk: saved configurations of each chain in one call of the kernel.
        kept: number of whole fields kept of all chains.
        begin: saved configurations that exist already; segments divide those after them.
    """

    replicas: int
    saved: int
    save_every: int
    segment: int
    chunk: int
    kept: int
    begin: int = 0

    @property
    def updates(self) -> int:
        return self.saved * self.save_every

    @property
    def segments(self) -> int:
        return -(-(self.saved - self.begin) // self.segment)

    def bounds(self, index: int) -> tuple[int, int]:
        """First and last + 1 saved configuration of a segment."""
        first = self.begin + index * self.segment
        return first, min(first + self.segment, self.saved)

    def kept_fields(self) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """(replica, saved configuration) of every kept field: even in time, all chains in turn."""
        j = np.arange(self.kept)
        when = ((2 * j + 1) * self.saved) // (2 * self.kept)
        return j % self.replicas, when


def plan(
    cost: float,
    configurations: int,
    replicas: int,
    save_every: int,
    keep_fields: int,
    numbers: int,
    forces_per_update: int,
) -> Plan:
    """Divide a run of a sampler; `configurations` are those of all replicas, rounded up.

    Args:
        cost: of an update of one number, see `SamplerSection`.
    """
    saved = -(-configurations // replicas)
    work = replicas * numbers * save_every * max(forces_per_update, 1) * cost
    records, values = replicas * save_every, replicas * numbers
    longest = min(SEGMENT_FORCES / work, SEGMENT_RECORDS / records, SEGMENT_VALUES / values)
    pieces = -(-saved // max(1, int(longest)))
    segment = -(-saved // pieces)  # of equal length, for the chunks of the final file are segments
    chunk = max(1, min(segment, CHUNK_VALUES // values))
    return Plan(replicas, saved, save_every, segment, chunk, min(keep_fields, saved * replicas))
