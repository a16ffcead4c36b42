"""A flow from its settings, and a trained one from its file."""

import json
from importlib import import_module
from pathlib import Path
from typing import Any, NamedTuple

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor

from lfmc.config import flow_limits
from lfmc.config.problems import validated
from lfmc.config.sections import Ensemble
from lfmc.config.training_sections import FlowSettings
from lfmc.config.yaml_reader import parse_yaml
from lfmc.errors import LfmcError
from lfmc.flows.base import Flow
from lfmc.not_reached import not_reached
from lfmc.seal import require_whole
from lfmc.store import write_bytes
from lfmc.theories.ensembles import theory_of


def build_flow(action: Any, settings: Any) -> Flow:
    """A flow in float64 at its start, from its section of the configuration.

    Initial parameters come from torch's global generator, which must be seeded for networks.
    """
    module, name = settings.builds.split(":")
    flow: Flow = getattr(import_module(module), name)(action, settings)
    return flow


def trained_flow(ensemble: Ensemble, settings: FlowSettings, parameters: dict[str, Tensor]) -> Flow:
    """Return a flow with given parameters in float64, which have no gradients."""
    flow = build_flow(theory_of(ensemble), settings.model)
    flow.load_state_dict({name: value.double() for name, value in parameters.items()})
    return flow.requires_grad_(False)


def save_flow(
    path: str | Path, state: dict[str, Tensor], flow: FlowSettings, ensemble: Ensemble, **notes: Any
) -> None:
    """Write parameters as safetensors, which runs no code when loaded, with a header of notes."""
    metadata = {
        "model": flow.model.model_dump_json(),
        "ensemble": ensemble.model_dump_json(),
        **{k: v if isinstance(v, str) else json.dumps(v) for k, v in notes.items()},
    }
    write_bytes(path, save({k: v.cpu().contiguous() for k, v in state.items()}, metadata))


def holds_model(path: str | Path, training: dict[str, Any], state: dict[str, Tensor]) -> bool:
    """Whether a file has this note on its training and these parameters.

    Written anew, all that was made from it would be made anew too.
    """
    try:
        with safe_open(str(path), "pt") as file:
            if json.loads((file.metadata() or {}).get("training", "{}")) != training:
                return False
            if set(file.keys()) != set(state):
                return False
            return all(torch.equal(file.get_tensor(k), v.cpu()) for k, v in state.items())
    except (OSError, SafetensorError, ValueError):
        return False


class Saved(NamedTuple):
    """What a model file holds.

    Attributes:
        flow: in float64, without gradients of its parameters.
        ensemble: which it was trained for.
        settings: its section of the configuration; only `model` is read from the file.
        notes: the header's other entries, JSON.
    """

    flow: Flow
    ensemble: Ensemble
    settings: FlowSettings
    notes: dict[str, str]


def load_flow(path: str | Path, ensemble: Ensemble) -> Flow:
    """A trained flow in float64, checked to be of this ensemble.

    Raises:
        LfmcError: unreadable file, the model of another ensemble, or none: not reached.
    """
    return read_model(path, ensemble).flow


def read_model(path: str | Path, ensemble: Ensemble | None = None) -> Saved:
    """A trained flow with what its file says of it, checked to be of `ensemble` if that is given.

    Raises:
        LfmcError: as `load_flow`.
    """
    missed = not_reached(path)
    if missed:
        raise LfmcError(f"{path}: no model, {missed}")
    try:
        require_whole(path)
        with safe_open(str(path), "pt") as file:
            metadata = file.metadata() or {}
            state = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118
    except FileNotFoundError:
        raise LfmcError(f"{path}: no such model; run 'lfmc train' first") from None
    except (SafetensorError, OSError) as error:
        why = f"{path}: not a readable model ({error}); delete it and run again"
        raise LfmcError(why) from None
    if not {"ensemble", "model"} <= metadata.keys():
        raise LfmcError(f"{path}: no lfmc model (its header lacks ensemble or model)")
    header = {k: parse_yaml(metadata[k], f"{path}: header {k}") for k in ("ensemble", "model")}
    trained = validated(Ensemble, header["ensemble"], f"{path}: header ensemble")
    settings = validated(FlowSettings, {"model": header["model"]}, f"{path}: header")
    wrong = flow_limits.refusals([trained], settings.model)
    if wrong:
        raise LfmcError(f"{path}: header: {wrong[0]}")
    if ensemble is not None and theory_of(trained) != theory_of(ensemble):
        raise LfmcError(
            f"{path}: trained for {_describe(trained)}, not for {_describe(ensemble)}; "
            "train again or give the right model"
        )
    odd = [name for name, values in state.items() if not values.is_floating_point()]
    if odd:
        raise LfmcError(f"{path}: parameters {odd[0]} are {state[odd[0]].dtype}, not real numbers")
    try:
        flow = trained_flow(ensemble or trained, settings, state)
    except RuntimeError as error:
        raise LfmcError(f"{path}: parameters do not fit ({str(error).splitlines()[0]})") from None
    for parameter in flow.parameters():
        if not torch.isfinite(parameter).all():
            raise LfmcError(f"{path}: holds parameters that are not finite; train again")
    notes = {k: v for k, v in metadata.items() if k not in ("ensemble", "model")}
    return Saved(flow, trained, settings, notes)


def _describe(e: Ensemble) -> str:
    parameters = ", ".join(f"{name} {value}" for name, value in e.parameters.items())
    return f"{e.name} ({e.kind}, shape {list(e.sites)}, {parameters})"
