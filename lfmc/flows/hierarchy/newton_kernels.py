"""Gradient and curvature of the mean of log q over given fields."""

import numpy as np

from lfmc.kernels.lanes import LANES, broadcast, inlined, kernel, load, select, store
from lfmc.theories.spheres.law_kernels import mean_cosine
from lfmc.theories.spheres.site_law import product
from lfmc.theories.spheres.spin_kernels import strength


@inlined
def _component(phi, terms, t, a, n):
    """Component a of the vector of term t."""
    value = load(phi, terms[t, 1] * n + a)
    if terms[t, 2] >= 0:
        value = value * product(phi, terms[t, 2], terms[t, 3], n)
    return value


@inlined
def _vectors(phi, first, last, terms, vectors, size, n):
    """F of every parameter of a site, rows p N + a."""
    for row in range(size * n):
        store(vectors, row, broadcast(0.0))
    for t in range(first, last):
        for a in range(n):
            row = terms[t, 0] * n + a
            store(vectors, row, load(vectors, row) + _component(phi, terms, t, a, n))


@kernel
def curvature(phi, order, begin, terms, stage, offset, k, zeros, slope, second):
    """Add gradient and negative Hessian, summed over sites and blocks; lanes apart.

    Args:
        terms: with the parameters of each stage counted from 0; stage: of each site, -1 for none.
        offset: first parameter of each stage.
        slope: (stages * P, LANES); second: (stages * P * P, LANES), its lower triangles.
    """
    n, stages = len(zeros), offset.shape[0] - 1
    widest = slope.shape[0] // stages
    vectors, field = np.empty((widest * n, LANES)), np.empty((n, LANES))
    along = np.empty((widest, LANES))
    for b in range(phi.shape[0]):
        for i in range(begin.shape[0] - 1):
            s = stage[i]
            if s < 0:
                continue
            size = offset[s + 1] - offset[s]
            _vectors(phi[b], begin[i], begin[i + 1], terms, vectors, size, n)
            for a in range(n):
                total = broadcast(0.0)
                for p in range(size):
                    total = total + k[offset[s] + p] * load(vectors, p * n + a)
                store(field, a, total)
            h = strength(field, n)
            safe = select(h < 1e-6, 1e-6, h)
            mean = mean_cosine(safe, n)
            across = mean / safe
            slow = 1.0 - mean * mean - (n - 1) * across
            for p in range(size):
                total, gradient = broadcast(0.0), broadcast(0.0)
                for a in range(n):
                    value = load(vectors, p * n + a)
                    total = total + value * load(field, a)
                    gradient = gradient + value * load(phi[b], order[i] * n + a)
                store(along, p, total / safe)
                row = s * widest + p
                store(slope, row, load(slope, row) + (gradient - mean * load(along, p)))
            for p in range(size):
                for q in range(p + 1):
                    product = broadcast(0.0)
                    for a in range(n):
                        product = product + load(vectors, p * n + a) * load(vectors, q * n + a)
                    both = load(along, p) * load(along, q)
                    row = (s * widest + p) * widest + q
                    value = slow * both + across * (product - both)
                    store(second, row, load(second, row) + value)
