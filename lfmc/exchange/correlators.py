"""Correlators of a scalar theory as `pyerrors.Corr`, with every replica a Monte Carlo history.

References:
    pyerrors (arXiv:2209.14371); the Gamma method (arXiv:hep-lat/0306017).
"""

import gzip
import json
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lfmc.chains import Chain
from lfmc.errors import LfmcError
from lfmc.exchange.source import Source
from lfmc.provenance import provenance, stamp
from lfmc.store import write_bytes
from lfmc.theories.scalar_observables import ScalarObservables
from lfmc.theories.two_point import zero_momentum_correlator

SHORTEST = 5  # saved configurations per replica that pyerrors asks for
SUFFIXES = (".json", ".json.gz")


def write_correlators(source: Source, output: Path) -> None:
    """Write G~_c(0, t), t = 0 ... T-1, as a file of `pyerrors.input.json.load_json`.

    Args:
        output: a name that ends in .json or, compressed, in .json.gz.

    Raises:
        LfmcError: pyerrors is not installed, another suffix, too short replicas, a theory without
            such a correlator, or a folder that cannot be written.
    """
    if not output.name.endswith(SUFFIXES):
        raise LfmcError(f"{output}: a file of pyerrors needs a name that ends in .json or .json.gz")
    pyerrors = _pyerrors()
    chain = source.chain
    description = {
        "content": "connected correlator at zero momentum, G~_c(0, t), t = 0 ... T-1",
        "ensemble": chain.ensemble,
        "sampler": chain.sampler,
        "idl": "updates of the saved configurations, from 1 on",
        "units": str(chain.attributes.get("units", "lattice units")),
    }
    correlator = correlator_of(chain, pyerrors)
    text = pyerrors.input.json.create_json_string(correlator, description, indent=1)
    if output.name.endswith(".gz"):  # no checksum: gzip has its own
        settings = {"stage": "export"}
        mark = {k: v for k, v in provenance(settings, source.files).items() if k != "checksum"}
        data = gzip.compress(_with_provenance(text, json.dumps(mark)).encode(), mtime=0)
    else:
        data = _with_provenance(text, stamp({"stage": "export"}, source.files)).encode()
    write_bytes(output, data)


def correlator_of(chain: Chain, pyerrors: Any) -> Any:
    """The `pyerrors.Corr` of a chain: one history per replica, indexed by updates.

    `Corr.m_eff("arccosh")` times L has the values mLeff_t of the tables.

    Raises:
        LfmcError: too short replicas, or a theory without such a correlator.
    """
    theory = chain.theory
    if not isinstance(theory, ScalarObservables):
        raise LfmcError(f"pyerrors: {chain.sampler} in {chain.ensemble['name']} is no scalar field")
    replicas, length = chain.two_point.shape[:2]
    if length < SHORTEST:
        raise LfmcError(
            f"{chain.sampler} in {chain.ensemble['name']}: {length} saved configurations per "
            f"replica; pyerrors needs {SHORTEST}"
        )
    every = chain.save_every
    names = [
        f"{chain.ensemble['name']}_{chain.sampler}|r{replica:05d}" for replica in range(replicas)
    ]
    updates = [range(every, every * length + 1, every)] * replicas

    def observable(histories: NDArray) -> Any:
        return pyerrors.Obs(list(np.asarray(histories, dtype=np.float64)), names, idl=updates)

    pairs = zero_momentum_correlator(chain.two_point.astype(np.float64), chain.shape)
    content = [observable(pairs[:, :, t]) for t in range(pairs.shape[-1])]
    if not theory.even:
        mean = observable(chain.saved["m"])
        weight = zero_momentum_correlator(np.ones(chain.two_point.shape[-1]), chain.shape)
        content = [c - float(w) * mean * mean for c, w in zip(content, weight, strict=True)]
    return pyerrors.Corr(content)


def _pyerrors() -> Any:
    try:
        import pyerrors
        import pyerrors.input.json
    except ImportError:
        raise LfmcError(
            "export --to pyerrors: pyerrors is not installed; pip install 'lfmc[pyerrors]'"
        ) from None
    return pyerrors


def _with_provenance(text: str, mark: str) -> str:
    """The JSON of pyerrors, whose readers ignore further keys, with our provenance in front."""
    return f'{{\n "provenance": {mark},{text.lstrip()[1:]}'
