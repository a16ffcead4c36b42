"""Kernels of phi^4 that samplers call, chosen by the type of its couplings."""

from typing import NamedTuple

from lfmc.kernels.lanes import broadcast, inlined, load
from lfmc.kernels.sites import forward_sum, neighbour_sum
from lfmc.kernels.theory import kernels_of


class Phi4Couplings(NamedTuple):
    """Coefficients of S = sum_x [quadratic phi^2 + lam phi^4 - 2 hopping sum_mu phi phi_mu]."""

    quadratic: float
    lam: float
    hopping: float


@inlined
def _slope(value, phi, near, x, couplings):
    slope = value * (2.0 * couplings[0] + 4.0 * couplings[1] * (value * value))
    return slope - 2.0 * couplings[2] * neighbour_sum(phi, near, x)


@inlined
def _site_change(old, step, phi, near, x, couplings):
    quadratic, lam, hopping = couplings
    around = neighbour_sum(phi, near, x)
    new = old + step
    before = old * old
    after = new * new
    # the difference of squares is factored so that it does not cancel
    change = (after - before) * (quadratic + lam * (after + before))
    return change - 2.0 * hopping * around * step


@inlined
def _action_change(new, old, near, couplings):
    density = couplings[0] * (new[1] - old[1]) + couplings[1] * (new[2] - old[2])
    density = density - couplings[2] * near.shape[1] * (new[3] - old[3])
    return near.shape[0] * density


@inlined
def _measure(phi, near, couplings):
    m = broadcast(0.0)
    phi2 = broadcast(0.0)
    phi4 = broadcast(0.0)
    bond = broadcast(0.0)
    for x in range(near.shape[0]):
        value = load(phi, x)
        square = value * value
        m = m + value
        phi2 = phi2 + square
        phi4 = phi4 + square * square
        bond = bond + value * forward_sum(phi, near, x)
    per_site = 1.0 / near.shape[0]
    return m * per_site, phi2 * per_site, phi4 * per_site, bond * (2.0 * per_site / near.shape[1])


@inlined
def _potential(value, couplings):
    square = value * value
    return (couplings[0] + couplings[1] * square) * square


@inlined
def _potential_slope(value, couplings):
    return value * (2.0 * couplings[0] + 4.0 * couplings[1] * (value * value))


@inlined
def _hopping(couplings):
    return couplings[2]


kernels_of(
    Phi4Couplings,
    slope=_slope,
    site_change=_site_change,
    action_change=_action_change,
    measure=_measure,
    potential=_potential,
    potential_slope=_potential_slope,
    hopping=_hopping,
)
