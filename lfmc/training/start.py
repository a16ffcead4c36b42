"""A warm start: weights of another ensemble's model carried over, and what they cost counted."""

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
from lfmc.training.optimiser import Weights

log = logging.getLogger(__name__)


class Start(NamedTuple):
    """Where a training starts.

    Attributes:
        weights: for the flow to be trained.
        seconds: what the training of the other model took, its own start included.
        digest: sha256 of the file.
        ensemble: of the other model.
    """

    weights: Weights
    seconds: float
    digest: str
    ensemble: str


def read_start(path: Path, config: Config, flow: Flow, tell: bool = True) -> Start | None:
    """The start of `flow` from a model file `.../train/ENSEMBLE/FLOW.safetensors`.

    Where that target was not reached, from the highest one of that ensemble which was; None if
    none was: the training then begins without a start.

    Args:
        tell: whether this rank warns of that.

    Raises:
        LfmcError: no such file, no model of that ensemble, or one that does not fit.
    """
    chosen = _highest_reached(path, config)
    if chosen != path and tell:
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
    like = next(flow.parameters())
    weights = {name: value.to(like) for name, value in transferred(source, flow).items()}
    return Start(weights, float(notes["seconds"]), file_hash(path), path.parent.name)
