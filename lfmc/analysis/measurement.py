"""Observables with jackknife errors from the saved configurations of a chain (`lfmc measure`).

Names, all in lattice units: those of `Theory.observables`, for a scalar theory the list in
`lfmc.theories.scalar_observables` with sd = <phi dS/dphi> per site, exactly 1 (Schwinger-Dyson);
for phi^4 sd = 4 lam <phi^4> + 2 quadratic <phi^2> - 4 d hopping E; and for all

    mpL = pole mass times L, plateau over t = T/2-1, T/2, where there are effective masses
    expdH = <exp(-dH)> within |dH| < 5, exactly 1 (hmc, every update; `samplers.creutz`)
    acceptance (whole chain), longest_rejection_run, bins (number of bins behind the errors),
    bins_m (those of m, where it has its own); CPU seconds of the whole run where they are known:
    setup_seconds (tuning and thermalisation of all replicas), measure_seconds (correlators)
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lfmc.analysis.binned import FEWEST_CHAINS, Bins, SignBins
from lfmc.analysis.jackknife import jackknife
from lfmc.analysis.rejections import acceptance_error, rejected_updates, rejection_runs
from lfmc.chains import Chain
from lfmc.classical import CLASSICAL
from lfmc.clock import CPU
from lfmc.theories.base import Means, Theory
from lfmc.theories.foreign import RealField
from lfmc.theories.masses import pole_mass

Floats = NDArray[np.floating]

COLUMNS = ("ensemble", "sampler", "observable", "value", "error", "n", "note")
# Observable -> attribute of the chain.
TIMES = {"setup_seconds": "seconds_setup", "measure_seconds": "seconds_measure"}
NOT_RECORDED = "accepted proposals are not recorded; sample again for an error"
NO_MASS = "statistics too low for a mass with an error"
EFFECTIVE = "mLeff_"
# What is counted rather than estimated from bins; also bins_m.
COUNTED = ("acceptance", "longest_rejection_run", "bins", *TIMES)


def unresolved_masses(values: Mapping[str, tuple[float, float]]) -> dict[str, str]:
    """The note of every mass without a finite value and error."""
    return {
        name: NO_MASS
        for name, pair in values.items()
        if name.startswith((EFFECTIVE, "mpL", "m2ndL")) and not np.isfinite(pair).all()
    }


def measurement_rows(chain: Chain, bins: Bins) -> list[dict[str, Any]]:
    """The rows of a chain's table, see `COLUMNS`; n is the number of saved configurations.

    A withheld error is NaN, and the column `note` says why.
    """
    rejected = rejected_updates(chain)
    theory = chain.theory
    results = observables(bins, theory)
    if bins.expdH is not None:
        value, error = jackknife(bins.expdH[:, None], bins.updates, lambda mean: mean)
        results["expdH"] = (float(value[0]), float(error[0]))
    notes = unresolved_masses(results)
    counted = {*COUNTED, f"bins_{theory.odd}"}
    if bins.sign and bins.sign.note:
        notes[theory.odd] = bins.sign.note
        results[f"bins_{theory.odd}"] = (len(bins.sign.counts), 0.0)
    results["acceptance"] = (chain.acceptance, _acceptance_error(chain, bins, rejected))
    if np.isnan(results["acceptance"][1]):
        notes["acceptance"] = bins.withheld or NOT_RECORDED
    results["longest_rejection_run"] = (rejection_runs(rejected).longest, 0.0)
    results["bins"] = (len(bins.counts), 0.0)
    if chain.attributes.get("clock") == CPU:
        known = {name: chain.attributes.get(attribute) for name, attribute in TIMES.items()}
        results |= {name: (float(value), 0.0) for name, value in known.items() if value is not None}
    if bins.withheld:
        for name in set(results) - counted:
            results[name] = (results[name][0], np.nan)
            notes[name] = bins.withheld
    total = int(bins.counts.sum())
    head = {"ensemble": chain.ensemble["name"], "sampler": chain.sampler}
    return [
        head | {"observable": k, "value": v, "error": e, "n": total, "note": notes.get(k, "")}
        for k, (v, e) in results.items()
    ]


def observables(bins: Bins, theory: Theory | RealField) -> dict[str, tuple[float, float]]:
    """Every observable of the theory, and mpL, name -> (value, error)."""
    columns = np.concatenate(
        [np.stack(list(bins.scalars.values()), axis=1), bins.two_point], axis=1
    )
    result = estimates(columns, bins.counts, list(bins.scalars), theory)
    if bins.sign and bins.sign.note:
        result[theory.odd] = _mean_m(bins.sign)
    return result


def estimates(
    columns: Floats,
    counts: NDArray[np.integer],
    binned: list[str],
    theory: Theory | RealField,
    weighted: bool = False,
) -> dict[str, tuple[float, float]]:
    """Every observable of the theory, and mpL, with jackknife errors: name -> (value, error).

    Args:
        columns: means over bins of the scalars `binned`, then of the correlators, (B, C).
        weighted: whether the means are of weights times these, and those of the weights stand
            before them.
    """

    def derived(mean: Floats) -> dict[str, Floats]:
        if weighted:
            mean = mean[..., 1:] / mean[..., :1]
        scalars = {name: mean[..., k] for k, name in enumerate(binned)}
        return theory.observables(Means(scalars, mean[..., len(binned) :]))

    def estimate(mean: Floats) -> Floats:
        return np.stack(list(derived(mean).values()), axis=-1)

    value, error = jackknife(columns, counts, estimate)
    names = list(derived(columns[0]))
    result = {n: (float(v), float(e)) for n, v, e in zip(names, value, error, strict=True)}
    masses = [k for k, name in enumerate(names) if name.startswith(EFFECTIVE)]
    if masses:
        spread = error[masses]
        pole, pole_error = jackknife(
            columns,
            counts,
            lambda mean: pole_mass(estimate(mean)[..., masses], spread)[..., None],
        )
        result["mpL"] = (float(pole[0]), float(pole_error[0]))
    return result


def _mean_m(sign: SignBins) -> tuple[float, float]:
    value, error = jackknife(sign.means[:, None], sign.counts, lambda mean: mean)
    enough = len(sign.counts) >= FEWEST_CHAINS
    return float(value[0]), float(error[0]) if enough else np.nan


def _acceptance_error(chain: Chain, bins: Bins, rejected: NDArray[np.bool_]) -> float:
    """From bins of the numbers of accepted proposals; else of whole updates (flows, imported).

    NaN where a sampler left the total only, as those of several proposals per update did in files
    of earlier versions: whether a whole update was rejected says nothing of it.
    """
    if bins.accepted is not None:
        value, error = jackknife(bins.accepted[:, None], bins.updates, lambda mean: mean)
        return float(error[0] * chain.acceptance / value[0]) if value[0] else float(error[0])
    if chain.sampler in CLASSICAL and not chain.imported:
        return 0.0 if chain.acceptance == 1 else np.nan
    return acceptance_error(rejected)
