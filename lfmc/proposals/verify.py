"""Verification of chains from their files: stored numbers are recomputed from stored fields."""

import json
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lfmc.attributes import mapping, number, text
from lfmc.chains import STATES, read_chain_of
from lfmc.config import Config
from lfmc.errors import LfmcError
from lfmc.made_for import require_made_for, require_same
from lfmc.proposals.blocks import require_blocks
from lfmc.samplers.log_weights import in_batches
from lfmc.seal import file_digest, is_named
from lfmc.store import open_hdf5
from lfmc.theories.base import Theory
from lfmc.theories.ensembles import theory_of
from lfmc.weights import read_log_weights

# Observables are stored in float32, the action in float64. log q of a field is computed with the
# inverse map, whose tolerance the flow states.
FLOAT32 = 2e-6
ACTION = 1e-9
# Other kinds of processors and other versions of libraries round differently.
ROUNDING = 1e-9
OTHER_MACHINE = "reproduced but for rounding (made elsewhere), chain reproduced bit for bit"
BLOCKS = 3
NUMBERS = 2**16  # of fields that the inverse map has in memory at once, some hundred times


def verify_flow(
    config: Config, ensemble: str, sampler: str, model: Path, proposals: Path, chain: Path
) -> dict[str, Any]:
    """Compare kept fields with S, log q and observables, check checksums, redo blocks and chain.

    Returns:
        The largest deviations, and a summary line.

    Raises:
        LfmcError: the first mismatch, naming file, data set and size.
    """
    from lfmc.proposals.accept import flow_chain
    from lfmc.proposals.generate import make_block, proposal_task

    with open_hdf5(proposals) as file:
        known = file.attrs.get("fractions")
    fractions = None if known is None else tuple(float(f) for f in known)
    task = proposal_task(config, ensemble, sampler, model, fractions=fractions)
    action = theory_of(config.ensemble(ensemble))
    found: dict[str, Any] = {}
    require_made_for(chain, config, "accept", ensemble, sampler)
    with open_hdf5(proposals) as file:
        require_same(proposals, file, config, "propose", ensemble, sampler)
        if text(proposals, file, "model_sha256") != file_digest(model):
            raise LfmcError(f"{proposals}: made by another model than {model}; run propose again")
        at, phi = file["fields/index"][()], file["fields/phi"][()]
        _require_places(proposals, phi, action, (at, len(file["log_q"])))
        found["S"] = _same(proposals, "S", action.evaluate(phi), file["S"][()][at], ACTION)
        allowed = task.flow.inverse_tolerance
        log_q = in_batches(task.log_q, _batch(action), phi)
        found["log_q"] = _same(proposals, "log_q", log_q, file["log_q"][()][at], allowed)
        stored = {name: file["scalars"][name][()][at] for name in action.scalars}
        found["observables"] = _observables(proposals, action, phi, stored, file["two_point"][at])
        require_blocks(proposals, file, task.layout)
        # verify computes on a CPU; a GPU draws the same normals and rounds more coarsely.
        rounding = ROUNDING if file.attrs.get("device", "cpu") == "cpu" else FLOAT32
        exact = True
        for index in sorted({round(i) for i in np.linspace(0, task.blocks - 1, BLOCKS)}):
            first = index * task.size
            for name, again in make_block(task, index).items():
                if name.startswith("fields/"):
                    continue
                stored = file[name][first : first + len(again)]
                allowed = max(rounding, FLOAT32 if stored.dtype == np.float32 else 0.0)
                if not np.allclose(again, stored, allowed, allowed):
                    raise LfmcError(f"{proposals}: block {index}, {name} is not reproduced")
                exact = exact and np.array_equal(again, stored)
    replayed = flow_chain(config, ensemble, sampler, read_log_weights(proposals))
    with open_hdf5(chain) as file:
        for name in STATES:
            if not np.array_equal(getattr(replayed, name), file[f"chain/{name}"][()]):
                raise LfmcError(f"{chain}: chain/{name} is not what its proposals give")
        if number(chain, file, "acceptance", 0, 1) != replayed.acceptance:
            raise LfmcError(f"{chain}: its acceptance is not what its proposals give")
    found["summary"] = (
        f"{len(phi)} fields (S {found['S']:.1e}, log q {found['log_q']:.1e}), checksums, blocks "
        + ("and chain reproduced bit for bit" if exact else OTHER_MACHINE)
    )
    return found


def verify_classical(config: Config, ensemble: str, sampler: str, path: Path) -> dict[str, Any]:
    """Compare kept fields of hmc, local or cluster with the stored scalars and correlators."""
    action = theory_of(config.ensemble(ensemble))
    chain = read_chain_of(config, ensemble, sampler, path)
    every, (replicas, updates) = chain.save_every, chain.scalars[action.scalars[0]].shape
    with open_hdf5(path) as file:
        phi, replica = file["fields/phi"][()], file["fields/replica"][()]
        update = file["fields/update"][()]
    _require_places(path, phi, action, (replica, replicas), (update, updates))
    if ((update + 1) % every).any():
        raise LfmcError(f"{path}: fields/update names configurations that were not saved")
    stored = {name: chain.scalars[name][replica, update] for name in action.scalars}
    saved = chain.two_point[replica, (update + 1) // every - 1]
    found: dict[str, Any] = {"observables": _observables(path, action, phi, stored, saved)}
    found["summary"] = f"{len(phi)} fields, observables to {found['observables']:.1e}"
    return found


def verify_imported(config: Config, ensemble: str, sampler: str, path: Path) -> dict[str, Any]:
    """As `verify_classical`, and that the files it was made of have not changed since.

    Files that are gone are named in the summary.
    """
    found = verify_classical(config, ensemble, sampler, path)
    with open_hdf5(path) as file:
        made = json.loads(text(path, file, "provenance")).get("inputs", {})
    there = {name: digest for name, digest in made.items() if Path(name).is_file()}
    for name, digest in there.items():
        if not is_named(Path(name), (digest,)):
            raise LfmcError(
                f"{path}: {name} is another file than it was made of; run lfmc import again"
            )
    lost = [name for name in made if name not in there]
    found["summary"] += f"; gone since: {', '.join(lost)}" if lost else "; made of the files there"
    return found


def verify_with_model(
    config: Config, ensemble: str, sampler: str, model: Path, path: Path
) -> dict[str, Any]:
    """As `verify_classical`, and the stored log weights of kept fields against the model.

    log q is that of the torch flow by its inverse, not of the compiled passes of the chain.
    """
    import torch

    from lfmc.flows.build import load_flow

    action, flow = theory_of(config.ensemble(ensemble)), load_flow(model, config.ensemble(ensemble))
    found = verify_classical(config, ensemble, sampler, path)
    with open_hdf5(path) as file:
        made = mapping(path, file, "parameters").get("model")
        if made != file_digest(model):
            raise LfmcError(f"{path}: made with another model than {model}; run {sampler} again")
        phi, replica = file["fields/phi"][()], file["fields/replica"][()]
        update = file["fields/update"][()]
        stored = file["extra/log_weight"][()][replica, update]
    with torch.no_grad():
        log_q = in_batches(lambda part: flow.log_q(torch.from_numpy(part)), _batch(action), phi)
    fresh = -action.evaluate(phi) - log_q
    allowed = max(FLOAT32, flow.inverse_tolerance)
    found["log_weight"] = _same(path, "log_weight", fresh, stored, allowed)
    found["summary"] += f", log weights to {found['log_weight']:.1e}"
    return found


def _batch(action: Theory) -> int:
    return max(1, NUMBERS // action.numbers)


def _require_places(path: Path, phi: NDArray, action: Theory, *places: tuple[NDArray, int]) -> None:
    """Refuse kept fields whose indices are out of range."""
    if phi.ndim != 2 or phi.shape[1] != action.numbers or phi.dtype.kind != "f":
        raise LfmcError(f"{path}: fields/phi of shape {phi.shape} are no fields of this ensemble")
    for index, count in places:
        if index.shape != (len(phi),) or index.dtype.kind not in "iu":
            raise LfmcError(f"{path}: {len(phi)} fields, but indices of shape {index.shape}")
        if len(index) and not 0 <= index.min() <= index.max() < count:
            raise LfmcError(f"{path}: a kept field has index {index.max()}, of {count}")


def _observables(
    path: Path, action: Theory, phi: NDArray, stored: dict[str, NDArray], correlator: NDArray
) -> float:
    fresh = action.measure(phi)
    worst = [_same(path, name, fresh[name], stored[name], FLOAT32) for name in action.scalars]
    again = action.correlators(phi)
    worst.append(_same(path, "two_point", again, correlator, FLOAT32))
    return max(worst)


def _same(path: Path, name: str, fresh: NDArray, stored: NDArray, tolerance: float) -> float:
    """Return the largest difference in units of 1 + |value|; refuse one above `tolerance`."""
    difference = np.abs(fresh - stored) / (1 + np.abs(fresh))
    worst = float(difference.max())
    if not worst <= tolerance:
        first = int(np.argmax(difference.reshape(len(fresh), -1).max(1)))
        raise LfmcError(
            f"{path}: {name} of kept field {first} "
            f"differs by {worst:.1e} (allowed {tolerance:.0e}) from what its field gives"
        )
    return worst
