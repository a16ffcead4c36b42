"""Boosts of a drawn field, a second part of some one-site laws (`lfmc.kernels.site_law`).

After `draw` the field of a site is mapped by a boost, which has rows of `work` of its own: the
functions are called in the order `clear_boost`, `add_boost` (repeatedly), `boost`, `boosted_along`,
`boosted_residual`, `along_boost`. A law without boosts has the same functions, which do nothing.
"""

from lfmc.kernels.lanes import broadcast, inlined


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


BOOSTS = (clear_boost, add_boost, boost, boosted_along, boosted_residual, along_boost)


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


@inlined
def _zero_score(work, phi, y, couplings):
    return broadcast(0.0)


NO_BOOST = {
    "clear_boost": _nothing,
    "add_boost": _nothing_added,
    "boost": _nothing_done,
    "boosted_along": _zero,
    "boosted_residual": _nothing_done,
    "along_boost": _zero_score,
}
