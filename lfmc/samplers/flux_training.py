"""Training of the moves of `flux-tuned`: the program whose acceptance is the cheapest.

A long program loses little work, a large disc dilutes the charge that it takes up, and both cost
time. With mean -mu and variance v of the logarithm g of the acceptance ratio, were it normal,
<min(1, exp(g))> is as in `expected_acceptance`. Trained is

    that acceptance / cost,    cost = visits + PLACE places of the disc    (reflections of a site),

whose error is a fraction of that of counted moves, and which does not depend on the speed of the
machine. From `FIRST` the training walks on a grid of radius, steps, density and ease, along one of
them as long as it gains, until no neighbour is better.
"""

import logging
from math import erfc, exp
from typing import Any, NamedTuple

from lfmc.config.compact_sections import FluxTuned
from lfmc.samplers.cpn_flux_tuned import FluxTunedParameters, gains_of_moves, sample_flux_tuned
from lfmc.samplers.flux_program import fits, program
from lfmc.samplers.kind import SamplerKind
from lfmc.samplers.state import State, require_finite
from lfmc.theories.base import Theory

log = logging.getLogger(__name__)

PLACE = 3.0  # what a place of the disc costs besides, measured: copies and energies
GRID: tuple[tuple[float, ...], ...] = (
    (1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 8.0, 10.0, 12.0, 16.0),
    (11, 15, 21, 31, 41, 61, 81, 121, 161, 241, 321, 481, 641, 961, 1281),
    (0.5, 0.7, 1.0, 1.4, 2.0, 2.8, 4.0, 5.6, 8.0),
    (-0.3, 0.0, 0.3, 0.6),
)
FIRST = (4.0, 121, 2.0, 0.0)
USEFUL = 0.01  # the acceptance below which moves hardly ever change anything
Point = tuple[int, ...]


class Tried(NamedTuple):
    """One program of the training.

    Attributes:
        radius, steps, density, ease: of it (`lfmc.samplers.flux_program.program`).
        cost: of a move, in reflections of a site.
        work, variance: mu and v; error: of mu, from chains.
        acceptance: fraction of moves that were accepted; acceptance_error: of it, from chains.
        gain: what is trained, per 10^6 of the cost.
    """

    radius: float
    steps: int
    density: float
    ease: float
    cost: float
    work: float
    error: float
    variance: float
    acceptance: float
    acceptance_error: float
    gain: float


def trained(settings: FluxTuned, theory: Theory, state: State) -> dict[str, Any]:
    """Entries of the tuning: those of the best program, updates of each chain, and the scan.

    Args:
        state: chains somewhere; they pass through `thermalisation` updates of the first program.
    """
    values = ([r for r in GRID[0] if fits(theory.shape, r)], *GRID[1:])
    here: Point = tuple(
        min(axis.index(value), len(found) - 1)
        for axis, value, found in zip(GRID, FIRST, values, strict=True)
    )
    updates, warm = -(-settings.scan_moves // settings.moves), settings.thermalisation

    def parameters(point: Point) -> FluxTunedParameters:
        return parameters_of(settings, *(axis[i] for axis, i in zip(values, point, strict=True)))

    state, _ = sample_flux_tuned(state, theory, parameters(here), warm, warm)
    state, first = _measured(state, theory, parameters(here), updates)
    found = {here: first}
    moved = True
    while moved:
        moved = False
        for axis, step in [(axis, step) for axis in range(len(values)) for step in (1, -1)]:
            while True:
                point = (*here[:axis], here[axis] + step, *here[axis + 1 :])
                if point in found or not 0 <= point[axis] < len(values[axis]):
                    break
                state, found[point] = _measured(state, theory, parameters(point), updates)
                if found[point].gain <= found[here].gain:
                    break
                here, moved = point, True
    chosen = found[here]._asdict()
    if found[here].acceptance < USEFUL:
        log.warning(
            "tune: flux-tuned accepts %.4f of its moves in the best of %d programs: they hardly "
            "change the charge; take larger extents or a smaller beta, or leave the sampler out",
            found[here].acceptance, len(found),
        )  # fmt: skip
    return {
        **chosen,
        "updates": warm + updates * len(found),
        "scan": [one._asdict() for one in found.values()],
    }


def parameters_of(
    settings: FluxTuned, radius: float, steps: float, density: float, ease: float
) -> FluxTunedParameters:
    """Parameters of the kernel with a program."""
    return FluxTunedParameters(
        *(settings.sweeps, settings.reflections, settings.moves, settings.width),
        *(float(radius), int(steps), float(density), float(ease)),
    )


def _measured(
    state: State, theory: Theory, parameters: FluxTunedParameters, updates: int
) -> tuple[State, Tried]:
    state, info, gains = gains_of_moves(state, theory, parameters, updates)
    require_finite(state, "flux-tuned")
    work, error = _mean(-gains.mean(1))
    variance = float(gains.var())
    moves = program(*parameters[4:])
    cost = len(moves.visits) + PLACE * len(moves.places)
    gain = 1e6 * expected_acceptance(work, variance) / cost
    accepted = _mean(info.accepted.mean(1))
    return state, Tried(*parameters[4:], cost, work, error, variance, *accepted, gain)


def expected_acceptance(work: float, variance: float) -> float:
    """<min(1, exp(g))> of a normal g of mean -work; erfc(sqrt(work)/2) where variance = 2 work."""
    width = (2 * max(variance, 1e-12)) ** 0.5
    moved = 0.5 * exp(min(variance / 2 - work, 700.0)) * erfc((variance - work) / width)
    return 0.5 * erfc(work / width) + moved


def _mean(by_chain: Any) -> tuple[float, float]:
    return float(by_chain.mean()), float(by_chain.std(ddof=1) / len(by_chain) ** 0.5)


def _recorded(settings: FluxTuned, entry: dict[str, Any]) -> FluxTunedParameters:
    return parameters_of(settings, *(entry[key] for key in ("radius", "steps", "density", "ease")))


FLUX_TUNED = SamplerKind(
    sample_flux_tuned,
    lambda settings, radius: parameters_of(settings, max(radius, 1.0), *FIRST[1:]),
    decisions=lambda parameters, numbers: parameters.moves,
    trained=trained,
    recorded=_recorded,
)
