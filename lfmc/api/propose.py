"""`lfmc.propose`: proposals of a model with their weights, for estimates without a chain."""

from typing import Any

from lfmc.api.arguments import seed_of, whole
from lfmc.api.blocks import Moves, blocks_of, recorded
from lfmc.api.model import Model, require_model
from lfmc.api.proposals import Proposals
from lfmc.api.surroundings import counted, own_torch
from lfmc.clock import cpu_seconds
from lfmc.device import choose_device
from lfmc.theories.foreign import measurable


def propose(
    model: Model,
    count: int,
    *,
    seed: int,
    anneal: Any = 1,
    symmetrise: bool = False,
    controls: bool = False,
    zero_mode: Any = 0.0,
    device: str = "cpu",
    progress: bool = True,
) -> Proposals:
    """Draw independent proposals with their log weights, for `lfmc.measure`.

    Observables by weights need no chain; for a flow of moderate acceptance they take fewer
    proposals than an independence chain. Seeds and arguments are those of `lfmc.sample`, whose
    chain is made of the same proposals.

    Args:
        controls: record functions of the base normals of mean zero, by which `lfmc.measure` makes
            errors smaller, those of chi2 the most (`propose.controls` of the configuration).
        zero_mode: share of proposals whose zero mode is drawn where chi2 differs most from its mean
            (`propose.zero_mode`).

    Raises:
        LfmcError: arguments that do not fit, or a proposal whose weight is not finite.

    Example:
        >>> theory = lfmc.Phi4((4, 4), m2=-4.0, lam=6.975)
        >>> model = lfmc.train(theory, target=0.7, seed=1, progress=False)
        >>> proposals = lfmc.propose(model, 20_000, seed=2, progress=False)
        >>> sd = lfmc.measure(proposals).sd  # the Schwinger-Dyson identity: 1
        >>> abs(sd.value - 1) < 5 * sd.error
        True
    """
    require_model(model, "propose")
    count, seed = whole("count", count, 1, 10**9), seed_of(seed)
    where, label = choose_device(device), f"propose {model.name}"
    with own_torch(), counted(label, progress, "proposals") as report:
        moves = Moves(anneal, symmetrise, controls, zero_mode)
        blocks = blocks_of(model, seed, count, moves, where, report)
        began = cpu_seconds()
        log_weight, scalars, correlators, known = recorded(blocks, measurable(model.theory))
        seconds = cpu_seconds() - began
    made = (log_weight, scalars, correlators, seconds, known if controls else None)
    return Proposals(model.theory, model.sampler, *made)
