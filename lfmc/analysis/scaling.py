"""Dynamical critical exponents: tau = alpha L^z by weighted least squares."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.special import chdtrc

from lfmc.errors import LfmcError

Floats = NDArray[np.floating]


class PowerLaw(NamedTuple):
    """alpha L^z.

    Attributes:
        z_error, alpha_error: carried from the errors of tau.
        z_error_scaled: z_error sqrt(max(1, chi2/dof)), for fits that miss their points.
        chi2_dof: chi2 over the degrees of freedom.
        p_value: probability of a chi2 as large, if tau were a power law with these errors.
    """

    z: float
    z_error: float
    z_error_scaled: float
    alpha: float
    alpha_error: float
    chi2_dof: float
    p_value: float


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
    freedom = len(tau) - 2
    total = float(residual @ residual)
    z_error = float(np.sqrt(covariance[1, 1]))
    return PowerLaw(
        z=float(z),
        z_error=z_error,
        z_error_scaled=scaled_error(z_error, total / freedom),
        alpha=float(alpha),
        alpha_error=float(alpha * np.sqrt(covariance[0, 0])),
        chi2_dof=total / freedom,
        p_value=probability(total / freedom, freedom),
    )


def scaled_error(error: float, chi2_dof: float) -> float:
    """The error as fitted, times sqrt(chi2/dof) where that is above 1."""
    return error * float(np.sqrt(max(1.0, chi2_dof)))


def probability(chi2_dof: float, freedom: int) -> float:
    """Probability that chi2/dof is as large by chance."""
    return float(chdtrc(freedom, chi2_dof * freedom))
