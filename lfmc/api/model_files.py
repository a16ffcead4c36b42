"""Models in safetensors files; these run no code when they are loaded."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from safetensors import SafetensorError, safe_open
from safetensors.torch import save as packed
from torch import nn

from lfmc.api.arguments import require_theory, shape_of
from lfmc.api.flows import own_flow, settings_of_flow
from lfmc.api.marks import mark
from lfmc.api.model import Model, describe
from lfmc.config.kinds import remember
from lfmc.config.problems import validated
from lfmc.config.sections import Ensemble
from lfmc.config.training_sections import FlowSettings
from lfmc.errors import LfmcError
from lfmc.flows.build import build_flow, read_model, save_flow
from lfmc.seal import require_whole
from lfmc.store import write_bytes
from lfmc.theories.base import Theory
from lfmc.theories.ensembles import ensemble_of, theory_of
from lfmc.training.acceptance import Estimate
from lfmc.training.optimiser import parameters_of

OWN = "own"  # key of the header of a flow or theory of the user's


def model_of_file(path: Path, ensemble: Ensemble | None = None) -> Model:
    """A model whose file says everything about it, of this ensemble if one is given."""
    saved = read_model(path, ensemble)
    flow = saved.flow.eval()
    return _with_notes(
        Model(theory_of(saved.ensemble), flow, saved.settings, saved.ensemble.name), saved.notes
    )


def save_model(model: Model, path: Path) -> None:
    """Write a model; of a flow or theory of the user's, parameters and settings."""
    notes: dict[str, Any] = {"training": _notes(model)}
    if model.settings and isinstance(model.theory, Theory):
        ensemble = ensemble_of(model.theory, model.name)
        notes["provenance"] = mark({"ensemble": ensemble.model_dump(mode="json")})
        save_flow(path, parameters_of(model.flow), model.settings, ensemble, **notes)
        return
    kind = None if model.settings is None else model.settings.model.model_dump(mode="json")
    own = {
        "theory": type(model.theory).__name__,
        "shape": list(model.theory.shape),
        "flow": describe(model.flow),
        "model": kind,
        "name": model.name,
    }
    header = {OWN: json.dumps(own), "training": json.dumps(notes["training"])}
    header["provenance"] = mark(own)
    write_bytes(path, packed(parameters_of(model.flow), header))


def load_model(path: Path, theory: Any, module: nn.Module | None) -> Model:
    """Read what `save_model` or `lfmc train` wrote.

    Raises:
        LfmcError: see `lfmc.load`.
    """
    try:
        require_whole(path)
        with safe_open(str(path), "pt") as file:
            metadata = dict(file.metadata() or {})
            names = list(file.keys())
            parameters = {key: file.get_tensor(key) for key in names} if OWN in metadata else {}
    except FileNotFoundError:
        raise LfmcError(f"{path}: no such file") from None
    except (SafetensorError, OSError) as error:
        raise LfmcError(f"{path}: not a readable model ({error}); save it again") from None
    if OWN not in metadata:
        if isinstance(theory, Theory):
            remember(type(theory))
        found = model_of_file(path)
        if theory is not None and theory != found.theory:
            raise LfmcError(f"{path}: trained for {found.theory}, not for {theory}")
        return found
    own = json.loads(metadata[OWN])
    if theory is None:
        raise LfmcError(
            f"{path}: of the theory {own['theory']}; give theory=..., of shape {own['shape']}"
        )
    require_theory(theory)
    if list(shape_of(theory)) != own["shape"]:
        raise LfmcError(f"{path}: of shape {own['shape']}, not {list(theory.shape)}")
    settings = None
    if own["model"] is None:
        if module is None:
            raise LfmcError(
                f"{path}: the parameters of a {own['flow']}; give flow=..., a module of it"
            )
        flow = own_flow(theory, module)
    else:
        settings = settings_of_flow(theory, own["model"], 0.5, {})
        flow = build_flow(theory, settings.model)
    shapes = {key: tuple(value.shape) for key, value in flow.named_parameters()}
    if shapes != {key: tuple(value.shape) for key, value in parameters.items()}:
        raise LfmcError(f"{path}: its parameters do not fit {describe(flow)}")
    flow.load_state_dict({key: value.double() for key, value in parameters.items()}, strict=False)
    flow = flow.eval().requires_grad_(False)
    return _with_notes(Model(theory, flow, settings, own["name"]), metadata)


def _notes(model: Model) -> dict[str, Any]:
    """What training.csv says of a model, under the same names."""
    row: dict[str, Any] = {
        "seed": model.seed,
        "target": model.target,
        "reached": model.reached,
        "steps": model.steps,
        "samples": model.samples,
        "seconds": model.seconds,
        "ess": model.ess,
    }
    for key, found in (("q", model.acceptance), ("p", model.acceptance_target)):
        if found:
            row |= {f"acceptance_{key}": found.value, f"acceptance_{key}_error": found.error}
    return row


def _with_notes(model: Model, notes: dict[str, str]) -> Model:
    """The model with what the header of its file says of its training."""
    row = json.loads(notes.get("training", "{}"))
    taken = ("seed", "target", "steps", "samples", "seconds")
    known: dict[str, Any] = {key: row[key] for key in taken if key in row}
    for key, name in (("q", "acceptance"), ("p", "acceptance_target")):
        if f"acceptance_{key}" in row:
            value, error = row[f"acceptance_{key}"], row.get(f"acceptance_{key}_error", np.nan)
            known[name] = Estimate(value, error)
    settings = model.settings
    if settings is not None and known.get("target"):
        raw = {"model": settings.model.model_dump(mode="json"), "targets": [known["target"]]}
        settings = validated(FlowSettings, raw, "header")
    reached = bool(row.get("reached", True))  # earlier versions wrote no other
    return replace(model, **known, settings=settings, ess=row.get("ess"), reached=reached)
