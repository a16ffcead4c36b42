"""`lfmc.train`: a flow trained until both acceptances of its chain pass a target."""

from dataclasses import replace
from typing import Any

from torch import nn

from lfmc.api.arguments import require_theory, seed_of
from lfmc.api.flows import require_exact, settings_of_flow
from lfmc.api.model import Model, TargetNotReached, describe
from lfmc.api.setup import Origin, checked_fields, of_stage, of_user
from lfmc.api.surroundings import approached, own_torch
from lfmc.config.training_sections import FlowSettings
from lfmc.device import choose_device
from lfmc.errors import LfmcError
from lfmc.theories.base import Theory
from lfmc.training.acceptance import Estimate
from lfmc.training.cheapest import proposal_cost
from lfmc.training.loop import Loop, Outcome
from lfmc.training.optimiser import Parameters


def train(
    theory: Any,
    target: float | str = 0.7,
    *,
    seed: int,
    flow: Any = None,
    fields: Any = None,
    start: Model | None = None,
    device: str = "cpu",
    name: str = "theory",
    progress: bool = True,
    **training: Any,
) -> Model:
    """Train a flow until the chain that it drives accepts `target` of its proposals.

    The target has passed when two estimates exceed it by two of their errors: from samples of the
    model, and from independent samples of p, which see what the model leaves out. Samples of p come
    from cluster or HMC updates (theories of lfmc), from `theory.independent_fields(count, seed)` if
    there is such a method, or from `fields`. Where there are none, the first estimate alone
    decides: it cannot see a part of p that the model never visits, and `model.acceptance_target` is
    None.

    Args:
        theory: lfmc.Phi4, `lfmc.theory(kind, ...)`, or any object with `shape` and
            `evaluate(phi)`, (..., sites) -> (...), of NumPy arrays and of torch tensors.
        target: acceptance, whole per cents; or "best", the model of the least total cost for
            `shared_by` (10^6) independent configurations, training included; or "auto", which also
            chooses among 4, 8 and 12 layers of the heat-bath flow, at the cost of all trainings.
        seed: of everything random.
        flow: a kind such as "realnvp"; a mapping as `flow.model` of the configuration, e.g.
            {"kind": "realnvp", "couplings": 8}; or a torch module with `forward(z)` -> (phi,
            log_q) and `log_q(phi)`, which is copied and trained from its own parameters. None: the
            heat-bath flow.
        fields: independent samples of p, `(n, sites)` or `(n, *shape)`; otherwise made here.
        start: a model of the heat-bath flow, of this lattice or another one, of as many layers or
            fewer and of the same wells; its parameters are the start, its seconds count.
        device: "cpu", "cuda", or "auto": a GPU if there is one. The model comes back on the CPU.
        name: of the random streams; with the name of an ensemble and the seed of a run the model
            is that of the workflow.
        progress: a bar on a terminal, lines in a log.
        training: keys of `flow.training` of the configuration: max_steps, max_seconds,
            learning_rate, batch ...

    Returns:
        The model at the moment of passing.

    Raises:
        TargetNotReached: a limit came first; the error has the best model.
        LfmcError: arguments that do not fit, or batches that keep coming out non-finite.

    Example:
        >>> theory = lfmc.Phi4((4, 4), m2=-4.0, lam=6.975)
        >>> model = lfmc.train(theory, target=0.7, seed=1, progress=False)
        >>> model.reached, model.acceptance.value > 0.7, model.acceptance_target.value > 0.7
        (True, True, True)
    """
    seed = seed_of(seed)
    own = isinstance(flow, nn.Module)
    if start is not None and (own or not isinstance(start, Model)):
        raise LfmcError(
            "start is a Model of the heat-bath flow; a flow of your own starts from its parameters"
        )
    origin = Origin(choose_device(device), start)
    with own_torch():
        require_theory(theory)
        settings = settings_of_flow(theory, flow, target, training)
        if settings.layers_tried:
            options = {"seed": seed, "fields": fields, "device": device, "name": name}
            return _of_depths(theory, settings, start, options | {"progress": progress} | training)
        (goal,) = settings.targets
        given = None if fields is None else checked_fields(theory, fields)
        if not own and given is None and isinstance(theory, Theory):
            setup = of_stage(theory, settings, seed, name, origin)
        else:
            module = flow if own else None
            setup = of_user(theory, module, settings, seed, name, given, origin)
        parts = setup.optimiser, setup.team, setup.check_seed, setup.seconds, setup.fit
        loop = Loop(name, settings, *parts)
        with approached(f"train {name}", progress, goal) as report:
            outcome = loop.run(report, lambda: False)
        best = _weights(outcome)
        found = setup.rebuild(best).eval().requires_grad_(False)
        if own:
            require_exact(found, describe(found))
    model = Model(theory, found, None if own else settings, name, seed, goal)
    model = _described(model, outcome, setup.both)
    if not outcome.state.passed:
        raise TargetNotReached(model, outcome.limit)
    return model


def _of_depths(
    theory: Any, settings: FlowSettings, start: Model | None, options: dict[str, Any]
) -> Model:
    """The cheapest of several numbers of layers, as `lfmc.training.depths` finds it."""
    least = start.settings.layers if start is not None and start.settings else 0
    found: list[tuple[float, Model]] = []
    for layers in [n for n in settings.layers_tried if n >= least] or [least]:
        flow = settings.of_depth(layers).model
        start = train(theory, "best", flow=flow, start=start, **options)
        cost = min(row["cost"] for row in start.history) * proposal_cost(layers)
        if found and cost >= found[-1][0]:
            break
        found.append((cost, start))
    assert start is not None
    return replace(found[-1][1], seconds=start.seconds)


def _weights(outcome: Outcome) -> Parameters:
    passed = outcome.state.passed
    parameters: Parameters = passed[0]["weights"] if passed else outcome.state.best["model"]
    return parameters


def _described(model: Model, outcome: Outcome, both: bool) -> Model:
    """The model with what its training says of it."""
    state = outcome.state
    history = tuple(state.history)
    if not state.passed:
        row = max(history, key=lambda entry: float(entry["acceptance_q"]))
        spent = {"steps": state.step, "samples": state.samples, "seconds": state.seconds}
    else:
        row = spent = state.passed[0]
    pair = ("acceptance_p", "acceptance_p_error")
    of_target = Estimate(*(row[key] for key in pair)) if both and pair[0] in row else None
    return replace(
        model,
        reached=bool(state.passed),
        acceptance=Estimate(row["acceptance_q"], row["acceptance_q_error"]),
        acceptance_target=of_target,
        ess=row["ess"],
        steps=int(spent["steps"]),
        samples=int(spent["samples"]),
        seconds=float(spent["seconds"]),
        history=history,
    )
