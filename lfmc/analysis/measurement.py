"""Observables with jackknife errors from the saved configurations of a chain (`lfmc measure`).

Names, all in lattice units, nothing subtracted (<phi> = 0, which the gates check):

    chi2 = V <m^2>, E, phi2, phi4, m, absm = <|m|>, binder = <m^4>/<m^2>^2
    G0 = G_c(0) = <phi^2> from the correlators (phi2 is the same number from the scalars)
    Gt_t = G~(p=0, t), t = 0 ... T/2;  mLeff_t = effective mass times L, t = 1 ... T/2
    mpL = pole mass times L, plateau over t = T/2-1, T/2;  m2ndL = second-moment mass times L
    sd = 4 lam <phi^4> + 2 quadratic <phi^2> - 4 d hopping E, exactly 1 (Schwinger-Dyson)
    expdH = <exp(-dH)> within |dH| < 5, exactly 1 (hmc only, every update; see `creutz_factor`)
    acceptance (whole chain), longest_rejection_run, bins (number of bins behind the errors)
"""

import json
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from lfmc.action import Phi4
from lfmc.analysis.bins import Layout, bin_layout
from lfmc.analysis.convergence import require_length, require_moving
from lfmc.analysis.correlator import effective_mass, pole_mass, second_moment_mass
from lfmc.analysis.gamma_method import integrated_time
from lfmc.analysis.jackknife import jackknife
from lfmc.analysis.rejections import acceptance_error, rejected_updates, rejection_runs
from lfmc.chains import Chain
from lfmc.errors import LfmcError
from lfmc.lattice import Shape, volume
from lfmc.observables import susceptibility, zero_momentum_correlator
from lfmc.store import create_hdf5

Floats = NDArray[np.floating]

COLUMNS = ("ensemble", "sampler", "observable", "value", "error", "n")
CREUTZ_CUT = 5.0
BINNED = ("m", "absm", "m2", "m4", "phi2", "phi4", "E")


class Bins(NamedTuple):
    """Means over bins of saved configurations.

    Attributes:
        counts: saved configurations in each bin, (B,).
        scalars: m, absm, m2, m4, phi2, phi4, E -> (B,); m2, m4 = <m^2>, <m^4>, no volume.
        two_point: G(x) per orbit, (B, orbits).
        expdH: `creutz_factor` over every update of each bin, (B,); None unless hmc.
        expdH_counts: updates in each bin.
        tau: tau_int of chi2 in saved configurations, which sets the length of a bin.
    """

    counts: NDArray[np.int64]
    scalars: dict[str, Floats]
    two_point: Floats
    expdH: Floats | None
    expdH_counts: NDArray[np.int64]
    tau: float


def bin_chain(chain: Chain) -> Bins:
    """Cut a chain into bins.

    Raises:
        LfmcError: frozen, non-finite or too short chains; correlators of other configurations
            than the scalars.
    """
    saved = {name: np.asarray(v, dtype=np.float64) for name, v in chain.saved.items()}
    for name, series in chain.scalars.items():
        require_moving(series, name)
    replicas, length = saved["m"].shape
    if chain.two_point.shape[:2] != (replicas, length):
        raise LfmcError(
            f"{chain.sampler}: correlators of {chain.two_point.shape[:2]} configurations, "
            f"scalars of {(replicas, length)}; the file is damaged, sample again"
        )
    m = saved["m"]
    tau = integrated_time(m * m).value
    require_length((replicas, length), tau, "chi2")
    layout = bin_layout(replicas, length, tau)
    binned = {"m": m, "absm": np.abs(m), "m2": m * m, "m4": m**4} | {
        name: saved[name] for name in ("phi2", "phi4", "E")
    }
    bins = Bins(
        counts=layout.counts,
        scalars={name: layout.means(binned[name]) for name in BINNED},
        two_point=layout.means(chain.two_point),
        expdH=_creutz(chain, layout),
        expdH_counts=layout.counts * chain.save_every,
        tau=tau,
    )
    _require_same_fields(bins, chain)
    return bins


def measurement_rows(chain: Chain, bins: Bins) -> list[dict[str, Any]]:
    """The rows of a chain's table, see `COLUMNS`; n is the number of saved configurations."""
    rejected = rejected_updates(chain)
    results = observables(bins, chain.shape, _action(chain))
    if bins.expdH is not None:
        value, error = jackknife(bins.expdH[:, None], bins.expdH_counts, lambda mean: mean)
        results["expdH"] = (float(value[0]), float(error[0]))
    results["acceptance"] = (chain.acceptance, _acceptance_error(chain, rejected))
    results["longest_rejection_run"] = (rejection_runs(rejected).longest, 0.0)
    results["bins"] = (len(bins.counts), 0.0)
    total = int(bins.counts.sum())
    head = {"ensemble": chain.ensemble["name"], "sampler": chain.sampler}
    return [
        head | {"observable": name, "value": value, "error": error, "n": total}
        for name, (value, error) in results.items()
    ]


def observables(bins: Bins, shape: Shape, action: Phi4) -> dict[str, tuple[float, float]]:
    """Every observable of the module's list, name -> (value, error)."""
    columns = np.concatenate(
        [np.stack([bins.scalars[name] for name in BINNED], axis=1), bins.two_point], axis=1
    )
    half = shape[0] // 2
    names = [
        *("chi2", "E", "phi2", "phi4", "m", "absm", "binder", "sd", "G0", "m2ndL"),
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
            schwinger_dyson(scalar, action),
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
    return result | {"mpL": (float(pole[0]), float(pole_error[0]))}


def schwinger_dyson(scalar: dict[str, Floats], action: Phi4) -> Floats:
    """<sum_x phi dS/dphi>/V = 4 lam phi4 + 2 quadratic phi2 - 4 d hopping E, which is exactly 1."""
    quartic = 4 * action.lam * scalar["phi4"]
    hop = 4 * action.dimension * action.hopping * scalar["E"]
    return quartic + 2 * action.quadratic * scalar["phi2"] - hop


def creutz_factor(change: Floats) -> Floats:
    """exp(-dH) where |dH| < 5, else 1: its mean is exactly 1 for a reversible, area-preserving map.

    Detailed balance gives P(-dH) = exp(-dH) P(dH) (Creutz, Phys. Rev. D 38 (1988) 1228), so that
    <exp(-dH) f(|dH|)> = <f(|dH|)> for every f; f = 1 is the usual identity. That one is biased in
    any finite sample: a fraction p of trajectories with large dH (1e-3 beyond 8 at L = 6, 70 %
    acceptance) is balanced by reversed ones that are never seen, and the mean comes out as 1 - p.
    """
    near = np.abs(change) < CREUTZ_CUT
    return np.exp(-np.where(near, change, 0.0).astype(np.float64))


def write_bins(path: Any, chain: Chain, bins: Bins, stamp: str) -> None:
    """HDF5 of the bins: count, two_point, each scalar, expdH (hmc) and rejection_runs.

    rejection_runs[k] is the number of runs of exactly k consecutive rejections.
    """
    with create_hdf5(path, stamp) as file:
        file.attrs["kind"] = "bins"
        file.attrs["ensemble"] = json.dumps(chain.ensemble)
        file.attrs["sampler"] = chain.sampler
        file.attrs["shape"] = chain.shape
        file.attrs["acceptance"] = chain.acceptance
        file.attrs["tau_chi2_saved"] = bins.tau
        file.attrs["bin_length"] = int(bins.counts.min())
        file.attrs["conventions"] = (
            "a bin is at least 100 saved configurations and 20 tau_int of chi2, or whole replicas; "
            "entries are means over a bin; lattice units; m2, m4 = <m^2>, <m^4> without volume; "
            "two_point (bins, orbits) as lattice.separation_orbits; rejection_runs[k] = number of "
            "runs of exactly k consecutive rejections, of updates"
        )
        file["count"] = bins.counts
        file["two_point"] = bins.two_point
        for name, values in bins.scalars.items():
            file[name] = values
        if bins.expdH is not None:
            file["expdH"] = bins.expdH
            file["expdH_count"] = bins.expdH_counts
        file["rejection_runs"] = rejection_runs(rejected_updates(chain)).histogram


def _action(chain: Chain) -> Phi4:
    settings = chain.ensemble
    return Phi4(chain.shape, settings["m2"], settings["lam"], settings.get("normalisation", 1.0))


def _creutz(chain: Chain, layout: Layout) -> Floats | None:
    if "dH" not in chain.extra:
        if chain.sampler == "hmc":
            raise LfmcError("hmc: the chain holds no extra/dH; sample again")
        return None
    change = chain.extra["dH"]
    updates = layout.length * chain.save_every
    if np.isnan(change).any() or (change == -np.inf).any():
        raise LfmcError(f"{chain.sampler}: dH is NaN or -inf; the integrator diverged")
    return layout.finer(chain.save_every).means(creutz_factor(change[:, :updates]))


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


def _require_same_fields(bins: Bins, chain: Chain) -> None:
    weight = bins.counts / bins.counts.sum()
    scalars = volume(chain.shape) * (weight @ bins.scalars["m2"])
    correlators = weight @ susceptibility(bins.two_point, chain.shape)
    if not abs(scalars - correlators) <= 1e-4 * scalars:
        raise LfmcError(
            f"{chain.sampler}: chi2 is {scalars:.8g} from the scalars and {correlators:.8g} from "
            "the correlators; they belong to different configurations, sample again"
        )
