"""What a kind of flow asks of the lattices it is trained on, known before anything runs."""

from collections.abc import Iterable

from lfmc.config.flow_section import FlowSection
from lfmc.config.sections import Ensemble


def refusals(ensembles: Iterable[Ensemble], flow: FlowSection) -> list[str]:
    """Why this kind of flow cannot be trained for these ensembles; empty if it can."""
    missing = flow.missing()
    if missing:
        return [f"flow.model: {missing}"]
    return [
        f"ensemble {e.name} (shape {list(e.sites)}), flow.model of kind {flow.kind}: {what}"
        for e in ensembles
        if (what := flow.refusal(e.sites))
    ]
