"""The last parameter of a chain that a model takes part in, by short runs."""

from collections.abc import Sequence
from typing import Any

from lfmc.analysis.hybrid_updates import chosen_updates
from lfmc.analysis.latent_steps import chosen_steps
from lfmc.config import Config
from lfmc.samplers.method import Method
from lfmc.theories.base import Theory

CHOICES: dict[str, Any] = {"hybrid": chosen_updates, "latent-hmc": chosen_steps}


def chosen_number(
    config: Config, ensemble: str, theory: Theory, chosen: Method
) -> tuple[int, Sequence[Any]]:
    """The cheapest value, and what was tried.

    Args:
        ensemble: name in the random streams.
        chosen: the sampler with any value.
    """
    best, tried = CHOICES[chosen.name](config, ensemble, theory, chosen)
    return int(best), tried
