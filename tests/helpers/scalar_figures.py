"""The figures of a run of scalar theories."""

from lfmc.figures.registry import FIGURES as ALL

FIGURES = {name: entry for name, entry in ALL.items() if entry.family in ("", "scalar")}
