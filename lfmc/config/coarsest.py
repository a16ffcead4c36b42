"""The coarsest lattice of the flow `hierarchy`, and the sublattices by which a large one is drawn.

Extents are halved as often as both are even. Up to `COARSEST` sites are left for one law each. More
than these are drawn by the cosets of a sublattice, the sites k (a, b) + l (0, d) of an n x m torus,
where a divides n, d divides m and d divides n b/a: first its own sites, one by one, and then each
of the other a d - 1 cosets, whose sites are equal under translations and so have one law.
"""

from functools import lru_cache
from math import prod
from typing import NamedTuple

COARSEST = 64  # sites that have laws of their own
MOST_LAWS = 128  # for the coarsest lattice
LEAST_APART = 9  # squared distance of the sites of a coset, which do not know of each other

Extents = tuple[int, int]


class Sublattice(NamedTuple):
    """The sites k (a, b) + l (0, d) of a torus."""

    a: int
    b: int
    d: int

    def coset(self, x: int, y: int) -> int:
        """The number of the coset of a site, 0 of the sublattice itself."""
        row, inside = divmod(x, self.a)
        return inside * self.d + (y - row * self.b) % self.d


def factors_of_two(number: int) -> int:
    """How often a whole number from 1 on can be halved."""
    return (number & -number).bit_length() - 1


def halvings(shape: tuple[int, ...]) -> int:
    """How often all extents can be halved."""
    return min(factors_of_two(n) for n in shape)


def sublattice_of(shape: Extents) -> Sublattice | None:
    """By which the coarsest lattice is drawn; None where each of its sites has a law of its own."""
    n, m = (extent >> halvings(shape) for extent in shape)
    return None if n * m <= COARSEST else _of_fewest_laws((n, m))


def refusal(shape: tuple[int, ...]) -> str:
    """Why a lattice in two dimensions is not drawn from coarse to fine; empty if it is."""
    if halvings(shape) == 0:
        return "needs even extents"
    n, m = (extent >> halvings(shape) for extent in shape)
    one = sublattice_of((shape[0], shape[1]))
    if one is None or _laws(one, (n, m)) <= MOST_LAWS:
        return ""
    return (
        f"leaves {n} x {m} sites after all common halvings, for which it would need "
        f"{_laws(one, (n, m))} laws, above {MOST_LAWS}; take extents with more factors of two"
    )


@lru_cache(maxsize=64)
def _of_fewest_laws(extents: Extents) -> Sublattice:
    """Of those whose sites are far enough apart; of equal ones that whose sites are farthest.

    The single site of the sublattice (n, 0), (0, m) always is: then every site has its own law.
    """
    found = [(_laws(one, extents), -_apart(one, extents), one) for one in _sublattices(extents)]
    return min(entry for entry in found if -entry[1] >= LEAST_APART)[2]


def _sublattices(extents: Extents) -> list[Sublattice]:
    n, _ = extents
    divisors = [[k for k in range(1, extent + 1) if extent % k == 0] for extent in extents]
    return [
        Sublattice(a, b, d)
        for a in divisors[0]
        for d in divisors[1]
        for b in range(d)
        if n // a * b % d == 0
    ]


def _laws(one: Sublattice, extents: Extents) -> int:
    """One per site of the sublattice, and one per other coset."""
    cosets = one.a * one.d
    return prod(extents) // cosets + cosets - 1


def _apart(one: Sublattice, extents: Extents) -> int:
    """Least squared distance of two sites of a coset on the torus; of one site, no limit."""
    n, m = extents
    sites = (
        (k * one.a, (k * one.b + j * one.d) % m)
        for k in range(n // one.a)
        for j in range(m // one.d)
    )
    sizes = [min(x, n - x) ** 2 + min(y, m - y) ** 2 for x, y in sites]
    return min((size for size in sizes if size), default=LEAST_APART + prod(extents))
