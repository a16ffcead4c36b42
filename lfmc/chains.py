"""The chain file: what every sampler leaves behind and every analysis reads.

Layout (HDF5), R replicas, U updates, S = U // save_every saved configurations, K correlators:
    /scalars/*                float32 (R, U)     of every update: m, phi2 ... (`Theory.scalars`)
    /saved/two_point          float32 (R, S, K)  correlators of each saved configuration: G(x) per
        orbit of a scalar theory
    /fields/phi               float64 (F, V)     F thinned whole fields, flat C order
    /fields/replica, /fields/update  int64 (F,)  where each belongs
    /extra/*                  sampler's own (dH, accepted, cluster size ...)
    attributes: kind="chain", ensemble (JSON), sampler, save_every, forces_per_update,
        seconds, acceptance, provenance, and settings of the sampler (JSON)
A flow's chain is stored as proposal index and multiplicity (see proposals.accept); `read_chain`
expands it, so that analysis never knows how a sample was made.
"""

import json
from pathlib import Path
from typing import Any, NamedTuple

import h5py
import numpy as np
from numpy.typing import NDArray

from lfmc.attributes import mapping, number, text, whole_number
from lfmc.config import Config
from lfmc.config.problems import shortened
from lfmc.errors import LfmcError
from lfmc.made_for import require_made_for
from lfmc.not_reached import not_reached
from lfmc.store import open_hdf5
from lfmc.theories.base import Theory
from lfmc.theories.ensembles import described
from lfmc.theories.foreign import RealField

Floats = NDArray[np.floating]
STATES = ("index", "multiplicity", "replica")
# Attributes that say what a file is, not what the chain is: a copy of a chain has its own.
OF_THE_FILE = ("kind", "provenance", "settings", "units")
IMPORTED = "imported_from"  # attribute of a chain of another program: its file


class Chain(NamedTuple):
    """A chain in memory.

    Attributes:
        ensemble: settings of the ensemble, as in the configuration (name, shape, m2, lam ...).
        sampler: flow-50, hmc, ...
        shape: extents of the lattice.
        scalars: name -> (replicas, updates), of every update.
        two_point: (replicas, saved, K), of every saved configuration.
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

    @property
    def imported(self) -> bool:
        """Whether another program made it: its updates and their cost are not known."""
        return IMPORTED in self.attributes

    @property
    def theory(self) -> Theory | RealField:
        """What the settings of the ensemble describe."""
        return described(self.ensemble, self.shape)


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
    phi4 = "; S has no factor 1/2 (arXiv:1904.12072 eq. 20)" if "lam" in ensemble else ""
    file.attrs["units"] = f"lattice units{phi4}"


def read_chain_of(
    config: Config, ensemble: str, sampler: str, path: str | Path, proposals: Path | None = None
) -> Chain:
    """As `read_chain`, of files that were made for this configuration.

    Raises:
        LfmcError: another kind, sampler, ensemble, seed or length; what `read_chain` raises.
    """
    missed = not_reached(path)
    if missed:
        raise LfmcError(f"{path}: no chain, {missed}")
    require_made_for(path, config, config.chain_stage(sampler), ensemble, sampler)
    if proposals:
        require_made_for(proposals, config, "propose", ensemble, sampler)
    return read_chain(path, proposals)


def read_chain(path: str | Path, proposals: str | Path | None = None) -> Chain:
    """Load a chain file; a flow's needs the file of its proposals too.

    Raises:
        LfmcError: not a chain file, a flow chain without its own proposals, or anything in them
            that is missing, out of range or of a shape that does not fit.
    """
    missed = not_reached(path)
    if missed:
        raise LfmcError(f"{path}: no chain, {missed}")
    with open_hdf5(path) as file:
        kind = text(path, file, "kind")
        if kind not in ("chain", "flow-chain"):
            raise LfmcError(f"{path}: not a chain file (kind is {shortened(repr(kind))})")
        chain = _header(path, file)
        extra = {name: data[()] for name, data in file.get("extra", {}).items()}
        if kind == "chain":
            scalars = {name: values[()] for name, values in file["scalars"].items()}
            two_point = file["saved/two_point"][()]
        else:
            states = {name: file[f"chain/{name}"][()] for name in STATES}
            if proposals is None:
                raise LfmcError(f"{path}: a flow chain is read together with its proposals")
    if kind == "flow-chain":
        scalars, two_point = _expand(path, str(proposals), **states)
        extra |= states
    chain = chain._replace(scalars=scalars, two_point=two_point, extra=extra)
    _require_shapes(path, chain)
    return chain


def _header(path: str | Path, file: h5py.File) -> Chain:
    """A chain as its attributes describe it, without data."""
    ensemble = mapping(path, file, "ensemble")
    shape = ensemble.get("shape")
    if not isinstance(shape, list) or not all(type(n) is int and n > 0 for n in shape):
        raise LfmcError(f"{path}: attribute ensemble has no shape")
    known = ("ensemble", "sampler", "save_every", "acceptance", "forces_per_update", "seconds")
    others = {key: value for key, value in file.attrs.items() if key not in known}
    for key in ("seconds_setup", "seconds_measure"):  # not of earlier versions
        if key in others:
            others[key] = number(path, file, key, 0)
    return Chain(
        ensemble=ensemble,
        sampler=text(path, file, "sampler"),
        shape=tuple(shape),
        scalars={},
        two_point=np.empty((0, 0, 0)),
        save_every=whole_number(path, file, "save_every", 1),
        acceptance=number(path, file, "acceptance", 0, 1),
        forces_per_update=number(path, file, "forces_per_update", 0),
        seconds=number(path, file, "seconds", 0),
        extra={},
        attributes=others,
    )


def _require_shapes(path: str | Path, chain: Chain) -> None:
    """Refuse data sets of other sizes or types than their chain has."""
    theory, every = chain.theory, chain.save_every
    lost = [name for name in theory.scalars if name not in chain.scalars]
    if lost:
        raise LfmcError(f"{path}: no scalars/{lost[0]}; the file is damaged, sample again")
    first = chain.scalars[theory.scalars[0]]
    sizes = {name: series.shape for name, series in chain.scalars.items()}
    good = first.ndim == 2 and first.size > 0 and set(sizes.values()) == {first.shape}
    saved = (len(first), first.shape[1] // every) if good else ()
    good = good and chain.two_point.shape == (*saved, theory.separations)
    data = (*chain.scalars.values(), chain.two_point)
    if not good or any(array.dtype.kind != "f" for array in data):
        raise LfmcError(
            f"{path}: correlators of shape {chain.two_point.shape} do not fit scalars of "
            f"{sorted(set(sizes.values()))} saved every {every}; the file is damaged, sample again"
        )


def _expand(
    path: str | Path, proposals: str, index: NDArray, multiplicity: NDArray, replica: NDArray
) -> tuple[dict[str, Floats], Floats]:
    replicas = require_states(path, index, multiplicity, replica)
    proposal = proposals_of_updates(index, multiplicity, replicas)
    with open_hdf5(proposals) as file:
        scalars = dict(file["scalars"].items())
        rows = scalars | {"two_point": file["two_point"]}
        count = len(file["log_q"])
        if any(len(data) != count for data in rows.values()):
            raise LfmcError(f"{proposals}: data sets of unequal length; run propose again")
        if proposal.max() >= count:
            raise LfmcError(f"{proposals}: fewer proposals than the chain {path} refers to")
        found = {name: values[()][proposal] for name, values in scalars.items()}
        return found, rows["two_point"][()][proposal]


def require_states(
    path: str | Path, index: NDArray, multiplicity: NDArray, replica: NDArray
) -> int:
    """The number of replicas of a flow's chain.

    Raises:
        LfmcError: states that no independence chain has; see `lfmc.proposals.accept`.
    """
    arrays = (index, multiplicity, replica)
    if any(a.dtype.kind not in "iu" or a.shape != (len(index),) for a in arrays) or not len(index):
        fault = "are not whole numbers of equal count"
    elif index[0] < 0 or (np.diff(index) <= 0).any():
        fault = "have indices that do not ascend"
    elif multiplicity.min() < 1:
        fault = "have a multiplicity below 1"
    elif replica[0] != 0 or not np.isin(np.diff(replica), (0, 1)).all():
        fault = "have replicas that do not ascend from 0"
    elif len(set(np.bincount(replica, multiplicity).tolist())) != 1:
        fault = "belong to replicas of unequal length"
    else:
        return int(replica[-1]) + 1
    raise LfmcError(f"{path}: its states {fault}; the file is damaged, run accept again")


def proposals_of_updates(index: NDArray, multiplicity: NDArray, replicas: int) -> NDArray:
    """The index of the proposal of every update of a flow's chain, (replicas, updates)."""
    return np.repeat(index, multiplicity).reshape(replicas, -1)
