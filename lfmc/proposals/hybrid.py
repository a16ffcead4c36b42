"""The hybrid chain of an ensemble: a trained flow and a classical sampler in alternation."""

from typing import Any

from lfmc.config import Config
from lfmc.flows.base import Flow
from lfmc.flows.passes import passes
from lfmc.samplers.hybrid import HybridParameters, Inner, Proposals, hybrid_kind
from lfmc.samplers.method import Method, method
from lfmc.theories.base import Theory


def proposals_of(flow: Flow) -> Proposals:
    """What a hybrid chain needs of a flow in float64, compiled where there are kernels."""
    found = passes(flow)
    found.compile(draw=True, inverse=True)
    law = flow.base.law == "uniform"
    return Proposals(flow.base.numbers, law, found.draw, found.log_q, found.compiled)


def hybrid_method(
    config: Config, theory: Theory, tuned: dict[str, Any], proposals: Proposals, model: str
) -> Method:
    """A hybrid sampler with one update between proposals.

    Args:
        tuned: of `lfmc.samplers.tune`.
        model: sha256 of the flow.
    """
    section = config.samplers.hybrid
    kernel = section.kernel or theory.opening
    inner = method(config, kernel, theory, tuned)
    kind = hybrid_kind(proposals, Inner(kernel, inner.kind.sample, inner.parameters))
    parameters = HybridParameters(kernel, 1, inner.known(), model)
    opening = inner.opening
    return Method("hybrid", kind, parameters, section.save_every, section.thermalisation, opening)


def hybrid_of(
    config: Config, theory: Theory, tuned: dict[str, Any], flow: Flow, model: str
) -> Method:
    """`hybrid_method` of a flow."""
    return hybrid_method(config, theory, tuned, proposals_of(flow), model)
