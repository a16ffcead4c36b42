"""Draws from the tables of `marginals`, and their exact densities: one number after another."""

from math import log, pi

import numpy as np

from lfmc.kernels.lanes import kernel

HALF_LOG_TWO_PI = 0.5 * log(2 * pi)


@kernel
def split(z, phi, values, slopes, reach, tail, d, log_density):
    """d of normals z given Phi, and log p(d | Phi) of the table as it is used.

    Args:
        z, phi: normals, and angles in [-pi, pi]; (n,).
        values, slopes: the table; reach: its last node; tail: the normal law beyond it.
        d, log_density: results, (n,).
    """
    rows, nodes = values.shape
    step = reach / (nodes - 1)
    for k in range(len(z)):
        row, share = _row(phi[k], rows)
        a = abs(z[k])
        if a < reach:
            j = min(int(a / step), nodes - 2)
            v = a / step - j
            y0, y1, m0, m1 = _cell(values, slopes, row, share, j, step)
            found = _cubic(v, y0, y1, m0, m1)
            slope = _cubic_slope(v, y0, y1, m0, m1) / step
            log_density[k] = -0.5 * a * a - HALF_LOG_TWO_PI - np.log(slope)
        else:
            last = (1.0 - share) * values[row, nodes - 1] + share * values[row + 1, nodes - 1]
            found = pi - (pi - last) * _normal_tail(a) / tail
            log_density[k] = np.log(tail / (pi - last))
        d[k] = found if z[k] > 0 else -found


@kernel
def log_split(d, phi, values, slopes, reach, tail, log_density):
    """log p(d | Phi) of the table for given d in [-pi, pi]; arguments as of `split`."""
    rows, nodes = values.shape
    step = reach / (nodes - 1)
    for k in range(len(d)):
        row, share = _row(phi[k], rows)
        a = abs(d[k])
        last = (1.0 - share) * values[row, nodes - 1] + share * values[row + 1, nodes - 1]
        if a >= last:
            log_density[k] = np.log(tail / (pi - last))
            continue
        low, high = 0, nodes - 1
        while high - low > 1:
            middle = (low + high) // 2
            y = (1.0 - share) * values[row, middle] + share * values[row + 1, middle]
            if y <= a:
                low = middle
            else:
                high = middle
        y0, y1, m0, m1 = _cell(values, slopes, row, share, low, step)
        v = _solved(a, y0, y1, m0, m1)
        z = (low + v) * step
        slope = _cubic_slope(v, y0, y1, m0, m1) / step
        log_density[k] = -0.5 * z * z - HALF_LOG_TWO_PI - np.log(slope)


@kernel
def _row(phi, rows):
    """The row below |phi|, and the share of the next one."""
    at = abs(phi) / pi * (rows - 1)
    row = min(int(at), rows - 2)
    return row, at - row


@kernel
def _cell(values, slopes, row, share, j, step):
    """Values and slopes (per cell) at both ends of a cell, between two rows."""
    other = 1.0 - share
    y0 = other * values[row, j] + share * values[row + 1, j]
    y1 = other * values[row, j + 1] + share * values[row + 1, j + 1]
    m0 = step * (other * slopes[row, j] + share * slopes[row + 1, j])
    m1 = step * (other * slopes[row, j + 1] + share * slopes[row + 1, j + 1])
    return y0, y1, m0, m1


@kernel
def _cubic(v, y0, y1, m0, m1):
    """Hermite's cubic on [0, 1]."""
    rise = y1 - y0
    return y0 + v * (m0 + v * ((3.0 * rise - 2.0 * m0 - m1) + v * (m0 + m1 - 2.0 * rise)))


@kernel
def _cubic_slope(v, y0, y1, m0, m1):
    rise = y1 - y0
    return m0 + v * (2.0 * (3.0 * rise - 2.0 * m0 - m1) + v * 3.0 * (m0 + m1 - 2.0 * rise))


@kernel
def _solved(a, y0, y1, m0, m1):
    """v in [0, 1] with cubic(v) = a: Newton's method, kept within the bracket."""
    low, high = 0.0, 1.0
    v = (a - y0) / (y1 - y0) if y1 > y0 else 0.5
    for _ in range(60):
        off = _cubic(v, y0, y1, m0, m1) - a
        if off > 0.0:
            high = v
        else:
            low = v
        slope = _cubic_slope(v, y0, y1, m0, m1)
        new = v - off / slope if slope > 0.0 else 0.5 * (low + high)
        if not low <= new <= high:
            new = 0.5 * (low + high)
        if abs(new - v) <= 1e-16:
            return new
        v = new
    return v


@kernel
def _normal_tail(a):
    """The normal law beyond a > 5, by its continued fraction; relative error below 1e-12."""
    t = 0.0
    for k in range(60, 0, -1):
        t = k / (a + t)
    return np.exp(-0.5 * a * a - HALF_LOG_TWO_PI) / (a + t)
