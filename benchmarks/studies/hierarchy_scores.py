"""What the flow `hierarchy` of O(N) spins leaves out: log w regressed on scores of trial terms.

    python benchmarks/studies/hierarchy_scores.py N L BETA

A model with linear terms alone is fitted to samples of p. If a term with score s = d log q / d k
were added, log w would change by -s to first order: so the part of Var log w that a regression on
scores explains is what such terms would remove. Prints it for each group of trial terms, together
with the terms of the model, corrected for the number of scores; and of all groups together.
"""

import argparse
from collections import defaultdict
from itertools import combinations_with_replacement

import numpy as np
import torch
from numpy.typing import NDArray

from lfmc.config.flow_sections import HierarchySettings
from lfmc.flows.hierarchy.flow import HierarchyFlow
from lfmc.flows.hierarchy.stages import groups
from lfmc.lattice import FloatArray
from lfmc.theories.spheres import Spheres
from lfmc.training.target import target_fields

SHELLS = 3  # of trial boosts, squares and quadratic terms
START, SAMPLES = 16384, 8192


def main() -> None:
    """Fit, regress and print."""
    parser = argparse.ArgumentParser(description="Trial scores of the flow hierarchy.")
    parser.add_argument("N", type=int)
    parser.add_argument("L", type=int)
    parser.add_argument("beta", type=float)
    given = parser.parse_args()
    torch.set_num_threads(1)
    theory = Spheres((given.L, given.L), given.N, given.beta)
    linear = HierarchySettings(products=False, boosts=0)
    flow = HierarchyFlow(theory, linear).requires_grad_(False)
    flow.start_from(target_fields(theory, START, 1, "study"))
    wide = HierarchyFlow(theory, HierarchySettings(boosts=SHELLS)).requires_grad_(False)
    kinds = embedded(flow, wide)
    z = wide.reduced_base.tensor(torch.Generator().manual_seed(1), SAMPLES, torch.float64)
    x, log_weight, scores = (a.numpy() for a in wide.scores(z))
    own = scores[:, kinds == "linear"]
    trial = {kind: scores[:, kinds == kind] for kind in np.unique(kinds) if kind != "linear"}
    trial |= other_scores(wide, x)
    print(f"Var log w {log_weight.var():.3f}; {own.shape[1]} linear terms")
    for name, found in {**trial, "all of them": np.hstack(list(trial.values()))}.items():
        part = explained(log_weight, np.hstack([own, found]))
        print(f"{name:32s} {found.shape[1]:5d} scores explain {part:.2f}")


def embedded(flow: HierarchyFlow, wide: HierarchyFlow) -> NDArray[np.str_]:
    """Give `wide` the model of `flow`, its other parameters 0; the group of each parameter."""
    kinds = np.empty(wide.terms.parameters, "U32")
    wide.k.zero_()
    narrow = flow.terms
    for i in range(len(narrow.begin) - 1):
        first, middle, last = wide.terms.begin[i], wide.terms.boosts[i], wide.terms.begin[i + 1]
        for t in range(first, last):
            row = wide.terms.terms[t]
            product = row[2] >= 0
            name = ("products" if product else "linear") if t < middle else "boosts"
            kinds[row[0]] = "boosts by products" if name == "boosts" and product else name
        for t in range(narrow.begin[i + 1] - narrow.begin[i]):
            source = narrow.terms[narrow.begin[i] + t]
            assert source[1] == wide.terms.terms[first + t, 1]
            wide.k[int(wide.terms.terms[first + t, 0])] = flow.k[int(source[0])]
    return kinds


def other_scores(flow: HierarchyFlow, x: FloatArray) -> dict[str, FloatArray]:
    """Scores of terms that the flow does not have, at its linear terms."""
    shape, n = flow.action.shape, flow.action.N
    spins, k, terms = flow.action.spins(x), flow.parameters_array(), flow.terms
    found: dict[str, defaultdict[tuple[int, ...], FloatArray]] = {
        "squares of coarse sums": defaultdict(lambda: np.zeros(len(x))),
        "quadratic in the spin": defaultdict(lambda: np.zeros(len(x))),
    }
    i = 0
    for stage, group in enumerate(groups(shape, 4)):
        for site in group:
            shells: defaultdict[int, list[int]] = defaultdict(list)
            field = np.zeros((len(x), n))
            for p, near, other, *_ in terms.terms[terms.begin[i] : terms.boosts[i]]:
                if other < 0:
                    field += k[p] * spins[:, near]
                    shells[int(p)].append(int(near))
            i += 1
            if not shells:
                continue
            strength = np.linalg.norm(field, axis=1)
            unit, mean = field / strength[:, None], mean_cosine(strength, n)
            rest = spins[:, site] - mean[:, None] * unit
            sums = [spins[:, near].sum(1) for near in list(shells.values())[:SHELLS]]
            for s, one in enumerate(sums):
                for t, two in enumerate(sums):
                    value = (rest * one).sum(1) * (two * two).sum(1)
                    found["squares of coarse sums"][stage, s, t] += value
            across = mean / strength
            for s, t in combinations_with_replacement(range(len(sums)), 2):
                one, two = sums[s], sums[t]
                along = (unit * one).sum(1) * (unit * two).sum(1)
                expected = across * (one * two).sum(1) + (1 - n * across) * along
                value = (spins[:, site] * one).sum(1) * (spins[:, site] * two).sum(1)
                found["quadratic in the spin"][stage, s, t] += value - expected
    return {name: np.stack(list(each.values()), 1) for name, each in found.items()}


def mean_cosine(strength: FloatArray, n: int) -> FloatArray:
    """<cos t> of the density exp(strength cos t) on the sphere of N components, N >= 2."""
    nodes, weights = np.polynomial.legendre.leggauss(64)
    angle = 0.5 * np.pi * (1 + nodes)
    density = np.exp(np.outer(strength, np.cos(angle) - 1)) * weights * np.sin(angle) ** (n - 2)
    return np.asarray(density @ np.cos(angle) / density.sum(1))


def explained(log_weight: FloatArray, scores: FloatArray) -> float:
    """Part of Var log w that a regression explains, corrected for the number of scores."""
    y, s = log_weight - log_weight.mean(), scores - scores.mean(0)
    size = s.std(0)
    s = s[:, size > 0] / size[size > 0]
    matrix = s.T @ s
    matrix[np.diag_indices(len(matrix))] *= 1 + 1e-8
    rest = y - s @ np.linalg.solve(matrix, s.T @ y)
    free = len(y) - 1 - s.shape[1]
    return float(1 - (rest @ rest / free) / y.var(ddof=1))


if __name__ == "__main__":
    main()
