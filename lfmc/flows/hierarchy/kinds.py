"""The flow `hierarchy` of a theory: of unit vectors, or of a phi^4 field."""

from typing import Any

from lfmc.config.flow_sections import HierarchySettings
from lfmc.flows.hierarchy.flow import HierarchyFlow
from lfmc.flows.hierarchy.quartic import QuarticHierarchy
from lfmc.flows.hierarchy.staged import Staged
from lfmc.theories.phi4 import Phi4


def hierarchy_flow(action: Any, settings: HierarchySettings) -> Staged:
    """The flow at its start; errors as of its class."""
    if isinstance(action, Phi4):
        return QuarticHierarchy(action, settings)
    return HierarchyFlow(action, settings)
