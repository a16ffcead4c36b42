"""The training loop: steps, checks, rollbacks, and the models at which targets pass.

It writes no files: `lfmc.training.train` saves models and checkpoints in `_keep` and `_checkpoint`.
"""

import logging
from collections.abc import Callable
from time import perf_counter
from typing import Any, NamedTuple

from lfmc.config.targets import BEST
from lfmc.config.training_sections import FlowSettings
from lfmc.errors import LfmcError
from lfmc.lattice import FloatArray
from lfmc.training.acceptance import acceptance_from_model
from lfmc.training.cheapest import cheaper, cheapest, exhausted, training_cost
from lfmc.training.limits import what_ended
from lfmc.training.moment import (
    Abandoned,
    Moment,
    Refine,
    Verdict,
    moment_of_passing,
    unchanged,
)
from lfmc.training.optimiser import Optimiser, Parameters
from lfmc.training.prior_fit import HIGHEST_TARGET
from lfmc.training.records import Point, check_record, pass_record
from lfmc.training.state import TrainingState
from lfmc.training.team import Team, clock_of
from lfmc.training.trail import worth_deciding, worth_fitting

log = logging.getLogger(__name__)

REFUSED_IN_A_ROW = 20
CHECK_SHARE = 0.06
CHECKPOINT_SECONDS = 5.0
LITTLE_SECONDS = 1.0  # work that may be repeated; a checkpoint takes as long as a small step

Report = Callable[[TrainingState], None]
Passed = Callable[[dict[str, Any]], None]


class Outcome(NamedTuple):
    """The result of a training.

    Attributes:
        state: with one record in `state.passed` per target that has passed.
        finished: false if the training was stopped from outside.
        limit: the limit that ended it before all targets had passed, in words; empty if none did.
    """

    state: TrainingState
    finished: bool
    limit: str


class Loop:
    """One training run on any number of ranks, in memory."""

    def __init__(
        self,
        name: str,
        settings: FlowSettings,
        optimiser: Optimiser,
        team: Team,
        check_seed: int,
        seconds: float = 0.0,
        fit: Refine | None = None,
    ) -> None:
        """Args: name for messages, settings, optimiser, the ranks that evaluate, seed of the
        checks' samples, the seconds of the training that this one starts from, and what fits the
        prior of models for targets up to HIGHEST_TARGET."""
        self.name, self.settings, self.training = name, settings, settings.training
        self.optimiser, self.team, self.check_seed = optimiser, team, check_seed
        self.clock, self.fit = clock_of(team.trained), fit
        self.passed: Passed = lambda record: None
        self.limit, self.earlier = "", 0.0
        self.state = self.begin = TrainingState(
            optimiser=optimiser.state(),
            before=optimiser.model(),
            next_check=optimiser.check_every,
            seconds=seconds,
            compared=list(settings.targets),
        )

    def run(
        self, report: Report, stop: Callable[[], bool], passed: Passed = lambda record: None
    ) -> Outcome:
        """Train until every target has passed, a limit is reached, or `stop` is true on any rank.

        Every rank's outcome says whether the training is finished. Only rank 0's state is trained,
        and only rank 0 reports and writes.

        Args:
            report: called after every check.
            stop: called before every step.
            passed: called with the record of each configured target when it passes, and at the
                start with the records of earlier runs.

        Raises:
            LfmcError: too many successive batches were not finite.
        """
        self.team.stop, self.passed = stop, passed
        finished = self.team.run(lambda: self._lead(report))
        return Outcome(self.state, finished, self.limit)

    def _lead(self, report: Report) -> bool:
        saved, self.earlier = perf_counter(), self.state.seconds
        for record in self.state.passed:
            if record["target"] in self.settings.targets:
                self._report_passed(record)
        try:
            self._resume()
            while self._goes_on():
                if self.team.stopped():
                    self._checkpoint()
                    return False
                if self.state.step >= self.state.next_check:
                    if perf_counter() - saved > LITTLE_SECONDS:
                        self._checkpoint()  # a check may be long: if stopped, it is repeated
                        saved = perf_counter()
                    self._check()
                    report(self.state)
                else:
                    self._step()
                if perf_counter() - saved > CHECKPOINT_SECONDS:
                    self._checkpoint()
                    saved = perf_counter()
            self._settle(ended=True)
        except Abandoned:
            return False
        self._checkpoint()
        return True

    def _goes_on(self) -> bool:
        self._settle()
        return bool(self._open()) and not self._ended()

    def _resume(self) -> None:
        """Called before the first step."""

    def _keep(self, row: dict[str, Any], model: Parameters) -> None:
        """Called with the record and the model of a check, before targets are decided on."""

    def _checkpoint(self) -> None:
        """Called where a resumed training may continue from."""

    def _ended(self) -> bool:
        """Whether a limit has been reached by the last check."""
        state = self.state
        if state.history and state.history[-1]["step"] == state.step:
            self.limit = what_ended(state, self.training, self.optimiser)
        return bool(self.limit)

    def _open(self) -> list[float]:
        """Targets that have not passed, ascending."""
        passed = [record["target"] for record in self.state.passed]
        return [target for target in self.settings.targets if target not in passed]

    def _seconds(self) -> float:
        """Seconds used so far; preparation counts once, and not again in a resumed run."""
        return self.earlier + self.team.seconds(self.state is self.begin)

    def _report_passed(self, record: dict[str, Any]) -> None:
        """Call `passed` with a target's record; its seconds do not count as training."""
        began = self.clock()
        self.passed(record)
        self.earlier -= self.clock() - began

    def _step(self) -> None:
        state = self.state
        progress = self.optimiser.advance(state.step)
        state.step += 1
        state.samples += progress.samples
        if progress.finite:
            state.in_a_row = 0
            return
        state.refused += 1
        state.in_a_row += 1
        if state.in_a_row > REFUSED_IN_A_ROW:
            raise LfmcError(
                f"training {self.name}: {state.in_a_row} batches in a row were not "
                "finite; lower flow.training.learning_rate (adam) or raise "
                "flow.training.natural.damping"
            )

    def _check(self) -> None:
        state, training = self.state, self.training
        model = self.optimiser.model()
        # By weights the samples are the same at every check: changes of the cost have little noise.
        seed = self.check_seed + (state.step if training.best_by == "chain" else 0)
        log_weight = self.team.log_weight(model, training.check_samples, seed)
        quick = acceptance_from_model(log_weight)
        state.seconds = began = self._seconds()
        row = check_record(state, log_weight, quick) | self.optimiser.describe()
        candidates = [(model, log_weight)]
        if self.fit and worth_fitting(state.history, quick.value):
            refined = self.fit(model)
            fitted = self.team.log_weight(refined, training.check_samples, seed)
            row["acceptance_fitted"] = acceptance_from_model(fitted).value
            candidates.append((refined, fitted))
        # A checkpoint in between has the state before this check, which is then repeated.
        if not self._diverged(quick.value, model):
            self._keep(row, model)
            before = Point(state.before_step, state.before_samples)
            for target in self._open():
                if not worth_deciding(row, target):
                    break
                if not self._decide(target, (state.before, model), before, row, began):
                    break
            state.before = model
            state.before_step, state.before_samples = state.step, state.samples
        self._weigh(row, candidates)
        state.history.append(row)
        # The acceptance rises ever more slowly: checks become rarer, and cost a fixed share.
        state.next_check = state.step + max(
            self.optimiser.check_every, round(CHECK_SHARE * state.step)
        )
        state.seconds = self._seconds()

    def _decide(
        self,
        target: float,
        models: tuple[Parameters, Parameters],
        before: Point,
        row: dict[str, Any],
        began: float,
    ) -> bool:
        """Whether a target was passed between a check's model and the previous one."""
        samples = self.training.decide_samples

        def evaluate(parameters: Parameters, divisor: int) -> Verdict:
            return self.team.evaluate(parameters, samples, self.check_seed, divisor)

        refine = self.fit if self.fit and target < HIGHEST_TARGET else unchanged
        found = moment_of_passing(evaluate, *models, target, self.team.stopped, refine)
        if found is None:
            return False
        now = Point(row["step"], row["samples"])
        seconds = row["seconds"] + self._seconds() - began
        self._pass(pass_record(target, found, before, now, seconds))
        return True

    def _pass(self, record: dict[str, Any]) -> None:
        self.state.passed.append(record)
        self.state.passed.sort(key=lambda entry: float(entry["target"]))
        self._checkpoint()
        self._report_passed(record)

    def _weigh(self, row: dict[str, Any], candidates: list[tuple[Parameters, FloatArray]]) -> None:
        """Keep the model of the least total cost, whether it is a target or not."""
        best, training = self.state.best.get("cheapest", {}), self.training
        found = cheapest(candidates, self._spent(), training.shared_by, training.best_by)
        row["cost"] = found["cost"]
        place = {"step": row["step"], "samples": row["samples"]}
        moved = not self.state.history or row["samples"] > self.state.history[-1]["samples"]
        counted = moved or training.best_by == "chain"
        self.state.best["cheapest"] = cheaper(best, found | place, counted)

    def _spent(self) -> float:
        """What the samples so far have cost, in proposals."""
        state, sites = self.state, self.team.trained.sites
        return training_cost(state.step, state.samples, sites, self.training.best_by)

    def _settle(self, ended: bool = False) -> None:
        """Pass the target `best` when no later model is expected to be cheaper."""
        best = self.state.best.get("cheapest", {})
        if BEST not in self._open() or not best:
            return
        if not (ended or exhausted(best, self._spent(), self.training.best_by)):
            return
        samples = self.training.decide_samples
        verdict = self.team.evaluate(best["model"], samples, self.check_seed, 1)
        point = Point(best["step"], best["samples"])
        found = Moment(1.0, best["model"], verdict)
        self._pass(pass_record(BEST, found, point, point, self._seconds()))

    def _diverged(self, acceptance: float, model: Parameters) -> bool:
        """Roll back to the best model if the acceptance has collapsed."""
        state = self.state
        if acceptance >= state.best.get("acceptance", 0.0):
            state.best |= {"acceptance": acceptance, "model": model}
            return False
        if acceptance > 0.5 * state.best["acceptance"] or state.best["acceptance"] < 0.1:
            return False
        changed = self.optimiser.return_to(state.best["model"])
        name, best = self.name, state.best["acceptance"]
        fell = f"acceptance fell from {best:.3f} to {acceptance:.3f} at step {state.step}"
        log.warning("training %s: %s; rolled back, %s", name, fell, changed)
        return True
