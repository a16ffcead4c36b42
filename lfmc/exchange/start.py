"""Fields in a file from which the chains of a classical sampler start (`--start`)."""

from pathlib import Path

import numpy as np

from lfmc.errors import LfmcError
from lfmc.exchange.fields import require_fields
from lfmc.exchange.given import read_given
from lfmc.provenance import file_hash
from lfmc.samplers.task import Start
from lfmc.theories.base import Theory


def read_start(path: Path, theory: Theory, chains: int) -> Start:
    """Fields for chains to start from, chain c from field c modulo their number.

    Args:
        path: .npy of one field or (fields, sites) or (fields, *shape), or .h5 with fields/phi; of
            a chain, whose replicas and updates are known, the last field of each replica.
        chains: at least as many as fields.

    Raises:
        LfmcError: unreadable, of another shape or type, not finite, not in the space of the theory,
            or more fields than chains.
    """
    given = read_given(path)
    _, phi = require_fields(path, given.phi, theory, (0, 1) if given.replica is None else (1,))
    if given.replica is not None and given.update is not None:
        order = np.lexsort((given.update, given.replica))
        ends = np.diff(given.replica[order], append=given.replica.max() + 1) != 0
        phi = phi[order[ends]]
    if len(phi) > chains:
        raise LfmcError(
            f"{path}: {len(phi)} fields for {chains} chains (statistics.replicas); give at most "
            f"{chains}"
        )
    return Start(phi, path, file_hash(path))
