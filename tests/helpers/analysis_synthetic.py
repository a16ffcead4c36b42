"""Chains of known autocorrelation and exact observables for the tests of the analysis."""

import json
from pathlib import Path
from typing import Any

import numpy as np
from figures_results import say_made_for
from scipy.signal import lfilter

from lfmc.chains import Chain, write_header
from lfmc.config import Config
from lfmc.lattice import khat2, volume
from lfmc.store import create_hdf5
from lfmc.theories.two_point import averages, two_point


def autoregressive(
    rng: np.random.Generator, replicas: int, length: int, tau: float, *inner: int
) -> np.ndarray:
    """Stationary x_t = a x_{t-1} + sqrt(1-a^2) noise, tau = 1/2 + a/(1-a): unit variance."""
    a = (tau - 0.5) / (tau + 0.5)
    noise = rng.normal(size=(replicas, length, *inner))
    noise[:, 1:] *= np.sqrt(1 - a * a)
    return lfilter([1.0], [1.0, -a], noise, axis=1)


def free_fields(
    rng: np.random.Generator,
    shape: tuple[int, ...],
    m2: float,
    replicas: int,
    length: int,
    tau: float,
) -> np.ndarray:
    """Free fields (replicas, length, V) of S = sum phi (box + m2) phi, AR(1) in time, tau of m."""
    white = autoregressive(rng, replicas, length, tau, *shape)
    axes = tuple(range(2, 2 + len(shape)))
    spread = 1 / np.sqrt(2 * (khat2(shape).reshape(shape) + m2))
    fields = np.fft.ifftn(np.fft.fftn(white, axes=axes) * spread, axes=axes).real
    return fields.reshape(replicas, length, -1)


def free_two_point(shape: tuple[int, ...], m2: float) -> np.ndarray:
    """Exact G(x) of that field, (V,)."""
    spectrum = 1 / (2 * (khat2(shape).reshape(shape) + m2))
    return np.fft.ifftn(spectrum).real.ravel()


def free_observables(extent: int, m2: float) -> dict[str, float]:
    """Every observable of `measure` of that field on extent x extent, exactly."""
    two_point = free_two_point((extent, extent), m2).reshape(extent, extent)
    correlator = two_point.mean(1)
    mass = extent * 2 * np.arcsinh(np.sqrt(m2) / 2)
    exact = {
        "chi2": two_point.sum(),
        "E": two_point[0, 1],
        "phi2": two_point[0, 0],
        "G0": two_point[0, 0],
        "phi4": 3 * two_point[0, 0] ** 2,
        "m": 0.0,
        "absm": np.sqrt(2 / np.pi * two_point.sum() / extent**2),
        "binder": 3.0,
        "sd": 1.0,
        "m2ndL": extent * np.sqrt(m2),
        "mpL": mass,
    }
    exact |= {f"Gt_{t}": correlator[t] for t in range(extent // 2 + 1)}
    return exact | {f"mLeff_{t}": mass for t in range(1, extent // 2 + 1)}


def chain_of_fields(
    fields: np.ndarray,
    shape: tuple[int, ...],
    m2: float,
    *,
    sampler: str = "local",
    save_every: int = 1,
    lam: float = 1e-12,
    seconds: float = 10.0,
    forces: float = 0.0,
    extra: dict[str, np.ndarray] | None = None,
    acceptance: float = 0.7,
) -> Chain:
    """A chain as samplers leave it, from fields of every update (replicas, updates, V)."""
    replicas, updates, _ = fields.shape
    flat = fields.reshape(replicas * updates, volume(shape))
    values = {
        name: value.reshape(replicas, updates).astype(np.float32)
        for name, value in averages(flat, shape).items()
    }
    kept = fields[:, save_every - 1 :: save_every]
    correlators = two_point(kept.reshape(-1, volume(shape)), shape)
    ensemble: dict[str, Any] = {
        "name": "X",
        "L": shape[0],
        "d": len(shape),
        "shape": list(shape),
        "m2": m2,
        "lam": lam,
        "normalisation": 1.0,
    }
    return Chain(
        ensemble=ensemble,
        sampler=sampler,
        shape=shape,
        scalars=values,
        two_point=correlators.reshape(replicas, kept.shape[1], -1).astype(np.float32),
        save_every=save_every,
        acceptance=acceptance,
        forces_per_update=forces,
        seconds=seconds,
        extra=extra or {},
        attributes={},
    )


def write_chain(path: Path, chain: Chain, config: Config) -> None:
    """The chain as a file of the documented layout, made for a configuration."""
    with create_hdf5(path, "{}") as file:
        write_header(
            file,
            chain.ensemble,
            chain.sampler,
            save_every=chain.save_every,
            acceptance=chain.acceptance,
            forces_per_update=chain.forces_per_update,
            seconds=chain.seconds,
            settings={},
        )
        say_made_for(file, config, chain.sampler, chain.ensemble["name"], chain.sampler)
        for name, value in chain.scalars.items():
            file[f"scalars/{name}"] = value
        file["saved/two_point"] = chain.two_point
        for name, value in chain.extra.items():
            file[f"extra/{name}"] = value


def independence_chain(
    log_weight: np.ndarray, rng: np.random.Generator, replicas: int = 10
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(index, multiplicity, replica) of independence Metropolis over proposals in order."""
    uniform = np.log(rng.random(len(log_weight))).tolist()
    weight = log_weight.tolist()
    index, multiplicity, replica = [], [], []
    for r, block in enumerate(np.array_split(np.arange(len(weight)), replicas)):
        state = -1
        for proposal in block.tolist():
            if state < 0 or uniform[proposal] < weight[proposal] - weight[state]:
                state = proposal
                index.append(state)
                multiplicity.append(0)
                replica.append(r)
            multiplicity[-1] += 1
    return np.array(index), np.array(multiplicity), np.array(replica)


def write_flow(
    path: Path,
    proposals: Path,
    chain: Chain,
    log_weight: np.ndarray,
    rng: np.random.Generator,
    config: Config,
) -> None:
    """An independence Metropolis chain that proposes a chain's configurations in turn."""
    count = len(log_weight)
    index, multiplicity, replica = independence_chain(log_weight, rng)
    place = (chain.ensemble["name"], chain.sampler)
    with create_hdf5(proposals, "{}") as file:
        say_made_for(file, config, "propose", *place)
        file["log_q"] = -log_weight
        file["S"] = np.zeros(count)
        for name, value in chain.scalars.items():
            file[f"scalars/{name}"] = value.reshape(-1)
        file["two_point"] = chain.two_point.reshape(count, -1)
    with create_hdf5(path, "{}") as file:
        write_header(
            file,
            chain.ensemble,
            chain.sampler,
            save_every=1,
            acceptance=(len(index) - 10) / (count - 10),
            forces_per_update=0.0,
            seconds=chain.seconds,
            settings={},
        )
        say_made_for(file, config, "accept", *place)
        file["chain/index"] = index
        file["chain/multiplicity"] = multiplicity
        file["chain/replica"] = replica


def write_config(path: Path, ensembles: list[dict[str, Any]], results: Path) -> None:
    """A configuration file (JSON is YAML)."""
    content = {"ensembles": ensembles, "results": str(results), "flow": {"models": 1}}
    path.write_text(json.dumps(content))
