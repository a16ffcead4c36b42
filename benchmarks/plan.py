"""How much is measured: `full`, `quick` (minutes), or `tiny`, which only shows that it runs."""

from typing import Any, NamedTuple

from lfmc.config import Config, parse_config

# lam on the line of constant physics at m2 = -4; L = 4 beside it for trials, 44 between the others.
COUPLINGS = {
    4: 9.0, 6: 6.975, 8: 6.008, 10: 5.550, 12: 5.276, 14: 5.113, 20: 4.807, 32: 4.572, 44: 4.477,
    64: 4.398,
}  # fmt: skip

# Every architecture at the default settings of its section, both priors of the paper's network.
ARCHITECTURES: dict[str, dict[str, Any]] = {
    "heatbath": {"kind": "heatbath"},
    "realnvp": {"kind": "realnvp"},
    "realnvp-variational": {"kind": "realnvp", "prior": "variational"},
    "convolutional": {"kind": "convolutional"},
    "continuous": {"kind": "continuous"},
    "spline": {"kind": "spline"},
    "multiscale": {"kind": "multiscale"},
}
DEFAULT = "heatbath"
# What differs from the training of the default flow: random networks bear smaller steps.
TRAINING: dict[str, dict[str, Any]] = {
    "realnvp": {"learning_rate": 1e-3},
    "realnvp-variational": {"learning_rate": 1e-3},
}


class Rung(NamedTuple):
    """A training of `benchmarks.frontier`: natural-gradient steps of so many samples.

    Attributes:
        damping: the smallest one; training is in float64 if it is below
            `lfmc.training.natural.SINGLE_PRECISION_DAMPING`.
    """

    L: int
    layers: int
    steps: int
    samples: int
    damping: float = 2e-5


class Plan(NamedTuple):
    """Sizes of all parts.

    Attributes:
        architectures: which of ARCHITECTURES take part.
        extents: L that every architecture trains at; `scaling` those of the default flow.
        seeds: trainings of each.
        limit: CPU seconds of one training.
        targets: acceptances.
        rate_extents: L of rates, exactness and samplers.
        exact_seconds: training before log q is compared with its Jacobian.
        jacobians: samples compared.
        updates: of a sampler in one timed call; its gate runs `gate_updates`.
        repeats: timed calls; the median counts.
        proposals: of one job of the rank ratio; 0 leaves it out.
        peers, peer_extents, peer_limit: which peers run, where, and for how many CPU seconds.
        paper_limit: CPU seconds of the paper's network; 0 leaves it out.
        frontier: ladders of warm starts; a check takes `frontier_samples`.
    """

    architectures: tuple[str, ...]
    extents: tuple[int, ...]
    scaling: tuple[int, ...]
    seeds: int
    limit: float
    targets: tuple[float, ...]
    rate_extents: tuple[int, ...]
    exact_extents: tuple[int, ...]
    exact_seconds: float
    jacobians: int
    updates: int
    gate_updates: int
    repeats: int
    proposals: int
    peers: tuple[str, ...]
    peer_extents: tuple[int, ...]
    peer_limit: float
    paper_limit: float
    frontier: dict[str, tuple[Rung, ...]]
    frontier_samples: int


PEERS = ("bijx", "zuko-realnvp", "normflows-realnvp", "zuko-nsf", "normflows-nsf")

PLANS = {
    "full": Plan(
        architectures=tuple(ARCHITECTURES),
        extents=(6, 8, 10, 12, 14),
        scaling=(6, 8, 10, 12, 14, 20),
        seeds=3,
        limit=300.0,
        targets=(0.5, 0.7, 0.9),
        rate_extents=(8, 14),
        exact_extents=(6, 8),
        exact_seconds=20.0,
        jacobians=32,
        updates=200,
        gate_updates=4000,
        repeats=7,
        proposals=1_000_000,
        peers=PEERS,
        peer_extents=(8, 14),
        peer_limit=300.0,
        paper_limit=1800.0,
        frontier={
            "L = 14": (
                Rung(10, 24, 12, 4096),
                Rung(14, 24, 10, 4096),
                Rung(14, 24, 50, 8192, 1e-9),
            ),
            "L = 32": (
                Rung(10, 16, 15, 2048),
                Rung(14, 16, 10, 2048),
                Rung(20, 16, 12, 4096),
                Rung(32, 16, 25, 4096),
                Rung(32, 16, 10, 16384, 1e-8),
            ),
            "L = 64": (
                Rung(10, 12, 10, 2048),
                Rung(14, 12, 8, 2048),
                Rung(20, 12, 8, 4096),
                Rung(32, 12, 10, 4096),
                Rung(44, 12, 8, 8192),
                Rung(64, 12, 18, 16384),
            ),
        },
        frontier_samples=16384,
    ),
    "quick": Plan(
        architectures=tuple(ARCHITECTURES),
        extents=(6, 8),
        scaling=(6, 8, 10),
        seeds=1,
        limit=10.0,
        targets=(0.5, 0.7),
        rate_extents=(8,),
        exact_extents=(6,),
        exact_seconds=3.0,
        jacobians=4,
        updates=50,
        gate_updates=1000,
        repeats=3,
        proposals=0,
        peers=("bijx", "zuko-realnvp"),
        peer_extents=(8,),
        peer_limit=20.0,
        paper_limit=0.0,
        frontier={"L = 10": (Rung(6, 4, 10, 1024), Rung(10, 4, 5, 1024), Rung(10, 6, 5, 1024))},
        frontier_samples=4096,
    ),
    "tiny": Plan(
        architectures=tuple(ARCHITECTURES),
        extents=(4,),
        scaling=(4, 6, 8),
        seeds=1,
        limit=1.0,
        targets=(0.5,),
        rate_extents=(6,),
        exact_extents=(4,),
        exact_seconds=0.2,
        jacobians=1,
        updates=5,
        gate_updates=400,
        repeats=1,
        proposals=0,
        peers=("zuko-realnvp",),
        peer_extents=(6,),
        peer_limit=1.0,
        paper_limit=0.0,
        frontier={"L = 6": (Rung(4, 2, 1, 512), Rung(6, 2, 1, 512), Rung(6, 4, 1, 512))},
        frontier_samples=512,
    ),
}


def configuration(
    architecture: str, extent: int, seed: int, targets: tuple[float, ...], **training: Any
) -> Config:
    """One ensemble of the line of constant physics and one architecture.

    Limits are the suite's own (CPU seconds); a slow flow's model is decided on fewer samples.
    """
    unlimited = {"max_seconds": 1e9, "max_steps": 10**9, "decide_samples": 8192}
    settings = {**unlimited, **TRAINING.get(architecture, {}), **training}
    ensemble = {"name": f"L{extent}", "L": extent, "m2": -4.0, "lam": COUPLINGS[extent]}
    flow = {"model": ARCHITECTURES[architecture], "targets": list(targets), "training": settings}
    return parse_config({"seed": seed, "ensembles": [ensemble], "flow": flow})
