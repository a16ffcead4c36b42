"""Estimates from the importance weights of proposals, without a chain (`lfmc weighted`).

    <O> = sum_i w_i O_i / sum_i w_i,   w = p/q of N independent proposals of q

(self-normalised importance sampling; for flows Nicoli et al., arXiv:2007.07115). Of annealed
proposals w is exp of their work. Errors are jackknife errors over blocks of proposals, which are
independent. The ratio's bias is at most sqrt((1/ESS - 1)/N) of the error, and not subtracted.

The proposals that an independent value of O takes are measured from its error,

    n_O = N error^2 / Var_p(O),

so that n_O is comparable with 2 tau_int of a chain: 1/ESS where O is independent of w, and more
where the fields of large weight are those of unusual O. Its own error comes from the fourth moments
of w (O - <O>), and shows whether few proposals make the error. With control variates
(`lfmc.analysis.controls`) the error is smaller, and n_O with it: below 1 where one proposal says
more of <O> than an independent field of p.
"""

from collections.abc import Mapping, Sequence
from itertools import pairwise
from math import nan
from typing import Any, NamedTuple

import numpy as np

from lfmc.analysis.controls import Regression
from lfmc.analysis.log_z import log_Z_of
from lfmc.analysis.measurement import estimates, unresolved_masses
from lfmc.analysis.reweighting import SMALLEST_ESS
from lfmc.errors import LfmcError
from lfmc.theories.base import Floats

BLOCKS = 1000  # at most
FEWEST = 40  # proposals


class Proposals(NamedTuple):
    """What is recorded of N proposals.

    Attributes:
        log_weight: log p - log q up to a constant, or the work of annealed ones, (N,).
        scalars: of `Theory.scalars`, name -> (N,).
        correlators: (N, K); an array, or anything that is cut like one.
        controls: functions of every proposal of mean zero, (N, C); None if there are none.
    """

    log_weight: Floats
    scalars: Mapping[str, Floats]
    correlators: Any
    controls: Floats | None = None

    def regression(self, where: str) -> Regression | None:
        """On the control variates; None without them. Errors are those of `Regression`."""
        return None if self.controls is None else Regression(self.controls, where)


class Estimate(NamedTuple):
    """An observable from weights.

    Attributes:
        value, error: the error is NaN where it is withheld.
        error_error: of the error; NaN of observables without a series (`Theory.series`).
        proposals: that an independent value takes, n_O; NaN likewise.
        proposals_error: of n_O.
        note: why the error is withheld; empty if it is not.
    """

    value: float
    error: float
    error_error: float = nan
    proposals: float = nan
    proposals_error: float = nan
    note: str = ""


class Weighted(NamedTuple):
    """Every observable from weights.

    Attributes:
        values: observable -> estimate.
        ess: (sum w)^2 / (N sum w^2).
        n: number of proposals.
    """

    values: dict[str, Estimate]
    ess: float
    n: int


def weighted(proposals: Proposals, theory: Any, where: str) -> Weighted:
    """Every observable of the theory from weights.

    Args:
        where: of whom errors speak, "flow-50 in E1".

    Raises:
        LfmcError: weights that are not finite, an ESS below 0.05, fewer than 40 proposals, or
            control variates that are no such.
    """
    log_weight = np.asarray(proposals.log_weight, dtype=np.float64)
    count = len(log_weight)
    if count < FEWEST:
        raise LfmcError(f"{where}: {count} proposals; at least {FEWEST} are needed")
    known = log_Z_of(log_weight)
    if known.ess < SMALLEST_ESS:
        raise LfmcError(
            f"{where}: the effective part of the proposals is {known.ess:.2g}, below "
            f"{SMALLEST_ESS:g}; train further or anneal the proposals"
        )
    weight = np.exp(log_weight - log_weight.max())
    scalars = in_double(proposals.scalars)
    averaged = theory.averaged(scalars)
    layout = block_edges(count)
    (columns,) = sums(layout, (weight,), averaged, proposals.correlators)
    known_means = proposals.regression(where)
    if known_means:
        columns = known_means.corrected(layout, columns, weight, averaged, proposals.correlators)
    sizes = np.diff(layout)
    found = estimates(columns / sizes[:, None], sizes, list(averaged), theory, weighted=True)
    values, masses = {}, unresolved_masses(found)
    for name, (value, error) in found.items():
        note = masses.get(name, known.note)
        one = Estimate(value, nan if note else error, note=note)
        if name in theory.series and not note:
            of_series = theory.series_of(name, {k: v[None] for k, v in scalars.items()})
            values_of = np.asarray(of_series, dtype=np.float64)[0]
            one = with_proposals(one, weight, values_of, known_means)
        values[name] = one
    return Weighted(values, known.ess, count)


def with_proposals(
    one: Estimate, weight: Floats, series: Floats, controls: Regression | None = None
) -> Estimate:
    """The estimate with n_O and the errors that follow from fourth moments.

    Args:
        weight: of each proposal, (N,); series: the values whose mean is estimated, (N,).
        controls: what the estimate is corrected by.
    """
    deviation = series - weight @ series / weight.sum()
    variance = float(weight @ deviation**2 / weight.sum())
    left = weight * deviation
    square = (controls.residual(left) if controls else left) ** 2
    total = float(square.sum())
    if variance <= 0 or total <= 0:
        return one
    number = len(weight) * total / (weight.sum() ** 2 * variance)
    relative = np.sqrt(max(float(square @ square) / total**2 - 1 / len(weight), 0.0))
    return one._replace(
        error_error=0.5 * one.error * relative,
        proposals=float(number),
        proposals_error=float(number * relative),
    )


def block_edges(count: int) -> np.ndarray:
    """Where blocks of N proposals begin and end, (blocks + 1,)."""
    blocks = min(BLOCKS, count)
    return np.arange(blocks + 1, dtype=np.int64) * count // blocks


def sums(
    edges: np.ndarray,
    weights: Sequence[Floats],
    averaged: Mapping[str, Floats],
    correlators: Any,
) -> list[Floats]:
    """Of each weighting (N,) the sums over blocks of weights, and of weights times scalars and
    correlators, (blocks, C)."""
    rows: list[list[Floats]] = [[] for _ in weights]
    for first, last in pairwise(edges):
        more = np.asarray(correlators[first:last], dtype=np.float64)  # read once for all
        for weight, done in zip(weights, rows, strict=True):
            here = weight[first:last]
            own = [here.sum(), *(here @ values[first:last] for values in averaged.values())]
            done.append(np.concatenate([own, here @ more]))
    return [np.stack(done) for done in rows]


def in_double(scalars: Mapping[str, Floats]) -> dict[str, Floats]:
    """Recorded scalars in float64."""
    return {name: np.asarray(values, dtype=np.float64) for name, values in scalars.items()}
