"""Proposals of one block, drawn and measured CHUNK at a time.

Base variables are those of one random stream in order, so it does not matter to the bits whether
they are drawn at once; only a chunk of them and of the fields need be in memory.
"""

from collections.abc import Callable, Iterator
from operator import itemgetter
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from lfmc.flows.base import Base
from lfmc.flows.exactness import Drawing
from lfmc.lattice import FloatArray
from lfmc.proposals.blocks import slabs
from lfmc.proposals.zero_mode import Controls, ZeroMode
from lfmc.theories.base import Action
from lfmc.theories.foreign import measurable

# Batch size of one pass through the flow. Matrix products round differently for different batch
# sizes, so it is a constant, and the last pass of a block is padded to it.
CHUNK = 256

Arrays = dict[str, NDArray[Any]]
Anneal = Callable[[int, FloatArray], tuple[FloatArray, FloatArray]]


class Drawn(NamedTuple):
    """Proposals, (count,) or (count, numbers): fields, their base variables, log q, S, float32
    scalars by name, the log weight: -S - log q, of annealed ones the work, with log r of a zero
    mode of another density, and control variates of the base normals before they were annealed,
    (count, C), C = 0 if there are none."""

    fields: FloatArray
    prior: FloatArray
    log_q: FloatArray
    action: FloatArray
    scalars: Arrays
    work: FloatArray
    controls: NDArray[np.floating]


def drawn_chunks(
    draw: Drawing,
    base: Base,
    action: Action,
    random: np.random.Generator,
    count: int,
    anneal: Anneal | None = None,
    signs: FloatArray | None = None,
    controls: Controls | None = None,
    zero_mode: ZeroMode | None = None,
) -> Iterator[Drawn]:
    """The first `count` proposals of a block, CHUNK by CHUNK, from its own random stream.

    Args:
        draw: the pass of a flow; base: its base variables.
        anneal: (chunk, base variables) -> annealed ones, and what to add to their log weights.
        signs: of symmetrised proposals, by which fields are multiplied; whole chunks.
        controls: functions of the base normals of mean zero, to be recorded.
        zero_mode: density of the normal of the zero mode; None: N.
    """
    theory = measurable(action)
    for begin in range(0, count, CHUNK):
        z, work = base.draw(random, CHUNK), np.zeros(CHUNK)
        if zero_mode is not None:
            z, work = zero_mode(z)
        known = controls(z) if controls else np.empty((CHUNK, 0), np.float32)
        if anneal is not None:
            z, more = anneal(begin // CHUNK, z)
            work = work + more
        fields, log_q = (np.asarray(one, np.float64) for one in draw(z))
        if signs is not None:
            fields = fields * signs[begin : begin + CHUNK, None]
        s = np.empty(CHUNK)
        seen = {name: np.empty(CHUNK, np.float32) for name in theory.scalars}
        for few in slabs(slice(0, CHUNK), theory.numbers):
            s[few] = action.evaluate(fields[few])
            for name, values in theory.measure(fields[few]).items():
                seen[name][few] = values
        made = Drawn(fields, z, log_q, s, seen, work - s - log_q, known)
        left = min(CHUNK, count - begin)
        yield _each(itemgetter(slice(left)), made)


def drawn_block(
    draw: Drawing,
    base: Base,
    action: Action,
    random: np.random.Generator,
    count: int,
    anneal: Anneal | None = None,
    signs: FloatArray | None = None,
    controls: Controls | None = None,
    zero_mode: ZeroMode | None = None,
) -> Drawn:
    """All that `drawn_chunks` yields."""
    where = (draw, base, action, random, count)
    parts = list(drawn_chunks(*where, anneal, signs, controls, zero_mode))
    return _each(lambda *arrays: np.concatenate(arrays), *parts)


def _each(change: Callable[..., NDArray[Any]], *made: Drawn) -> Drawn:
    """A function of every array of proposals, or of the same array of several of them."""
    scalars = {name: change(*(one.scalars[name] for one in made)) for name in made[0].scalars}
    arrays = {
        name: change(*(getattr(one, name) for one in made))
        for name in Drawn._fields
        if name != "scalars"
    }
    return Drawn(scalars=scalars, **arrays)
