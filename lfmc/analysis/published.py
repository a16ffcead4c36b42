"""Table I of arXiv:1904.12072 reproduced, next to the published values (`lfmc fit`)."""

from typing import Any

import numpy as np

from lfmc.analysis.reference import find_reference
from lfmc.config import Ensemble

COLUMNS = (
    *("ensemble", "L", "m2", "lam", "sampler", "observable", "value", "error"),
    *("published", "published_error", "sigmas"),
)


def published_rows(observables: Any, ensembles: tuple[Ensemble, ...]) -> list[dict[str, Any]]:
    """One row for each published number and sampler; sigmas = difference / combined error."""
    rows = []
    for ensemble in ensembles:
        reference = find_reference(ensemble.sites, ensemble.m2, ensemble.lam)
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
                        "m2": ensemble.m2,
                        "lam": ensemble.lam,
                        "sampler": row.sampler,
                        "observable": name,
                        "value": row.value,
                        "error": row.error,
                        "published": value,
                        "published_error": error,
                        "sigmas": (row.value - value) / np.hypot(row.error, error),
                    }
                )
    return rows
