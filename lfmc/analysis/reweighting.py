"""A chain reweighted to nearby couplings (`lfmc reweight`).

A configuration that was sampled with the action S_0 counts with the weight

    w = exp(-(S_p - S_0)),   <O>_p = <w O>_0 / <w>_0

at other couplings p (Ferrenberg and Swendsen, Phys. Rev. Lett. 61 (1988) 2635). That is exact, and
useful as far as many configurations count: the effective part of them,

    ESS = (sum w)^2 / (N sum w^2),

falls with the square of the change of the action. Errors are withheld where independent
configurations of large weight are too few (`few_weights`). S_p - S_0 comes from the recorded
scalars (`action_changes`), so that no field need be stored.
"""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np

from lfmc.analysis.action_changes import action_change, scalars_at
from lfmc.analysis.binned import cut_chain, sign_bins
from lfmc.analysis.few_weights import why_withheld
from lfmc.analysis.measurement import estimates, unresolved_masses
from lfmc.chains import Chain
from lfmc.errors import LfmcError, unknown
from lfmc.theories.base import Floats, Theory
from lfmc.theories.ensembles import ensemble_of

COLUMNS = (
    *("ensemble", "sampler", "couplings", "observable", "value", "error", "n", "ess"),
    "note",
)
SMALLEST_ESS = 0.05


class Reweighted(NamedTuple):
    """Observables at other couplings.

    Attributes:
        theory: with those couplings.
        values: observable -> (value, error); errors are NaN where `notes` say why.
        ess: effective part of the configurations; n: their number.
    """

    theory: Theory
    values: dict[str, tuple[float, float]]
    notes: dict[str, str]
    ess: float
    n: int


def target_theory(chain: Chain, couplings: dict[str, Any]) -> Theory:
    """The chain's theory with other values of some couplings.

    Raises:
        LfmcError: an unknown coupling, a value that is no number or is not allowed, or an action
            that only Python knows.
    """
    theory = chain.theory
    if not isinstance(theory, Theory):
        raise LfmcError(f"{_where(chain)}: its action has no couplings that could be changed")
    known = theory.parameters()
    for name, value in couplings.items():
        if name not in known:
            raise unknown(f"coupling of {theory.kind}", name, known)
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise LfmcError(f"{name} = {value!r}; give a number, e.g. {name}={known[name]:g}")
    target = replace(theory, **couplings)
    ensemble_of(target, str(chain.ensemble["name"]))  # refuses what no ensemble may have
    return target


def reweighted(chain: Chain, target: Theory) -> Reweighted:
    """Every observable of the theory at other couplings, with jackknife errors over bins.

    The bins are those of `binned.bin_chain`: at least 20 tau_int of the slowest observable.

    Args:
        target: of `target_theory`.

    Raises:
        LfmcError: an effective part below 0.05; what `action_change` and `bin_chain` refuse.
    """
    sampled = target_theory(chain, {})
    saved, (tau, withheld, layout) = cut_chain(chain)
    log_weight = -action_change(sampled, target, saved)
    weight = np.exp(log_weight - log_weight.max())
    ess = effective_part(weight)
    if ess < SMALLEST_ESS:
        raise LfmcError(
            f"{_where(chain)}: at {target.label()} the effective part of the configurations is "
            f"{ess:.2g}, below {SMALLEST_ESS:g}; choose couplings nearer to {sampled.label()}"
        )
    scalars = target.averaged(scalars_at(sampled, target, saved))
    parts = [layout.means(weight), *(layout.means(weight * v) for v in scalars.values())]
    correlators = layout.means(_products(weight, chain.two_point))
    columns = np.concatenate([np.stack(parts, axis=1), correlators], axis=1)
    values = estimates(columns, layout.counts, list(scalars), target, weighted=True)
    notes = unresolved_masses(values)
    odd = target.odd
    if odd and (sign := sign_bins(chain, odd, saved[odd], layout)).note:
        values[odd], notes[odd] = (values[odd][0], np.nan), sign.note.partition(";")[0]
    withheld = withheld or why_withheld(log_weight, weight.size / max(2 * tau, 1.0))
    if withheld:
        values = {name: (value, np.nan) for name, (value, _) in values.items()}
        notes = dict.fromkeys(values, withheld)
    return Reweighted(target, values, notes, ess, weight.size)


def effective_part(weight: Floats) -> float:
    """(sum w)^2 / (N sum w^2) of weights of any shape."""
    return float(weight.mean() ** 2 / (weight * weight).mean())


def rows(chain: Chain, found: Reweighted) -> list[dict[str, Any]]:
    """The rows of a table, see `COLUMNS`."""
    head = {
        "ensemble": chain.ensemble["name"],
        "sampler": chain.sampler,
        "couplings": found.theory.label(),
    }
    return [
        head
        | {"observable": name, "value": value, "error": error, "n": found.n, "ess": found.ess}
        | {"note": found.notes.get(name, "")}
        for name, (value, error) in found.values.items()
    ]


def _products(weight: Floats, correlators: Floats) -> Iterator[Floats]:
    """Weights times correlators, replica by replica, (length, K) each."""
    for one, own in zip(weight, correlators, strict=True):
        yield one[:, None] * own


def _where(chain: Chain) -> str:
    return f"{chain.sampler} in {chain.ensemble['name']}"
