"""Chains of a scan of the free field, drawn exactly."""

import json
from pathlib import Path

import numpy as np
from analysis_synthetic import chain_of_fields, free_fields, write_chain

from lfmc.config import parse_config

SCANNED = (0.3, 0.4, 0.55)


def free_chains(seed, extent=4, replicas=32, length=100, values=SCANNED, tau=0.5):
    """Chains of the free field, phi^4 with next to no lam, at several m2."""
    rng, shape = np.random.default_rng(seed), (extent, extent)
    return [
        chain_of_fields(free_fields(rng, shape, m2, replicas, length, tau), shape, m2)
        for m2 in values
    ]


def written_scan(folder: Path, results: Path, values: tuple[float, ...] = SCANNED) -> Path:
    """scan.yaml in `folder`, its chains of `local` below `results`; the file."""
    scan = {"L": [4, 6, 8], "m2": list(values), "lam": 1e-12}
    raw = {"scan": scan, "results": str(results), "flow": {"targets": []}, "samplers": ["local"]}
    config = parse_config(raw)
    for extent in (4, 6, 8):
        names = [e.name for e in config.ensembles if e.extent == extent]
        for name, chain in zip(names, free_chains(extent, extent, values=values), strict=True):
            chain = chain._replace(ensemble=config.ensemble(name).model_dump(mode="json"))
            write_chain(results / "local" / f"{name}.h5", chain, config)
    path = folder / "scan.yaml"
    path.write_text(json.dumps(raw))
    return path
