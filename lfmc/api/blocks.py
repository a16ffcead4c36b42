"""The proposals of a model in blocks, each from its own random stream, as the workflow has them."""

from collections.abc import Callable, Iterator
from copy import deepcopy
from dataclasses import replace
from functools import partial
from typing import Any, NamedTuple

import numpy as np
import torch

from lfmc.api.arguments import numbers_of, whole
from lfmc.api.model import Model
from lfmc.errors import LfmcError
from lfmc.flows.exactness import Drawing
from lfmc.lattice import FloatArray
from lfmc.proposals.anneal import Annealing, annealing
from lfmc.proposals.drawn import Drawn, drawn_block
from lfmc.proposals.generate import controls_of, drawing, zero_mode_of
from lfmc.proposals.symmetrise import random_signs
from lfmc.proposals.zero_mode import Controls, ZeroMode
from lfmc.streams import generator
from lfmc.theories.base import Theory
from lfmc.theories.foreign import Foreign

BLOCK = 4096  # proposals of one random stream, as the configuration's default

Blocks = Callable[..., Iterator[tuple[int, Drawn]]]


class Moves(NamedTuple):
    """What is done with proposals: arguments `anneal` and `symmetrise` of `lfmc.sample`.

    controls: whether control variates are recorded (`lfmc.propose`); zero_mode: share of proposals
    whose zero mode is drawn for chi2.
    """

    anneal: Any = 1
    symmetrise: bool = False
    controls: bool = False
    zero_mode: Any = 0.0


def blocks_of(
    model: Model,
    seed: int,
    count: int,
    moves: Moves,
    device: torch.device,
    report: Callable[[int, int], None],
) -> Blocks:
    """A function that yields the blocks of `count` proposals; of numbers `wanted` if given.

    Raises:
        LfmcError: arguments that do not fit.
    """
    here = _on(model, device)
    random = generator(seed, "propose", model.name, model.sampler, "anneal")
    steps = moves.anneal if moves.anneal == "auto" else whole("anneal", moves.anneal, 1, 1000)
    if moves.symmetrise:
        _require_even(model.theory, steps)
    annealed = annealing(here.flow, steps, random)
    draw = drawing(here.flow, moves.symmetrise)
    zero_mode = zero_mode_of(here.flow, moves.zero_mode)
    controls = controls_of(here.flow, zero_mode) if moves.controls else None
    made = (annealed, draw, moves.symmetrise, controls, zero_mode)
    return partial(_blocks, here, seed, count, report, *made)


def _on(model: Model, device: torch.device) -> Model:
    """The model itself where it is there already, else a copy on the device."""
    at = next(model.flow.parameters(), torch.empty(0)).device
    return model if at == device else replace(model, flow=deepcopy(model.flow).to(device))


def _blocks(
    model: Model,
    seed: int,
    count: int,
    report: Callable[[int, int], None],
    annealed: Annealing | None,
    draw: Drawing,
    symmetrise: bool,
    controls: Controls | None,
    zero_mode: ZeroMode | None,
    wanted: Any = None,
) -> Iterator[tuple[int, Drawn]]:
    """The blocks of `count` proposals, each with its first proposal; only those `wanted`."""
    for index in range(-(-count // BLOCK)) if wanted is None else wanted:
        first = int(index) * BLOCK
        report(first, count)
        random = generator(seed, "propose", model.name, model.sampler, int(index))
        names = (model.name, model.sampler, int(index))
        moves = None if annealed is None else partial(_annealed, annealed, seed, names)
        signs = random_signs(seed, names, BLOCK) if symmetrise else None
        count_here = min(BLOCK, count - first)
        base, theory = model.flow.base, model.theory
        where = (draw, base, theory, random, count_here)
        made = drawn_block(*where, moves, signs, controls, zero_mode)
        bad = np.flatnonzero(~np.isfinite(made.log_q + made.action + made.work))
        if len(bad):
            at = bad[0]
            raise LfmcError(
                f"proposal {first + at}: log q = {made.log_q[at]}, S = {made.action[at]}; the "
                "model is broken, train again"
            )
        yield first, made


def _require_even(theory: Any, anneal: Any) -> None:
    """Refuse random signs where they are not exact.

    Raises:
        LfmcError: an action that is not even, or annealed proposals.
    """
    phi = np.random.default_rng(0).standard_normal((16, numbers_of(theory)))
    if not np.allclose(theory.evaluate(phi), theory.evaluate(-phi), 1e-9, 1e-9):
        raise LfmcError("symmetrise: the action is not even, S(-phi) differs from S(phi)")
    if anneal != 1:
        raise LfmcError("symmetrise: annealed proposals have no q(-phi); leave one out")


def _annealed(
    annealed: Annealing, seed: int, names: tuple[str | int, ...], chunk: int, z: FloatArray
) -> tuple[FloatArray, FloatArray]:
    return annealed(z, generator(seed, "propose", *names, chunk))


def recorded(
    blocks: Blocks, theory: Theory | Foreign
) -> tuple[FloatArray, dict[str, Any], Any, Any]:
    """Log weights, scalars by name, correlators and control variates of all proposals."""
    log_weight, correlators, controls = [], [], []
    seen: dict[str, list[Any]] = {name: [] for name in theory.scalars}
    for _, made in blocks():
        log_weight.append(made.work)
        correlators.append(theory.correlators(made.fields).astype(np.float32))
        controls.append(made.controls)
        for name in theory.scalars:
            seen[name].append(made.scalars[name])
    scalars = {name: np.concatenate(values) for name, values in seen.items()}
    known = np.concatenate(controls)
    return np.concatenate(log_weight), scalars, np.concatenate(correlators), known
