"""Targets that are missed, lowered or reached later: the bits are those of the settings."""

import logging

import numpy as np
import pytest
import torch
from flows_small import SMALL, small
from scipy.special import erfcinv

from lfmc.config import stage_settings
from lfmc.config.problems import validated
from lfmc.config.targets import BEST
from lfmc.config.training_sections import FlowSettings
from lfmc.errors import LfmcError
from lfmc.training.cheapest import (
    RESOLVED,
    UNEXPLAINED,
    chain_tau,
    implied_tau,
    normal_tau,
    training_cost,
)
from lfmc.training.limits import GAIN, HOPELESS, PATIENCE, hopeless
from lfmc.training.records import missed, reached, records
from lfmc.training.trail import worth_deciding
from lfmc.training.train import Trainer

pytestmark = pytest.mark.unit


def config_of(*targets: float, **training):
    """A training of small steps: ten to 0.9."""
    natural = {"divergence": 0.005, "samples": 512}
    flow = {**SMALL["flow"], "targets": list(targets)}
    return small(flow={**flow, "training": {**flow["training"], "natural": natural, **training}})


def train(config, work, stop=lambda: False, passed=lambda record: None):
    trainer = Trainer(config, config.ensembles[0], work)
    return trainer.run(lambda state: None, stop, passed)


def models(config, state) -> dict[str, list[torch.Tensor]]:
    return {name: [*entry["weights"].values()] for name, entry in reached(config, state).items()}


def same(one: dict, other: dict) -> bool:
    return one.keys() == other.keys() and all(all(map(torch.equal, one[k], other[k])) for k in one)


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """All targets configured from the start."""
    config = config_of(0.5, 0.6, 0.7, 0.9)
    return models(config, train(config, tmp_path_factory.mktemp("whole")).state)


@pytest.mark.parametrize("limit", [{"max_steps": 4}, {"max_seconds": 1e-3}])
def test_a_limit_keeps_what_was_reached_and_raising_it_continues(tmp_path, whole, limit):
    config = config_of(0.5, 0.9, **limit)
    reported: list[float] = []
    outcome = train(config, tmp_path, passed=lambda record: reported.append(record["target"]))
    assert outcome.finished
    assert outcome.limit.startswith(f"flow.training.{next(iter(limit))} = ")
    found = models(config, outcome.state)
    assert list(found) == [f"flow-{100 * target:.0f}" for target in reported]
    assert "flow-90" not in found
    (lost,) = (m for m in missed(config, "T4", outcome.state, outcome.limit) if m.target == 0.9)
    assert 0 < lost.acceptance < 0.9
    row = records(config, "T4", outcome.state, limit=outcome.limit)[-1]
    assert (row["flow"], row["reached"], row["limit"]) == ("flow-90", False, outcome.limit)
    assert row["steps"] == outcome.state.step
    more = config_of(0.5, 0.9)
    state = train(more, tmp_path).state
    assert state.step > outcome.state.step
    assert same(models(more, state), {k: whole[k] for k in ("flow-50", "flow-90")})


def test_what_was_not_learned_under_the_same_limit_is_not_tried_again(tmp_path):
    first, again = (train(config_of(0.99, max_steps=5), tmp_path) for _ in range(2))
    assert again.state.step == first.state.step == 5
    assert again.limit == first.limit


def test_a_lower_target_is_found_where_the_training_has_passed_it(tmp_path, whole, caplog):
    steps = train(config_of(0.9), tmp_path).state.step
    reported = []
    config = config_of(0.5, 0.6, 0.7, 0.9)
    outcome = train(config, tmp_path, passed=lambda record: reported.append(record["target"]))
    assert outcome.state.step == steps
    assert reported == [0.9, 0.5, 0.6, 0.7]
    assert same(models(config, outcome.state), whole)
    costs = [entry["samples"] for entry in outcome.state.passed]
    assert costs == sorted(costs)
    assert all(entry["seconds"] > 0 for entry in outcome.state.passed)
    assert not caplog.records


def test_a_lower_target_whose_models_are_lost_trains_again_to_the_same_bits(
    tmp_path, whole, caplog
):
    train(config_of(0.9), tmp_path)
    for path in (tmp_path / "trail").iterdir():
        path.write_bytes(b"torn")
    config = config_of(0.5, 0.9)
    with caplog.at_level(logging.WARNING):
        state = train(config, tmp_path).state
    assert (
        "models of earlier checks, for target 0.5, were not kept; training starts again"
        in caplog.text
    )
    assert same(models(config, state), {k: whole[k] for k in ("flow-50", "flow-90")})


def test_a_higher_target_goes_on_from_where_the_training_ended(tmp_path, whole):
    steps = train(config_of(0.5), tmp_path).state.step
    config = config_of(0.5, 0.9)
    reported = []
    state = train(config, tmp_path, passed=lambda record: reported.append(record["target"])).state
    assert reported == [0.5, 0.9]
    assert state.step > steps
    assert same(models(config, state), {k: whole[k] for k in ("flow-50", "flow-90")})


class Killed(Exception):
    pass


@pytest.mark.parametrize("at", [0, 1, 2])
def test_killed_as_a_target_passes_the_same_models_come_out(tmp_path, whole, at):
    reported = []

    def die(record):
        reported.append(record["target"])
        if len(reported) == at + 1:
            raise Killed

    config = config_of(0.5, 0.6, 0.7, 0.9)
    with pytest.raises(Killed):
        train(config, tmp_path, passed=die)
    again = []
    state = train(config, tmp_path, passed=lambda record: again.append(record["target"])).state
    assert again == [0.5, 0.6, 0.7, 0.9]
    assert same(models(config, state), whole)
    steps = [row["step"] for row in state.history]
    assert steps == sorted(set(steps))


def test_seconds_are_of_the_cpu_and_include_samples_of_p_and_the_last_decision(
    tmp_path, monkeypatch
):
    """On a clock that only what is named moves on."""
    from lfmc.training import loop as module
    from lfmc.training import prepare, team

    now = [0.0]

    def clock():
        return now[0]

    def costs(seconds, function):
        def counted(*args, **options):
            now[0] += seconds
            return function(*args, **options)

        return counted

    for where in (prepare, team, module):
        monkeypatch.setattr(where, "clock_of", lambda flow: clock)
    monkeypatch.setattr(prepare, "compile_target", costs(1e6, prepare.compile_target))
    monkeypatch.setattr(prepare, "target_fields", costs(1000.0, prepare.target_fields))
    monkeypatch.setattr(module, "moment_of_passing", costs(100.0, module.moment_of_passing))
    monkeypatch.setattr(team, "score_sums", costs(1.0, team.score_sums))
    publish = costs(1e6, lambda record: None)
    state = train(config_of(0.5), tmp_path, passed=publish).state
    decisions = sum(worth_deciding(row, 0.5) for row in state.history)
    (record,) = state.passed
    # Samples of p for the decisions, and others for the fit of the prior.
    assert record["seconds"] == 2 * 1000 + state.step + 100 * decisions
    assert state.seconds == record["seconds"]


def test_without_any_acceptance_a_training_gives_up():
    def checks(number, loss, acceptance=1e-3):
        return [{"acceptance_q": acceptance, "loss": loss(i)} for i in range(number)]

    assert hopeless(checks(2 * PATIENCE, lambda i: -100.0))
    assert hopeless(checks(2 * PATIENCE, lambda i: -100.0 - 0.9 * GAIN * (i >= PATIENCE)))
    assert not hopeless(checks(2 * PATIENCE, lambda i: -100.0 - 1.1 * GAIN * (i >= PATIENCE)))
    assert not hopeless(checks(2 * PATIENCE - 1, lambda i: -100.0))
    assert hopeless(checks(HOPELESS, lambda i: -100.0 - i))
    assert not hopeless(checks(HOPELESS - 1, lambda i: -100.0 - i))
    assert not hopeless([*checks(HOPELESS, lambda i: -100.0), *checks(1, lambda i: -100.0, 0.01)])


def test_a_training_that_learns_late_does_not_give_up():
    """Losses of L = 12, m2 = -4, lam = 2: worse for 25 checks, and acceptance 0.6 in the end."""
    lost = [-130.0, -112.0] * 13
    found = [-119.5, -122.2, -126.8, -128.2, -132.2, -134.9, -140.1, -144.2, -147.6, -150.4]
    history = [{"acceptance_q": 1e-3, "loss": loss} for loss in lost + found]
    assert not any(hopeless(history[:seen]) for seen in range(len(history) + 1))


def test_best_is_the_cheapest_of_all_checks_and_the_last_target(tmp_path):
    config = config_of(0.5, BEST, shared_by=10_000)
    state = train(config, tmp_path).state
    found = reached(config, state)
    assert list(found) == ["flow-50", "flow-best"]
    costs = [row["cost"] for row in state.history]
    cheapest = state.history[costs.index(min(costs))]
    assert found["flow-best"]["steps"] == cheapest["step"] < state.step
    assert found["flow-best"]["acceptance_q"] > 0.5
    (row,) = (r for r in records(config, "T4", state) if r["flow"] == "flow-best")
    assert row["reached"]
    assert row["target"] == BEST


def test_more_configurations_make_the_best_model_better(tmp_path):
    steps = []
    for shared_by in (1000, 10**8):
        config = config_of(BEST, shared_by=shared_by, max_steps=12)
        state = train(config, tmp_path / str(shared_by)).state
        steps.append(reached(config, state)["flow-best"]["steps"])
    assert steps[0] < steps[1]


def test_best_that_is_wanted_later_or_interrupted_has_the_same_bits(tmp_path):
    config = config_of(0.5, BEST, shared_by=10_000, max_steps=30)
    whole = train(config, tmp_path / "whole").state
    train(config_of(0.5, shared_by=10_000, max_steps=30), tmp_path / "later")
    later = train(config, tmp_path / "later").state
    assert same(models(config, whole), models(config, later))
    finished, stops = False, iter(range(10**6))
    while not finished:  # a stop at every fortieth question
        outcome = train(config, tmp_path / "parts", stop=lambda: next(stops) % 40 == 39)
        finished = outcome.finished
    assert same(models(config, whole), models(config, outcome.state))


def test_a_limit_settles_the_best_of_what_there_is(tmp_path):
    config = config_of(0.99, BEST, max_steps=3)
    outcome = train(config, tmp_path)
    assert list(reached(config, outcome.state)) == ["flow-best"]
    assert [lost.sampler for lost in missed(config, "T4", outcome.state, outcome.limit)] == [
        "flow-99"
    ]


@pytest.mark.parametrize("targets", [["best", 0.5], ["better"], [1.5]])
def test_targets_that_are_none_are_refused(targets):
    with pytest.raises(LfmcError, match="targets"):
        validated(FlowSettings, {"targets": targets}, "flow")


@pytest.mark.parametrize(
    ("acceptance", "tau"),
    [(0.9, 0.62), (0.8, 0.81), (0.7, 1.09), (0.6, 1.57), (0.5, 2.45), (0.4, 4.29), (0.3, 9.15)],
)
def test_normal_log_weights_have_the_tau_of_their_acceptance(acceptance, tau):
    """Of log w ~ N(-v/2, v) over q the acceptance is erfc(sqrt(v)/2); tau by quadrature."""
    assert normal_tau(4 * erfcinv(acceptance) ** 2) == pytest.approx(tau, abs=6e-3)


def test_tau_of_few_effective_samples_is_that_of_the_variance():
    """4096 weights of ESS 0.1 give half of tau or less in one of four checks; their variance does
    not. A fixed seed; the spread of the variance is sqrt(2/4096)."""
    rng = np.random.default_rng(4)
    heavy, light = [[rng.normal(-v / 2, np.sqrt(v), 4096) for _ in range(20)] for v in (2.3, 0.3)]
    exact = normal_tau(2.3)
    assert all(abs(chain_tau(w) / exact - 1) < 0.25 for w in heavy)
    assert max(abs(implied_tau(w) / exact - 1) for w in heavy) > 0.35  # the negative control
    assert all(chain_tau(w) == implied_tau(w) for w in light)
    assert np.exp(-2.3) < RESOLVED < np.exp(-0.3)


def test_by_weights_checks_have_the_same_samples_and_the_same_bits_again(tmp_path):
    """A model that stays has the same acceptance at the next check; a run in parts the same."""
    config = config_of(BEST, best_by="controls", shared_by=20_000, max_steps=12, fit_prior=False)
    assert stage_settings(config, "train", "T4")["flow"]["training"]["best_by"] == "controls"
    assert "best_by" not in stage_settings(config_of(BEST), "train", "T4")["flow"]["training"]
    whole = train(config, tmp_path / "whole").state
    costs = [row["cost"] for row in whole.history]
    assert reached(config, whole)["flow-best"]["steps"] == 1 + costs.index(min(costs))
    spent = [training_cost(row["step"], row["samples"], 16, "controls") for row in whole.history]
    ess = [row["ess"] for row in whole.history if row["ess"] > RESOLVED]
    per_value = (np.array(costs) - spent)[-len(ess) :] / 20_000
    assert per_value == pytest.approx(1 / np.array(ess) - 1 + UNEXPLAINED)
    finished, stops = False, iter(range(10**6))
    while not finished:  # a stop at every seventh question
        outcome = train(config, tmp_path / "parts", stop=lambda: next(stops) % 7 == 6)
        finished = outcome.finished
    assert same(models(config, whole), models(config, outcome.state))
