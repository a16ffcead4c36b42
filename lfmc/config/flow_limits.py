"""What a kind of flow asks of the lattices it is trained on, known before anything runs."""

from collections.abc import Iterable
from typing import Any

from lfmc.config.flow_section import FlowSection
from lfmc.config.flow_sections import KINDS
from lfmc.config.kinds import theory_class
from lfmc.config.sections import Ensemble


def refusals(ensembles: Iterable[Ensemble], flow: FlowSection) -> list[str]:
    """Why this kind of flow cannot be trained for these ensembles; empty if it can."""
    missing = flow.missing()
    if missing:
        return [f"flow.model: {missing}"]
    return [
        f"ensemble {e.name} (shape {list(e.sites)}), flow.model of kind {flow.kind}: {what}"
        for e in ensembles
        if (what := _of_field(e, flow) or _of_lattice(e, flow))
    ]


def _of_lattice(ensemble: Ensemble, flow: FlowSection) -> str:
    """Why it does not exist on the lattice of an ensemble, and in other dimensions what does."""
    refused = flow.refusal(ensemble.sites)
    if not refused or len(ensemble.sites) in flow.exists_in():
        return refused
    others = [
        kind
        for kind, settings in KINDS.items()
        if not (_of_field(ensemble, other := settings(kind=kind)) or other.refusal(ensemble.sites))
    ]
    return f"{refused}; take {' or '.join(others)}" if others else refused


def _of_field(ensemble: Ensemble, flow: FlowSection) -> str:
    """Why it does not exist for the theory of an ensemble; empty if it does."""
    theory = theory_class(ensemble.kind)
    field = theory.field
    named = ensemble.kind in flow.theories  # one of them may have another field
    if not named and (field.on, field.space) != (flow.on, flow.space):
        own = f"; take {theory.own_flow}" if theory.own_flow else ""
        return f"exists for {flow.space} fields on {flow.on}, not for theory {ensemble.kind}{own}"
    if flow.theories and ensemble.kind not in flow.theories:
        return f"exists for theory {' and '.join(flow.theories)}, not for {ensemble.kind}"
    if flow.needs_even and not getattr(theory, "even", False):
        return f"{flow.needs_even} needs an even action, which that of {ensemble.kind} is not"
    return flow.parameters_refusal(ensemble.parameters)


def symmetrise_refused(config: Any) -> list[str]:
    """Why proposals cannot be given random signs; empty if they can."""
    flow: FlowSection = config.flow.model
    if not config.propose.symmetrise:
        return []
    odd = [e.name for e in config.ensembles if not getattr(theory_class(e.kind), "even", False)]
    found = [f"propose.symmetrise: the action of {odd[0]} is not even"] if odd else []
    if config.propose.anneal != 1:
        found.append("propose.symmetrise: annealed proposals have no q(-phi); leave one out")
    if flow.even and not odd:
        found.append(f"propose.symmetrise: log q of kind {flow.kind} is even already; leave it out")
    return found


def of_normals_refused(config: Any) -> list[str]:
    """Why nothing can be made of the normals of single modes; empty if it can."""
    flow: FlowSection = config.flow.model
    if not config.flow.targets or flow.controls:
        return []
    lacks = {"controls": "no control variates", "zero_mode": "no normal of a zero mode"}
    return [
        f"propose.{key}: kind {flow.kind} has {what}; leave it out"
        for key, what in lacks.items()
        if getattr(config.propose, key)
    ]
