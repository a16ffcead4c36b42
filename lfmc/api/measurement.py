"""`lfmc.measure`: observables with errors, of a chain or of proposals by their weights."""

import math
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from lfmc.analysis.autocorrelation import autocorrelation_rows
from lfmc.analysis.binned import bin_chain
from lfmc.analysis.measurement import measurement_rows
from lfmc.analysis.weighted import weighted
from lfmc.api.chain import Chain
from lfmc.api.proposals import Proposals
from lfmc.errors import LfmcError, unknown
from lfmc.figures.format import value_error
from lfmc.theories.foreign import measurable


class Measured(NamedTuple):
    """One observable.

    Attributes:
        value, error: jackknife over bins; the error is NaN where the chain gives none.
        tau, tau_error: integrated autocorrelation time in updates, 1/2 + sum rho; NaN for derived
            quantities. Where tau_error is NaN, tau is a lower bound.
        note: why a number is withheld; empty otherwise.

    Example:
        >>> print(lfmc.Measured(value=1.2345, error=0.0067))
        1.2345(67)
    """

    value: float
    error: float
    tau: float = math.nan
    tau_error: float = math.nan
    note: str = ""

    def __str__(self) -> str:
        return value_error(self.value, self.error)


class Measurement(Mapping[str, Measured]):
    """Observables of a chain, by name or as attributes: `found["chi2"]`, `found.chi2.value`.

    Names are those of docs/method.md, for phi^4: chi2, E, phi2, phi4, m, absm, binder, sd, G0,
    m2ndL, mpL, Gt_0 ..., mLeff_1 ..., acceptance. Printed, it is a table.

    Example:
        >>> theory = lfmc.Phi4((4, 4), m2=-4.0, lam=6.975)
        >>> chain = lfmc.hmc(theory, chains=32, updates=500, seed=1, progress=False)
        >>> found = lfmc.measure(chain)
        >>> found.chi2 == found["chi2"], "binder" in found, found.to_pandas().shape[1]
        (True, True, 5)
    """

    def __init__(self, title: str, found: dict[str, Measured]) -> None:
        self.title, self._found = title, found

    def __getitem__(self, name: str) -> Measured:
        return self._found[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._found)

    def __len__(self) -> int:
        return len(self._found)

    def __getattr__(self, name: str) -> Measured:
        if name.startswith("_"):
            raise AttributeError(name)
        if name not in self._found:
            raise AttributeError(str(unknown("observable", name, self._found)))
        return self._found[name]

    def __dir__(self) -> list[str]:
        return sorted({*super().__dir__(), *self._found})

    def to_pandas(self) -> Any:
        """A table with one row per observable."""
        import pandas

        rows = [{"observable": k, **v._asdict()} for k, v in self._found.items()]
        return pandas.DataFrame(rows).set_index("observable")

    def __repr__(self) -> str:
        lines = [self.title, f"{'':14}{'value(error)':>18}{'tau_int':>16}"]
        for name, one in self._found.items():
            note = f"  {one.note}" if one.note else ""
            lines.append(f"{name:14}{one!s:>18}{_time(one):>16}{note}".rstrip())
        return "\n".join(lines)


def measure(chain: Chain | Proposals) -> Measurement:
    """Observables with jackknife errors, and autocorrelation times in updates.

    The length of the bins follows from the chain's autocorrelation. A number that the chain does
    not resolve is withheld, with the reason in `note`.

    Of proposals (`lfmc.propose`), which count with their weights, tau is half the proposals that an
    independent value takes, measured from its error: it compares with tau_int of a chain.

    Raises:
        LfmcError: a chain with NaN or inf, or whose scalars contradict each other; proposals of an
            ESS below 0.05.

    Example:
        >>> theory = lfmc.Phi4((4, 4), m2=-4.0, lam=6.975)
        >>> chain = lfmc.hmc(theory, chains=32, updates=500, seed=1, progress=False)
        >>> found = lfmc.measure(chain)
        >>> print(found.chi2)  # value(error)
        0.9...(...)
        >>> found.chi2.tau > 0.5, found["mpL"].value > 0
        (True, True)
    """
    if isinstance(chain, Proposals):
        return _by_weights(chain)
    if not isinstance(chain, Chain):
        raise LfmcError(f"measure needs a chain or proposals, not {type(chain).__name__}")
    record = chain.record
    times = {}
    for row in autocorrelation_rows(record, chain.log_weight):
        known = row["estimator"] in ("gamma", "rejections", "bound")
        if known and row["unit"] == "update":
            name = "acceptance" if row["observable"] == "acc" else row["observable"]
            times[name] = (row["tau"], row["error"])
    found = {}
    for row in measurement_rows(record, bin_chain(record)):
        if row["observable"].endswith("_seconds"):
            continue
        tau = times.get(row["observable"], (math.nan, math.nan))
        found[row["observable"]] = Measured(row["value"], row["error"], *tau, row["note"])
    return Measurement(repr(chain), found)


def _by_weights(proposals: Proposals) -> Measurement:
    theory = measurable(proposals.theory)
    found = weighted(proposals.recorded, theory, f"{proposals!r}")
    values = {
        name: Measured(one.value, one.error, one.proposals / 2, one.proposals_error / 2, one.note)
        for name, one in found.values.items()
    }
    return Measurement(repr(proposals), values | {"ess": Measured(found.ess, math.nan)})


def _time(one: Measured) -> str:
    if math.isnan(one.tau):
        return ""
    return f"> {one.tau:.3g}" if math.isnan(one.tau_error) else value_error(one.tau, one.tau_error)
