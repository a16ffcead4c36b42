"""The gates in one line: which failed, and which could not be evaluated."""

from typing import Any


def describe_failures(table: Any) -> str:
    """One line that names every failed gate; empty if none failed."""
    failed = table[~table.passed & table.available]
    parts = [
        f"{g.gate} {g.ensemble} {g.sampler} {g.observable} = {g.value:.6g} against "
        f"{g.expected:.6g} ({_distance(g)})"
        for g in failed.head(8).itertuples()
    ]
    if len(failed) > len(parts):
        parts.append(f"and {len(failed) - len(parts)} more")
    return "; ".join(parts)


def describe_missing(table: Any) -> str:
    """One line on gates that could not be evaluated, with the reasons; empty if all could."""
    missing = table[~table.available]
    reasons = missing.groupby(["ensemble", "sampler", "note"], sort=False).gate
    parts = [
        f"{', '.join(dict.fromkeys(gates))} of {sampler} in {ensemble} ({note})"
        for (ensemble, sampler, note), gates in list(reasons)[:8]
    ]
    if len(reasons) > len(parts):
        parts.append(f"and {len(reasons) - len(parts)} more")
    return "; ".join(parts)


def _distance(gate: Any) -> str:
    if gate.gate == "error":
        return "the largest error that is allowed"
    return f"{gate.sigmas:+.1f} sigma, limit {gate.limit:.2g}"
