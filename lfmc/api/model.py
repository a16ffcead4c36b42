"""A trained flow with what is known of it."""

from dataclasses import dataclass, field
from typing import Any

from lfmc.config.targets import BEST, flow_name
from lfmc.config.training_sections import FlowSettings
from lfmc.errors import LfmcError
from lfmc.flows.base import Flow
from lfmc.training.acceptance import Estimate


@dataclass(frozen=True, eq=False, repr=False)
class Model:
    """A flow for a theory, ready to draw from.

    Attributes:
        theory: the theory.
        flow: in float64, without gradients of its parameters; a torch module.
        settings: section `flow` of the configuration; None for a flow of the user's.
        name: of the random streams.
        seed: of the training; None if there was none.
        target: acceptance that it was trained to, 1 for the best model; None if there was no
            training.
        reached: whether the target was passed.
        acceptance: of the chain, estimated from samples of the model.
        acceptance_target: the same from samples of p; None where there were none.
        ess: effective sample size per sample.
        steps, samples, seconds: what the training took; CPU seconds.
        history: one record per check of the training; `pandas.DataFrame(model.history)`.

    Example:
        >>> theory = lfmc.Phi4((4, 4), m2=-4.0, lam=6.975)
        >>> model = lfmc.train(theory, target=0.7, seed=1, progress=False)
        >>> model.sampler, model.seed, model.steps > 0
        ('flow-70', 1, True)
    """

    theory: Any
    flow: Flow
    settings: FlowSettings | None = None
    name: str = "theory"
    seed: int | None = None
    target: float | None = None
    reached: bool = False
    acceptance: Estimate | None = None
    acceptance_target: Estimate | None = None
    ess: float | None = None
    steps: int = 0
    samples: int = 0
    seconds: float = 0.0
    history: tuple[dict[str, Any], ...] = field(default=())

    @property
    def sampler(self) -> str:
        """Name of its chains: flow-70 of one that was trained to 70 %."""
        return "flow" if self.target is None else flow_name(self.target)

    @property
    def parameters(self) -> int:
        """Number of trained numbers."""
        return sum(value.numel() for value in self.flow.parameters())

    def __repr__(self) -> str:
        from lfmc.figures.format import value_error

        kind = self.settings.model.kind if self.settings else describe(self.flow)
        text = f"Model({self.theory!r}, {kind} of {self.parameters} parameters"
        if self.target is not None and self.acceptance:
            missed = "" if self.reached else " (not reached)"
            ess = "" if self.ess is None else f", ESS {self.ess:.3f}"
            goal = "best" if self.target == BEST else f"{self.target:g}"
            text += (
                f", target {goal}{missed}: acceptance {value_error(*self.acceptance)}"
                f"{ess}, {self.steps} steps, {self.seconds:.1f} CPU s"
            )
        return text + ")"


def describe(flow: Any) -> str:
    """Name of a flow's class, of the user's own where it is wrapped."""
    return type(getattr(flow, "module", flow)).__name__


class TargetNotReached(LfmcError):
    """A training that ended before its target.

    Attributes:
        model: the best that a check has seen; it can be used like any other.
        limit: what ended the training, in words.

    Example:
        >>> theory = lfmc.Phi4((4, 4), m2=-4.0, lam=6.975)
        >>> flow = {"kind": "realnvp", "couplings": 2, "hidden": [8]}
        >>> try:
        ...     lfmc.train(theory, 0.9, seed=1, flow=flow, max_steps=5, progress=False)
        ... except lfmc.TargetNotReached as missed:
        ...     print(missed.limit, missed.model.reached)
        flow.training.max_steps = 5 False
    """

    def __init__(self, model: Model, limit: str) -> None:
        best = f" at acceptance {model.acceptance.value:.3f}" if model.acceptance else ""
        super().__init__(
            f"target {model.target:g} not reached: {limit}{best}; the best model is the attribute "
            "model of this error. Give it more steps or seconds (max_steps, max_seconds), another "
            "flow, or a lower target"
        )
        self.model = model
        self.limit = limit


def require_model(model: Any, call: str) -> None:
    """Refuse what is no model, a theory say, in a call of that name.

    Raises:
        LfmcError: it is none.
    """
    if not isinstance(model, Model):
        raise LfmcError(
            f"{call} needs a model, of lfmc.train(theory, 0.7, seed=1) say, not "
            f"{type(model).__name__}"
        )
