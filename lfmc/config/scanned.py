"""Whether the ensembles of a run are a scan: several values of one coupling on every lattice."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from lfmc.config.kinds import theory_class
from lfmc.config.sections import Ensemble

FEWEST_VALUES = 3  # of a coupling on one lattice, between which chains are reweighted


class Scanned(NamedTuple):
    """A scan of one coupling.

    Attributes:
        coupling: its name in the configuration.
        values: ensemble -> value, no two the same on one lattice.
        extents: ensemble -> L.
    """

    coupling: str
    values: Mapping[str, float]
    extents: Mapping[str, int]

    @property
    def lattices(self) -> tuple[int, ...]:
        """Every L, ascending."""
        return tuple(sorted(set(self.extents.values())))

    def line(self, extent: int) -> tuple[str, ...]:
        """The ensembles of one L in ascending order of the coupling."""
        own = [name for name, other in self.extents.items() if other == extent]
        return tuple(sorted(own, key=lambda name: self.values[name]))


def scanned(ensembles: Sequence[Ensemble]) -> Scanned | None:
    """The scan that the ensembles are, if they are one: one theory, other values of one coupling.

    On one lattice, or on hypercubes of several L with at least two values on each: with one value
    on some, the ensembles are lines in L.
    """
    first = ensembles[0]
    if len(ensembles) < 2 or any(e.kind != first.kind or e.d != first.d for e in ensembles):
        return None
    own = {e.name: e.parameters for e in ensembles}
    differ = [k for k in first.parameters if len({p.get(k) for p in own.values()}) > 1]
    if len(differ) != 1:
        return None
    values = {name: p[differ[0]] for name, p in own.items()}
    if not all(isinstance(v, int | float) and not isinstance(v, bool) for v in values.values()):
        return None
    if len({(e.sites, values[e.name]) for e in ensembles}) < len(ensembles):
        return None
    shapes = [e.sites for e in ensembles]
    if len(set(shapes)) > 1 and (
        any(len(set(shape)) > 1 for shape in shapes) or min(map(shapes.count, shapes)) < 2
    ):
        return None
    found = {name: float(value) for name, value in values.items()}
    return Scanned(differ[0], found, {e.name: e.extent for e in ensembles})


def reweighted_scan(config: Any) -> Scanned | None:
    """The scan whose chains are joined by reweighting (`lfmc critical`), if the run is one.

    One of an even scalar theory, with at least three values of the coupling on every lattice.
    """
    found = scanned(config.ensembles)
    if found is None or min(len(found.line(extent)) for extent in found.lattices) < FEWEST_VALUES:
        return None
    theory = theory_class(config.ensembles[0].kind)
    return found if theory.family == "scalar" and theory.even else None


def sampler_of_scan(config: Any) -> str:
    """The sampler whose chains are joined: the cluster algorithm, or the first that runs."""
    names: tuple[str, ...] = config.samplers_of(config.ensembles[0].name)
    return "cluster" if "cluster" in names else names[0]
