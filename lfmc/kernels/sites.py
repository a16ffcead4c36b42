"""Sums over the neighbours of a site of a block's fields (volume, LANES)."""

from lfmc.kernels.lanes import inlined, load


@inlined
def neighbour_sum(phi, near, x):
    """Sum of the 2d neighbours of site x."""
    total = load(phi, near[x, 0]) + load(phi, near[x, 1])
    if near.shape[1] == 4:  # two dimensions: no loop, the same order
        return (total + load(phi, near[x, 2])) + load(phi, near[x, 3])
    for k in range(2, near.shape[1]):
        total = total + load(phi, near[x, k])
    return total


@inlined
def forward_sum(phi, near, x):
    """Sum of the d forward neighbours of site x."""
    total = load(phi, near[x, 0])
    for k in range(2, near.shape[1], 2):
        total = total + load(phi, near[x, k])
    return total
