"""Whether a file of chains or proposals was made for this configuration: one check for all readers.

Snakemake compares settings before it runs a stage; a command by hand, or `--touch`, does not. Every
file says in its attribute `settings` what its bits depend on, and all of it must be as the
configuration has it now.
"""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import h5py

from lfmc.attributes import mapping, text
from lfmc.config import Config, stage_settings
from lfmc.config.problems import shortened
from lfmc.errors import LfmcError
from lfmc.store import open_hdf5

# Of stages whose files are named after a sampler; of all others: chain.
KINDS = {"propose": "proposals", "accept": "flow-chain", "import": "chain"}


def require_made_for(
    path: str | Path, config: Config, stage: str, ensemble: str, sampler: str
) -> None:
    """Open a file and compare it; see `require_same`."""
    with open_hdf5(path) as file:
        require_same(path, file, config, stage, ensemble, sampler)


def require_same(
    path: str | Path, file: h5py.File, config: Config, stage: str, ensemble: str, sampler: str
) -> None:
    """Compare kind, sampler, ensemble and every setting of a file with the configuration.

    Args:
        stage: propose, accept, import, hmc, local or cluster.

    Raises:
        LfmcError: the first difference: what the file was made with, and what is wanted.
    """
    named = stage in KINDS
    again = f"run 'lfmc {stage} --ensemble {ensemble}{f' --sampler {sampler}' if named else ''}'"
    kind, wanted = text(path, file, "kind"), KINDS.get(stage, "chain")
    if kind != wanted:
        raise LfmcError(f"{path}: its kind is {shortened(kind)}, expected {wanted}; {again}")
    found = text(path, file, "sampler")
    if found != sampler:
        raise LfmcError(f"{path}: made by {shortened(found)}, expected {sampler}; {again}")
    settings = stage_settings(config, stage, ensemble, sampler if named else None)
    pairs = (
        ("ensemble", config.ensemble(ensemble).model_dump(mode="json")),
        ("settings", json.loads(json.dumps(settings))),
    )
    for name, expected in pairs:
        one, two = dict(leaves(mapping(path, file, name))), dict(leaves(expected))
        for key in sorted(one.keys() | two.keys()):
            if one.get(key) != two.get(key):
                what = key if name == "settings" else f"ensemble.{key}"
                raise LfmcError(
                    f"{path}: made with {what} = {shortened(str(one.get(key, 'nothing')))}, the "
                    f"configuration has {two.get(key, 'nothing')}; {again} again"
                )


def leaves(tree: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """Every value of nested mappings with its path, as in "statistics.replicas"."""
    if isinstance(tree, dict):
        for key, value in tree.items():
            yield from leaves(value, f"{path}.{key}" if path else str(key))
    else:
        yield path, tree
