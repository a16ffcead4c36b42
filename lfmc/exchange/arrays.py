"""A chain as a folder of NumPy arrays, which needs no library but NumPy.

R replicas, U updates, S saved configurations, K orbits of separations, T = shape[0], F kept fields:

    scalars_NAME.npy       float32 (R, U)        of every update
    two_point.npy          float32 (R, S, K)     correlators of each saved configuration
    correlator.npy         float64 (R, S, T)     G~(0, t) of each, of a scalar theory
    fields.npy             float64 (F, *shape)   kept fields; flat, (F, numbers), where a site or
                                                 its links carry more than one number
    fields_replica.npy, fields_update.npy  int64 (F,)  where each belongs
    log_weight.npy         float64 (N,)          of every proposal of a flow
    chain.json             ensemble, sampler, save_every, acceptance ..., arrays, provenance
"""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lfmc.errors import LfmcError
from lfmc.exchange.source import Source
from lfmc.lattice import volume
from lfmc.provenance import provenance
from lfmc.store import write_json, writer
from lfmc.theories.scalar_observables import ScalarObservables
from lfmc.theories.two_point import zero_momentum_correlator

SIDECAR = "chain.json"


def write_arrays(source: Source, output: Path) -> None:
    """Write the folder of the module's list.

    Raises:
        LfmcError: it exists already, or cannot be written.
    """
    arrays = arrays_of(source)
    chain = source.chain
    described = {name: {"type": str(a.dtype), "shape": list(a.shape)} for name, a in arrays.items()}
    content = {
        "ensemble": chain.ensemble,
        "sampler": chain.sampler,
        "save_every": chain.save_every,
        "acceptance": chain.acceptance,
        "forces_per_update": chain.forces_per_update,
        "seconds": chain.seconds,
        "units": str(chain.attributes.get("units", "lattice units")),
        "saved": "saved configuration i is update (i + 1) save_every - 1",
        "arrays": described,
        "provenance": provenance({"stage": "export"}, source.files),
    }
    with _new_folder(output) as folder:
        for name, values in arrays.items():
            np.save(folder / f"{name}.npy", values, allow_pickle=False)
        write_json(folder / SIDECAR, content)


def arrays_of(source: Source) -> dict[str, NDArray[Any]]:
    """The arrays of the module's list, name -> array."""
    chain, theory = source.chain, source.chain.theory
    found: dict[str, NDArray[Any]] = {f"scalars_{k}": v for k, v in chain.scalars.items()}
    found["two_point"] = chain.two_point
    if isinstance(theory, ScalarObservables):
        pairs = chain.two_point.astype(np.float64)
        found["correlator"] = zero_momentum_correlator(pairs, chain.shape)
    alone = theory.field.numbers(chain.shape) == volume(chain.shape)
    found["fields"] = source.phi.reshape(-1, *chain.shape) if alone else source.phi
    found["fields_replica"], found["fields_update"] = source.replica, source.update
    if source.log_weight is not None:
        found["log_weight"] = source.log_weight
    return found


@contextmanager
def _new_folder(output: Path) -> Iterator[Path]:
    """A folder beside `output`, renamed onto it if the block succeeds, else removed."""
    if output.exists() or output.is_symlink():
        raise LfmcError(f"{output}: exists already; give the name of a new folder")
    aside = output.with_name(f".{output.name}.{writer()}.part")
    try:
        aside.mkdir(parents=True)
        yield aside
        os.rename(aside, output)
    except OSError as error:
        reason = os.strerror(error.errno) if error.errno else " ".join(str(error).split())
        raise LfmcError(f"{output}: cannot be written ({reason})") from None
    finally:
        with suppress(OSError):
            shutil.rmtree(aside)
