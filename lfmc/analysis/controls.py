"""Smaller errors of estimates by weights: control variates of mean zero.

With functions h of every proposal whose means over q are exactly zero, the mean of w O over the
proposals is replaced by that of w O - b h, and the mean of w by that of w - a h. Coefficients are
those of least variance, by regression on the proposals of the other FOLDS - 1 parts, so that they
are independent of the h that they multiply: no bias, and no fit in the error. Where an observable
is made by slow modes that a flow draws independently (`lfmc.flows.control_variates`), h follows
it, and the error is that of what is left:

    n_O = 1/ESS - 1 + what h does not explain of O, instead of 1/ESS.
"""

from collections.abc import Mapping
from itertools import pairwise
from typing import Any

import numpy as np

from lfmc.analysis.scaling import probability
from lfmc.errors import LfmcError
from lfmc.theories.base import Floats

FOLDS = 10
PER_CONTROL = 20  # proposals for each function, at least
IMPOSSIBLE = 1e-9  # probability below which functions are refused as not of mean zero


class Regression:
    """Regressions on the control variates of N proposals.

    Attributes:
        controls: (N, C).
        edges: where the parts begin and end, (FOLDS + 1,).
        factors: inverse of the sum of squares and products of the other parts, (FOLDS, C, C).
        distance: chi^2 of all means being zero, of C degrees of freedom.
    """

    def __init__(self, controls: Floats, where: str) -> None:
        """Args: control variates (N, C), and of whom errors speak.

        Raises:
            LfmcError: too few proposals, numbers that are not finite, or functions whose means
                cannot be zero.
        """
        self.controls = controls
        count, number = controls.shape
        if count < PER_CONTROL * number:
            raise LfmcError(
                f"{where}: {count} proposals for {number} control variates; at least "
                f"{PER_CONTROL * number} are needed"
            )
        if not np.isfinite(controls).all():
            raise LfmcError(f"{where}: control variates are not finite; propose again")
        self.edges = np.arange(FOLDS + 1, dtype=np.int64) * count // FOLDS
        squares = np.stack([self._part(k).T @ self._part(k) for k in range(FOLDS)])
        sums = np.sum([self._part(k).sum(0) for k in range(FOLDS)], axis=0)
        self.factors = np.linalg.pinv(squares.sum(0) - squares, hermitian=True)
        self.distance = float(sums @ np.linalg.pinv(squares.sum(0), hermitian=True) @ sums)
        if not probability(self.distance / number, number) >= IMPOSSIBLE:
            raise LfmcError(
                f"{where}: the means of its {number} control variates are not zero, chi2 = "
                f"{self.distance:.4g}; propose again"
            )

    def _part(self, fold: int) -> Floats:
        first, last = self.edges[fold : fold + 2]
        return np.asarray(self.controls[first:last], dtype=np.float64)

    def coefficients(self, products: Floats) -> Floats:
        """Of each part, from its sums of control variates times values (FOLDS, C, K)."""
        found: Floats = self.factors @ (products.sum(0) - products)
        return found

    def residual(self, values: Floats) -> Floats:
        """Values (N,) of mean zero minus what the control variates explain of them."""
        pieces = [slice(*ends) for ends in pairwise(self.edges)]
        products = [self._part(k).T @ values[piece, None] for k, piece in enumerate(pieces)]
        best = self.coefficients(np.stack(products))[..., 0]
        rest = [values[piece] - self._part(k) @ best[k] for k, piece in enumerate(pieces)]
        return np.concatenate(rest)

    def corrected(
        self,
        edges: np.ndarray,
        columns: Floats,
        weight: Floats,
        averaged: Mapping[str, Floats],
        correlators: Any,
    ) -> Floats:
        """Sums over blocks of proposals, of `weighted.sums`, with the control variates taken off.

        Args:
            edges: of the blocks; columns: their sums, (blocks, K).
        """
        products = np.zeros((FOLDS, self.controls.shape[1], columns.shape[1]))
        known = np.zeros((FOLDS, len(columns), self.controls.shape[1]))
        cuts = np.union1d(edges, self.edges)
        blocks, folds = (np.searchsorted(e, cuts, side="right") - 1 for e in (edges, self.edges))
        for (first, last), block, fold in zip(pairwise(cuts), blocks, folds, strict=False):
            here = np.asarray(self.controls[first:last], dtype=np.float64)
            own = [np.ones(last - first), *(values[first:last] for values in averaged.values())]
            more = np.asarray(correlators[first:last], dtype=np.float64)
            heavy = here.T * weight[first:last]
            rows = (heavy @ np.stack(own, axis=1), heavy @ more)
            products[fold] += np.concatenate(rows, axis=1)
            known[fold, block] = here.sum(0)
        off: Floats = (known @ self.coefficients(products)).sum(0)
        return columns - off
