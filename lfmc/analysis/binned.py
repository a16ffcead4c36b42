"""A chain cut into bins: the means from which every observable and its error come (`lfmc measure`).

Bins hold at least 100 saved configurations and 20 tau_int of the theory's slowest observable. What
a symmetry reverses (m of an even theory) has its own where slower: in an ordered phase its sign may
not change within a chain, so that whole chains, whose signs are independent, take the place of
bins. Where no error of a chain can be known, each replica is a
bin, the values are given and every error is withheld.
"""

import json
import logging
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from lfmc.analysis.bins import Layout, bin_layout, whole_replicas
from lfmc.analysis.consistency import require_sound
from lfmc.analysis.convergence import kept_signs, require_length, require_moving
from lfmc.analysis.gamma_method import integrated_time
from lfmc.analysis.rejections import rejected_updates, rejection_runs
from lfmc.analysis.unresolved import Unresolved
from lfmc.chains import Chain
from lfmc.classical import WITH_DH
from lfmc.errors import LfmcError
from lfmc.samplers.creutz import creutz_factor
from lfmc.store import create_hdf5

log = logging.getLogger(__name__)

Floats = NDArray[np.floating]

TAUS_PER_BIN_OF_M = 5
FEWEST_CHAINS = 4
SHORTEST = 4


class SignBins(NamedTuple):
    """Bins of `Theory.odd` alone.

    Attributes:
        counts: saved configurations in each bin, (B,).
        means: m of each bin, (B,).
        note: why they are not those of the others; empty if they are.
    """

    counts: NDArray[np.int64]
    means: Floats
    note: str


class Bins(NamedTuple):
    """Means over bins of saved configurations.

    Attributes:
        counts: saved configurations in each bin, (B,).
        scalars: of `Theory.averaged`, name -> (B,); m2, m4 = <m^2>, <m^4>, no volume.
        two_point: correlators, (B, K).
        expdH: `creutz_factor` over every update of each bin, (B,); None unless hmc.
        updates: in each bin.
        tau: tau_int of `Theory.slowest` in saved configurations, which sets the length of a bin;
            NaN if the chain does not resolve it.
        withheld: why no error can be given; empty if they can.
        sign: bins of `Theory.odd`; None if the theory has no such scalar.
        accepted: accepted proposals per update, (B,), of `updates` each; None if not recorded.
    """

    counts: NDArray[np.int64]
    scalars: dict[str, Floats]
    two_point: Floats
    expdH: Floats | None
    updates: NDArray[np.int64]
    tau: float
    withheld: str
    sign: SignBins | None
    accepted: Floats | None = None


def bin_chain(chain: Chain) -> Bins:
    """Cut a chain into bins.

    A chain that is frozen or too short for errors keeps its values, see `Bins.withheld`.

    Raises:
        LfmcError: NaN or inf, or configurations whose scalars and correlators contradict each
            other.
    """
    theory = chain.theory
    saved, (tau, withheld, layout) = cut_chain(chain)
    sign = sign_bins(chain, theory.odd, saved[theory.odd], layout) if theory.odd else None
    if sign and sign.note:
        log.warning("%s: %s", _where(chain), sign.note)
    return Bins(
        counts=layout.counts,
        scalars={name: layout.means(v) for name, v in theory.averaged(saved).items()},
        two_point=layout.means(chain.two_point),
        expdH=_creutz(chain, layout),
        updates=layout.counts * chain.save_every,
        tau=tau,
        withheld=withheld,
        sign=sign,
        accepted=_accepted(chain, layout),
    )


class Cut(NamedTuple):
    """Where a chain is cut.

    Attributes:
        tau, withheld: as those of `Bins`.
    """

    tau: float
    withheld: str
    layout: Layout


def cut_chain(chain: Chain) -> tuple[dict[str, Floats], Cut]:
    """Scalars of the saved configurations in float64, (replicas, saved), and their bins.

    Raises:
        LfmcError: as `bin_chain`.
    """
    require_sound(chain)
    theory = chain.theory
    saved: dict[str, Floats] = {
        name: np.asarray(v, dtype=np.float64) for name, v in chain.saved.items()
    }
    replicas, length = saved[theory.scalars[0]].shape
    if not length:
        raise LfmcError(f"{_where(chain)}: the chain saved no configuration; sample longer")
    try:
        tau, layout = _resolved(chain, theory.slow_series(saved), theory.slowest)
    except Unresolved as error:
        log.warning("%s: values without errors: %s", _where(chain), error)
        return saved, Cut(np.nan, error.reason, whole_replicas(replicas, length))
    return saved, Cut(tau, "", layout)


def _where(chain: Chain) -> str:
    return f"{chain.sampler} in {chain.ensemble['name']}"


def _resolved(chain: Chain, slow: Floats, slowest: str) -> tuple[float, Layout]:
    """Return tau_int of the slowest observable, and the bins that follow from it."""
    replicas, length = slow.shape
    if length < SHORTEST:
        raise Unresolved(
            f"{length} saved configurations per replica are too few for an error", "chain too short"
        )
    for name, series in chain.scalars.items():
        require_moving(series, name)
    tau = integrated_time(slow).value
    require_length((replicas, length), tau, slowest)
    return tau, bin_layout(replicas, length, tau)


def sign_bins(chain: Chain, name: str, m: Floats, layout: Layout) -> SignBins:
    """The common bins where m is as fast as the slowest observable, else whole replicas."""
    replicas, length = m.shape
    stuck = kept_signs(chain.scalars[name])
    if stuck:
        slow = f"{name} never changed sign in {stuck} of {replicas} chains"
    else:
        slow = "" if _fast(m, layout) else f"{name} changes sign too slowly for bins"
    if not slow:
        return SignBins(layout.counts, layout.means(m), "")
    if replicas < FEWEST_CHAINS:
        note = f"{slow}; too few chains for an error"
    else:
        note = f"{slow}; error from whole chains"
    whole = whole_replicas(replicas, length)
    return SignBins(whole.counts, whole.means(m), note)


def _fast(m: Floats, layout: Layout) -> bool:
    """Whether bins hold several tau_int of m, or are whole replicas already."""
    whole = int(layout.counts.min()) >= m.shape[1]
    if whole or m.shape[1] < SHORTEST:
        return True
    try:
        tau = integrated_time(m).value
    except Unresolved:
        return False
    return int(layout.counts.min()) >= TAUS_PER_BIN_OF_M * tau


def _creutz(chain: Chain, layout: Layout) -> Floats | None:
    if "dH" not in chain.extra:
        if chain.sampler in WITH_DH:
            raise LfmcError(f"{chain.sampler}: the chain holds no extra/dH; sample again")
        return None
    change = chain.extra["dH"]
    updates = layout.length * chain.save_every
    if np.isnan(change).any() or (change == -np.inf).any():
        raise LfmcError(f"{chain.sampler}: dH is NaN or -inf; the integrator diverged")
    factor = creutz_factor(change[:, :updates], chain.sampler)
    return layout.finer(chain.save_every).means(factor)


def _accepted(chain: Chain, layout: Layout) -> Floats | None:
    counts, updates = chain.extra.get("accepted"), layout.length * chain.save_every
    if counts is None:
        return None
    if counts.ndim != 2 or len(counts) != chain.replicas or counts.shape[1] < updates:
        raise LfmcError(
            f"{_where(chain)}: extra/accepted of shape {counts.shape} does not fit "
            f"{chain.replicas} replicas of {updates} updates; sample again"
        )
    return layout.finer(chain.save_every).means(counts[:, :updates])


def write_bins(path: Any, chain: Chain, bins: Bins, stamp: str) -> None:
    """HDF5 of the bins: count, two_point, each scalar, expdH (hmc) and rejection_runs.

    rejection_runs[k] is the number of runs of exactly k consecutive rejections.
    """
    slowest, powers = chain.theory.slowest, [n for n in ("m2", "m4") if n in bins.scalars]
    means = ", ".join(f"<{name[0]}^{name[1]}>" for name in powers)
    words = f"{', '.join(powers)} = {means} without volume; " if powers else ""
    orbits = " as lattice.separation_orbits" if chain.theory.field.on == "sites" else ""
    with create_hdf5(path, stamp) as file:
        file.attrs["kind"] = "bins"
        file.attrs["ensemble"] = json.dumps(chain.ensemble)
        file.attrs["sampler"] = chain.sampler
        file.attrs["shape"] = chain.shape
        file.attrs["acceptance"] = chain.acceptance
        file.attrs[f"tau_{slowest}_saved"] = bins.tau
        file.attrs["bin_length"] = int(bins.counts.min())
        file.attrs["conventions"] = (
            f"a bin is at least 100 saved configurations and 20 tau_int of {slowest}, or whole "
            f"replicas; entries are means over a bin; lattice units; {words}"
            f"two_point (bins, orbits){orbits}; rejection_runs[k] = number of "
            "runs of exactly k consecutive rejections, of updates"
        )
        if bins.withheld:
            file.attrs["withheld"] = bins.withheld
        file["count"] = bins.counts
        file["two_point"] = bins.two_point
        for name, values in bins.scalars.items():
            file[name] = values
        if bins.expdH is not None:
            file["expdH"] = bins.expdH
            file["expdH_count"] = bins.updates
        file["rejection_runs"] = rejection_runs(rejected_updates(chain)).histogram
