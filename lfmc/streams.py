"""Random streams: one independent generator for each (seed, stage, ensemble, sampler, index).

A stream depends on names and indices only, never on ranks, batch sizes or the order of work,
so results are the same bits however the work is split.
"""

import zlib

import numpy as np

from lfmc.classical import CLASSICAL

STAGES = ("train", "propose", "accept", "tune", "hmc", "local", "cluster", "bootstrap", "check")
LATER = 1000  # first word of the samplers that are not among them


def spawn_key(stage: str, *names: str | int) -> tuple[int, ...]:
    """Key of a stream: stage number, crc32 of each name, integers as they are."""
    words = [STAGES.index(stage)] if stage in STAGES else _of_sampler(stage)
    words += [zlib.crc32(n.encode()) if isinstance(n, str) else n for n in names]
    return tuple(words)


def _of_sampler(stage: str) -> list[int]:
    """Words of a classical sampler that came after STAGES was fixed."""
    if stage not in CLASSICAL:
        raise ValueError(f"no stage {stage!r}")
    return [LATER, zlib.crc32(stage.encode())]


def generator(seed: int, stage: str, *names: str | int) -> np.random.Generator:
    """Philox generator of the stream; its normals do not depend on how they are chunked."""
    sequence = np.random.SeedSequence(seed, spawn_key=spawn_key(stage, *names))
    return np.random.Generator(np.random.Philox(sequence))


def chain_words(seed: int, chains: range, stage: str, *names: str | int) -> np.ndarray:
    """Initial xoshiro256 state of each chain, uint64 (4, chains): one stream per chain index."""
    states = [
        np.random.SeedSequence(seed, spawn_key=(*spawn_key(stage, *names), c)).generate_state(
            4, np.uint64
        )
        for c in chains
    ]
    return np.stack(states, axis=1)
