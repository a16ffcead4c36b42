"""The section `scan` of the configuration: ensembles at several values of one coupling, or of L.

    scan: { L: [8, 16], m2: -4.0, lam: [4.2, 4.3, 4.4] }

stands for six ensembles, L8_lam4p2 to L16_lam4p4. A name holds the values, so that another point in
the list leaves the others, and their results, as they are.
"""

from collections.abc import Iterator
from typing import Annotated, Any, Self

from pydantic import BeforeValidator, Field, model_validator

from lfmc.config.problems import validated
from lfmc.config.section import Section
from lfmc.config.sections import Coupling
from lfmc.errors import LfmcError


def _listed(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else (value,)


Extents = Annotated[
    tuple[Annotated[int, Field(ge=2, le=65_536)], ...],
    Field(min_length=1, max_length=100),
    BeforeValidator(_listed, json_schema_input_type=int | list[int]),
]
Values = Annotated[
    tuple[Coupling, ...],
    Field(min_length=1, max_length=1000),
    BeforeValidator(_listed, json_schema_input_type=float | list[float]),
]


class EnsembleScan(Section):
    """Ensembles that differ in L and in one coupling.

    Attributes:
        L, d: one extent or several, and the dimension.
        m2, lam: of phi^4; one of them may be a list.
        theory: instead of these, as that of an ensemble; one of its parameters may be a list.
    """

    L: Extents
    d: Annotated[int, Field(ge=1, le=4)] = 2
    m2: Values | None = None
    lam: Values | None = None
    theory: dict[str, Any] | None = None

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.theory is not None and (self.m2 is not None or self.lam is not None):
            raise ValueError("m2 and lam are phi^4's; put the parameters of theory into it")
        values = self._couplings()
        several = [name for name, value in values.items() if len(value) > 1]
        if len(several) > 1:
            raise ValueError(f"{' and '.join(several)} have several values; scan one of them")
        for name, value in {"L": self.L, **values}.items():
            if len(set(map(str, value))) < len(value):
                raise ValueError(f"{name}: a value stands there twice")
        return self

    def _couplings(self) -> dict[str, tuple[Any, ...]]:
        """Every coupling with its values."""
        if self.theory is not None:
            return {k: _listed(v) for k, v in self.theory.items() if k != "kind"}
        given = {"m2": self.m2, "lam": self.lam}
        return {name: values for name, values in given.items() if values is not None}

    def ensembles(self) -> Iterator[dict[str, Any]]:
        """The ensembles as a configuration has them, every L with all values in their order."""
        couplings = self._couplings()
        scanned = next((name for name, value in couplings.items() if len(value) > 1), "")
        for extent in self.L:
            for value in couplings.get(scanned, (None,)):
                point = {name: values[0] for name, values in couplings.items()}
                name = f"L{extent}"
                if scanned:
                    point[scanned] = value
                    name += f"_{scanned}{_spelled(value)}"
                head = {"name": name, "L": extent, "d": self.d}
                if self.theory is None:
                    yield head | point
                else:
                    yield head | {"theory": {"kind": self.theory.get("kind"), **point}}


def _spelled(value: Any) -> str:
    """A number with letters, digits and underscores: 4.25 is 4p25, -4.0 is m4."""
    text = f"{value:g}" if float(f"{value:g}") == value else repr(value)
    return text.replace("-", "m").replace(".", "p").replace("+", "")


def _all(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value


Scans = Annotated[
    tuple[EnsembleScan, ...],
    BeforeValidator(_all, json_schema_input_type=EnsembleScan | list[EnsembleScan]),
]


def with_scans(raw: dict[str, Any]) -> dict[str, Any]:
    """The values of a configuration with the ensembles of its scans after those written out.

    A scan that is not valid is left to the validation of its section.
    """
    scans = raw.get("scan")
    if isinstance(scans, dict):
        scans = [scans]
    written = raw.get("ensembles", [])
    if not scans or not isinstance(scans, list) or not isinstance(written, list):
        return raw
    try:
        sections = [validated(EnsembleScan, one, "scan") for one in scans]
    except LfmcError:
        return {**raw, "scan": scans}
    found = [ensemble for section in sections for ensemble in section.ensembles()]
    return {**raw, "scan": scans, "ensembles": [*written, *found]}
