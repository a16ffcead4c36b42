"""The chain file: what every sampler leaves behind and every analysis reads.

Layout (HDF5), R replicas, U updates, S = U // save_every saved configurations, K orbits:
    /scalars/{m,phi2,phi4,E}  float32 (R, U)     of every update
    /saved/two_point          float32 (R, S, K)  orbit-averaged G(x) of each saved configuration
    /fields/phi               float64 (F, V)     F thinned whole fields, flat C order
    /fields/replica, /fields/update  int64 (F,)  where each belongs
    /extra/*                  sampler's own (dH, accepted, cluster size ...)
    attributes: kind="chain", ensemble (JSON), sampler, save_every, forces_per_update,
        seconds, acceptance, provenance, and settings of the sampler (JSON)
A flow's chain is stored as proposal index and multiplicity (see lfmc.accept); `read_chain`
expands it, so that analysis never knows how a sample was made.
"""

import json
from pathlib import Path
from typing import Any, NamedTuple

import h5py
import numpy as np
from numpy.typing import NDArray

from lfmc.errors import LfmcError
from lfmc.not_reached import not_reached
from lfmc.observables import SCALARS
from lfmc.store import open_hdf5

Floats = NDArray[np.floating]


class Chain(NamedTuple):
    """A chain in memory.

    Attributes:
        ensemble: settings of the ensemble, as in the configuration (name, shape, m2, lam ...).
        sampler: flow-50, hmc, ...
        shape: extents of the lattice.
        scalars: name -> (replicas, updates), of every update.
        two_point: (replicas, saved, orbits), of every saved configuration.
        save_every: updates from one saved configuration to the next; saved i is update
            (i + 1) * save_every - 1.
        acceptance: fraction of accepted proposals over the whole chain.
        forces_per_update: gradient evaluations of the whole lattice per update (0: none).
        seconds: of the sampling (not of measurement, thermalisation or training), CPU seconds of
            one core; wall seconds in files without the attribute clock.
        extra: name -> array, the sampler's own records.
        attributes: everything else.
    """

    ensemble: dict[str, Any]
    sampler: str
    shape: tuple[int, ...]
    scalars: dict[str, Floats]
    two_point: Floats
    save_every: int
    acceptance: float
    forces_per_update: float
    seconds: float
    extra: dict[str, NDArray]
    attributes: dict[str, Any]

    @property
    def replicas(self) -> int:
        return len(self.two_point)

    @property
    def saved(self) -> dict[str, Floats]:
        """Scalars of the saved configurations only, name -> (replicas, saved)."""
        return {k: v[:, self.save_every - 1 :: self.save_every] for k, v in self.scalars.items()}


def write_header(
    file: h5py.File,
    ensemble: dict[str, Any],
    sampler: str,
    *,
    save_every: int,
    acceptance: float,
    forces_per_update: float,
    seconds: float,
    settings: dict[str, Any],
) -> None:
    """The attributes that every chain file carries."""
    file.attrs["kind"] = "chain"
    file.attrs["ensemble"] = json.dumps(ensemble)
    file.attrs["sampler"] = sampler
    file.attrs["save_every"] = save_every
    file.attrs["acceptance"] = acceptance
    file.attrs["forces_per_update"] = forces_per_update
    file.attrs["seconds"] = seconds
    file.attrs["settings"] = json.dumps(settings)
    file.attrs["units"] = "lattice units; S has no factor 1/2 (arXiv:1904.12072 eq. 20)"


def read_chain(path: str | Path, proposals: str | Path | None = None) -> Chain:
    """Load a chain file; a flow's needs the file of its proposals too.

    Raises:
        LfmcError: not a chain file, or a flow chain without its own proposals.
    """
    missed = not_reached(path)
    if missed:
        raise LfmcError(f"{path}: no chain, {missed}")
    with open_hdf5(path) as file:
        kind = file.attrs.get("kind", "")
        if kind not in ("chain", "flow-chain"):
            raise LfmcError(f"{path}: not a chain file (kind is {kind!r})")
        attributes = dict(file.attrs)
        extra = {name: data[()] for name, data in file.get("extra", {}).items()}
        if kind == "chain":
            scalars = {name: file["scalars"][name][()] for name in SCALARS}
            two_point = file["saved/two_point"][()]
        else:
            index = file["chain/index"][()]
            multiplicity = file["chain/multiplicity"][()]
            replica = file["chain/replica"][()]
            if proposals is None:
                raise LfmcError(f"{path}: a flow chain is read together with its proposals")
    if kind == "flow-chain":
        scalars, two_point = _expand(path, str(proposals), index, multiplicity, replica)
        extra |= {"index": index, "multiplicity": multiplicity, "replica": replica}
    ensemble = json.loads(attributes.pop("ensemble"))
    return Chain(
        ensemble=ensemble,
        sampler=str(attributes.pop("sampler")),
        shape=tuple(ensemble["shape"]),
        scalars=scalars,
        two_point=two_point,
        save_every=int(attributes.pop("save_every")),
        acceptance=float(attributes.pop("acceptance")),
        forces_per_update=float(attributes.pop("forces_per_update")),
        seconds=float(attributes.pop("seconds")),
        extra=extra,
        attributes=attributes,
    )


def _expand(
    path: str | Path, proposals: str, index: NDArray, multiplicity: NDArray, replica: NDArray
) -> tuple[dict[str, Floats], Floats]:
    replicas = int(replica.max()) + 1
    if multiplicity.sum() % replicas:
        raise LfmcError(
            f"{path}: replicas of unequal length; the file is damaged, run accept again"
        )
    steps = updates_of_states(index, multiplicity, replicas)
    with open_hdf5(proposals) as file:
        if steps.max() >= len(file["log_q"]):
            raise LfmcError(f"{proposals}: fewer proposals than the chain {path} refers to")
        scalars = {name: file["scalars"][name][()][steps] for name in SCALARS}
        return scalars, file["two_point"][()][steps]


def updates_of_states(index: NDArray, multiplicity: NDArray, replicas: int) -> NDArray:
    """Proposal behind every update of a flow's chain, (replicas, updates)."""
    return np.repeat(index, multiplicity).reshape(replicas, -1)
