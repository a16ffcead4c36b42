"""A chain as one HDF5 file without parts, in the layout of every chain file (docs/formats.md)."""

import json
from pathlib import Path

from lfmc.chains import OF_THE_FILE, write_header
from lfmc.exchange.source import Source
from lfmc.provenance import stamp
from lfmc.store import create_hdf5


def write_one_file(source: Source, output: Path, stage: str = "export") -> None:
    """Write a chain that opens alone: `read_chain(output)`, `h5py.File(output)`.

    A flow's chain is expanded: scalars and correlators of every update, its states under `/extra`,
    and `/log_weight` of its proposals.

    Args:
        stage: the command at work, for the provenance.

    Raises:
        LfmcError: the folder cannot be written.
    """
    chain = source.chain
    settings = json.loads(str(chain.attributes.get("settings", "{}")))
    mark = stamp({"stage": stage, "chain": settings}, source.files)
    with create_hdf5(output, mark) as file:
        for name, values in chain.scalars.items():
            file[f"scalars/{name}"] = values
        file["saved/two_point"] = chain.two_point
        for name, values in chain.extra.items():
            file[f"extra/{name}"] = values
        file["fields/phi"] = source.phi
        file["fields/replica"], file["fields/update"] = source.replica, source.update
        if source.log_weight is not None:
            file["log_weight"] = source.log_weight
        write_header(
            file,
            chain.ensemble,
            chain.sampler,
            save_every=chain.save_every,
            acceptance=chain.acceptance,
            forces_per_update=chain.forces_per_update,
            seconds=chain.seconds,
            settings=settings,
        )
        for name, value in chain.attributes.items():
            if name not in OF_THE_FILE:
                file.attrs[name] = value
        if source.provenance:
            file.attrs["exported_from"] = source.provenance
