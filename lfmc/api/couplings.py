"""`lfmc.tune_couplings`: the coupling at which an observable has a given value."""

from dataclasses import dataclass
from typing import Any

from lfmc.api.arguments import seed_of
from lfmc.config.kinds import remember
from lfmc.config.problems import validated
from lfmc.config.search_section import CouplingSearch
from lfmc.errors import LfmcError
from lfmc.theories.base import Theory
from lfmc.tuning.result import COLUMNS
from lfmc.tuning.result import tune_couplings as sought


@dataclass(frozen=True, eq=False)
class TunedCouplings:
    """What a search found.

    Attributes:
        value, error: of the parameter; the value is rounded to two digits of the error.
        observable_error: of the observable at the value.
        theory: the theory there.
        ensemble: its entry in the list `ensembles` of a configuration.
        scan: pandas table of all runs (kind = run), of the reweighted curve (reweighted) and of
            the result.

    Example:
        >>> found = lfmc.tune_couplings(
        ...     "free", 4, parameter="m2", observable="chi2", target=2.0, tolerance=0.05, seed=1)
        >>> found.ensemble["name"], found.theory.m2 == found.value
        ('L4', True)
    """

    value: float
    error: float
    observable_error: float
    theory: Theory
    ensemble: dict[str, Any]
    scan: Any


def tune_couplings(
    kind: str | type[Theory],
    L: int,
    *,
    seed: int,
    d: int = 2,
    parameter: str = "lam",
    observable: str = "mpL",
    target: float = 4.0,
    tolerance: float = 0.003,
    between: tuple[float, float] | None = None,
    configurations: int = 2_000_000,
    **parameters: float,
) -> TunedCouplings:
    """Find the value of one coupling at which an observable has a given value.

    Runs of the cluster algorithm (of another sampler, if the theory has none) bracket the value;
    the last run is reweighted to its neighbours, which is exact.

    Args:
        kind: of a configuration, e.g. "phi4", or the class of a theory.
        L, d: extent and dimension of the hypercube.
        parameter: that is sought; `parameters` are the others, e.g. m2=-4.0.
        observable: any of the theory, or mpL, the pole mass times L.
        target: its value; tolerance: its relative error at the result.
        between: values where the search starts; it may leave them.
        configurations: largest number of saved configurations of one run.

    Raises:
        LfmcError: arguments that do not fit, an observable that does not cross the target, or
            noise that the configurations do not overcome.

    Example:
        A free field has chi2 = 1 / (2 m2):

        >>> found = lfmc.tune_couplings(
        ...     "free", 4, parameter="m2", observable="chi2", target=2.0, tolerance=0.05, seed=1)
        >>> abs(found.value - 0.25) < 4 * found.error
        True
    """
    import pandas

    if not isinstance(kind, str):
        if not (isinstance(kind, type) and issubclass(kind, Theory)):
            raise LfmcError(f"kind = {kind!r}; give a name, e.g. 'phi4', or the class of a theory")
        remember(kind)
        kind = kind.kind
    raw = {
        "L": [L],
        "d": d,
        "theory": {"kind": kind, **parameters},
        "parameter": parameter,
        "observable": observable,
        "target": target,
        "tolerance": tolerance,
        "between": None if between is None else list(between),
        "configurations": configurations,
    }
    search = validated(CouplingSearch, raw, "tune_couplings")
    found = sought(search, L, seed_of(seed))
    return TunedCouplings(
        found.value,
        found.error,
        found.crossing.observable_error,
        found.lattice.theory(found.value),
        found.entry(),
        pandas.DataFrame(found.rows, columns=list(COLUMNS)),
    )
