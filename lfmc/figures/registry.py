"""The figures: name -> what it shows and which files it reads. Imports nothing heavy.

The Snakefile, `lfmc plot` and the report take names, categories and inputs from here.
"""

import importlib
from types import ModuleType
from typing import NamedTuple

from lfmc.config import CLASSICAL, Config
from lfmc.errors import unknown


class Entry(NamedTuple):
    """A figure.

    Attributes:
        title: a few words for lists and the report.
        category: chapter of the report.
        tables: names below results/tables, without .csv.
        bins: needs measure/E/X.h5 of every ensemble and sampler.
        fields: needs the whole fields of `field_sources`.
    """

    title: str
    category: str
    tables: tuple[str, ...] = ()
    bins: bool = False
    fields: bool = False


PAPER = "Figures of the paper"
COSTS = "Costs"

FIGURES: dict[str, Entry] = {
    "fields": Entry("Example fields", PAPER, fields=True),
    "rejection_runs": Entry("Rejection runs", PAPER, ("acceptance",), bins=True),
    "greens": Entry("Zero-momentum Green's functions", PAPER, ("observables",)),
    "effective_mass": Entry("Effective masses", PAPER, ("observables", "published")),
    "chi2_energy": Entry("Susceptibility and Ising energy", PAPER, ("observables",)),
    "error_scaling": Entry("Statistical error against statistics", PAPER, bins=True),
    "tau_int": Entry(
        "Autocorrelation times of saved configurations",
        PAPER,
        ("tau_int", "exponents", "observables"),
    ),
    "tau_int_update": Entry(
        "Autocorrelation times of updates",
        PAPER,
        ("tau_int", "exponents", "observables", "acceptance"),
    ),
    "table1": Entry("Table I", PAPER, ("observables", "published")),
    "training_cost": Entry("Training cost", COSTS, ("training",)),
    "training_quality": Entry("Trained flows, site by site", COSTS, ("training",)),
    "cost_per_sample": Entry("Cost of an independent sample", COSTS, ("costs",)),
    "tau_ratio": Entry("Autocorrelation against acceptance", COSTS, ("tau_int", "observables")),
}


def inputs(name: str, config: Config) -> tuple[str, ...]:
    """Files that a figure reads, relative to the results folder."""
    entry = _entry(name)
    # The acceptances tell which flows have a chain.
    paths = [f"tables/{table}.csv" for table in dict.fromkeys((*entry.tables, "acceptance"))]
    for ensemble in config.ensemble_names:
        if entry.bins:
            paths += [f"measure/{ensemble}/{name}.h5" for name in config.samplers_of(ensemble)]
        if entry.fields:
            flows = config.flow_names[-1:]
            paths += [f"propose/{ensemble}/{flow}.h5" for flow in flows]
            run = config.classical(ensemble)
            paths += [f"{name}/{ensemble}.h5" for name in field_sources(config) if name in run]
    return tuple(paths)


def field_sources(config: Config) -> tuple[str, ...]:
    """The two classical samplers whose fields are shown: hmc and local if they run."""
    return tuple(name for name in config.sampler_names if name in CLASSICAL)[:2]


def figure_module(name: str) -> ModuleType:
    """The module of a figure, with `draw(run)` and `caption(run)`."""
    _entry(name)
    return importlib.import_module(f"lfmc.figures.{name}")


def _entry(name: str) -> Entry:
    if name not in FIGURES:
        raise unknown("figure", name, FIGURES)
    return FIGURES[name]
