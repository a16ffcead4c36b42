"""The figures of a run of scalar theories that is no scan."""

from lfmc.figures.registry import FIGURES as ALL

FIGURES = {
    name: entry
    for name, entry in ALL.items()
    if entry.family in ((), ("scalar",)) and not entry.scan
}
