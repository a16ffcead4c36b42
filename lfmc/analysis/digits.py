"""Digits of the tables below results/tables: as many as the errors leave a meaning to.

An error has four significant digits and its value ends at the same decimal place, which moves a
value by at most 5e-4 of its error. Numbers without an error column (sigmas, p-values, seconds) have
six significant digits. A value whose error is withheld, zero or not finite stays as it is.

The tables of single chains (`measure`, `autocorrelation`, `train`, `retrain`) are not rounded: fits
are made from them, and their numbers are compared with those of other programs to 1e-9.
"""

import math
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

ERROR_DIGITS, OTHER_DIGITS = 4, 6
EXACT = ("exact",)  # columns of numbers that no chain has measured
# Columns of errors in each table, with the values that they belong to.
ERRORS: Mapping[str, dict[str, tuple[str, ...]]] = MappingProxyType(
    {
        "observables": {"error": ("value",)},
        "tau_int": {"error": ("tau",)},
        "exponents": {"z_error": ("z",), "z_error_scaled": (), "alpha_error": ("alpha",)},
        "acceptance": {"error": ("acceptance",)},
        "training": {},
        "costs": {"error": ("value",)},
        "cheapest": {
            "tau_error": ("tau",),
            "error": ("seconds",),
            "shared_error": ("shared",),
            "first_error": ("first",),
        },
        "published": {"error": ("value",), "measured_error": ("measured",)},
        "weighted": {
            "error": ("value",),
            "error_error": (),
            "proposals_error": ("proposals",),
            "difference_error": ("chain", "difference"),
        },
        "log_Z": {"error": ("log_Z",), "per_site_error": ("per_site",)},
        "critical": {"error": ("value",)},
        "curves": {"error": ("value",)},
        "gates": {"error": ("value", "expected")},
    }
)


def for_people(table: Any, kind: str) -> Any:
    """A table with rounded numbers.

    Args:
        table: pandas table.
        kind: its name below results/tables, of `ERRORS`.
    """
    pairs = ERRORS[kind]
    values = {value: error for error, those in pairs.items() for value in those}
    changed = {}
    for column in table.columns:
        numbers = table[column]
        if numbers.dtype.kind != "f" or column in EXACT:
            continue
        if column in values:
            errors = table[values[column]]
            rounded = [to_error(*pair) for pair in zip(numbers, errors, strict=True)]
        else:
            digits = ERROR_DIGITS if column in pairs else OTHER_DIGITS
            rounded = [significant(number, digits) for number in numbers]
        changed[column] = rounded
    return table.assign(**changed)


def to_error(value: float, error: float) -> float:
    """`value` at the decimal place where its error has `ERROR_DIGITS` significant digits."""
    if not math.isfinite(value) or not math.isfinite(error) or error <= 0:
        return value
    return round(value, ERROR_DIGITS - 1 - math.floor(math.log10(significant(error))))


def significant(number: float, digits: int = ERROR_DIGITS) -> float:
    """A number with so many significant digits."""
    return float(f"{number:.{digits - 1}e}") if math.isfinite(number) else number
