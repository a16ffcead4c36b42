"""What the flow `hierarchy` of `cpn` leaves out: log w regressed on scores of trial terms.

    python benchmarks/studies/cpn_scores.py L BETA --boosts 0

As `hierarchy_scores.py`, of N = 4 (`--N`). A model with `--boosts` shells is fitted to samples of
p. Trial terms act on the vectors before their boosts, m, with the law exp(m^+ M m):

- boosts exp(A), with s = 2 N m^+ A m - m^+ (M A + A M) m + 2 (m^+ A m)(m^+ M m) - 2 tr A,
- a factor exp[(m^+ A m)(m^+ B m)], less its mean in that law,

A and B sums of P_i = z_i z_i^+ over shells of sites drawn before, P_i |z_j^+ z_l|^2, or loops
(P_i P_j + P_j P_i)/2. Prints the part of Var log w that each group explains beside the scores of
the model itself, corrected for their number.
"""

import argparse
from collections import defaultdict
from itertools import combinations, combinations_with_replacement
from math import lgamma

import numpy as np
import torch
from hierarchy_scores import explained

from lfmc.config.flow_sections import HierarchySettings
from lfmc.flows.hierarchy.flow import HierarchyFlow
from lfmc.flows.hierarchy.stages import groups
from lfmc.flows.hierarchy.terms import APART, MOST_NEAR, NEAR_SHELLS, _loops, _products, _step
from lfmc.lattice import FloatArray
from lfmc.theories.cpn import CPN
from lfmc.training.target import target_fields

SHELLS = 3  # of trial boosts and factors
START, SAMPLES = 12288, 4096
SERIES = 70  # terms of a normaliser


def main() -> None:
    """Fit, regress and print."""
    parser = argparse.ArgumentParser(description="Trial scores of the flow hierarchy of cpn.")
    parser.add_argument("L", type=int)
    parser.add_argument("beta", type=float)
    parser.add_argument("--N", type=int, default=4)
    parser.add_argument("--boosts", type=int, default=0)
    given = parser.parse_args()
    torch.set_num_threads(1)
    theory = CPN((given.L, given.L), given.N, given.beta)
    flow = HierarchyFlow(theory, HierarchySettings(boosts=given.boosts)).requires_grad_(False)
    flow.start_from(target_fields(theory, START, 1, "study"))
    z = flow.reduced_base.tensor(torch.Generator().manual_seed(1), SAMPLES, torch.float64)
    x, log_weight, own = (a.numpy() for a in flow.scores(z))
    print(f"Var log w {log_weight.var():.3f}, {own.shape[1]} parameters")
    print(f"scores of the model explain {explained(log_weight, own):.2f}")
    trial = trial_scores(flow, x)
    for name, found in {**trial, "all of them": np.hstack(list(trial.values()))}.items():
        part = explained(log_weight, np.hstack([own, found]))
        print(f"{name:32s} {found.shape[1]:5d} scores explain {part:.2f}")


def trial_scores(flow: HierarchyFlow, x: FloatArray) -> dict[str, FloatArray]:
    """Scores of each group, (samples, scores)."""
    shape, found = flow.action.shape, defaultdict(lambda: defaultdict(float))
    z = np.ascontiguousarray(flow.action.vectors(x).swapaxes(0, 1))
    known: list[int] = []
    for stage, group in enumerate(groups(shape, 4)):
        for i in range(len(known), len(known) + len(group)):
            if known:
                site_scores(flow, z, i, stage, np.array(known), found)
        known += group
    return {name: np.stack(list(each.values()), 1) for name, each in found.items()}


def site_scores(flow, z, i, stage, known, found) -> None:
    """Add the scores of the site that is drawn after i others."""
    terms, k, shape = flow.terms, flow.parameters_array(), flow.action.shape
    site = int(terms.order[i])
    law = sum_of(z, k, terms.terms[terms.begin[i] : terms.boosts[i]])
    boosted = sum_of(z, k, terms.terms[terms.boosts[i] : terms.begin[i + 1]])
    m = unboosted(z[site], boosted)
    trial = Trial(m, law)
    distance = (_step(site, known, shape) ** 2).sum(1)
    radii = np.unique(distance)
    shells = [known[distance == radius].tolist() for radius in radii]
    near = [y for each in shells[:NEAR_SHELLS] for y in each]
    near = near if len(near) <= MOST_NEAR else []
    apart = APART * int(radii[0])
    sums = [sum(projector(z[y]) for y in each) for each in shells[:SHELLS]]
    for a, one in enumerate(sums):
        found["boosts by shells"][stage, a] += trial.boost(one)
    for a, b in combinations_with_replacement(range(len(sums)), 2):
        found["factors of two shells"][stage, a, b] += trial.factor(sums[a], sums[b])
    for name, rows in (("products", _products), ("loops", _loops)):
        by_key = defaultdict(float)
        for key, *sites in rows(site, near, apart, shape):
            by_key[key] = by_key[key] + sum_of(z, np.ones(1), [(0, *sites, 0)])
        for key, one in by_key.items():
            found[f"boosts by {name}"][stage, *key] += trial.boost(one)
    own = dict(zip(known.tolist(), distance.tolist(), strict=True))
    for y in near:
        one = projector(z[y])
        found["factors of one site"][stage, own[y]] += trial.factor(one, one)
    for y, other in combinations(near, 2):
        between = int((_step(y, np.array([other]), shape) ** 2).sum())
        key = (stage, *sorted((own[y], own[other])), between)
        found["factors of two sites"][key] += trial.factor(projector(z[y]), projector(z[other]))


def projector(z):
    """z z^+."""
    return z[:, :, None] * z[:, None, :].conj()


def sum_of(z, k, rows):
    """The matrix of rows of terms."""
    found = np.zeros((z.shape[1], z.shape[2], z.shape[2]), complex)
    for p, i, j, other, _ in rows:
        if j >= 0 and other < 0:
            both = projector(z[i]) @ projector(z[j])
            found += (0.5 * k[p]) * (both + both.conj().swapaxes(1, 2))
        else:
            overlap = 1.0 if j < 0 else abs((z[j].conj() * z[other]).sum(-1)) ** 2
            found += np.multiply(k[p], overlap).reshape(-1, 1, 1) * projector(z[i])
    return found


def unboosted(z, matrix):
    """exp(-A) z of unit length."""
    values, vectors = np.linalg.eigh(matrix)
    m = np.einsum("bij,bj,bkj,bk->bi", vectors, np.exp(-values), vectors.conj(), z)
    return m / np.linalg.norm(m, axis=1, keepdims=True)


class Trial:
    """Scores at vectors m of the law exp(m^+ M m)."""

    def __init__(self, m, law) -> None:
        self.m, self.turned = m, np.einsum("bij,bj->bi", law, m)
        values, self.frame = np.linalg.eigh(law)
        n, norm = values.shape[1], simplex(values)
        self.pairs = np.empty((len(values), n, n))  # <p_i p_j> of the weights of eigenvectors
        for i, j in combinations_with_replacement(range(n), 2):
            again = np.concatenate([values, values[:, [i, j]]], 1)
            self.pairs[:, i, j] = (2 if i == j else 1) * simplex(again) / norm
            self.pairs[:, j, i] = self.pairs[:, i, j]

    def form(self, a):
        return np.einsum("bi,bij,bj->b", self.m.conj(), a, self.m).real

    def boost(self, a):
        mapped = np.einsum("bij,bj->bi", a, self.m)
        both = 2 * (self.turned.conj() * mapped).sum(-1).real
        along = (self.m.conj() * self.turned).sum(-1).real
        n = self.m.shape[1]
        form, trace = self.form(a), np.trace(a, axis1=1, axis2=2).real
        return 2 * n * form - both + 2 * form * along - 2 * trace

    def factor(self, a, b):
        one, two = (self.frame.conj().swapaxes(1, 2) @ each @ self.frame for each in (a, b))
        first, second = (np.einsum("bii->bi", each).real for each in (one, two))
        mean = np.einsum("bik,bi,bk->b", self.pairs, first, second)
        mean += np.einsum("bik,bik,bki->b", self.pairs, one, two).real
        mean -= np.einsum("bii,bi,bi->b", self.pairs, first, second)
        return self.form(a) * self.form(b) - mean


def simplex(values):
    """The integral of exp(sum k_i p_i) over the simplex sum p_i = 1, p_i > 0."""
    n, low = values.shape[1], values.min(1, keepdims=True)
    powers = np.zeros((len(values), SERIES))
    powers[:, 0] = 1
    for apart in (values - low).T:
        for m in range(1, SERIES):
            powers[:, m] += apart * powers[:, m - 1]
    return powers @ np.exp([-lgamma(n + m) for m in range(SERIES)]) * np.exp(low[:, 0])


if __name__ == "__main__":
    main()
