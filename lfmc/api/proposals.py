"""Proposals of a model in memory, with their weights."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lfmc.analysis.log_z import log_Z_of
from lfmc.analysis.weighted import Proposals as Recorded
from lfmc.lattice import FloatArray


@dataclass(frozen=True, eq=False, repr=False)
class Proposals:
    """Independent proposals of a model, with what is recorded of each.

    Attributes:
        theory: the theory.
        sampler: flow-70 ...
        log_weight: log p - log q up to a constant, of annealed ones the work, (N,).
        scalars: name -> (N,).
        correlators: (N, K), for scalar theories G(x) per orbit.
        seconds: CPU seconds.
        controls: control variates, (N, C); None without them.

    Example:
        >>> theory = lfmc.Phi4((4, 4), m2=-4.0, lam=6.975)
        >>> model = lfmc.train(theory, target=0.7, seed=1, progress=False)
        >>> proposals = lfmc.propose(model, 20_000, seed=2, progress=False)
        >>> proposals.log_weight.shape, 0.3 < proposals.ess < 1
        ((20000,), True)
    """

    theory: Any
    sampler: str
    log_weight: FloatArray
    scalars: dict[str, NDArray[np.floating]]
    correlators: NDArray[np.floating]
    seconds: float
    controls: NDArray[np.floating] | None = None

    @property
    def ess(self) -> float:
        """Effective part of the proposals, (sum w)^2 / (N sum w^2)."""
        return log_Z_of(self.log_weight).ess

    @property
    def recorded(self) -> Recorded:
        """As `lfmc.analysis` reads them."""
        return Recorded(self.log_weight, self.scalars, self.correlators, self.controls)

    def __len__(self) -> int:
        return len(self.log_weight)

    def __repr__(self) -> str:
        return f"Proposals({len(self)} of {self.sampler}, {self.theory!r}, ESS {self.ess:.3f})"
