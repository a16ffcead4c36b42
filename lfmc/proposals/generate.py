"""Proposals in blocks of a fixed size, each with its own random stream.

A block is a pure function of (seed, ensemble, sampler, model file, block index), so its bits do not
depend on the number of ranks or on interruptions. `lfmc.proposals.parts` stores finished blocks,
and `lfmc.proposals.propose` distributes the others over the ranks.

Layout of propose/ENSEMBLE/SAMPLER.h5, N proposals, K correlators, F kept
fields of n numbers, from b base variables:
    /log_q, /S           float64 (N,)   exact density of the map, and action
    /log_weight          float64 (N,)   of annealed proposals: the work that replaces -S - log q
    /scalars/NAME        float32 (N,)    Theory.measure, for phi^4 m, phi2, phi4, E
    /two_point           float32 (N, K)  correlators of each proposal, for a scalar theory G(x)
    /fields/phi          float64 (F, n)  whole fields of proposals /fields/index (F,)
    /fields/prior        float64 (F, b)  the base variables that were mapped to them
    /blocks/checksum     uint8 (B, 32)   sha256 of number and content of each of the B blocks
    attributes: kind="proposals", ensemble (JSON), sampler, model_sha256, block, seconds, provenance
All but the checksums are virtual data sets over the parts of the ranks (`lfmc.proposals.parts`).
"""

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray

from lfmc.clock import Spent, cpu_seconds
from lfmc.config import Config, settings_hash, stage_settings
from lfmc.device import device_key
from lfmc.errors import LfmcError
from lfmc.flows.base import Base, Flow
from lfmc.flows.build import load_flow
from lfmc.flows.exactness import Drawing
from lfmc.flows.passes import passes
from lfmc.lattice import FloatArray
from lfmc.proposals.anneal import Annealing, annealing
from lfmc.proposals.blocks import Layout, layout, slabs
from lfmc.proposals.symmetrise import random_signs, symmetric_drawing, symmetric_log_q
from lfmc.provenance import file_hash
from lfmc.streams import generator
from lfmc.theories.base import Action
from lfmc.theories.ensembles import theory_of
from lfmc.theories.foreign import measurable

# Batch size of one pass through the flow. Matrix products round differently for different batch
# sizes, so it is a constant, and the last pass of a block is padded to it.
CHUNK = 256

Arrays = dict[str, NDArray]


class ProposalTask(NamedTuple):
    """The proposals of one model for one ensemble.

    Attributes:
        draw: base variables (CHUNK, numbers) -> fields and log q, from `drawing`.
        key: hash of everything that the bits depend on.
        keep: the whole field of every `keep`-th proposal is stored.
        total: number of proposals; None for that of the configuration.
        annealing: of the base variables; None for bare proposals.
    """

    config: Config
    ensemble: str
    sampler: str
    flow: Flow
    draw: Drawing
    model: Path
    key: str
    keep: int
    total: int | None = None
    annealing: Annealing | None = None

    def annealed(self, block: int, chunk: int, z: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Base variables (CHUNK, numbers) of a chunk as they are mapped, and what to add to log w.

        The moves have a random stream per chunk, beside that of the block.
        """
        if self.annealing is None:
            return z, np.zeros(len(z))
        names = (self.ensemble, self.sampler, block, chunk)
        return self.annealing(z, generator(self.config.seed, "propose", *names))

    def signs(self, block: int) -> FloatArray | None:
        """Of symmetrised proposals the signs of a block, padded to whole chunks; else None."""
        if not self.config.propose.symmetrise:
            return None
        padded = -(-self.size // CHUNK) * CHUNK
        return random_signs(self.config.seed, (self.ensemble, self.sampler, block), padded)

    def log_q(self, phi: FloatArray) -> FloatArray:
        """log q of given proposals (batch, numbers), by the inverse map of the torch flow."""
        if self.config.propose.symmetrise:
            return symmetric_log_q(self.flow, phi)
        with torch.no_grad():
            log_q: FloatArray = self.flow.log_q(torch.from_numpy(phi)).numpy()
        return log_q

    @property
    def device(self) -> torch.device:
        return next(self.flow.parameters()).device

    @property
    def size(self) -> int:
        return self.config.propose.block

    @property
    def layout(self) -> Layout:
        return Layout(self.total or self.config.proposals, self.size, self.keep)

    @property
    def blocks(self) -> int:
        return self.layout.blocks


def proposal_task(
    config: Config,
    ensemble: str,
    sampler: str,
    model: Path,
    device: torch.device = torch.device("cpu"),  # noqa: B008 (immutable)
    fractions: tuple[float, ...] | None = None,
) -> ProposalTask:
    """Load the model and return the task; sets torch to one thread.

    Args:
        fractions: of the moves of annealed proposals, if they are known from a file.
    """
    torch.set_num_threads(1)
    flow = load_flow(model, config.ensemble(ensemble)).to(device)
    settings = stage_settings(config, "propose", ensemble, sampler)
    keep = layout(config).keep
    draw = drawing(flow, config.propose.symmetrise)
    task = ProposalTask(config, ensemble, sampler, flow, draw, model, "", keep)
    task = task._replace(annealing=annealing_of(config, ensemble, sampler, flow, fractions))
    return task._replace(key=key_of(task, settings))


def annealing_of(
    config: Config,
    ensemble: str,
    sampler: str,
    flow: Flow,
    fractions: tuple[float, ...] | None = None,
) -> Annealing | None:
    """How the proposals of a flow are annealed; None for bare ones. See `proposal_task`."""
    random = generator(config.seed, "propose", ensemble, sampler, "anneal")
    return annealing(flow, config.propose.anneal, random, fractions)


def key_of(task: ProposalTask, settings: dict[str, Any]) -> str:
    """Return the hash of everything that the bits of a task with these settings depend on."""
    compiled = passes(task.flow).compiled
    made = {**settings, "model": file_hash(task.model), "chunk": CHUNK, "compiled": compiled}
    if task.annealing is not None:
        made["fractions"] = task.annealing.fractions
    return settings_hash(made | device_key(task.device))


def drawing(flow: Flow, symmetrise: bool = False) -> Drawing:
    """Return the pass that makes proposals, in float64: compiled if the flow has kernels.

    Args:
        symmetrise: with the density of a random sign before the field (`proposals.symmetrise`).
    """
    if symmetrise:
        return symmetric_drawing(flow)
    found = passes(flow)
    found.compile(draw=True)  # here, outside the loop that SIGTERM ends
    return found.draw


class Drawn(NamedTuple):
    """Proposals of one block, (count,) or (count, numbers): fields, their base variables, log q, S,
    float32 scalars by name, and the log weight: -S - log q, of annealed ones the work."""

    fields: FloatArray
    prior: FloatArray
    log_q: FloatArray
    action: FloatArray
    scalars: Arrays
    work: FloatArray


Anneal = Callable[[int, FloatArray], tuple[FloatArray, FloatArray]]


def drawn_block(
    draw: Drawing,
    base: Base,
    action: Action,
    random: np.random.Generator,
    size: int,
    count: int,
    anneal: Anneal | None = None,
    signs: FloatArray | None = None,
) -> Drawn:
    """Return the first `count` of the `size` proposals of a block, from its own random stream.

    Args:
        draw: the pass of a flow; base: its base variables.
        anneal: (chunk, base variables) -> annealed ones, and what to add to their log weights.
        signs: of symmetrised proposals, by which fields are multiplied.
    """
    theory = measurable(action)
    padded = -(-size // CHUNK) * CHUNK
    z = base.draw(random, padded)
    fields = np.empty((padded, theory.numbers))
    log_q, s, work = np.empty(padded), np.empty(padded), np.zeros(padded)
    seen = {name: np.empty(padded, np.float32) for name in theory.scalars}
    for begin in range(0, padded, CHUNK):
        part = slice(begin, begin + CHUNK)
        if anneal is not None:
            z[part], work[part] = anneal(begin // CHUNK, z[part])
        fields[part], log_q[part] = draw(z[part])
        if signs is not None:
            fields[part] *= signs[part, None]
        for few in slabs(part, theory.numbers):
            s[few] = action.evaluate(fields[few])
            for name, values in theory.measure(fields[few]).items():
                seen[name][few] = values
    kept = {name: values[:count] for name, values in seen.items()}
    work = (work - s - log_q)[:count]
    return Drawn(fields[:count], z[:count], log_q[:count], s[:count], kept, work)


def make_block(task: ProposalTask, index: int) -> Arrays:
    """Return all data sets of one block; see `timed_block`."""
    return timed_block(task, index)[0]


def timed_block(task: ProposalTask, index: int) -> tuple[Arrays, Spent]:
    """Return all data sets of one block, and the seconds of drawing and of measuring.

    Raises:
        LfmcError: a proposal whose log q or S is not finite.
    """
    config, began = task.config, cpu_seconds()
    random = generator(config.seed, "propose", task.ensemble, task.sampler, index)
    action = theory_of(config.ensemble(task.ensemble))
    first = index * task.size
    count = min(task.size, config.proposals - first)
    anneal = partial(task.annealed, index) if task.annealing is not None else None
    made = drawn_block(
        task.draw, task.flow.base, action, random, task.size, count, anneal, task.signs(index)
    )
    fields, log_q, s, z = made.fields, made.log_q, made.action, made.prior
    bad = np.flatnonzero(~np.isfinite(log_q + s + made.work))
    if len(bad):
        raise LfmcError(
            f"proposal {first + bad[0]} of {task.ensemble} {task.sampler}: log q = "
            f"{log_q[bad[0]]}, S = {s[bad[0]]}; the model is broken, train again"
        )
    drawn = cpu_seconds()
    kept = np.flatnonzero((first + np.arange(count)) % task.keep == 0)
    arrays: Arrays = {"log_q": log_q, "S": s}
    if task.annealing is not None:
        arrays["log_weight"] = made.work
    arrays |= {f"scalars/{name}": values for name, values in made.scalars.items()}
    arrays["two_point"] = action.correlators(fields).astype(np.float32)
    arrays["fields/index"] = first + kept
    arrays["fields/phi"] = fields[kept]
    arrays["fields/prior"] = z[kept]
    return arrays, Spent(drawn - began, cpu_seconds() - drawn)


class Column(NamedTuple):
    """A data set of proposals: its type, and the shape of one row."""

    dtype: str
    shape: tuple[int, ...]


def columns(task: ProposalTask) -> dict[str, Column]:
    """Return the data sets of a block, a part or all proposals, in the order of the file."""
    theory = theory_of(task.config.ensemble(task.ensemble))
    return {
        "log_q": Column("f8", ()),
        "S": Column("f8", ()),
        **({"log_weight": Column("f8", ())} if task.annealing is not None else {}),
        **{f"scalars/{name}": Column("f4", ()) for name in theory.scalars},
        "two_point": Column("f4", (theory.separations,)),
        "fields/index": Column("i8", ()),
        "fields/phi": Column("f8", (theory.numbers,)),
        "fields/prior": Column("f8", (task.flow.base.numbers,)),
    }


def first_row(task: ProposalTask, name: str, block: int) -> int:
    """Return the number of rows of a data set before a block; for task.blocks, of all rows."""
    return task.layout.first_row(name, block)
