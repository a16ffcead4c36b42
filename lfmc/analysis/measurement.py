"""Observables with jackknife errors from the saved configurations of a chain (`lfmc measure`).

Names, all in lattice units, nothing subtracted (<phi> = 0, which the gates check):

    chi2 = V <m^2>, E, phi2, phi4, m, absm = <|m|>, binder = <m^4>/<m^2>^2
    G0 = G_c(0) = <phi^2> from the correlators (phi2 is the same number from the scalars)
    Gt_t = G~(p=0, t), t = 0 ... T/2;  mLeff_t = effective mass times L, t = 1 ... T/2
    mpL = pole mass times L, plateau over t = T/2-1, T/2;  m2ndL = second-moment mass times L
    sd = 4 lam <phi^4> + 2 quadratic <phi^2> - 4 d hopping E, exactly 1 (Schwinger-Dyson)
    expdH = <exp(-dH)> within |dH| < 5, exactly 1 (hmc, every update; `samplers.creutz`)
    acceptance (whole chain), longest_rejection_run, bins (number of bins behind the errors),
    bins_m (those of m, where it has its own); CPU seconds of the whole run where they are known:
    setup_seconds (tuning and thermalisation of all replicas), measure_seconds (correlators)
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from lfmc.analysis.binned import BINNED, FEWEST_CHAINS, Bins, SignBins
from lfmc.analysis.correlator import effective_mass, pole_mass, second_moment_mass
from lfmc.analysis.jackknife import jackknife
from lfmc.analysis.rejections import acceptance_error, rejected_updates, rejection_runs
from lfmc.chains import Chain
from lfmc.clock import CPU
from lfmc.lattice import Shape, volume
from lfmc.theories.phi4 import Phi4
from lfmc.theories.two_point import zero_momentum_correlator

Floats = NDArray[np.floating]

COLUMNS = ("ensemble", "sampler", "observable", "value", "error", "n", "note")
# Observable -> attribute of the chain.
TIMES = {"setup_seconds": "seconds_setup", "measure_seconds": "seconds_measure"}
NO_MASS = "statistics too low for a mass with an error"
# What is counted rather than estimated from bins.
COUNTED = ("acceptance", "longest_rejection_run", "bins", "bins_m", *TIMES)


def measurement_rows(chain: Chain, bins: Bins) -> list[dict[str, Any]]:
    """The rows of a chain's table, see `COLUMNS`; n is the number of saved configurations.

    A withheld error is NaN, and the column `note` says why.
    """
    rejected = rejected_updates(chain)
    results = observables(bins, chain.shape, _action(chain))
    if bins.expdH is not None:
        value, error = jackknife(bins.expdH[:, None], bins.expdH_counts, lambda mean: mean)
        results["expdH"] = (float(value[0]), float(error[0]))
    notes = {
        name: NO_MASS
        for name, pair in results.items()
        if name.startswith(("mLeff_", "mpL", "m2ndL")) and not np.isfinite(pair).all()
    }
    if bins.sign.note:
        notes["m"] = bins.sign.note
        results["bins_m"] = (len(bins.sign.counts), 0.0)
    results["acceptance"] = (chain.acceptance, _acceptance_error(chain, rejected))
    results["longest_rejection_run"] = (rejection_runs(rejected).longest, 0.0)
    results["bins"] = (len(bins.counts), 0.0)
    if chain.attributes.get("clock") == CPU:
        known = {name: chain.attributes.get(attribute) for name, attribute in TIMES.items()}
        results |= {name: (float(value), 0.0) for name, value in known.items() if value is not None}
    if bins.withheld:
        for name in set(results) - set(COUNTED):
            results[name] = (results[name][0], np.nan)
            notes[name] = bins.withheld
    total = int(bins.counts.sum())
    head = {"ensemble": chain.ensemble["name"], "sampler": chain.sampler}
    return [
        head | {"observable": k, "value": v, "error": e, "n": total, "note": notes.get(k, "")}
        for k, (v, e) in results.items()
    ]


def observables(bins: Bins, shape: Shape, action: Phi4 | None) -> dict[str, tuple[float, float]]:
    """Every observable of the module's list, name -> (value, error); sd of phi^4 only."""
    columns = np.concatenate(
        [np.stack([bins.scalars[name] for name in BINNED], axis=1), bins.two_point], axis=1
    )
    half = shape[0] // 2
    names = [
        *("chi2", "E", "phi2", "phi4", "m", "absm", "binder"),
        *(("sd",) if action else ()),
        *("G0", "m2ndL"),
        *(f"Gt_{t}" for t in range(half + 1)),
        *(f"mLeff_{t}" for t in range(1, half + 1)),
    ]

    def estimate(mean: Floats) -> Floats:
        scalar = {name: mean[..., k] for k, name in enumerate(BINNED)}
        two_point = mean[..., len(BINNED) :]
        correlator = zero_momentum_correlator(two_point, shape)
        single = [
            volume(shape) * scalar["m2"],
            *(scalar[name] for name in ("E", "phi2", "phi4", "m", "absm")),
            scalar["m4"] / scalar["m2"] ** 2,
            *((schwinger_dyson(scalar, action),) if action else ()),
            two_point[..., 0],
            shape[0] * second_moment_mass(two_point, shape),
        ]
        masses = shape[0] * effective_mass(correlator)
        return np.concatenate(
            [np.stack(single, axis=-1), correlator[..., : half + 1], masses], axis=-1
        )

    value, error = jackknife(columns, bins.counts, estimate)
    result = {n: (float(v), float(e)) for n, v, e in zip(names, value, error, strict=True)}
    spread = error[-half:]
    pole, pole_error = jackknife(
        columns, bins.counts, lambda mean: pole_mass(estimate(mean)[..., -half:], spread)[..., None]
    )
    result["mpL"] = (float(pole[0]), float(pole_error[0]))
    if bins.sign.note:
        result["m"] = _mean_m(bins.sign)
    return result


def _mean_m(sign: SignBins) -> tuple[float, float]:
    value, error = jackknife(sign.means[:, None], sign.counts, lambda mean: mean)
    enough = len(sign.counts) >= FEWEST_CHAINS
    return float(value[0]), float(error[0]) if enough else np.nan


def schwinger_dyson(scalar: dict[str, Floats], action: Phi4) -> Floats:
    """<sum_x phi dS/dphi>/V = 4 lam phi4 + 2 quadratic phi2 - 4 d hopping E, which is exactly 1."""
    quartic = 4 * action.lam * scalar["phi4"]
    hop = 4 * action.dimension * action.hopping * scalar["E"]
    return quartic + 2 * action.quadratic * scalar["phi2"] - hop


def _action(chain: Chain) -> Phi4 | None:
    """None of another theory than phi^4: the settings of such a one name its kind."""
    settings = chain.ensemble
    if "kind" in settings:
        return None
    return Phi4(chain.shape, settings["m2"], settings["lam"], settings.get("normalisation", 1.0))


def _acceptance_error(chain: Chain, rejected: NDArray[np.bool_]) -> float:
    """Of whole updates where these are rejected as a whole; else of extra/accepted over replicas.

    0 where neither is there: the sampler recorded its total only.
    """
    if rejected.any():
        return acceptance_error(rejected)
    each = chain.extra.get("accepted")
    if each is None or len(each) != chain.replicas:
        return 0.0
    mean = np.asarray(each, dtype=np.float64).reshape(chain.replicas, -1).mean(1)
    return float(mean.std(ddof=1) / np.sqrt(chain.replicas))
