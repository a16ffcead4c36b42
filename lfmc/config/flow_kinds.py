"""Kinds of flows of other installed packages, by the entry points of the group `lfmc.flows`."""

import json
from importlib.metadata import entry_points
from typing import Any

from pydantic import ValidationError

from lfmc.config.flow_section import FlowSection
from lfmc.config.problems import problems

GROUP = "lfmc.flows"


def flow_section(raw: Any) -> FlowSection:
    """The settings of another package's flow, from a mapping with its kind.

    Raises:
        ValueError: no such kind, a package that cannot be loaded, or every problem of its settings.
    """
    if isinstance(raw, FlowSection):
        return raw
    kind = raw["kind"]
    found = entry_points(group=GROUP, name=kind)
    if not found:
        known = ", ".join(sorted(point.name for point in entry_points(group=GROUP))) or "none"
        raise ValueError(f"no installed package has a flow {kind}; those of packages: {known}")
    (point,) = found
    try:
        settings = point.load()
    except (ImportError, AttributeError, SyntaxError) as error:
        raise ValueError(f"flow {kind} ({point.value}) cannot be loaded: {error}") from None
    if not (isinstance(settings, type) and issubclass(settings, FlowSection)):
        raise ValueError(f"flow {kind} ({point.value}) is no subclass of FlowSection")
    try:
        return settings.model_validate_json(json.dumps(raw), strict=True)
    except ValidationError as error:
        raise ValueError(problems(error)) from None
