"""The report of a run: its numbers and main figures first, then everything (`lfmc report`).

Numbers are those of summary and tables, pictures and captions those of results/figures: nothing is
computed or drawn here.
"""

import csv
import io
from pathlib import Path

from lfmc.analysis.columns import TABLES
from lfmc.config import stage_settings
from lfmc.errors import LfmcError
from lfmc.figures import report_page as html
from lfmc.figures.metadata import require_whole_png
from lfmc.figures.registry import figures_of
from lfmc.figures.rundata import RunData
from lfmc.figures.summary import Summary, summarise
from lfmc.figures.summary_text import NOTE
from lfmc.provenance import stamp
from lfmc.table_files import whole_bytes

TITLE = "Samplers compared"
# On the first page, as far as a run has them: the first beside the main numbers, the next below.
MAIN = ("tau_int_update", "cost_per_sample", "tau_int", "chi2_energy", "training_cost")
PLACES = (slice(0, 1), slice(1, 2), slice(2, None))


def make_report(run: RunData) -> str:
    """The report as one HTML file.

    Raises:
        LfmcError: a table, figure or caption is missing or damaged.
    """
    summary, entries = summarise(run), figures_of(run.config)
    drawn = {name: _figure(run, name, entry.title) for name, entry in entries.items()}
    main = [name for name in MAIN if name in drawn]
    sections = [("results", "Results", _results(summary, [drawn[name] for name in main]))]
    for category in dict.fromkeys(entry.category for entry in entries.values()):
        those = [drawn[n] for n, e in entries.items() if e.category == category and n not in main]
        name = category.lower().replace(" ", "-")
        sections.append((name, category, f'<div class="figures">{"".join(those)}</div>'))
    sections.append(("tables", "Tables", _tables(run)))
    times = _run_times(run.results / "benchmarks")
    if times:
        sections.append(("times", "Run times", times))
    mark = stamp(stage_settings(run.config, "summary"), tuple(dict.fromkeys(run.inputs)))
    return html.page(f"{TITLE}: {run.results.name}", sections, mark)


def _results(summary: Summary, figures: list[str]) -> str:
    head = f"<pre>{html.escape(chr(10).join(summary.head))}</pre>"
    blocks = [
        f"<h3>{html.escape(b.title)}</h3>\n{html.table(b.header, b.rows)}" for b in summary.blocks
    ]
    beside, below, others = ("".join(figures[part]) for part in PLACES)
    return (
        f'<div class="first"><div>{head}{below}</div><div>{beside}</div></div>\n'
        f'<div class="figures">{others}</div>\n'
        f"{''.join(blocks)}\n<p>{html.escape(NOTE)}</p>"
    )


def _figure(run: RunData, name: str, title: str) -> str:
    picture, caption = (run.results / "figures" / f"{name}.{end}" for end in ("png", "txt"))
    for path in (picture, caption):
        if not path.is_file():
            raise LfmcError(f"{path}: no such file; 'lfmc plot --all' makes it")
        run.inputs.append(path)
    try:
        require_whole_png(picture)
        return html.figure(title, picture.read_bytes(), caption.read_text(encoding="utf-8").strip())
    except UnicodeDecodeError:
        raise LfmcError(f"{caption}: not text; run 'lfmc plot {name}' again") from None


def _tables(run: RunData) -> str:
    """Every table of the run, closed."""
    parts = []
    for path in [run.results / "tables" / f"{name}.csv" for name in TABLES]:
        if not path.is_file():  # of a run without flows, or of an earlier version
            continue
        run.inputs.append(path)
        text = whole_bytes(path).decode("utf-8")
        rows = [row for row in csv.reader(io.StringIO(text)) if row and row[0][:1] != "#"]
        count = f"{path.stem} ({len(rows) - 1} rows)"
        parts.append(html.folded(count, html.table(rows[0], rows[1:])))
    return "\n".join(parts)


def _run_times(folder: Path) -> str:
    """Seconds and memory of every job, as Snakemake measured them; empty where it did not run."""
    header, rows = ["job", "seconds", "CPU seconds", "memory in MB"], []
    for path in sorted(folder.rglob("*.tsv")):
        with open(path, encoding="utf-8") as stream:
            for row in csv.DictReader(stream, delimiter="\t"):
                job = path.relative_to(folder).with_suffix("").as_posix()
                rows.append([job, *(str(row.get(k, "")) for k in ("s", "cpu_time", "max_rss"))])
    return html.folded(f"{len(rows)} jobs", html.table(header, rows)) if rows else ""
