"""Table of dynamical critical exponents: every sampler, observable and unit (`lfmc fit`)."""

import logging
from typing import Any

import numpy as np

from lfmc.analysis.scaling import fit_power_law

log = logging.getLogger(__name__)

COLUMNS = (
    *("sampler", "observable", "unit", "fit_L", "z", "z_error", "z_error_scaled"),
    *("alpha", "alpha_error", "chi2_dof", "p_value"),
)
GUIDE = 1e-3  # a fit of a smaller p_value is a guide to the eye
FITTED = ("gamma", "rejections", "models")


def exponent_rows(
    tau_int: Any, extents: dict[str, int], ranges: dict[str, tuple[int, ...]]
) -> list[dict[str, Any]]:
    """Fit tau = alpha L^z within every (sampler, observable, unit) over every range of L.

    Args:
        tau_int: pandas table of `autocorrelation.COLUMNS`; estimator gamma for observables and
            rejections for "acc" are fitted, or "models" (`spread`) where there is one.
        extents: ensemble name -> L, of the ensembles that belong together.
        ranges: label (column fit_L) -> the L it fits, e.g. {"10 12 14": (10, 12, 14)}.

    A range with fewer than three different L, or a tau without an error, gives no row and a line
    in the log.
    """
    table = tau_int[tau_int.estimator.isin(FITTED) & tau_int.ensemble.isin(extents)]
    # Where there are several models, their mean and scatter take the place of the one chain's.
    key = ["sampler", "observable", "unit"]
    several = table[table.estimator == "models"].set_index(key).index.unique()
    alone = ~table.set_index(key).index.isin(several)
    table = table[(table.estimator == "models") | alone]
    rows, without = [], 0
    for (sampler, observable, unit), group in table.groupby(
        ["sampler", "observable", "unit"], sort=False
    ):
        length = group.ensemble.map(extents).to_numpy(dtype=float)
        usable = ((group.tau > 0) & (group.error > 0) & np.isfinite(group.error)).to_numpy()
        for label, chosen in ranges.items():
            here = usable & np.isin(length, chosen)
            if len(np.unique(length[here])) < 3:
                without += 1
                continue
            fit = fit_power_law(
                length[here], group.tau.to_numpy()[here], group.error.to_numpy()[here]
            )
            head = {"sampler": sampler, "observable": observable, "unit": unit, "fit_L": label}
            rows.append(head | fit._asdict())
    if without:
        log.warning("%d exponents left out: fewer than 3 different L with a tau and error", without)
    return rows
