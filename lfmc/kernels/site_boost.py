"""Boosts of a drawn field, a second part of some one-site laws (`lfmc.kernels.site_law`).

After `draw` the field of a site is mapped by a boost, which has rows of `work` of its own: the
functions are called in the order `clear_boost`, `add_boost` (repeatedly), `boost`, `boosted_along`,
`boosted_residual`, `along_boost`. A law without boosts has the same functions, which do nothing.
"""

from collections.abc import Callable
from typing import Any

from numba.extending import overload

from lfmc.kernels.lanes import INLINE, broadcast, inlined


def clear_boost(work, couplings):
    """No boost yet."""


def add_boost(work, phi, y, weight, couplings):
    """Add `weight` times what site y contributes to the boost."""


def boost(work, phi, x, couplings):
    """Boost the field of site x."""


def boosted_along(work, phi, x, couplings):
    """As `along`, of a boosted field, with the log Jacobian of the boost."""


def boosted_residual(work, phi, x, couplings):
    """As `residual`, after `boosted_along`: then `along` and `along_boost` of a site are scores."""


def along_boost(work, phi, y, couplings):
    """The score of a weight of site y in the boost."""


NAMES = tuple(
    function.__name__
    for function in (clear_boost, add_boost, boost, boosted_along, boosted_residual, along_boost)
)


@inlined
def _nothing(work, couplings):
    return None


@inlined
def _nothing_added(work, phi, y, weight, couplings):
    return None


@inlined
def _nothing_done(work, phi, x, couplings):
    return None


@inlined
def _zero(work, phi, x, couplings):
    return broadcast(0.0)


NONE = {
    "clear_boost": _nothing,
    "add_boost": _nothing_added,
    "boost": _nothing_done,
    "boosted_along": _zero,
    "boosted_residual": _nothing_done,
    "along_boost": _zero,
}


def boost_of(known: Callable[[Any], bool], kernels: dict[str, Any]) -> None:
    """Register the boost of a law, all functions by name; those of NONE for a law without one.

    Args:
        known: whether a numba type is that of the law's couplings.
    """
    clears, adds, boosts = (kernels[name] for name in NAMES[:3])
    alongs, residuals, scores = (kernels[name] for name in NAMES[3:])

    @overload(clear_boost, jit_options=INLINE)
    def _clear_boost(work, couplings):
        return (lambda work, couplings: clears(work, couplings)) if known(couplings) else None

    @overload(add_boost, jit_options=INLINE)
    def _add_boost(work, phi, y, weight, couplings):
        if known(couplings):
            return lambda work, phi, y, weight, couplings: adds(work, phi, y, weight, couplings)
        return None

    @overload(boost, jit_options=INLINE)
    def _boost(work, phi, x, couplings):
        if known(couplings):
            return lambda work, phi, x, couplings: boosts(work, phi, x, couplings)
        return None

    @overload(boosted_along, jit_options=INLINE)
    def _boosted_along(work, phi, x, couplings):
        if known(couplings):
            return lambda work, phi, x, couplings: alongs(work, phi, x, couplings)
        return None

    @overload(boosted_residual, jit_options=INLINE)
    def _boosted_residual(work, phi, x, couplings):
        if known(couplings):
            return lambda work, phi, x, couplings: residuals(work, phi, x, couplings)
        return None

    @overload(along_boost, jit_options=INLINE)
    def _along_boost(work, phi, y, couplings):
        if known(couplings):
            return lambda work, phi, y, couplings: scores(work, phi, y, couplings)
        return None
