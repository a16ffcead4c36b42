"""The checks of a kind, whatever it is: a theory or a flow."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from lfmc.config.kinds import theory_class, theory_kinds
from lfmc.config.problems import validated
from lfmc.config.sections import Ensemble
from lfmc.config.training_sections import FlowSettings
from lfmc.conformance.check import Check
from lfmc.conformance.compact import compact_checks
from lfmc.conformance.flow import disturb, flow_checks
from lfmc.conformance.theory import theory_checks
from lfmc.flows.build import build_flow
from lfmc.theories.base import Theory
from lfmc.theories.ensembles import theory_of
from lfmc.theories.scalar import Scalar


def conformance(
    kind: str, parameters: dict[str, Any], seed: int = 1, theory: str = ""
) -> Iterator[Check]:
    """Every check of a theory or of a flow.

    Args:
        kind: of a theory, or of a flow.
        parameters: of it, where they differ from its example or its defaults.
        seed: of fields, chains and base normals.
        theory: kind on which a flow is checked; "": the first for which it exists.

    Raises:
        LfmcError: nothing of that kind, or parameters that it does not take.
    """
    if kind in theory_kinds():
        example = _example(kind, parameters, (4, 4))
        if isinstance(example, Scalar):
            yield from theory_checks(example, seed)
        else:
            yield from compact_checks(example, seed)
        return
    settings = validated(FlowSettings, {"model": {"kind": kind, **parameters}}, f"flow {kind}")
    on = theory or (settings.model.theories or ("phi4",))[0]
    small = _example(on, settings.model.checked_at, (2, 2))
    if not isinstance(small, Scalar):
        small = replace(small, shape=(4, 4))
    yield from flow_checks(
        build_flow(small, settings.model).requires_grad_(False),
        disturb(build_flow(small, settings.model).requires_grad_(False), seed),
        small,
        seed,
    )


def _example(kind: str, parameters: dict[str, Any], shape: tuple[int, ...]) -> Theory:
    example = dict(theory_class(kind).example) | parameters
    raw = {"name": kind.replace(".", "_"), "shape": list(shape)}
    ensemble = validated(Ensemble, raw | {"theory": {"kind": kind, **example}}, f"theory {kind}")
    return theory_of(ensemble)
