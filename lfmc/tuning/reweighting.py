"""Observables of a run at neighbouring values of one parameter of the action.

A configuration of the ensemble with action S_0 counts with the weight

    w = exp(-(S_p - S_0)),   <O>_p = <w O>_0 / <w>_0

at the parameter p (Ferrenberg and Swendsen, Phys. Rev. Lett. 61 (1988) 2635). This is exact for
every configuration; where the weights fluctuate much, few of them count. Whole chains are the bins
of the jackknife, so that no autocorrelation time enters.
"""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np

from lfmc.theories.base import Floats, Means, Theory

MASS = "mpL"


class Sums(NamedTuple):
    """Weighted sums over the configurations of each chain.

    Attributes:
        weight: sum of w, (chains, P); square: sum of w^2.
        moments: sums of w O of every averaged scalar and correlator, (chains, P, C).
        number: configurations of each chain.
    """

    weight: Floats
    square: Floats
    moments: Floats
    number: int

    def plus(self, other: "Sums") -> "Sums":
        """The sums of both."""
        return Sums(
            self.weight + other.weight,
            self.square + other.square,
            self.moments + other.moments,
            self.number + other.number,
        )

    @property
    def effective(self) -> Floats:
        """(sum w)^2 / sum w^2 of all chains over the number of configurations, (P,)."""
        whole = self.number * len(self.weight)
        return self.weight.sum(0) ** 2 / self.square.sum(0) / whole


class Curve(NamedTuple):
    """An observable against the parameter.

    Attributes:
        at: values of the parameter, (P,).
        value: of the observable, (P,).
        without: the same without each chain in turn, (chains, P).
    """

    at: Floats
    value: Floats
    without: Floats

    def error(self, values: Any) -> Any:
        """Jackknife error of a quantity from its values without each chain, (chains, ...)."""
        count = len(values)
        with np.errstate(invalid="ignore"):  # NaN where masses are infinite
            spread = ((values - values.mean(0)) ** 2).sum(0)
        return np.sqrt((count - 1) / count * spread)


def summed(
    theory: Theory, changes: Floats, scalars: dict[str, Floats], correlators: Floats
) -> Sums:
    """The sums of a piece of a run.

    Args:
        changes: S_p - S_0 of each configuration less a constant for each p, (chains, n, P).
        scalars: `Theory.scalars` of each, (chains, n); correlators: (chains, n, K).
    """
    weight = np.exp(-changes)
    averaged = theory.averaged(scalars)
    columns = np.concatenate([np.stack(list(averaged.values()), axis=-1), correlators], axis=-1)
    moments = np.matmul(weight.swapaxes(1, 2), columns)
    return Sums(weight.sum(1), (weight**2).sum(1), moments, changes.shape[1])


def curve(theory: Theory, names: Sequence[str], at: Floats, sums: Sums, observable: str) -> Curve:
    """An observable with its jackknife samples at every value of the parameter.

    Args:
        names: of the averaged scalars, in the order of `Sums.moments`.
    """
    measured = function(theory, names, observable)
    weight, moments = sums.weight.sum(0), sums.moments.sum(0)
    value = measured(moments / weight[:, None])
    rest = (moments - sums.moments) / (weight - sums.weight)[..., None]
    return Curve(at, value, measured(rest))


def function(theory: Theory, names: Sequence[str], observable: str) -> Callable[[Floats], Floats]:
    """Means (..., C) -> the observable (...); m_p L is that of `mass`."""

    def measured(means: Floats) -> Floats:
        scalars = {name: means[..., k] for k, name in enumerate(names)}
        with np.errstate(all="ignore"):
            found = theory.observables(Means(scalars, means[..., len(names) :]))
            return mass(theory, found) if observable == MASS else found[observable]

    return measured


def mass(theory: Theory, found: dict[str, Floats]) -> Floats:
    """m_p L from the zero-momentum correlator at t = T/4 (rounded up) and T/2, T = shape[0]:

        m_p = arccosh[G~(T/4) / G~(T/2)] / (T/4),

    one state on a periodic lattice. Its error is a half (T = 14) to a fifth (T = 64) of that of the
    effective masses at T/2 which tables show; on the paper's ensembles the two differ by 0.1 %.
    0 where the correlator does not fall, infinite where it has fallen below its noise.
    """
    extent = theory.shape[0]
    near, far = -(-extent // 4), extent // 2
    ratio = found[f"Gt_{near}"] / found[f"Gt_{far}"]
    value = extent * np.arccosh(np.maximum(ratio, 1.0)) / (far - near)
    lost = (found[f"Gt_{far}"] <= 0) | (found[f"Gt_{near}"] <= 0)
    return np.where(lost, np.inf, value)


def observables_of(theory: Theory) -> list[str]:
    """Names that can be sought."""
    fields = np.random.default_rng(0).standard_normal((4, theory.numbers))
    scalars = theory.averaged(theory.measure(fields))
    means = {name: np.asarray(values.mean()) for name, values in scalars.items()}
    with np.errstate(all="ignore"):
        found = list(theory.observables(Means(means, theory.correlators(fields).mean(0))))
    far = theory.shape[0] // 2
    return [*found, MASS] if f"Gt_{far}" in found and far > -(-theory.shape[0] // 4) else found
