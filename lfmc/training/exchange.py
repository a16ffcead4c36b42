"""Samples of p of theories whose updates do not reach every field: exchanges with a companion.

Each chain of p has a chain of `Theory.companion` beside it, with the action S' and updates of its
own. The two exchange their fields x and x' with the probability

    min(1, exp(S(x) + S'(x') - S(x') - S'(x))),

which keeps exp(-S(x) - S'(x')) (R. H. Swendsen, J.-S. Wang, Phys. Rev. Lett. 57 (1986) 2607).
"""

from collections.abc import Callable

import numpy as np

from lfmc.lattice import FloatArray
from lfmc.samplers.state import State, cold_start, fields, started_from
from lfmc.streams import generator
from lfmc.theories.base import Theory

EVERY = 2  # updates of p between two exchanges
COMPANION_UPDATES = 10  # of the companion in the same time: some tau_int of its charge

Advance = Callable[[State, int], State]


class Exchange:
    """Chains of a companion beside those of p, as many, and the stream that decides exchanges."""

    def __init__(
        self,
        theory: Theory,
        companion: Theory,
        advance: Advance,
        chains: int,
        seed: int,
        *names: str,
    ) -> None:
        """Start the companion's chains.

        Args:
            advance: of the companion's chains, by a number of updates.
            names: of the random streams, beside "exchange".
        """
        self.theory, self.companion, self.advance = theory, companion, advance
        self.state = cold_start(companion, seed, range(chains), "check", *names, "exchange")
        self.random = generator(seed, "check", *names, "exchange")

    def run(self, state: State, advance: Advance, updates: int) -> State:
        """Advance chains of p by a number of updates, a multiple of EVERY, with exchanges."""
        for _ in range(updates // EVERY):
            state = self.exchanged(advance(state, EVERY))
        return state

    def exchanged(self, state: State) -> State:
        """Advance the companion and exchange the fields of those chains that accept."""
        self.state = self.advance(self.state, COMPANION_UPDATES)
        mine, other = fields(state), fields(self.state)
        gain = self._log_weight(other) - self._log_weight(mine)
        taken = (np.log1p(-self.random.random(len(gain))) < gain)[:, None]
        self.state = started_from(self.state, np.where(taken, mine, other))
        return started_from(state, np.where(taken, other, mine))

    def _log_weight(self, phi: FloatArray) -> FloatArray:
        """Of p, relative to the companion."""
        return np.asarray(self.companion.evaluate(phi) - self.theory.evaluate(phi))
