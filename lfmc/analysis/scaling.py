"""Dynamical critical exponents: tau = alpha L^z by weighted least squares."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from lfmc.errors import LfmcError

Floats = NDArray[np.floating]


class PowerLaw(NamedTuple):
    """alpha L^z with errors that are carried from those of tau, never rescaled by chi2/dof."""

    z: float
    z_error: float
    alpha: float
    alpha_error: float
    chi2_dof: float


def fit_power_law(extents: Floats, tau: Floats, error: Floats) -> PowerLaw:
    """Fit log tau = log alpha + z log L with weights (tau/error)^2 (arXiv:1904.12072, fig. 8).

    Args:
        extents, tau, error: (points,), at least three different extents.

    Raises:
        LfmcError: fewer than three extents, or a tau or error that is not positive and finite.
    """
    if len(np.unique(extents)) < 3:
        raise LfmcError(
            f"a fit of tau = alpha L^z needs at least 3 different L, got {sorted(set(extents))}"
        )
    if not (np.isfinite(tau) & np.isfinite(error) & (tau > 0) & (error > 0)).all():
        raise LfmcError("a fit of tau = alpha L^z needs positive, finite tau with errors")
    sigma = error / tau
    design = np.stack([np.ones_like(sigma), np.log(extents)], axis=1) / sigma[:, None]
    target = np.log(tau) / sigma
    covariance = np.linalg.inv(design.T @ design)
    log_alpha, z = covariance @ (design.T @ target)
    residual = target - design @ np.array([log_alpha, z])
    alpha = np.exp(log_alpha)
    return PowerLaw(
        z=float(z),
        z_error=float(np.sqrt(covariance[1, 1])),
        alpha=float(alpha),
        alpha_error=float(alpha * np.sqrt(covariance[0, 0])),
        chi2_dof=float(residual @ residual / (len(tau) - 2)),
    )
