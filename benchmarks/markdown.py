"""Tables and numbers of the summary, as Markdown."""

import math
from collections.abc import Iterable, Sequence
from textwrap import wrap


def table(head: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """A pipe table."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(str(cell) for cell in line) + " |" for line in lines)


def short(value: float) -> str:
    """Two or three digits, thousands without exponent: 0.82, 38, 1200, 4.7e+08."""
    if value == 0 or value != value:
        return "-" if value != value else "0"
    size = math.floor(math.log10(abs(value)))
    if -2 <= size < 5:
        return f"{value:.{max(1 - size, 0)}f}"
    return f"{value:.1e}"


def times(ratio: float) -> str:
    """A ratio: 14 x."""
    return f"{short(ratio)} x"


def wrapped(text: str, width: int = 100) -> str:
    """A document with its prose in lines of at most `width`; rows of tables stay as they are."""
    lines: list[str] = []
    for line in text.splitlines():
        indent = "  " if line.startswith(("- ", "  ")) else ""
        options = {"break_long_words": False, "break_on_hyphens": False}
        short_enough = len(line) <= width or line.startswith("|")
        lines += [line] if short_enough else wrap(line, width, subsequent_indent=indent, **options)
    return "\n".join(lines) + "\n"
