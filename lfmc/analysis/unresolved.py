"""A number that a chain cannot give, while others of the same chain are good.

Raised and caught within the analysis: the table records the reason, a warning names it, and the
run goes on. What makes every number of a chain worthless is a plain `LfmcError`.
"""

from lfmc.errors import LfmcError


class Unresolved(LfmcError):
    """Why one number is withheld.

    Attributes:
        reason: a few words for tables and captions, e.g. "no window".
        bound: what tau_int certainly exceeds, in entries of the series; 0.5 if nothing is known.
    """

    def __init__(self, message: str, reason: str, bound: float = 0.5) -> None:
        super().__init__(message)
        self.reason = reason
        self.bound = bound
