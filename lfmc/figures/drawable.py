"""What cannot be drawn, as opposed to what cannot be read: a figure is left out, not the run."""

from collections.abc import Iterator
from contextlib import contextmanager

from lfmc.errors import LfmcError


class NotDrawable(LfmcError):
    """The numbers are there and sound, but they make no figure; the message says why."""


@contextmanager
def drawing(name: str) -> Iterator[None]:
    """Errors of arithmetic and of Matplotlib on odd numbers become `NotDrawable`."""
    try:
        yield
    except (ArithmeticError, ValueError, LookupError) as error:
        reason = " ".join(str(error).split()) or type(error).__name__
        raise NotDrawable(f"{name}: cannot be drawn ({reason})") from error
