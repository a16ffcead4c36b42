"""Kernels of the Schwinger model: determinant and force of the fermions, one chain after another.

The matrix M of `lfmc.theories.schwinger.dirac` is eliminated with partial pivoting, real and
imaginary parts apart; no library is called, so that the bits of a chain depend neither on threads
nor on the chains beside it. `near` is the table of `geometry`: columns 0 to 5 are those of
`lattice.links.staples`, and of link (x, mu)

    6, 7: x + mu and x - mu;    8: parity of x, 9: place of x among its parity;    10: sign.
"""

from typing import NamedTuple

import numpy as np

from lfmc.kernels.lanes import LANES, broadcast, inlined, kernel, load, store
from lfmc.kernels.mathematics import sincos_turns
from lfmc.kernels.theory import kernels_of, measure
from lfmc.lattice import Shape, neighbours, parity
from lfmc.lattice.links import staples
from lfmc.lattice.sites import IntArray
from lfmc.theories.schwinger.dirac import SPIN, places, time_signs
from lfmc.theories.u1.kernels import U1Couplings, plaquette_turns, sine_below, sine_left

SPIN_RE, SPIN_IM = np.ascontiguousarray(SPIN.real), np.ascontiguousarray(SPIN.imag)


class SchwingerCouplings(NamedTuple):
    """beta of the gauge action, kappa of the fermions."""

    beta: float
    kappa: float


def geometry(shape: Shape) -> IntArray:
    """The table that kernels are given, (2V, 11); see the module's docstring."""
    near, site = neighbours(shape), np.arange(len(parity(shape)))
    table = np.empty((2 * len(site), 11), dtype=np.int64)
    table[:, :6] = staples(shape)
    for mu in range(2):
        columns = (near[:, 2 * mu], near[:, 2 * mu + 1], parity(shape), places(shape))
        table[mu::2, 6:10] = np.stack(columns, 1)
    table[:, 10] = time_signs(shape)
    return table


@inlined
def _hop(near, x, a):
    """(site after hop a from x, its link, 1 along the link or -1 against it)."""
    mu = a & 1
    if a < 2:
        return near[2 * x + mu, 6], 2 * x + mu, 1.0
    y = near[2 * x + mu, 7]
    return y, 2 * y + mu, -1.0


@kernel
def _matrix(cosine, sine, near, kappa, re, im):
    """M of one configuration from the phases of its links, which include the boundary's sign."""
    re[:] = 0.0
    im[:] = 0.0
    for k in range(re.shape[0]):
        re[k, k] = 1.0
    for x in range(near.shape[0] >> 1):
        if near[2 * x, 8] == 0:
            i = 2 * near[2 * x, 9]
            for a in range(4):
                y, one, along = _hop(near, x, a)
                pr, pi = -kappa * kappa * cosine[one], -kappa * kappa * along * sine[one]
                for b in range(4):
                    if b != a ^ 2:
                        z, two, along_too = _hop(near, y, b)
                        qr, qi = cosine[two], along_too * sine[two]
                        vr, vi = pr * qr - pi * qi, pr * qi + pi * qr
                        j = 2 * near[2 * z, 9]
                        for s in range(2):
                            for t in range(2):
                                gr, gi = SPIN_RE[a, b, s, t], SPIN_IM[a, b, s, t]
                                re[i + s, j + t] += gr * vr - gi * vi
                                im[i + s, j + t] += gr * vi + gi * vr


@kernel
def _gradient(cosine, sine, near, kappa, re, im, found):
    """d log |det D| / d th of every link, (2V,), from the inverse of M."""
    found[:] = 0.0
    for x in range(near.shape[0] >> 1):
        if near[2 * x, 8] == 0:
            i = 2 * near[2 * x, 9]
            for a in range(4):
                y, one, along = _hop(near, x, a)
                pr, pi = kappa * kappa * cosine[one], kappa * kappa * along * sine[one]
                for b in range(4):
                    if b != a ^ 2:
                        z, two, along_too = _hop(near, y, b)
                        qr, qi = cosine[two], along_too * sine[two]
                        vr, vi = pr * qr - pi * qi, pr * qi + pi * qr
                        j = 2 * near[2 * z, 9]
                        wr, wi = 0.0, 0.0
                        for s in range(2):
                            for t in range(2):
                                gr, gi = SPIN_RE[a, b, s, t], SPIN_IM[a, b, s, t]
                                er, ei = re[j + t, i + s], im[j + t, i + s]
                                wr += gr * er - gi * ei
                                wi += gr * ei + gi * er
                        change = wr * vi + wi * vr
                        found[one] += along * change
                        found[two] += along_too * change


@kernel
def _eliminate(re, im, pivots, invert):
    """log |det| of a complex matrix, which becomes its inverse if `invert`, else it is spoilt."""
    n, log_det = re.shape[0], 0.0
    for k in range(n):
        place, largest = k, -1.0
        for i in range(k, n):
            size = re[i, k] * re[i, k] + im[i, k] * im[i, k]
            if size > largest:
                place, largest = i, size
        pivots[k] = place
        if place != k:
            for j in range(n):
                re[k, j], re[place, j] = re[place, j], re[k, j]
                im[k, j], im[place, j] = im[place, j], im[k, j]
        log_det += 0.5 * np.log(largest)
        pr, pi = re[k, k] / largest, -im[k, k] / largest
        begin = 0 if invert else k + 1
        if invert:
            re[k, k], im[k, k] = 1.0, 0.0
        for j in range(begin, n):
            r, c = re[k, j], im[k, j]
            re[k, j], im[k, j] = pr * r - pi * c, pr * c + pi * r
        for i in range(begin, n):
            if i != k:
                fr, fi = re[i, k], im[i, k]
                if invert:
                    re[i, k], im[i, k] = 0.0, 0.0
                for j in range(begin, n):
                    re[i, j] -= fr * re[k, j] - fi * im[k, j]
                    im[i, j] -= fr * im[k, j] + fi * re[k, j]
    if invert:
        for k in range(n - 1, -1, -1):
            place = pivots[k]
            if place != k:
                for i in range(n):
                    re[i, k], re[i, place] = re[i, place], re[i, k]
                    im[i, k], im[i, place] = im[i, place], im[i, k]
    return log_det


@kernel
def fermions(phi, near, kappa, invert, log_det, trace, gradient):
    """Of configurations (n, 2V): log |det D| (n,), and if `invert` also tr D^-1 and the gradient.

    Args:
        invert: whether `trace` (n,) and `gradient`, d log |det D| / d th (n, 2V), are filled.
    """
    links = near.shape[0]
    n = links >> 1
    re, im, pivots = np.empty((n, n)), np.empty((n, n)), np.empty(n, dtype=np.int64)
    cosine, sine = np.empty(links), np.empty(links)
    for row in range(phi.shape[0]):
        for link in range(links):
            cosine[link] = near[link, 10] * np.cos(phi[row, link])
            sine[link] = near[link, 10] * np.sin(phi[row, link])
        _matrix(cosine, sine, near, kappa, re, im)
        log_det[row] = _eliminate(re, im, pivots, invert)
        if invert:
            total = 0.0
            for k in range(n):
                total += re[k, k]
            trace[row] = 2.0 * total
            _gradient(cosine, sine, near, kappa, re, im, gradient[row])


@kernel
def lanes_of_fermions(phi, near, kappa, force, traces):
    """`fermions` of a block (2V, LANES): d(-2 log |det D|) / d th into `force`, of the same shape,
    2 log |det D| and tr D^-1 into the two rows of `traces`."""
    links = near.shape[0]
    rows, gradient = np.empty((LANES, links)), np.empty((LANES, links))
    log_det, trace = np.empty(LANES), np.empty(LANES)
    for link in range(links):
        for lane in range(LANES):
            rows[lane, link] = phi[link, lane]
    fermions(rows, near, kappa, True, log_det, trace, gradient)
    for lane in range(LANES):
        traces[0, lane], traces[1, lane] = 2.0 * log_det[lane], trace[lane]
        for link in range(links):
            force[link, lane] = -2.0 * gradient[lane, link]


@inlined
def gauge_sines(phi, near, sines):
    """sin P of every plaquette, (V, LANES)."""
    for x in range(near.shape[0] >> 1):
        sine, _ = sincos_turns(plaquette_turns(phi, near, x))
        store(sines, x, sine)


@inlined
def gauge_slopes(sines, near, x):
    """d(-sum cos P) / d th of both links of site x."""
    own = load(sines, x)
    return own - sine_below(sines, near, x), sine_left(sines, near, x) - own


@inlined
def scalars(phi, near, couplings, force, traces):
    """`Schwinger.scalars` from what `lanes_of_fermions` found."""
    plaquette, force2, charge = measure(phi, near, U1Couplings(couplings[0]))
    sites = near.shape[0] >> 1
    sines, mixed = np.empty((sites, LANES)), broadcast(0.0)
    gauge_sines(phi, near, sines)
    for x in range(sites):
        zero, one = gauge_slopes(sines, near, x)
        mixed = mixed + (zero * load(force, 2 * x) + one * load(force, 2 * x + 1))
    share = 1.0 / sites
    log_det, trace = load(traces, 0) * share, load(traces, 1) * share
    return plaquette, force2, mixed * (0.5 * share), charge, trace, log_det


@inlined
def _measure(phi, near, couplings):
    force, traces = np.empty((near.shape[0], LANES)), np.empty((2, LANES))
    lanes_of_fermions(phi, near, couplings[1], force, traces)
    return scalars(phi, near, couplings, force, traces)


@inlined
def _action_change(new, old, near, couplings):
    sites = near.shape[0] >> 1
    return (-couplings[0] * sites) * (new[0] - old[0]) - (1.0 * sites) * (new[5] - old[5])


kernels_of(SchwingerCouplings, action_change=_action_change, measure=_measure)
