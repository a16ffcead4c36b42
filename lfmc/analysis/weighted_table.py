"""The table of estimates by weights, `tables/weighted.csv`, and the gates that it gives.

| column | value |
|---|---|
| value, error, error_error | by weights; error_error is the error of the error |
| proposals, proposals_error | that an independent value takes, comparable with 2 tau_int |
| n, ess | number of proposals, and the effective part of them |
| seconds | CPU seconds of one core per proposal, sampling alone |
| chain | mean of the chain of the same proposals (`Theory.compared`) |
| difference, difference_error, blocks | value - chain, joint jackknife over so many blocks |
| note | why errors are withheld |

Gates `weighted`: the differences are 0. They have a limit of their own, so that those of all other
gates do not depend on them: the table raises a false alarm with probability at most 1 %.
"""

from math import nan
from typing import Any

import numpy as np
import pandas

from lfmc.analysis.gates import COLUMNS as GATE_COLUMNS
from lfmc.analysis.gates import bonferroni_limit, normal_sigmas
from lfmc.analysis.log_z import log_Z_of
from lfmc.analysis.reweighting import SMALLEST_ESS
from lfmc.analysis.unresolved import Unresolved
from lfmc.analysis.weighted import Estimate, Proposals, weighted
from lfmc.analysis.weighted_chain import Difference, differences
from lfmc.theories.base import Floats

COLUMNS = (
    *("ensemble", "sampler", "observable", "value", "error", "error_error"),
    *("proposals", "proposals_error", "n", "ess", "seconds"),
    *("chain", "difference", "difference_error", "blocks", "note"),
)
GATE = "weighted"
NO_CHAIN = Difference(nan, nan, nan, 0)


def weighted_rows(
    proposals: Proposals, stays: Floats, theory: Any, names: tuple[str, str], seconds: float
) -> list[dict[str, Any]]:
    """The rows of a flow, see `COLUMNS`; below an ESS of 0.05 without any value.

    Args:
        stays: updates of the chain in each proposal, `weighted_chain.visits`.
        names: ensemble and sampler.
        seconds: CPU seconds per proposal, NaN if they are not known.

    Raises:
        LfmcError: weights that are not finite, or fewer than 40 proposals.
    """
    known = log_Z_of(np.asarray(proposals.log_weight, dtype=np.float64))
    note, chain = known.note, {}
    if known.ess < SMALLEST_ESS:
        note = f"ESS {known.ess:.2g}, below {SMALLEST_ESS:g}"
        values = {name: Estimate(nan, nan, note=note) for name in theory.compared}
    else:
        values = weighted(proposals, theory, f"{names[1]} in {names[0]}").values
    if not note:
        try:
            chain = differences(proposals, stays, theory, theory.compared)
        except Unresolved as error:
            note = error.reason
    rows = []
    for name, one in values.items():
        own = chain.get(name, NO_CHAIN)
        why = one.note or (note if name in theory.compared else "")
        row = (*names, name, *one[:5], known.samples, known.ess, seconds, *own, why)
        rows.append(dict(zip(COLUMNS, row, strict=True)))
    return rows


def gates_of(table: Any, compared: dict[str, tuple[str, ...]]) -> Any:
    """The gates of the table, with the columns of gates.csv.

    Args:
        compared: ensemble -> `Theory.compared`.
    """
    rows = [r for r in table.itertuples() if r.observable in compared.get(r.ensemble, ())]
    limit = bonferroni_limit(len(rows))
    gates = []
    for r in rows:
        head = (GATE, r.ensemble, r.sampler, r.observable, r.value, r.chain, r.difference_error)
        sigmas = _sigmas(r.difference, r.difference_error, r.blocks)
        available = bool(np.isfinite(r.difference))
        passed = available and bool(abs(sigmas) <= limit)
        note = "" if available else r.note
        gates.append((*head, sigmas, "two-sided", limit, passed, available, note))
    return pandas.DataFrame(gates, columns=list(GATE_COLUMNS))


def _sigmas(difference: float, error: float, blocks: float) -> float:
    """Standard normal sigmas of a difference whose error comes from so many blocks."""
    if error > 0:
        return normal_sigmas(difference / error, max(blocks - 1, 1))
    return 0.0 if difference == 0 else nan
