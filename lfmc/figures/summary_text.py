"""The summary of a run as Markdown, as LaTeX, and its head for a terminal.

Both files carry their provenance in a comment at their end.
"""

from itertools import takewhile
from pathlib import Path

from lfmc.errors import LfmcError
from lfmc.figures.summary import Block, Summary

TITLE = "# Summary of the run"
MARK = "<!-- provenance "
INDENT = " " * 4  # a block of code in Markdown
ROWS_PER_PAGE = 30  # a tabular does not break across pages
NOTE = (
    "Errors are one standard error: 13.02(45) means 13.02 +- 0.45. tau_int = 1/2 + sum of rho. "
    "Times are CPU times of one core, sampling alone. Gates of a row are those in which its chain "
    "takes part; side says which deviation fails a gate."
)
_SPECIAL = {
    **{c: f"\\{c}" for c in "&%$#_{}"},
    "\\": r"\textbackslash{}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "|": r"\textbar{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
}


def markdown(summary: Summary, stamp: str) -> str:
    """The text of summary.md; its head is an indented block, to be read as on a terminal."""
    parts = [TITLE, "\n".join(INDENT + line for line in summary.head)]
    parts += [f"## {block.title}\n\n{_pipes(block)}" for block in summary.blocks]
    return "\n\n".join([*parts, NOTE, f"{MARK}{stamp} -->"]) + "\n"


def latex(summary: Summary, stamp: str) -> str:
    """The text of summary.tex: a document that needs no package; its tabulars can be copied."""
    tables = "\n".join(_tabulars(block) for block in summary.blocks)
    return (
        "\\documentclass[landscape,a4paper]{article}\n"
        "\\setlength{\\oddsidemargin}{-1.5cm}\n\\setlength{\\textwidth}{27cm}\n"
        "\\setlength{\\topmargin}{-2cm}\n\\setlength{\\textheight}{17cm}\n"
        "\\setlength{\\parindent}{0pt}\n"
        f"\\begin{{document}}\n\\footnotesize\n{tables}\n{escaped(NOTE)}\n\\end{{document}}\n"
        f"% provenance {stamp}\n"
    )


def escaped(text: str) -> str:
    """Text for LaTeX, whatever it holds."""
    return "".join(_SPECIAL.get(letter, letter) for letter in text)


def head_of(path: Path) -> list[str]:
    """The head of a summary.md.

    Raises:
        LfmcError: missing, damaged, or not one of lfmc's.
    """
    from lfmc.seal import require_whole

    try:
        require_whole(path)
        lines = path.read_text(encoding="utf-8").splitlines()
        head = list(takewhile(lambda line: line.startswith(INDENT), lines[2:]))
    except OSError as error:
        raise LfmcError(f"{path}: cannot be read ({error.strerror}); run 'lfmc summary'") from None
    except UnicodeDecodeError:
        head = []
    if not head:
        raise LfmcError(f"{path}: not a summary of lfmc; run 'lfmc summary' again")
    return [line.removeprefix(INDENT) for line in head]


def closing(results: Path) -> list[str]:
    """What a run prints last: the head of its summary and where to look."""
    lines = head_of(results / "summary.md")
    lines += [f"summary: {results}/summary.md", f"figures: {results}/figures"]
    report = results / "report.html"
    return [*lines, f"report: {report}" if report.exists() else f"tables: {results}/tables"]


def _pipes(block: Block) -> str:
    """A table of pipes, its columns as wide as their cells, so that it also reads as plain text."""
    lines = [[cell.replace("|", "\\|") for cell in row] for row in (block.header, *block.rows)]
    widths = [max(3, *map(len, column)) for column in zip(*lines, strict=True)]
    lines.insert(1, ["-" * width for width in widths])
    padded = (
        " | ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True))
        for row in lines
    )
    return "\n".join(f"| {row} |" for row in padded)


def _tabulars(block: Block) -> str:
    columns = "l" * len(block.header)
    header = f"{' & '.join(map(escaped, block.header))} \\\\ \\hline"
    parts = [f"\\textbf{{{escaped(block.title)}}}\\par\\medskip"]
    for first in range(0, len(block.rows), ROWS_PER_PAGE):
        rows = block.rows[first : first + ROWS_PER_PAGE]
        body = "\n".join(f"{' & '.join(map(escaped, row))} \\\\" for row in rows)
        table = f"\\begin{{tabular}}{{{columns}}}\n\\hline\n{header}\n{body}\n\\hline"
        parts.append(f"{table}\n\\end{{tabular}}\\par\\bigskip")
    return "\n".join(parts)
