"""A warm start: the parameters of another ensemble's model, whose cost is counted."""

import json
import logging
from pathlib import Path
from typing import NamedTuple

from safetensors import safe_open

from lfmc.config import Config
from lfmc.errors import LfmcError
from lfmc.flows.base import Flow
from lfmc.flows.build import load_flow
from lfmc.flows.heatbath.transfer import transferred
from lfmc.not_reached import not_reached
from lfmc.provenance import file_hash
from lfmc.training.optimiser import Parameters

log = logging.getLogger(__name__)


class Start(NamedTuple):
    """The start of a training.

    Attributes:
        parameters: initial parameters of the flow to be trained.
        seconds: of the training of the other model, its own start included.
        digest: sha256 of the file.
        ensemble: name of the other model's ensemble.
    """

    parameters: Parameters
    seconds: float
    digest: str
    ensemble: str


def read_start(path: Path, config: Config, flow: Flow, warn: bool = True) -> Start | None:
    """Read the start of `flow` from a model file `.../train/ENSEMBLE/FLOW.safetensors`.

    If that target was not reached, the highest reached one of that ensemble is used. If none was
    reached, the result is None, and the training begins without a start.

    Args:
        warn: whether this rank logs a warning in these cases.

    Raises:
        LfmcError: no such file, no model of that ensemble, or one that does not fit.
    """
    chosen = _highest_reached(path, config)
    if chosen != path and warn:
        what = f"starts from {chosen.stem}" if chosen else "the training begins without a start"
        log.warning("flow.start: %s: %s; %s", path, not_reached(path), what)
    return _start_of(chosen, config, flow) if chosen else None


def _highest_reached(path: Path, config: Config) -> Path | None:
    if not not_reached(path):
        return path
    for name in reversed(config.flow_names):
        other = path.with_name(f"{name}{path.suffix}")
        if other.exists() and not not_reached(other):
            return other
    return None


def _start_of(path: Path, config: Config, flow: Flow) -> Start:
    source = load_flow(path, config.ensemble(path.parent.name))
    with safe_open(str(path), "pt") as file:
        notes = json.loads((file.metadata() or {}).get("training", "{}"))
    if "seconds" not in notes:
        raise LfmcError(f"{path}: does not say how long its training took; train it again")
    try:
        return started(flow, source, float(notes["seconds"]), path.parent.name, file_hash(path))
    except LfmcError as error:
        raise LfmcError(f"flow.start: {path}: {error}") from None


def started(flow: Flow, source: Flow, seconds: float, ensemble: str, digest: str = "") -> Start:
    """The start of `flow` from another model, which may be of another lattice.

    Raises:
        LfmcError: one that does not fit.
    """
    like = next(flow.parameters())
    parameters = {name: value.to(like) for name, value in transferred(source, flow).items()}
    return Start(parameters, seconds, digest, ensemble)
