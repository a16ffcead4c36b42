"""A Markov chain in memory."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lfmc.chains import Chain as Record
from lfmc.lattice import FloatArray, IntArray


@dataclass(frozen=True, eq=False, repr=False)
class Chain:
    """A chain of several replicas, from any sampler.

    Attributes:
        theory: the theory.
        record: what the chain file of a run holds (`lfmc.chains.Chain`).
        fields: whole fields of some updates, (kept, sites), float64, flat in C order of the shape.
        replica, update: where each of them belongs, (kept,).
        log_weight: log p - log q of every proposal up to a constant, (proposals,); None unless a
            flow made them.

    Example:
        >>> theory = lfmc.Phi4((4, 4), m2=-4.0, lam=6.975)
        >>> chain = lfmc.hmc(theory, chains=32, updates=500, seed=1, progress=False)
        >>> chain.sampler, chain.replicas, chain.updates, sorted(chain.scalars)
        ('hmc', 32, 500, ['E', 'm', 'phi2', 'phi4'])
        >>> chain.fields[0].reshape(theory.shape).shape
        (4, 4)
    """

    theory: Any
    record: Record
    fields: FloatArray
    replica: IntArray
    update: IntArray
    log_weight: FloatArray | None = None

    @property
    def sampler(self) -> str:
        """hmc, local, cluster, flow-70 ..."""
        return self.record.sampler

    @property
    def scalars(self) -> dict[str, NDArray[np.floating]]:
        """Scalars of every update, name -> (replicas, updates)."""
        return self.record.scalars

    @property
    def two_point(self) -> NDArray[np.floating]:
        """G(x) per orbit of every saved configuration, (replicas, saved, orbits)."""
        return self.record.two_point

    @property
    def save_every(self) -> int:
        """Updates from one saved configuration to the next."""
        return self.record.save_every

    @property
    def acceptance(self) -> float:
        """Accepted fraction of the proposals."""
        return self.record.acceptance

    @property
    def seconds(self) -> float:
        """CPU seconds of the sampling."""
        return self.record.seconds

    @property
    def extra(self) -> dict[str, NDArray]:
        """The sampler's own records: dH of HMC, states of a flow's chain ..."""
        return self.record.extra

    @property
    def replicas(self) -> int:
        """Number of independent chains."""
        return self.record.replicas

    @property
    def updates(self) -> int:
        """Updates of each replica."""
        return int(next(iter(self.scalars.values())).shape[1])

    def __repr__(self) -> str:
        return (
            f"Chain({self.sampler} of {self.theory!r}: {self.replicas} replicas of {self.updates} "
            f"updates, acceptance {self.acceptance:.3f}, {len(self.fields)} fields)"
        )
