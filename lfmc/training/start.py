"""A warm start: weights of another ensemble's model carried over, and what they cost counted."""

import json
from pathlib import Path
from typing import NamedTuple

from safetensors import safe_open

from lfmc.config import Config
from lfmc.errors import LfmcError
from lfmc.flows.base import Flow
from lfmc.flows.build import load_flow
from lfmc.flows.transfer import transferred
from lfmc.provenance import file_hash
from lfmc.training.method import Weights


class Start(NamedTuple):
    """Where a training starts.

    Attributes:
        weights: for the flow to be trained.
        seconds: what the training of the other model took, its own start included.
        digest: sha256 of the file.
    """

    weights: Weights
    seconds: float
    digest: str


def read_start(path: Path, config: Config, flow: Flow) -> Start:
    """The start of `flow` from a model file `.../train/ENSEMBLE/FLOW.safetensors`.

    Raises:
        LfmcError: no such file, no model of that ensemble, or one that does not fit.
    """
    source = load_flow(path, config.ensemble(path.parent.name))
    with safe_open(str(path), "pt") as file:
        notes = json.loads((file.metadata() or {}).get("training", "{}"))
    if "seconds" not in notes:
        raise LfmcError(f"{path}: does not say how long its training took; train it again")
    like = next(flow.parameters())
    weights = {name: value.to(like) for name, value in transferred(source, flow).items()}
    return Start(weights, float(notes["seconds"]), file_hash(path))
