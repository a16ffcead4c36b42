"""phi^4 drawn from coarse to fine sites, as the flow `hierarchy` draws O(N) spins.

    python benchmarks/studies/phi4_hierarchy.py L LAM [--samples 2048]

A site is drawn from exp(h phi - a phi^2 - b phi^4), with h a sum over the linear and cubic terms
of `lfmc.flows.hierarchy.terms` and over the cubes of the two nearest shells, a linear in the
squares of these shells, and b and the constant of a of each stage; the last stage from its exact
law. The parameters maximise the mean of log q over samples of p from cluster updates, then two
regressions of log w on scores follow. The one-site law is integrated on a grid, which is enough for
the acceptance; it is no exact sampler, and slow.
"""

import argparse
from time import process_time
from typing import NamedTuple

import numpy as np
import torch

from lfmc.flows.hierarchy.terms import Terms, terms_of
from lfmc.lattice import FloatArray, IntArray, neighbours
from lfmc.theories.phi4 import Phi4
from lfmc.training.target import target_fields

GRID = np.linspace(-2.4, 2.4, 145)
STEP = GRID[1] - GRID[0]
POWERS = np.stack([np.ones_like(GRID), GRID, GRID**2, GRID**4], 1)
FIXED = 2  # parameters of a and b that do not see other sites


class Law(NamedTuple):
    """log normaliser and density on the grid, (batch, grid), with <phi>, <phi^2> and <phi^4>."""

    log_normaliser: FloatArray
    density: FloatArray
    moments: FloatArray


def law(h: FloatArray, a: FloatArray, b: float) -> Law:
    """exp(h phi - a phi^2 - b phi^4) of every sample."""
    exponent = np.outer(h, GRID) - np.outer(a, GRID**2) - b * GRID**4
    top = exponent.max(1)
    density = np.exp(exponent - top[:, None])
    moments = density @ POWERS
    return Law(
        np.log(moments[:, 0] * STEP) + top,
        density,
        moments[:, 1:] / moments[:, :1],
    )


def quantile(density: FloatArray, u: FloatArray) -> FloatArray:
    """phi of distribution function u; the density is linear between points of the grid."""
    areas = np.cumsum(0.5 * (density[:, 1:] + density[:, :-1]), 1)
    wanted = u * areas[:, -1]
    cell = np.minimum((areas < wanted[:, None]).sum(1), len(GRID) - 2)
    rows = np.arange(len(u))
    left, right = density[rows, cell], density[rows, cell + 1]
    rest = np.maximum(wanted - np.where(cell > 0, areas[rows, cell - 1], 0.0), 0.0)
    root = np.sqrt(np.maximum(left**2 + 2 * (right - left) * rest, 0.0))
    return np.asarray(GRID[cell] + STEP * np.minimum(2 * rest / (left + root + 1e-300), 1.0))


class Model:
    """The terms of every site, and k: of each stage its terms, cubes, squares, a and b."""

    def __init__(self, theory: Phi4, terms: Terms) -> None:
        self.theory, self.terms = theory, terms
        self.near = neighbours(theory.shape)
        self.shells: list[list[IntArray]] = []
        self.owner: list[int] = []  # stage of a site
        shells: dict[int, int] = {}
        for i in range(len(terms.begin) - 1):
            rows = terms.terms[terms.begin[i] : terms.begin[i + 1]]
            plain = rows[rows[:, 2] < 0]
            numbers = list(dict.fromkeys(plain[:, 0].tolist()))[:2]
            self.shells.append([plain[plain[:, 0] == p, 1] for p in numbers])
            first = int(rows[0, 0]) if len(rows) else -1
            stage = int(np.searchsorted(terms.stage, first, side="right"))
            self.owner.append(stage)
            shells[stage] = max(shells.get(stage, 0), len(self.shells[-1]))
        sizes = np.append([0], np.diff(terms.stage))
        extra = np.array([FIXED + 2 * shells[s] for s in range(len(sizes))])
        self.first = np.append(0, np.cumsum(sizes + extra))
        self.linear = sizes
        self.k = np.zeros(int(self.first[-1]))
        for s, size in enumerate(sizes):
            last = self.first[s + 1]
            self.k[last - 2 : last] = 3.0, 0.8 * theory.lam
            if size:
                self.k[self.first[s]] = 0.5

    def features(self, i: int, phi: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Vectors that multiply the parameters of h, and squares that multiply those of a."""
        stage = self.owner[i]
        rows = self.terms.terms[self.terms.begin[i] : self.terms.begin[i + 1]]
        shells = self.shells[i]
        of_h = np.zeros((len(phi), int(self.linear[stage]) + len(shells)))
        for p, j, k, m, _ in rows:
            column = int(p - self.terms.stage[stage - 1])
            value = phi[:, j]
            of_h[:, column] += value if k < 0 else value * phi[:, k] * phi[:, m]
        for s, sites in enumerate(shells):
            of_h[:, int(self.linear[stage]) + s] = (phi[:, sites] ** 3).sum(1)
        of_a = np.stack([*((phi[:, s] ** 2).sum(1) for s in shells), np.ones(len(phi))], 1)
        return of_h, of_a

    def run(
        self, phi: FloatArray, random: np.random.Generator | None
    ) -> tuple[FloatArray, FloatArray, FloatArray]:
        """log q, log w and scores, (batch), (batch), (batch, parameters); draws with `random`."""
        log_q, scores = np.zeros(len(phi)), np.zeros((len(phi), len(self.k)))
        count = len(self.terms.begin) - 1
        for i, x in enumerate(self.terms.order[:count]):
            of_h, of_a = self.features(i, phi)
            first, last = self.first[self.owner[i]], self.first[self.owner[i] + 1]
            middle = first + of_h.shape[1]
            h, a = of_h @ self.k[first:middle], of_a @ self.k[middle : last - 1]
            found = law(h, a, self.k[last - 1])
            if random is not None:
                phi[:, x] = quantile(found.density, random.random(len(phi)))
            value = phi[:, x]
            log_q += h * value - a * value**2 - self.k[last - 1] * value**4
            log_q -= found.log_normaliser
            scores[:, first:middle] += of_h * (value - found.moments[:, 0])[:, None]
            scores[:, middle : last - 1] -= of_a * (value**2 - found.moments[:, 1])[:, None]
            scores[:, last - 1] -= value**4 - found.moments[:, 2]
        coarse = phi[:, self.terms.order[:count]]
        rest = -((4 + self.theory.m2) * coarse**2 + self.theory.lam * coarse**4).sum(1)
        for x in self.terms.order[count:]:
            h = 2 * phi[:, self.near[x]].sum(1)
            rest += law(h, np.full(len(h), 4 + self.theory.m2), self.theory.lam).log_normaliser
        return log_q, rest - log_q, scores


def main() -> None:
    """Fit, improve and print."""
    parser = argparse.ArgumentParser(description="phi^4 drawn from coarse to fine.")
    parser.add_argument("L", type=int)
    parser.add_argument("lam", type=float)
    parser.add_argument("--samples", type=int, default=2048)
    parser.add_argument("--steps", type=int, default=6)
    parser.add_argument("--no-products", action="store_true")
    given = parser.parse_args()
    torch.set_num_threads(1)
    theory = Phi4((given.L, given.L), m2=-4.0, lam=given.lam)
    model = Model(theory, terms_of(theory.shape, 6, 4, not given.no_products))
    fields, unseen = (target_fields(theory, given.samples, s, "study") for s in (1, 2))
    began = process_time()
    fit(model, fields, given.steps)
    random = np.random.default_rng(1)
    for regression in range(3):
        _, log_weight, scores = model.run(np.zeros_like(fields), random)
        report(model, unseen, log_weight, f"after {regression} regressions", began)
        if regression < 2:
            model.k += solved(scores, log_weight - log_weight.mean(), 1e-4)


def fit(model: Model, fields: FloatArray, steps: int) -> None:
    """Maximise the mean of log q, which is concave, by Newton's method in every stage."""
    owner = np.array(model.owner)
    for stage in range(len(model.first) - 1):
        first, last = model.first[stage], model.first[stage + 1]
        sites = np.flatnonzero(owner == stage)
        seen = [model.features(int(i), fields) for i in sites]
        values = [fields[:, model.terms.order[i]] for i in sites]
        for _ in range(steps):
            slope, second = np.zeros(last - first), np.zeros((last - first,) * 2)
            for (of_h, of_a), value in zip(seen, values, strict=True):
                k, p = model.k[first:last], of_h.shape[1]
                found = law(of_h @ k[:p], of_a @ k[p:-1], float(k[-1]))
                kinds = [of_h, -of_a, -np.ones((len(value), 1))]
                powers = [GRID, GRID**2, GRID**4]
                means = found.moments.T
                slopes = [value - means[0], value**2 - means[1], value**4 - means[2]]
                norm = found.density.sum(1)
                slope += np.concatenate([d.T @ x for d, x in zip(kinds, slopes, strict=True)])
                rows = [
                    np.hstack([
                        d.T @ (e * (found.density @ (x * y) / norm - m * n)[:, None])
                        for e, y, n in zip(kinds, powers, means, strict=True)
                    ])
                    for d, x, m in zip(kinds, powers, means, strict=True)
                ]  # fmt: skip
                second += np.vstack(rows)
            second[np.diag_indices(len(second))] += 1e-6 * np.diag(second) + 1e-9
            step = np.linalg.solve(second, slope)
            model.k[first:last] += step * min(1.0, 2.0 / max(np.abs(step).max(), 1e-300))
            if np.abs(step).max() < 1e-3:
                break


def solved(scores: FloatArray, y: FloatArray, ridge: float, centred: bool = True) -> FloatArray:
    """Regression of y on scores."""
    s = scores - scores.mean(0) if centred else scores
    matrix = s.T @ s
    matrix[np.diag_indices(len(matrix))] *= 1 + ridge
    matrix[np.diag_indices(len(matrix))] += 1e-6 * len(s)
    return np.asarray(np.linalg.solve(matrix, s.T @ y))


def report(
    model: Model, unseen: FloatArray, log_weight: FloatArray, what: str, began: float
) -> None:
    """Variances, ESS, and the acceptance of proposals from samples of p."""
    at_p = model.run(unseen, None)[1]
    ratio = np.exp(log_weight - log_weight.max())
    ess = ratio.mean() ** 2 / (ratio * ratio).mean()
    accepted = np.minimum(1, np.exp(np.random.default_rng(2).permutation(log_weight) - at_p))
    print(
        f"{what}: {len(model.k)} parameters, Var log w {log_weight.var():.3f} of the model, "
        f"{at_p.var():.3f} of p, ESS {ess:.3f}, acceptance {accepted.mean():.3f}; "
        f"{process_time() - began:.0f} CPU s",
        flush=True,
    )


if __name__ == "__main__":
    main()
