"""What a classical sampler is: its kernel, its parameters, and what they cost.

A sampler's module holds a `SamplerKind`, its section of the configuration names the module
(`SamplerSection.runs`), and a theory may name another one in its place (`Theory.own_samplers`).
"""

from collections.abc import Callable
from importlib import import_module
from typing import Any, NamedTuple

from lfmc.config.sampler_section import SamplerSection
from lfmc.errors import unknown
from lfmc.samplers.state import Info, State
from lfmc.theories.base import Theory

Sample = Callable[[State, Theory, Any, int, int], tuple[State, Info]]


class SamplerKind(NamedTuple):
    """A classical sampler before it is tuned.

    Attributes:
        sample: (state, theory, parameters, updates, save_every) -> (state, info).
        parameters: (settings, tuned value) -> NamedTuple of the kernel's parameters; the value is
            that of `SamplerSection.tuned`, and NaN where nothing is tuned.
        decisions: (parameters, numbers) -> accept decisions in one update of one chain, of which
            `Info.accepted` is the accepted fraction; 1 where everything is accepted.
        forces: parameters -> gradient evaluations of the whole lattice in one update.
        completed: (settings, theory, tuned value, chains) -> further entries of the tuning, or
            entries in place of those of the acceptance.
        trained: (settings, theory, chains) -> the tuning's entries, in place of the approach to an
            acceptance; `parameters` then has any value that can run.
        recorded: (settings, entries of the tuning) -> parameters, where they take more of it than
            the tuned value.
        fewer: divides the numbers of updates of tunings, samples of p for trainings and
            conformance checks, where one update takes milliseconds; 1: as of all others.
    """

    sample: Sample
    parameters: Callable[[Any, float], Any]
    decisions: Callable[[Any, int], int] = lambda parameters, numbers: 1
    forces: Callable[[Any], int] = lambda parameters: 0
    completed: Callable[[Any, Theory, float, State], dict[str, Any]] | None = None
    trained: Callable[[Any, Theory, State], dict[str, Any]] | None = None
    recorded: Callable[[Any, dict[str, Any]], Any] | None = None
    fewer: int = 1


def sampler_kind(name: str, settings: SamplerSection, theory: Theory) -> SamplerKind:
    """The sampler of that name for a theory.

    Raises:
        LfmcError: the theory has no such sampler.
    """
    if name not in theory.samplers:
        raise unknown(f"sampler of {theory.kind}", name, theory.samplers)
    module, attribute = theory.own_samplers.get(name, settings.runs).split(":")
    found: SamplerKind = getattr(import_module(module), attribute)
    return found
