"""Flows as users give them: settings of a kind that `lfmc` has, or torch modules of their own."""

from copy import deepcopy
from typing import Any

import torch
from pydantic import BaseModel
from torch import Tensor, nn

from lfmc.api.arguments import numbers_of, require_theory, seed_of, shape_of
from lfmc.api.model import Model, describe
from lfmc.api.surroundings import own_torch
from lfmc.config.problems import validated
from lfmc.config.training_sections import FlowSettings
from lfmc.errors import LfmcError
from lfmc.flows.base import Draw, Flow
from lfmc.flows.build import build_flow as built
from lfmc.flows.exactness import LARGEST, log_q_error
from lfmc.lattice import require_even
from lfmc.theories.base import Theory
from lfmc.training.prepare import seeds_of

NORMALS = 4  # that a flow of the user's is tried with
NEAR = 1e-6  # log q against the Jacobian and the inverse, per site


class OwnFlow(Flow):
    """A torch module of the user's as a flow: forward(z) -> (phi, log_q), log_q(phi) -> (batch,).

    Attributes:
        module: in float64 and in evaluation mode.
    """

    def __init__(self, theory: Any, module: nn.Module) -> None:
        super().__init__(theory)
        self.module = module
        self.inverse_tolerance = float(getattr(module, "inverse_tolerance", NEAR * self.numbers))

    def forward(self, z: Tensor) -> Draw:
        return Draw(*self.module(z))

    def log_q(self, phi: Tensor) -> Tensor:
        inverse: Any = self.module.log_q
        found: Tensor = inverse(phi)
        return found

    def load_state_dict(self, state_dict: Any, strict: bool = True, assign: bool = False) -> Any:
        """Parameters only: buffers stay as the module has them."""
        return super().load_state_dict(state_dict, strict=False, assign=assign)


def build_flow(theory: Any, flow: Any = None, *, seed: int = 0) -> Flow:
    """A flow before any training, in float64.

    Args:
        theory: the theory.
        flow: a kind, e.g. "realnvp"; a mapping with a kind and settings, as `flow.model` of the
            configuration; None is {"kind": "heatbath"}.
        seed: of the initial parameters.

    Returns:
        A torch module: `forward(z)` of normals (batch, sites) gives (phi, log_q), `log_q(phi)`
        the log density of given fields, (batch,).

    Raises:
        LfmcError: unknown keys, or a kind that does not exist for this theory and lattice.

    Example:
        >>> import torch
        >>> theory = lfmc.Phi4((4, 4), m2=-4.0, lam=6.975)
        >>> flow = lfmc.build_flow(theory, {"kind": "realnvp", "hidden": [32]}, seed=1)
        >>> phi, log_q = flow(torch.randn(5, 16, dtype=torch.float64))
        >>> phi.shape, log_q.shape
        (torch.Size([5, 16]), torch.Size([5]))
    """
    with own_torch():
        settings = settings_of_flow(theory, flow, 0.5, {})
        torch.default_generator.manual_seed(seeds_of(seed_of(seed), "theory").parameters)
        return new_flow(theory, settings)


def as_model(flow: nn.Module, theory: Any, *, name: str = "theory") -> Model:
    """A flow that was trained elsewhere, checked and ready for `lfmc.sample` and all others.

    Args:
        flow: a torch module with `forward(z)` -> (phi, log_q) and `log_q(phi)`; it is copied.
        theory: the theory.
        name: of the random streams.

    Raises:
        LfmcError: log q is not the density of the map, or depends on the batch.

    Example:
        >>> theory = lfmc.Phi4((4, 4), m2=8.0, lam=0.5)
        >>> flow = lfmc.build_flow(theory, {"kind": "heatbath", "layers": 2}, seed=1)
        >>> model = lfmc.as_model(flow, theory)  # untrained: exact, with some acceptance
        >>> lfmc.sample(model, 10_000, seed=2, progress=False).acceptance > 0.5
        True
    """
    with own_torch():
        require_theory(theory)
        return Model(theory, own_flow(theory, flow).requires_grad_(False), name=name)


def settings_of_flow(
    theory: Any, flow: Any, target: float | str, training: dict[str, Any]
) -> FlowSettings:
    """Section `flow` of a configuration, validated also against the theory.

    Args:
        flow: kind, mapping or settings of a flow of the package; a module of the user's, of which
            nothing is known, leaves the settings of its training.
    """
    if isinstance(flow, nn.Module):
        raw = {"targets": [target], "training": {"optimiser": "adam", **training}}
        return validated(FlowSettings, raw, "flow")
    model = {"kind": flow} if isinstance(flow, str) else flow
    if isinstance(model, BaseModel):
        model = model.model_dump(mode="json")
    own = theory.own_flow if isinstance(theory, Theory) else ""
    if model is None and own:
        model = {"kind": own}
    raw = {"targets": [target], "training": training}
    settings = validated(FlowSettings, raw | ({"model": model} if model else {}), "flow")
    if not isinstance(theory, Theory):
        kind = settings.model.kind
        if kind in ("heatbath", "multiscale") or getattr(settings.model, "prior", "") != "normal":
            raise LfmcError(
                f"flow.model: kind: {kind} with these settings needs a theory of lfmc; for "
                f"{type(theory).__name__} take a kind with prior: normal, e.g. "
                '{"kind": "realnvp"}, or a torch module of your own'
            )
        require_even(shape_of(theory))
    return settings


def new_flow(theory: Any, settings: FlowSettings) -> Flow:
    """A flow of these settings, which are known to fit the theory."""
    if isinstance(theory, Theory):
        from lfmc.config import flow_limits
        from lfmc.theories.ensembles import ensemble_of

        wrong = flow_limits.refusals([ensemble_of(theory, "theory")], settings.model)
        if wrong:
            raise LfmcError(wrong[0])
    return built(theory, settings.model)


def own_flow(theory: Any, module: nn.Module, normals: int = NORMALS) -> Flow:
    """A checked copy of a user's module, in float64 and in evaluation mode.

    Raises:
        LfmcError: without the interface, or whose log q is not the density of its map.
    """
    name = describe(module)
    for method in ("forward", "log_q"):
        if not callable(getattr(module, method, None)):
            raise LfmcError(f"{name} has no {method}; a flow has forward(z) and log_q(phi)")
    copy = deepcopy(module).double().eval()
    flow = copy if isinstance(copy, Flow) else OwnFlow(theory, copy)
    if not any(True for _ in flow.parameters()):
        raise LfmcError(f"{name} has no parameters: nothing can be trained")
    if flow.numbers != numbers_of(theory):
        raise LfmcError(f"{name} is a flow of {flow.numbers} sites, not of {shape_of(theory)}")
    require_exact(flow, name, normals)
    return flow


@torch.no_grad()
def require_exact(flow: Flow, name: str, normals: int = NORMALS) -> None:
    """Compare log q of a flow with its inverse, with other batches and with its Jacobian.

    Raises:
        LfmcError: what differs, and by how much.
    """
    random = torch.Generator().manual_seed(0)
    z = flow.base.tensor(random, normals, torch.float64)
    try:
        phi, log_q = flow(z)
        alone, inverse = flow(z[:1]), flow.log_q(phi)
    except Exception as error:
        raise LfmcError(
            f"{name}: forward(z) of normals {tuple(z.shape)} must give (phi, log_q), and "
            f"log_q(phi) the same log q: {type(error).__name__}: {error}"
        ) from error
    wanted = (len(z), flow.numbers)
    if phi.shape != wanted or log_q.shape != inverse.shape or log_q.shape != wanted[:1]:
        raise LfmcError(
            f"{name}: phi {tuple(phi.shape)}, log_q {tuple(log_q.shape)} and log_q(phi) "
            f"{tuple(inverse.shape)} of normals {tuple(z.shape)}; expected {wanted}, "
            f"{wanted[:1]} and {wanted[:1]}"
        )
    allowed = max(NEAR * flow.numbers, flow.inverse_tolerance)
    found = {
        "log_q(phi) differs from that of forward(z)": inverse - log_q,
        "log q of a sample depends on its batch": alone[1] - log_q[:1],
        "a sample depends on its batch": (alone[0] - phi[:1]).ravel(),
    }
    for what, difference in found.items():
        worst = float(difference.abs().max())
        if not worst <= allowed:
            raise LfmcError(f"{name}: {what} by {worst:.1e} (allowed {allowed:.0e})")
    if flow.numbers > LARGEST or not flow.one_to_one:
        return
    fixed = deepcopy(flow).requires_grad_(False)
    with torch.enable_grad():
        off = log_q_error(fixed, samples=2)
    if off is None or not off <= allowed:
        raise LfmcError(
            f"{name}: log q is off the density of its map by {off:.1e} (allowed {allowed:.0e}), "
            "by the Jacobian of forward; the base is N(0, 1) on every site"
        )
