"""Proposals in blocks of a fixed size, each with its own random stream.

A block is a pure function of (seed, ensemble, sampler, model file, block index), so its bits do not
depend on the number of ranks or on interruptions. `lfmc.proposals.parts` stores finished blocks,
and `lfmc.proposals.propose` distributes the others over the ranks.

Layout of propose/ENSEMBLE/SAMPLER.h5, N proposals, K correlators, F kept
fields of n numbers, from b base variables:
    /log_q, /S           float64 (N,)   exact density of the map, and action
    /log_weight          float64 (N,)   of annealed proposals the work that replaces -S - log q,
                                        with log r of a zero mode of another density
    /controls            float32 (N, C)  with propose.controls: functions of base normals, mean zero
    /scalars/NAME        float32 (N,)    Theory.measure, for phi^4 m, phi2, phi4, E
    /two_point           float32 (N, K)  correlators of each proposal, for a scalar theory G(x)
    /fields/phi          float64 (F, n)  whole fields of proposals /fields/index (F,)
    /fields/prior        float64 (F, b)  the base variables that were mapped to them
    /blocks/checksum     uint8 (B, 32)   sha256 of number and content of each of the B blocks
    attributes: kind="proposals", ensemble (JSON), sampler, model_sha256, block, seconds, provenance
All but the checksums are virtual data sets over the parts of the ranks (`lfmc.proposals.parts`).
"""

from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch

from lfmc.clock import Spent, cpu_seconds
from lfmc.config import Config, settings_hash, stage_settings
from lfmc.device import device_key
from lfmc.errors import LfmcError
from lfmc.flows.base import Flow
from lfmc.flows.build import load_flow
from lfmc.flows.exactness import Drawing
from lfmc.flows.passes import passes
from lfmc.lattice import FloatArray
from lfmc.proposals.anneal import Annealing, annealing
from lfmc.proposals.blocks import Layout, layout
from lfmc.proposals.drawn import CHUNK, Arrays, Drawn, drawn_chunks
from lfmc.proposals.symmetrise import random_signs, symmetric_drawing, symmetric_log_q
from lfmc.proposals.zero_mode import Controls, ControlsOfZeroMode, ZeroMode
from lfmc.provenance import file_hash
from lfmc.streams import generator
from lfmc.theories.ensembles import theory_of

# Correlators of larger fields are no dense product: their bits do not depend on the batch.
MOST_AT_ONCE = 512


class ProposalTask(NamedTuple):
    """The proposals of one model for one ensemble.

    Attributes:
        draw: base variables (CHUNK, numbers) -> fields and log q, from `drawing`.
        key: hash of everything that the bits depend on.
        keep: the whole field of every `keep`-th proposal is stored.
        total: number of proposals; None for that of the configuration.
        annealing: of the base variables; None for bare proposals.
        controls: recorded of every proposal; None if none are.
        zero_mode: density of the normal of the zero mode; None: N.
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
    controls: Controls | None = None
    zero_mode: ZeroMode | None = None

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
    def weighted(self) -> bool:
        """Whether the log weights are others than -S - log q."""
        return self.annealing is not None or self.zero_mode is not None

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
    task = task._replace(zero_mode=zero_mode_of(flow, config.propose.zero_mode))
    if config.propose.controls:
        task = task._replace(controls=controls_of(flow, task.zero_mode))
    return task._replace(key=key_of(task, settings))


def controls_of(flow: Flow, zero_mode: ZeroMode | None = None) -> Controls:
    """The control variates of a flow whose zero mode has this density, None: N.

    Raises:
        LfmcError: it has none.
    """
    found = flow.control_variates()
    if found is None:
        raise LfmcError(f"controls: {type(flow).__name__} has no control variates; leave them out")
    return ControlsOfZeroMode(found, zero_mode) if zero_mode else found


def zero_mode_of(flow: Flow, share: Any) -> ZeroMode | None:
    """The density of the zero mode's normal with this share (`propose.zero_mode`); None for N.

    Raises:
        LfmcError: no such share, or a flow whose first normal is not that of the zero mode.
    """
    if isinstance(share, bool) or not isinstance(share, int | float) or not 0 <= share <= 0.95:
        raise LfmcError(f"zero_mode: {share!r} is no share of proposals, from 0 to 0.95")
    if share and flow.control_variates() is None:
        raise LfmcError(f"zero_mode: {type(flow).__name__} has no normal of a zero mode")
    return ZeroMode(share) if share else None


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


def make_block(task: ProposalTask, index: int) -> Arrays:
    """Return all data sets of one block; see `timed_block`."""
    return timed_block(task, index)[0]


def timed_block(task: ProposalTask, index: int) -> tuple[Arrays, Spent]:
    """Return all data sets of one block, and the seconds of drawing and of measuring.

    Raises:
        LfmcError: a proposal whose log q or S is not finite.
    """
    config = task.config
    random = generator(config.seed, "propose", task.ensemble, task.sampler, index)
    action = theory_of(config.ensemble(task.ensemble))
    first = at = index * task.size
    count = min(task.size, config.proposals - first)
    anneal = partial(task.annealed, index) if task.annealing is not None else None
    large = action.numbers > MOST_AT_ONCE
    rows: list[Arrays] = []
    fields: list[FloatArray] = []
    began, measuring = cpu_seconds(), 0.0
    where = (task.draw, task.flow.base, action, random, count)
    with_task = (anneal, task.signs(index), task.controls, task.zero_mode)
    for made in drawn_chunks(*where, *with_task):
        rows.append(_rows(task, made, at))
        if large:
            now = cpu_seconds()
            rows[-1]["two_point"] = action.correlators(made.fields).astype(np.float32)
            measuring += cpu_seconds() - now
        else:
            fields.append(made.fields)
        at += len(made.log_q)
    arrays = {name: np.concatenate([row[name] for row in rows]) for name in rows[0]}
    drawn = cpu_seconds()
    if not large:
        arrays["two_point"] = action.correlators(np.concatenate(fields)).astype(np.float32)
    return arrays, Spent(drawn - began - measuring, measuring + cpu_seconds() - drawn)


def _rows(task: ProposalTask, made: Drawn, first: int) -> Arrays:
    """Data sets of these proposals but for correlators.

    Raises:
        LfmcError: as `timed_block`.
    """
    log_q, s = made.log_q, made.action
    bad = np.flatnonzero(~np.isfinite(log_q + s + made.work))
    if len(bad):
        raise LfmcError(
            f"proposal {first + bad[0]} of {task.ensemble} {task.sampler}: log q = "
            f"{log_q[bad[0]]}, S = {s[bad[0]]}; the model is broken, train again"
        )
    kept = np.flatnonzero((first + np.arange(len(log_q))) % task.keep == 0)
    arrays: Arrays = {"log_q": log_q, "S": s}
    if task.weighted:
        arrays["log_weight"] = made.work
    if task.controls is not None:
        arrays["controls"] = made.controls
    arrays |= {f"scalars/{name}": values for name, values in made.scalars.items()}
    arrays["fields/index"] = first + kept
    arrays["fields/phi"] = made.fields[kept]
    arrays["fields/prior"] = made.prior[kept]
    return arrays


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
        **({"log_weight": Column("f8", ())} if task.weighted else {}),
        **({"controls": Column("f4", (task.controls.number,))} if task.controls else {}),
        **{f"scalars/{name}": Column("f4", ()) for name in theory.scalars},
        "two_point": Column("f4", (theory.separations,)),
        "fields/index": Column("i8", ()),
        "fields/phi": Column("f8", (theory.numbers,)),
        "fields/prior": Column("f8", (task.flow.base.numbers,)),
    }


def first_row(task: ProposalTask, name: str, block: int) -> int:
    """Return the number of rows of a data set before a block; for task.blocks, of all rows."""
    return task.layout.first_row(name, block)
