"""Tables and numbers of the summary, as Markdown."""

from collections.abc import Iterable, Sequence
from math import floor, log10


def table(head: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """A pipe table."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(str(cell) for cell in line) + " |" for line in lines)


def short(value: float) -> str:
    """Two or three digits, thousands without exponent: 0.82, 38, 1200, 4.7e+08."""
    if value == 0 or value != value:
        return "-" if value != value else "0"
    size = floor(log10(abs(value)))
    if -2 <= size < 5:
        return f"{value:.{max(1 - size, 0)}f}"
    return f"{value:.1e}"


def times(ratio: float) -> str:
    """A ratio: 14 x."""
    return f"{short(ratio)} x"
