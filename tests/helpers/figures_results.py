"""A synthetic run for the tests of the figures: numbers of realistic size, no sampling.

Observables scatter about the shipped reference values, autocorrelation times about the
independent measurement of them, both with the errors that 10^6 configurations have.
"""

import json
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pandas as pd
from matplotlib.container import ErrorbarContainer
from matplotlib.figure import Figure

from lfmc.analysis.gamma_method import Tau
from lfmc.analysis.rejections import jensen_bound
from lfmc.analysis.tables import all_tables
from lfmc.config import Config, parse_config, stage_settings
from lfmc.config.sections import Ensemble
from lfmc.figures.registry import figure_module
from lfmc.figures.rundata import RunData
from lfmc.figures.style import look
from lfmc.lattice import separation_orbits, volume
from lfmc.made_for import KINDS
from lfmc.store import create_hdf5
from lfmc.table_files import write_table
from lfmc.theories.phi4.reference import find_reference, reference_data

STAMP = json.dumps({"lfmc": "test", "utc": "2020-01-01T00:00:00+00:00", "commit": "", "host": "h"})
PAPER = [Ensemble.from_albergo2019(name) for name in ("E1", "E2", "E3", "E4", "E5")]
N = 1_000_000


def paper_config(results: Path, count: int = 5) -> Config:
    """The first ensembles of the paper."""
    ensembles = [{"name": e.name, "L": e.L, "m2": e.m2, "lam": e.lam} for e in PAPER[:count]]
    return parse_config({"ensembles": ensembles, "results": str(results)})


def odd_config(results: Path) -> Config:
    """One three-dimensional ensemble that the paper has not, other targets."""
    return parse_config(
        {
            "ensembles": [{"name": "cube", "shape": [6, 4, 4], "m2": -6.0, "lam": 14.59}],
            "flow": {"targets": [0.3, 0.6, 0.8]},
            "results": str(results),
        }
    )


def write_results(config: Config, results: Path, seed: int = 7) -> RunData:
    """Every file that figures read."""
    rng = np.random.default_rng(seed)
    tables: dict[str, list[dict[str, Any]]] = {
        name: [] for name in ("observables", "tau_int", "training")
    }
    for ensemble in config.ensembles:
        for sampler in config.sampler_names:
            rate = _acceptance(config, sampler)
            _observables(tables["observables"], ensemble, sampler, rate, rng)
            _tau_int(tables["tau_int"], config, ensemble, sampler, rate, rng)
            _bins(results, ensemble, sampler, rate, rng)
        for flow in config.flow_names:
            for repeat in range(3):
                scale = (ensemble.extent / 6) ** 2.5 * rng.lognormal(0, 0.2)
                tables["training"].append(
                    {
                        "ensemble": ensemble.name,
                        "flow": flow,
                        "target": config.target(flow),
                        "seed": 1904 + repeat,
                        "steps": round(60 * scale * config.target(flow)),
                        "samples": 512 * round(60 * scale),
                        "seconds": 4 * scale * config.target(flow),
                        "acceptance_q": config.target(flow) + 0.01,
                        "acceptance_p": config.target(flow) + 0.012,
                        "ess": 0.7,
                    }
                )
        _fields(results, config, ensemble, rng)
    made = all_tables(config, *(pd.DataFrame(rows) for rows in tables.values()))
    for name, table in made.items():
        write_table(results / "tables" / f"{name}.csv", table, STAMP)
    return RunData(config, results)


def _named(ensemble: Ensemble, sampler: str) -> dict[str, Any]:
    return {"ensemble": ensemble.name, "sampler": sampler}


def _acceptance(config: Config, sampler: str) -> float:
    return config.target(sampler) + 0.02 if sampler in config.flow_names else 0.7


def _observables(
    rows: list, ensemble: Ensemble, sampler: str, rate: float, rng: np.random.Generator
) -> None:
    known = find_reference(ensemble.sites, ensemble.m2, ensemble.lam)
    half = ensemble.extent // 2
    if known is None:
        single = {"chi2": 2.0, "E": 0.07, "phi2": 0.18, "phi4": 0.06, "mpL": 4.0, "m2ndL": 4.1}
        t = np.arange(half + 1)
        correlator = 0.05 * np.cosh(4 / ensemble.extent * (t - half)) / np.cosh(4 * 0.5)
        mass = np.full(half, 4.0)
    else:
        single = {k: known.measured[k][0] for k in ("chi2", "E", "phi2", "phi4", "mpL", "m2ndL")}
        whole = reference_data()["ensembles"][known.name]["measured"]
        correlator, mass = np.array(whole["Gt"][0])[: half + 1], np.array(whole["mLeff"][0])
    relative = {"chi2": 1.2e-3, "E": 4e-4, "phi2": 1e-4, "phi4": 2e-4, "mpL": 8e-4, "m2ndL": 1e-3}
    many = {k: (v, relative[k] * v) for k, v in single.items()} | {"bins": (1000.0, 0.0)}
    many |= {"acceptance": (rate, 5e-4), "longest_rejection_run": (180.0, 0.0)}
    many |= {f"Gt_{t}": (v, (3 + t) * 1e-4 * v) for t, v in enumerate(correlator)}
    many |= {f"mLeff_{t + 1}": (v, (2 + t) * 2e-4 * v) for t, v in enumerate(mass)}
    many["G0"] = many["phi2"]
    for name, (value, error) in many.items():
        rows.append(
            _named(ensemble, sampler)
            | {
                "observable": name,
                "value": value + error * rng.normal(),
                "error": error,
                "n": N,
            }
        )


def _tau_int(
    rows: list,
    config: Config,
    ensemble: Ensemble,
    sampler: str,
    rate: float,
    rng: np.random.Generator,
) -> None:
    seconds = 2e-7 * volume(ensemble.sites) * (10 if sampler.startswith("flow") else 1)
    known = find_reference(ensemble.sites, ensemble.m2, ensemble.lam)
    measured = reference_data()["tau_int"].get(known.name if known else "E1", {})
    head = _named(ensemble, sampler)

    def add(observable: str, estimator: str, unit: str, tau: float, error: float) -> None:
        values = {"tau": tau, "error": error, "window": 10}
        rows.append(
            head | {"observable": observable, "estimator": estimator, "unit": unit} | values
        )

    if sampler in config.flow_names:
        jensen = jensen_bound(rate, 1e-3)
        tau_acc = Tau(1.4 * jensen.value - 0.2, 0.01, 150)
        add("acc", "rejections", "update", tau_acc.value, tau_acc.error)
        add("acc", "jensen", "update", jensen.value, jensen.error)
    for observable in ("E", "chi2", "G0", "phi2", "m", "absm"):
        for unit in ("update", "saved"):
            if sampler in config.flow_names:
                tau = tau_acc.value * (1.1 if observable == "E" else 0.9)
            else:
                tau = measured.get(f"{sampler} {unit}", {}).get(observable)
                tau = tau or measured[f"{sampler} update"].get(observable, 1.0) / (
                    1 if unit == "update" else 3
                )
                tau = max(tau, 0.5)
            error = 0.006 * tau**1.3
            value = max(tau + error * rng.normal(), 0.5)
            add(observable, "gamma", unit, value, error)
            if unit == "update":
                add(observable, "gamma", "second", value * seconds, error * seconds)
                if sampler in config.flow_names:
                    add(observable, "ratio", "none", value / tau_acc.value, error / tau_acc.value)


def _bins(
    results: Path, ensemble: Ensemble, sampler: str, rate: float, rng: np.random.Generator
) -> None:
    orbits = separation_orbits(ensemble.sites)
    base = 0.2 * np.exp(-0.4 * np.linalg.norm(orbits.representative, axis=1))
    wave = 0.05 * rng.normal(size=(1000, 1))
    length = np.arange(1, 200)
    slow = np.exp(-length / 8) if sampler.startswith("flow") else 0
    expected = 1e5 * ((1 - rate) ** length * rate + 0.01 * slow)
    with create_hdf5(results / "measure" / ensemble.name / f"{sampler}.h5", STAMP) as file:
        file["count"] = np.full(1000, N // 1000)
        file["two_point"] = base * (1 + wave)
        file["rejection_runs"] = np.concatenate([[0], rng.poisson(expected)])


def _fields(results: Path, config: Config, ensemble: Ensemble, rng: np.random.Generator) -> None:
    shape = ensemble.sites
    white = rng.normal(size=(4, *shape))
    axes = tuple(range(1, len(shape) + 1))
    smooth = white + sum(np.roll(white, 1, a) + np.roll(white, -1, a) for a in axes)
    flat, noise = 0.25 * smooth.reshape(4, -1), 0.4 * white.reshape(4, -1)
    proposed = {"phi": flat, "prior": noise}
    sources = {f"propose/{ensemble.name}/{flow}": proposed for flow in config.flow_names}
    sources |= {f"{s}/{ensemble.name}": {"phi": flat[::-1] + 0.1} for s in ("hmc", "local")}
    for path, content in sources.items():
        stage, _, sampler = (*path.split("/"), "")[:3]
        with create_hdf5(results / f"{path}.h5", STAMP) as file:
            say_made_for(file, config, stage, ensemble.name, sampler or stage)
            for name, values in content.items():
                file[f"fields/{name}"] = values


def say_made_for(file: h5py.File, config: Config, stage: str, ensemble: str, sampler: str) -> None:
    """Attributes of a file that was made for a configuration."""
    settings = stage_settings(config, stage, ensemble, sampler if stage in KINDS else None)
    chosen = config.ensemble(ensemble).model_dump(mode="json")
    attributes = {"kind": KINDS.get(stage, "chain"), "sampler": sampler}
    attributes |= {"ensemble": json.dumps(chosen), "settings": json.dumps(settings)}
    for key, value in attributes.items():
        file.attrs[key] = value


def drawn(ax, label: str) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """x, y and error of an errorbar series, read back from the artists."""
    (series,) = [
        c for c in ax.containers if isinstance(c, ErrorbarContainer) and c.get_label() == label
    ]
    line, _, (bars,) = series
    ends = np.array(list(bars.get_segments())).reshape(-1, 2, 2)
    return line.get_xdata(), line.get_ydata(), (ends[:, 1, 1] - ends[:, 0, 1]) / 2


def draw(name: str, run: RunData) -> Figure:
    with look():
        return figure_module(name).draw(RunData(run.config, run.results))
