"""The figures: name -> what it shows and which files it reads. Imports nothing heavy.

The Snakefile, `lfmc plot` and the report take names, categories and inputs from here.
"""

import importlib
from types import ModuleType
from typing import NamedTuple

from lfmc.config import Config
from lfmc.config.kinds import theory_class
from lfmc.config.scanned import reweighted_scan
from lfmc.errors import LfmcError, unknown


class Entry(NamedTuple):
    """A figure.

    Attributes:
        title: a few words for lists and the report.
        category: chapter of the report.
        tables: names below results/tables, without .csv.
        bins: needs measure/E/X.h5 of every ensemble and sampler.
        chains: needs the chain files of every ensemble and sampler but imported ones.
        fields: needs the whole fields of `field_sources`.
        family: `Theory.family` of the ensembles that it shows; empty: of all.
        scan: of runs that `lfmc critical` analyses only.
    """

    title: str
    category: str
    tables: tuple[str, ...] = ()
    bins: bool = False
    fields: bool = False
    chains: bool = False
    family: tuple[str, ...] = ()
    scan: bool = False


PAPER = "Figures of the paper"
COSTS = "Costs"
SCALAR = ("scalar",)
U1 = ("u1",)
SPINS = ("spheres", "cpn")
TOPOLOGY = "Topological charge"
UNCHARGED = "Correlation length"
SCANS = "Scans"

FIGURES: dict[str, Entry] = {
    "fields": Entry("Example fields", PAPER, fields=True, family=SCALAR),
    "rejection_runs": Entry("Rejection runs", PAPER, ("acceptance",), bins=True),
    "greens": Entry("Zero-momentum Green's functions", PAPER, ("observables",), family=SCALAR),
    "effective_mass": Entry("Effective masses", PAPER, ("observables", "published"), family=SCALAR),
    "chi2_energy": Entry("Susceptibility and Ising energy", PAPER, ("observables",), family=SCALAR),
    "error_scaling": Entry("Statistical error against statistics", PAPER, bins=True, family=SCALAR),
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
    "table1": Entry("Table I", PAPER, ("observables", "published"), family=SCALAR),
    "u1_history": Entry("Histories of the topological charge", TOPOLOGY, chains=True, family=U1),
    "u1_freezing": Entry("Freezing of the charge", TOPOLOGY, ("tau_int", "costs"), family=U1),
    "u1_charges": Entry("Distribution of the charge", TOPOLOGY, ("observables",), family=U1),
    "u1_loops": Entry("Wilson loops and the potential", TOPOLOGY, ("observables",), family=U1),
    "spins_topology": Entry(
        "Correlation length and topology", TOPOLOGY, ("observables", "tau_int"), family=SPINS
    ),
    "critical": Entry(
        "Critical point and exponents", SCANS, ("critical", "curves"), family=SCALAR, scan=True
    ),
    "phases": Entry(
        "Autocorrelation through a transition", SCANS, ("tau_int",), family=SCALAR, scan=True
    ),
    "training_cost": Entry("Training cost", COSTS, ("training",)),
    "training_quality": Entry("Trained flows, site by site", COSTS, ("training",)),
    "cost_per_sample": Entry("Cost of an independent sample", COSTS, ("costs",)),
    "cheapest": Entry("The cheapest sampler", COSTS, ("cheapest",)),
    "tau_ratio": Entry("Autocorrelation against acceptance", COSTS, ("tau_int", "observables")),
}


def figures_of(config: Config) -> dict[str, Entry]:
    """The figures of a run: those of all theories, and those of the families of its own.

    That of spins is named by what it shows: a topological charge only if some of them have one.
    """
    families = {theory_class(e.kind).family for e in config.ensembles}
    joined = reweighted_scan(config) is not None
    found = {
        name: entry
        for name, entry in FIGURES.items()
        if _of(entry, families) and (joined or not entry.scan)
    }
    spins = "spins_topology"
    if spins in found and not has_charge(shown(config, spins)):
        title = "Susceptibility and correlation length"
        found[spins] = found[spins]._replace(title=title, category=UNCHARGED)
    return found


def has_charge(config: Config) -> bool:
    """Whether a topological charge is defined for some ensemble."""
    # Configurations have built the theories already, so this imports nothing further.
    made = (theory_class(e.kind)(e.sites, **e.parameters) for e in config.ensembles)
    return any("Q" in theory.scalars for theory in made)


def shown(config: Config, name: str) -> Config:
    """The configuration with the ensembles that a figure shows.

    Raises:
        LfmcError: there are none.
    """
    entry = _entry(name)
    ensembles = tuple(e for e in config.ensembles if _of(entry, {theory_class(e.kind).family}))
    if not ensembles:
        kinds = ", ".join(dict.fromkeys(e.kind for e in config.ensembles))
        wanted = " and ".join(entry.family)
        raise LfmcError(f"{name}: shows {wanted} theories, which this run has not; it has {kinds}")
    return config if ensembles == config.ensembles else config.restricted(ensembles)


def inputs(name: str, config: Config) -> tuple[str, ...]:
    """Files that a figure reads, relative to the results folder."""
    entry, config = _entry(name), shown(config, name)
    # The acceptances tell which flows have a chain.
    paths = [f"tables/{table}.csv" for table in dict.fromkeys((*entry.tables, "acceptance"))]
    for ensemble in config.ensemble_names:
        if entry.bins:
            paths += [f"measure/{ensemble}/{name}.h5" for name in config.samplers_of(ensemble)]
        if entry.chains:
            own = [s for s in config.samplers_of(ensemble) if s not in config.imported]
            paths += [config.chain_file(ensemble, s) for s in own]
            paths += [f"propose/{ensemble}/{flow}.h5" for flow in config.flow_names]
        if entry.fields:
            flows = config.flow_names[-1:]
            paths += [f"propose/{ensemble}/{flow}.h5" for flow in flows]
            run = config.samplers_of(ensemble)
            shown_here = (name for name in field_sources(config) if name in run)
            paths += [config.chain_file(ensemble, name) for name in shown_here]
    return tuple(paths)


def field_sources(config: Config) -> tuple[str, ...]:
    """The two samplers but flows whose fields are shown: hmc and local if they run."""
    return tuple(name for name in config.sampler_names if name not in config.flow_names)[:2]


def figure_module(name: str) -> ModuleType:
    """The module of a figure, with `draw(run)` and `caption(run)`."""
    _entry(name)
    return importlib.import_module(f"lfmc.figures.{name}")


def _of(entry: Entry, families: set[str]) -> bool:
    """Whether a figure shows ensembles of one of these families."""
    return not entry.family or not families.isdisjoint(entry.family)


def _entry(name: str) -> Entry:
    if name not in FIGURES:
        raise unknown("figure", name, FIGURES)
    return FIGURES[name]
