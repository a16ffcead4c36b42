"""The requirements of each kind of flow on its lattices, checked before anything runs."""

from collections.abc import Iterable
from importlib.util import find_spec
from itertools import pairwise
from math import prod

from lfmc.config.flow_sections import (
    ContinuousSettings,
    ConvolutionalSettings,
    Flow,
    HeatbathSettings,
    MultiscaleSettings,
    RealNvpSettings,
    SplineSettings,
)
from lfmc.config.sections import Ensemble

MOST_PARAMETERS = 200_000_000  # of one flow: 1.6 GB in float64, and Adam keeps four times as much


def refusals(ensembles: Iterable[Ensemble], flow: Flow) -> list[str]:
    """Why this kind of flow cannot be trained for these ensembles; empty if it can."""
    if isinstance(flow, SplineSettings) and find_spec("zuko") is None:
        return ["flow.model: kind: spline needs the package zuko; pip install 'lfmc[spline]'"]
    return [
        f"ensemble {e.name} (shape {list(e.sites)}), flow.model of kind {flow.kind}: {what}"
        for e in ensembles
        if (what := _refusal(e.sites, flow))
    ]


def dimensions(flow: Flow) -> range:
    """The numbers of dimensions in which a flow exists."""
    if isinstance(flow, HeatbathSettings):
        return range(2, 5)  # it needs two halves of one colour
    return range(1, 4) if _convolves(flow) else range(1, 5)


def _convolves(flow: Flow) -> bool:
    if isinstance(flow, SplineSettings):
        return flow.conditioner == "convolutional"
    return isinstance(flow, ConvolutionalSettings | MultiscaleSettings)


def _refusal(shape: tuple[int, ...], flow: Flow) -> str:
    allowed = dimensions(flow)
    if len(shape) not in allowed:
        others = "realnvp or continuous"
        if isinstance(flow, SplineSettings):
            others = f"conditioner: connected, {others}"
        return f"exists in d = {allowed[0]} to {allowed[-1]}; take {others}"
    widest = 2 * min(shape) + 1
    kernel = getattr(flow, "kernel", 1)
    if _convolves(flow) and not isinstance(flow, MultiscaleSettings) and kernel > widest:
        return f"kernel: {kernel} is wider than the lattice; at most {widest}"
    parameters = _parameters(shape, flow)
    if parameters > MOST_PARAMETERS:
        limit = f"at most {MOST_PARAMETERS}"
        return f"has {parameters} parameters; {limit}, so take narrower or fewer layers"
    return ""


def _parameters(shape: tuple[int, ...], flow: Flow) -> int:
    """Number of parameters without the biases; 0 for the flows with a few thousand."""
    half = prod(shape) // 2
    if isinstance(flow, HeatbathSettings | ContinuousSettings):
        return 0
    if isinstance(flow, RealNvpSettings):
        return 2 * flow.couplings * _dense((half, *flow.hidden, half))
    if isinstance(flow, SplineSettings):
        outputs = 3 * flow.bins + 1
        if flow.conditioner == "connected":
            return flow.couplings * _dense((half, *flow.hidden, half * outputs))
        layers = (1, *flow.hidden, outputs)
    else:
        layers = (1, *flow.channels, 2)
    couplings = flow.rounds * 32 if isinstance(flow, MultiscaleSettings) else flow.couplings
    return int(couplings * _dense(layers) * flow.kernel ** len(shape))


def _dense(widths: tuple[int, ...]) -> int:
    return sum(inputs * outputs for inputs, outputs in pairwise(widths))
