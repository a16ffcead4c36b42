"""Cost against L of the default flow: exponents of seconds and samples, and what grows with it."""

from pathlib import Path

import numpy as np
import pandas

from benchmarks.markdown import short, table
from benchmarks.plan import DEFAULT
from lfmc.figures.format import value_error
from lfmc.figures.training_cost import FEWEST_COUNTS, power_law
from lfmc.table_files import read_table


def cost_section(folder: Path) -> str:
    """Exponents with errors, acceptances of both sides at the target, variance per site."""
    path = folder / "training.csv"
    if not path.exists():
        return ""
    found = read_table(path)
    rows = found[(found.architecture == DEFAULT) & ~found.censored.astype(bool)]
    if rows.L.nunique() < 3:
        return ""
    target = 0.7 if (rows.target == 0.7).any() else float(rows.target.max())
    rows = rows[rows.target == target]
    sentence = "; ".join(_exponent(rows, column) for column in ("seconds", "steps", "samples"))
    variance = _variance_per_site(folder, target)
    cells = [
        [
            extent,
            len(group),
            short(group.seconds.median()),
            f"{group.steps.median():.0f}",
            f"{group.samples.median():.1e}",
            f"{group.acceptance_q.mean():.3f}",
            f"{group.acceptance_p.mean():.3f}",
            variance.get(int(extent), "-"),
        ]
        for extent, group in rows.groupby("L")
    ]
    head = ["L", "runs", "seconds", "steps", "samples", "q side", "p side", "Var(log w) / V"]
    return (
        f"## Cost against L: the default flow to {100 * target:.0f} %\n\nUnweighted fits to all "
        "runs that reached the target, errors from the scatter: "
        f"{sentence}.\n\n{table(head, cells)}\n"
    )


def _exponent(rows: pandas.DataFrame, column: str) -> str:
    positive = rows[rows[column] > 0]
    fit = power_law(positive.L.to_numpy(float), positive[column].to_numpy(float))
    if fit is None:
        return f"{column}: no power law (fewer than three L, or counts below {FEWEST_COUNTS})"
    return f"{column} ~ L^{value_error(fit.z, fit.z_error)}"


def _variance_per_site(folder: Path, target: float) -> dict[int, str]:
    """Variance of log w over the lattice's sites, at the first check past the target."""
    found = read_table(folder / "checks.csv")
    found = found[(found.architecture == DEFAULT) & (found.acceptance_q >= target)]
    first = found.sort_values("step").groupby(["L", "seed"]).first().reset_index()
    mean = first.groupby("L").log_weight_variance.mean()
    return {int(n): short(float(v) / int(n) ** 2) for n, v in mean.items() if np.isfinite(v)}
