"""The law of one site given others, as kernels that the type of the couplings selects.

The density of the field of site x is exp(l(x)) / normaliser, with a real functional l that is
linear in a `work` array of rows of lanes. Each law lays out its `work` as it likes; the functions
are called in the order `clear`, `add_site` and `add_loop` (repeatedly), `solve`, `draw`,
`residual`. A law without loops has the same functions, which do nothing. What is specific to sites
drawn in some order is in `lfmc.flows.hierarchy`.
"""

from typing import Any, NamedTuple

from lfmc.kernels.answers import answer
from lfmc.kernels.lanes import broadcast, inlined
from lfmc.kernels.site_boost import BOOSTS, NO_BOOST


class SiteLaw(NamedTuple):
    """The law of one site.

    Attributes:
        rows: of `work`.
        uniforms: from which a site is drawn.
        most: other sites that it may depend on; 0: any number.
        conditional: whether the law of a site given all of its neighbours is one of these.
        boosted: whether it has boosts.
    """

    rows: int
    uniforms: int
    most: int = 0
    conditional: bool = True
    boosted: bool = False


def clear(work, couplings):
    """No other site yet."""


def add_site(work, phi, y, weight, entry, couplings):
    """Add `weight` times what site y contributes.

    entry: 0, 1, 2 ... of sites in turn; -1 - entry of a site that was added before.
    """


def add_loop(work, phi, y, z, weight, couplings):
    """Add `weight` times what sites y and z contribute together, beyond `add_site`."""


def pair(phi, y, z, couplings):
    """The invariant of two sites, which may be a factor of a weight."""


def along(work, phi, x, couplings):
    """l(x); after `residual` the same functional of the residual."""


def along_loop(work, phi, y, z, couplings):
    """After `residual`: the score of a weight of `add_loop`."""


def solve(work, couplings):
    """log of the normaliser; needed by `draw` and `residual`."""


def draw(work, phi, x, uniform, first, couplings):
    """Draw the field of site x from the rows of `uniform` from `first` on."""


def residual(work, phi, x, couplings):
    """Turn `work` into that of the field of x less its mean: `along` of a site is then a score."""


LAW = (clear, add_site, add_loop, along_loop, pair, along, solve, draw, residual)


@inlined
def _nothing_added(work, phi, y, z, weight, couplings):
    return None


@inlined
def _zero(work, phi, y, z, couplings):
    return broadcast(0.0)


NO_LOOPS = {"add_loop": _nothing_added, "along_loop": _zero}


def site_law_of(couplings_type: type, **kernels: Any) -> None:
    """Register the law of a theory, for couplings of this type.

    Args:
        kernels: all functions of this module by name (`lfmc.kernels.lanes.inlined`), with the same
            arguments, those of loops or none of them; and those of `lfmc.kernels.site_boost`, or
            none of them.
    """

    def known(couplings: Any) -> bool:
        return getattr(couplings, "instance_class", None) is couplings_type

    with_boost = BOOSTS[0].__name__ in kernels
    given = {**NO_LOOPS, **({} if with_boost else NO_BOOST), **kernels}
    for function in (*LAW, *BOOSTS):
        answer(function, given.pop(function.__name__), known)
    if given:
        raise TypeError(f"no kernel of a site law is called {', '.join(given)}")
