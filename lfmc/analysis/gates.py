"""Gates: what must hold before any figure is believed (`lfmc gates`).

| gate | value | expected |
|---|---|---|
| those of `Theory.identities`: schwinger_dyson | sd | 1 |
| symmetry, of even theories | <m> | 0 |
| creutz | <exp(-dH)> of hmc, see `samplers.creutz` | 1 |
| agreement | `Theory.compared`: chi2, E, phi2 | those of every other sampler |
| reference | the same | independent measurement, its error times 1.5, where there is one |
| published | mpL | of a paper (`Theory.reference`), for phi^4 table I of arXiv:1904.12072 |
| acceptance | acceptance of a flow | its target; side lower: only a shortfall counts |
| error | error of chi2, E, phi2, phi4 (`Theory.scales`) | at most half the value (of phi2, for E),
  and 100 times the smallest of the samplers; side upper: one outlier makes an error in which no
  deviation shows |

A number that `measure` withheld has a gate that is `available` = False with the reason in `note`:
it neither passes nor stops the run. `gate_words` names them.

False alarms: deviations are turned into standard-normal sigmas with Student's t for the number of
bins behind each error, and the limit is Bonferroni's, such that the whole table raises an alarm
with probability at most 1 % (all gates but `published` and `error`, 290 of them at full size: limit
4.14 sigma). `published` allows 2 of the published sigma and the table's limit of ours, in
quadrature: 2.0 combined sigma at full statistics. The true masses lie within 0.9 of the published
sigma, which leaves at least 3.7 of ours and a false-alarm rate below 3e-4 each at any statistics.
"""

from collections.abc import Container, Iterator
from itertools import combinations
from typing import Any, NamedTuple

import numpy as np
import pandas
from scipy.special import ndtri, stdtr  # scipy.stats takes longer to import than all else

from lfmc.classical import WITH_DH
from lfmc.config import Config
from lfmc.config.targets import BEST
from lfmc.errors import LfmcError
from lfmc.theories.base import Identity, Reference, Theory
from lfmc.theories.ensembles import theory_of

COLUMNS = (
    *("gate", "ensemble", "sampler", "observable", "value", "expected", "error"),
    *("sigmas", "side", "limit", "passed", "available", "note"),
)
FALSE_ALARM = 0.01
PUBLISHED_LIMIT = 2.0
LARGEST_RELATIVE_ERROR = 0.5
LARGEST_ERROR_RATIO = 100.0
EXACT = ("published", "error")  # gates whose limits are their own


class Gate(NamedTuple):
    """A comparison before its limit is known; sigmas is signed.

    Attributes:
        side: two-sided; lower: only a shortfall fails; upper: only an excess.
        note: why a number is withheld, so that the comparison cannot be made; else empty.
    """

    gate: str
    ensemble: str
    sampler: str
    observable: str
    value: float
    expected: float
    error: float
    sigmas: float
    side: str = "two-sided"
    note: str = ""

    @property
    def available(self) -> bool:
        return not self.note or bool(np.isfinite(self.sigmas))

    def passes(self, limit: float) -> bool:
        """Within the limit on its side; NaN fails."""
        if self.side == "lower":
            return self.sigmas >= -limit
        if self.side == "upper":
            return self.sigmas <= limit
        return abs(self.sigmas) <= limit


class Measured(NamedTuple):
    """An observable with the degrees of freedom of its error, and why it has none."""

    value: float
    error: float
    freedom: float
    note: str = ""


def gate_table(config: Config, observables: Any, without: Container[tuple[str, str]] = ()) -> Any:
    """All gates as a pandas table of `COLUMNS`.

    Args:
        observables: pandas table of `measurement.COLUMNS`, of every ensemble and sampler.
        without: (ensemble, sampler) of flows without a chain: not reached.

    Raises:
        LfmcError: an ensemble, sampler or observable is missing, so that its gates could not fail.
    """
    _require_complete(config, observables, without)
    measured = _index(observables)
    gates: list[Gate] = []
    for ensemble in config.ensembles:
        theory = theory_of(ensemble)
        here = {s: v for (e, s), v in measured.items() if e == ensemble.name}
        for sampler, values in here.items():
            gates += _identities(ensemble.name, sampler, theory, values)
            if sampler in config.flow_names and config.target(sampler) != BEST:
                gates.append(_acceptance(ensemble.name, sampler, values, config.target(sampler)))
            gates += _errors(ensemble.name, sampler, theory, here)
        gates += _agreement(ensemble.name, theory, here)
        reference = theory.reference()
        if reference is not None:
            for sampler, values in here.items():
                for kind, name, pair in _known(theory, reference):
                    expected = Measured(*pair, np.inf)
                    gates.append(
                        _compare(kind, ensemble.name, sampler, name, values[name], expected)
                    )
    common = bonferroni_limit(sum(g.gate not in EXACT for g in gates))
    rows = []
    for gate in gates:
        limit = common
        if gate.gate == "published":
            mine = measured[gate.ensemble, gate.sampler][gate.observable]
            limit = published_limit(gate, mine, common)
        elif gate.gate == "error":
            limit = 1.0
        passed = gate.available and gate.passes(limit)
        note = gate.note if not gate.available or gate.gate == "symmetry" else ""
        rows.append((*gate[:9], limit, passed, gate.available, note))
    return pandas.DataFrame(rows, columns=list(COLUMNS))


def bonferroni_limit(gates: int, false_alarm: float = FALSE_ALARM) -> float:
    """Sigmas that `gates` two-sided comparisons exceed with probability <= false_alarm in all."""
    return float(-ndtri(false_alarm / 2 / max(gates, 1)))


def published_limit(gate: Gate, mine: Measured, common: float) -> float:
    """2 published sigma and `common` of ours in quadrature, in units of the combined error."""
    theirs = np.sqrt(max(gate.error**2 - mine.error**2, 0.0))
    return float(np.hypot(PUBLISHED_LIMIT * theirs, common * mine.error) / gate.error)


def normal_sigmas(deviation: float, freedom: float) -> float:
    """The deviation of a normal variable as improbable as this one of Student's t."""
    if not np.isfinite(freedom) or not np.isfinite(deviation):
        return deviation
    sigmas = -ndtri(stdtr(freedom, -abs(deviation)))
    return float(np.sign(deviation) * min(sigmas, abs(deviation)))


def _require_complete(
    config: Config, observables: Any, without: Container[tuple[str, str]]
) -> None:
    present = set(
        observables[["ensemble", "sampler", "observable"]].itertuples(index=False, name=None)
    )
    needed = {e.name: _needed(theory_of(e)) for e in config.ensembles}
    for ensemble, sampler in config.chains:
        if (ensemble, sampler) in without:
            continue
        for name in (*needed[ensemble], *(("expdH",) if sampler in WITH_DH else ())):
            if (ensemble, sampler, name) not in present:
                raise LfmcError(
                    f"observables.csv: no {name} of {sampler} in {ensemble}; run lfmc measure "
                    f"--ensemble {ensemble} --sampler {sampler}, then lfmc fit"
                )


def _needed(theory: Theory) -> tuple[str, ...]:
    """Observables without which gates would be missing."""
    reference = theory.reference()
    known = [name for _, name, _ in _known(theory, reference)] if reference else []
    identities = [identity.observable for identity in theory.identities]
    return (*identities, *theory.compared, *known, "acceptance", "bins")


def _known(theory: Theory, reference: Reference) -> Iterator[tuple[str, str, tuple[float, float]]]:
    """Gate, observable and (value, error) of what is known of an ensemble from elsewhere."""
    for name in theory.compared:
        if name in reference.measured:
            yield "reference", name, reference.measured[name]
    for name, pair in reference.published.items():
        yield "published", name, pair


def _identities(
    ensemble: str, sampler: str, theory: Theory, values: dict[str, Measured]
) -> list[Gate]:
    exact = [*theory.identities]
    if "expdH" in values:
        exact.append(Identity("creutz", "expdH", 1.0))
    return [
        _compare(gate, ensemble, sampler, name, values[name], Measured(expected, 0.0, np.inf))
        for gate, name, expected in exact
    ]


def _agreement(ensemble: str, theory: Theory, here: dict[str, dict[str, Measured]]) -> list[Gate]:
    return [
        _compare("agreement", ensemble, f"{one}|{two}", name, here[one][name], here[two][name])
        for one, two in combinations(here, 2)
        for name in theory.compared
    ]


def _acceptance(ensemble: str, sampler: str, values: dict[str, Measured], target: float) -> Gate:
    expected = Measured(target, 0.0, np.inf)
    gate = _compare("acceptance", ensemble, sampler, "acceptance", values["acceptance"], expected)
    if not gate.error:  # nothing was rejected, or nothing accepted
        gate = gate._replace(sigmas=np.inf if gate.value >= target else -np.inf)
    return gate._replace(side="lower")


def _errors(
    ensemble: str, sampler: str, theory: Theory, here: dict[str, dict[str, Measured]]
) -> list[Gate]:
    """Errors against the scale of their value and the smallest one of all samplers."""
    gates = []
    for name, scale in theory.scales.items():
        mine, whole = here[sampler].get(name), here[sampler].get(scale)
        if mine is None or whole is None:
            continue
        errors = [values[name].error for values in here.values() if name in values]
        smallest = min((e for e in errors if np.isfinite(e) and e > 0), default=np.inf)
        allowed = min(LARGEST_RELATIVE_ERROR * abs(whole.value), LARGEST_ERROR_RATIO * smallest)
        ratio = mine.error / allowed if allowed > 0 else np.nan
        head = ("error", ensemble, sampler, name, mine.error, allowed, 0.0, ratio)
        gates.append(Gate(*head, "upper", mine.note))
    return gates


def _compare(
    gate: str, ensemble: str, sampler: str, name: str, value: Measured, expected: Measured
) -> Gate:
    """Student's t of the difference, degrees of freedom after Welch and Satterthwaite."""
    error = float(np.hypot(value.error, expected.error))
    difference = value.value - expected.value
    if error > 0:
        parts = [m.error**4 / m.freedom for m in (value, expected) if m.error > 0]
        freedom = error**4 / sum(parts) if sum(parts) > 0 else np.inf
        sigmas = normal_sigmas(difference / error, freedom)
    else:
        sigmas = 0.0 if difference == 0 else np.nan
    note = "; ".join(dict.fromkeys(n for n in (value.note, expected.note) if n))
    return Gate(
        *(gate, ensemble, sampler, name, value.value, expected.value, error, sigmas), note=note
    )


def _index(observables: Any) -> dict[tuple[str, str], dict[str, Measured]]:
    """(ensemble, sampler) -> observable -> value, error, degrees of freedom and note."""
    index: dict[tuple[str, str], dict[str, Measured]] = {}
    for (ensemble, sampler), group in observables.groupby(["ensemble", "sampler"], sort=False):
        values = dict(zip(group.observable, group.value, strict=True))
        freedom = max(float(values["bins"]) - 1, 1)
        own = {
            name.removeprefix("bins_"): max(float(value) - 1, 1)
            for name, value in values.items()
            if name.startswith("bins_")
        }
        notes = group.note if "note" in group else [""] * len(group)
        index[str(ensemble), str(sampler)] = {
            row.observable: Measured(row.value, row.error, own.get(row.observable, freedom), note)
            for row, note in zip(group.itertuples(), notes, strict=True)
        }
    return index
