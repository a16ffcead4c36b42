"""`lfmc.markov_chain`: a classical sampler by its name, for theories that have samplers of their
own."""

from typing import Any

from lfmc.api.arguments import settings_of
from lfmc.api.chain import Chain
from lfmc.api.classical import Wanted, run_classical
from lfmc.config.sampler_sections import Samplers
from lfmc.errors import unknown


def markov_chain(
    theory: Any,
    sampler: str,
    *,
    chains: int = 64,
    updates: int,
    seed: int,
    save_every: int = 1,
    keep_fields: int = 1000,
    start: Any = None,
    name: str = "theory",
    progress: bool = True,
    **settings: Any,
) -> Chain:
    """A chain of any sampler that a theory has; arguments as of `lfmc.hmc`.

    Args:
        sampler: one of `theory.samplers`: hmc, heatbath, instanton, wolff, overrelaxation ...
        settings: keys of `samplers.NAME`.

    Raises:
        LfmcError: a sampler that the theory has not; what `lfmc.hmc` raises.

    Example:
        >>> theory = lfmc.theory("u1", (8, 8), beta=2.0)
        >>> theory.samplers
        ('hmc', 'heatbath', 'instanton'...)
        >>> chain = lfmc.markov_chain(
        ...     theory, "heatbath", chains=32, updates=200, seed=1, progress=False)
        >>> chain.sampler, chain.scalars["Q"].shape
        ('heatbath', (32, 200))
    """
    settings_of(theory, name, "a sampler")
    if sampler not in theory.samplers:
        raise unknown(f"sampler of {type(theory).__name__}", sampler, theory.samplers)
    own = "save_every" in type(Samplers().section(sampler)).model_fields
    every = {"save_every": save_every} if own else {}
    common = 1 if own else save_every
    wanted = Wanted(chains, updates, seed, common, keep_fields, start, name, progress)
    return run_classical(sampler, theory, wanted, {**settings, **every})
