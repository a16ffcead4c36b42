"""The checks of a kind, whatever it is: a theory or a flow."""

from collections.abc import Iterator
from typing import Any

from lfmc.config.kinds import theory_class, theory_kinds
from lfmc.config.problems import validated
from lfmc.config.sections import Ensemble
from lfmc.config.training_sections import FlowSettings
from lfmc.conformance.check import Check
from lfmc.conformance.flow import disturb, flow_checks
from lfmc.conformance.theory import theory_checks
from lfmc.errors import LfmcError
from lfmc.flows.build import build_flow
from lfmc.theories.ensembles import scalar_of, theory_of
from lfmc.theories.scalar import Scalar


def conformance(
    kind: str, parameters: dict[str, Any], seed: int = 1, theory: str = "phi4"
) -> Iterator[Check]:
    """Every check of a theory or of a flow.

    Args:
        kind: of a theory, or of a flow.
        parameters: of it, where they differ from its example or its defaults.
        seed: of fields, chains and base normals.
        theory: on which a flow is checked.

    Raises:
        LfmcError: nothing of that kind, or parameters that it does not take.
    """
    if kind in theory_kinds():
        yield from theory_checks(_example(kind, parameters, (4, 4)), seed)
        return
    settings = validated(FlowSettings, {"model": {"kind": kind, **parameters}}, f"flow {kind}")
    small = _example(theory, {}, (2, 2))
    yield from flow_checks(
        build_flow(small, settings.model).requires_grad_(False),
        disturb(build_flow(small, settings.model).requires_grad_(False), seed),
        small,
        seed,
    )


def _example(kind: str, parameters: dict[str, Any], shape: tuple[int, ...]) -> Scalar:
    example = dict(theory_class(kind).example) | parameters
    raw = {"name": kind.replace(".", "_"), "shape": list(shape)}
    ensemble = validated(Ensemble, raw | {"theory": {"kind": kind, **example}}, f"theory {kind}")
    theory = theory_of(ensemble)
    if not isinstance(theory, Scalar):
        raise LfmcError(f"conformance knows scalar theories; {kind} is {type(theory).__name__}")
    return scalar_of(ensemble)
