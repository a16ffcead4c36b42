"""The one exception that users are meant to read."""

from collections.abc import Iterable
from difflib import get_close_matches

LISTED = 30  # names in a message; of more, the first ones


class LfmcError(Exception):
    """Bad input or a failed check: what is wrong, where, and what would be right.

    The command line prints the message as one line and exits with code 2, without a traceback.

    Attributes:
        printed: whether this process prints it. If all ranks fail for one reason, one rank does.

    Example:
        >>> theory = lfmc.Phi4((4, 4), m2=-4.0, lam=6.975)
        >>> lfmc.hmc(theory, updates=105, seed=1, progress=False)
        Traceback (most recent call last):
        lfmc.errors.LfmcError: updates = 105; give a multiple of save_every = 10
    """

    printed = True


def unknown(what: str, name: str, known: Iterable[str]) -> LfmcError:
    """A name that is not among the known ones: the nearest one, and the list.

    Args:
        what: kind of thing in the singular, e.g. "ensemble".
        name: as given.
        known: the names there are, in the order in which to print them.
    """
    names = list(known)
    by_folded = {other.lower(): other for other in reversed(names)}
    close = get_close_matches(name.lower()[:80], by_folded, 1, 0.66)
    if close and _letters(close[0]) == _letters(name.lower()) and close[0] != name.lower():
        close = []  # another number is another thing, not a misprint
    hint = f"perhaps {by_folded[close[0]]!r}; " if close else ""
    listed = ", ".join(names[:LISTED]) + (f" ... ({len(names)} in all)" * (len(names) > LISTED))
    shown = name if len(name) <= 40 else f"{name[:40]}..."
    return LfmcError(f"no {what} {shown!r}; {hint}there are {listed}")


def _letters(name: str) -> str:
    return "".join(c for c in name if not c.isdigit())
