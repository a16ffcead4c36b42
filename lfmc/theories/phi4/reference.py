"""Published and independently measured values, shipped as lfmc/data/reference.json.

The published numbers are table I of arXiv:1904.12072v3; the others are an independent measurement
with cluster, HMC and local Metropolis codes that agree with each other.
"""

import json
from functools import lru_cache
from importlib.resources import files
from typing import Any

from lfmc.theories.base import Reference


@lru_cache
def reference_data() -> dict[str, Any]:
    """The whole resource; its key "about" describes every number."""
    return json.loads(files("lfmc").joinpath("data/reference.json").read_text())


def find_reference(shape: tuple[int, ...], m2: float, lam: float) -> Reference | None:
    """The paper's ensemble with this shape, m2 and lam; None if it has none.

    The normalisation of the kinetic term is not compared: a run with another one claims to be the
    paper's ensemble and must be caught by its numbers.
    """
    data = reference_data()
    for name, known in data["ensembles"].items():
        if (tuple(known["shape"]), known["m2"], known["lam"]) != (tuple(shape), m2, lam):
            continue
        scale = data["error_scale"]
        measured = {
            observable: (pair[0], scale * pair[1])
            for observable, pair in known["measured"].items()
            if not isinstance(pair[0], list)
        }
        published = {k: (pair[0], pair[1]) for k, pair in known["published"].items()}
        return Reference(name, published, measured, "arXiv:1904.12072")
    return None
