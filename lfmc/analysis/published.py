"""What papers have published of the ensembles, next to it ours: for phi^4 table I of
arXiv:1904.12072 (`lfmc fit`)."""

from typing import Any

import numpy as np

from lfmc.config.sections import Ensemble
from lfmc.theories.ensembles import theory_of

COLUMNS = (
    *("ensemble", "L", "m2", "lam", "observable", "value", "error"),
    *("sampler", "measured", "measured_error", "sigmas"),
)


def published_rows(observables: Any, ensembles: tuple[Ensemble, ...]) -> list[dict[str, Any]]:
    """One row for each published number (value, error) and sampler (measured, measured_error).

    sigmas = (measured - value) / combined error.
    """
    rows = []
    for ensemble in ensembles:
        reference = theory_of(ensemble).reference()
        if reference is None:
            continue
        for name, (value, error) in reference.published.items():
            mine = observables[
                (observables.ensemble == ensemble.name) & (observables.observable == name)
            ]
            for row in mine.itertuples():
                rows.append(
                    {
                        "ensemble": ensemble.name,
                        "L": ensemble.extent,
                        "m2": ensemble.parameters.get("m2", np.nan),
                        "lam": ensemble.parameters.get("lam", np.nan),
                        "observable": name,
                        "value": value,
                        "error": error,
                        "sampler": row.sampler,
                        "measured": row.value,
                        "measured_error": row.error,
                        "sigmas": (row.value - value) / np.hypot(row.error, error),
                    }
                )
    return rows
