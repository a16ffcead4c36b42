"""The training loop: steps, checks, rollbacks, checkpoints, and models saved as targets pass."""

import logging
from collections.abc import Callable
from pathlib import Path
from time import perf_counter
from typing import Any, NamedTuple

import torch

from lfmc.action import action_of
from lfmc.clock import CPU, WALL, cpu_seconds
from lfmc.config import Config
from lfmc.errors import LfmcError
from lfmc.flows.build import build_flow
from lfmc.ranks import ALONE, Disagreement, Ranks
from lfmc.sections import Ensemble
from lfmc.streams import generator as stream
from lfmc.training.acceptance import acceptance_from_model
from lfmc.training.limits import what_ended
from lfmc.training.method import Weights
from lfmc.training.moment import Abandoned, Verdict, moment_of_passing
from lfmc.training.prepare import key_of, method_of, precision_of, team_of
from lfmc.training.records import Point, check_record, pass_record
from lfmc.training.start import read_start
from lfmc.training.state import TrainingState, load_state, save_state
from lfmc.training.team import clock_of
from lfmc.training.trail import Trail, worth_deciding

log = logging.getLogger(__name__)

CHECKPOINT_SECONDS = 5.0
REFUSED_IN_A_ROW = 20
CHECK_SHARE = 0.06

Report = Callable[[TrainingState], None]
Passed = Callable[[dict[str, Any]], None]


class Outcome(NamedTuple):
    """A training at its end.

    Attributes:
        state: with one record in `state.passed` for each target that has passed.
        finished: false if it was asked to stop.
        limit: what ended it before all targets had passed, in words; empty if they have.
    """

    state: TrainingState
    finished: bool
    limit: str


class Trainer:
    """One training run of one ensemble, by any number of ranks; resumes from its checkpoint.

    Attributes:
        origin: ensemble whose model it starts from, "" if none, and the clock of its seconds.
    """

    def __init__(
        self,
        config: Config,
        ensemble: Ensemble,
        work: Path,
        start: Path | None = None,
        device: torch.device = torch.device("cpu"),  # noqa: B008 (immutable)
        mpi: Ranks = ALONE,
    ) -> None:
        """Args: configuration, ensemble, folder of the checkpoint, model to start from, device,
        ranks that evaluate.

        Raises:
            LfmcError: a start that does not fit; several ranks for what trains on one.
        """
        if mpi.size > 1 and config.flow.optimiser != "natural":
            raise Disagreement(
                f"flow.training.optimiser: {config.flow.optimiser} trains on one rank, not on "
                f"{mpi.size}; take natural, or one rank",
                mpi.rank == 0,
            )
        self.mpi = mpi
        self.config, self.ensemble, self.settings = config, ensemble, config.flow
        self.training = config.flow.training
        # Small matrices; and bits that do not depend on how many cores there are.
        torch.set_num_threads(1)
        seeds = stream(config.seed, "train", ensemble.name).integers(2**62, size=3).tolist()
        self.check_seed = seeds[1]
        torch.manual_seed(seeds[2])
        flow = build_flow(action_of(ensemble), self.settings.model)
        flow = flow.to(device, precision_of(self.settings))
        self.start = read_start(start, config, flow, mpi.rank == 0) if start else None
        if self.start:
            flow.load_state_dict(self.start.weights)
        self.clock = clock_of(flow)
        self.origin = {
            "start": self.start.ensemble if self.start else "",
            "clock": CPU if self.clock is cpu_seconds else WALL,
        }
        self.team = team_of(config, ensemble, flow, mpi)
        self.method = method_of(self.settings, flow, seeds[0], self.team.score_sums)
        self.path = work / "checkpoint.pt"
        self.key = key_of(config, ensemble, device, self.start)
        self.trail = Trail(work / "trail", self.key)
        self.passed: Passed = lambda record: None
        self.limit, self.earlier = "", 0.0
        self.state = self.begin = self._start()
        saved = load_state(self.path, self.key) if mpi.rank == 0 else None
        if saved:
            self._continue(saved)

    def run(
        self, report: Report, stop: Callable[[], bool], passed: Passed = lambda record: None
    ) -> Outcome:
        """Train until every target has passed, a limit is reached, or `stop` asks on any rank.

        Every rank's outcome says whether it is finished; its state is trained on rank 0 only, which
        alone reports and writes.

        Args:
            report: called after every check.
            stop: asked before every step.
            passed: called with the record of each target of the configuration that has passed, at
                that moment, and at the start with those of earlier runs.

        Raises:
            LfmcError: batches keep coming out non-finite.
        """
        self.team.stop, self.passed = stop, passed
        finished = self.team.run(lambda: self._lead(report))
        return Outcome(self.state, finished, self.limit)

    def _lead(self, report: Report) -> bool:
        saved, self.earlier = perf_counter(), self.state.seconds
        for record in self.state.passed:
            if record["target"] in self.settings.targets:
                self._tell(record)
        try:
            self._look_back()
            while self._open() and not self._ended():
                if self.team.stopped():
                    self._checkpoint()
                    return False
                if self.state.step >= self.state.next_check:
                    self._checkpoint()  # a check may be long: asked to stop, it is done again
                    self._check()
                    report(self.state)
                else:
                    self._step()
                if perf_counter() - saved > CHECKPOINT_SECONDS:
                    self._checkpoint()
                    saved = perf_counter()
        except Abandoned:
            return False
        self._checkpoint()
        return True

    def _ended(self) -> bool:
        """Whether a limit has been reached by the last check."""
        state = self.state
        if state.history and state.history[-1]["step"] == state.step:
            self.limit = what_ended(state, self.training, self.method)
        return bool(self.limit)

    def _open(self) -> list[float]:
        """Targets that have not passed, ascending."""
        passed = [record["target"] for record in self.state.passed]
        return [target for target in self.settings.targets if target not in passed]

    def _start(self) -> TrainingState:
        return TrainingState(
            method=self.method.state(),
            before=self.method.model(),
            next_check=self.method.check_every,
            seconds=self.start.seconds if self.start else 0.0,
            asked=list(self.settings.targets),
        )

    def _continue(self, saved: TrainingState) -> None:
        """From a checkpoint, or from the start if the method cannot make sense of it."""
        try:
            self.method.restore(saved.method)
        except (KeyError, TypeError, ValueError, RuntimeError, AttributeError):
            log.warning("%s is of another version of lfmc; training starts again", self.path)
            self.method.restore(self.begin.method)
            return
        self.state = saved

    def _look_back(self) -> None:
        """Targets that earlier checks were not held against: had they passed by then?"""
        for target in self._open():
            if target in self.state.asked:
                continue
            for pair, before, row in self.trail.in_question(self.state, target):
                if pair is None:
                    lies = f"target {target:g} lies behind, where models were not kept"
                    log.warning("train %s: %s; training starts again", self.ensemble.name, lies)
                    self.method.restore(self.begin.method)
                    self.state, self.earlier = self.begin, self.begin.seconds
                    return
                if self._decide(target, pair, before, row, self._seconds()):
                    break
            self.state.asked.append(target)
        self.state.asked = list(self.settings.targets)

    def _seconds(self) -> float:
        """Used so far; what was prepared counts once, and not when it is prepared again."""
        return self.earlier + self.team.seconds(self.state is self.begin)

    def _tell(self, record: dict[str, Any]) -> None:
        """Of a target that has passed; what is done about it is no part of the training."""
        began = self.clock()
        self.passed(record)
        self.earlier -= self.clock() - began

    def _checkpoint(self) -> None:
        self.state.method, self.state.seconds = self.method.state(), self._seconds()
        save_state(self.path, self.key, self.state)

    def _step(self) -> None:
        state = self.state
        progress = self.method.advance(state.step)
        state.step += 1
        state.samples += progress.samples
        if progress.finite:
            state.in_a_row = 0
            return
        state.refused += 1
        state.in_a_row += 1
        if state.in_a_row > REFUSED_IN_A_ROW:
            raise LfmcError(
                f"training {self.ensemble.name}: {state.in_a_row} batches in a row were not "
                "finite; lower flow.training.learning_rate (adam) or raise "
                "flow.training.natural.damping"
            )

    def _check(self) -> None:
        state, training = self.state, self.training
        model = self.method.model()
        seed = self.check_seed + state.step
        log_w = self.team.log_weights(model, training.check_samples, seed)
        quick = acceptance_from_model(log_w)
        state.seconds = began = self._seconds()
        row = check_record(state, log_w, quick) | self.method.describe()
        # A checkpoint in between is of the state before this check, which is then done again.
        if not self._diverged(quick.value, model):
            self.trail.keep(state, row, model)
            before = Point(state.before_step, state.before_samples)
            for target in self._open():
                if not worth_deciding(row, target):
                    break
                if not self._decide(target, (state.before, model), before, row, began):
                    break
            state.before = model
            state.before_step, state.before_samples = state.step, state.samples
        state.history.append(row)
        # The later, the slower the acceptance rises: checks thin out, and cost a fixed share.
        state.next_check = state.step + max(
            self.method.check_every, round(CHECK_SHARE * state.step)
        )
        state.seconds = self._seconds()

    def _decide(
        self,
        target: float,
        models: tuple[Weights, Weights],
        before: Point,
        row: dict[str, Any],
        began: float,
    ) -> bool:
        """Whether a target was passed between a check's model and the one before it."""
        samples = self.training.decide_samples

        def judge(weights: Weights, share: int) -> Verdict:
            return self.team.judge(weights, samples, self.check_seed, share)

        found = moment_of_passing(judge, *models, target, self.team.stopped)
        if found is None:
            return False
        now = Point(row["step"], row["samples"])
        record = pass_record(target, found, before, now, row["seconds"] + self._seconds() - began)
        self.state.passed.append(record)
        self.state.passed.sort(key=lambda entry: float(entry["target"]))
        self._checkpoint()
        self._tell(record)
        return True

    def _diverged(self, acceptance: float, model: Weights) -> bool:
        """Roll back to the best model and go on more carefully, if the acceptance collapsed."""
        state = self.state
        if acceptance >= state.best.get("acceptance", 0.0):
            state.best = {"acceptance": acceptance, "model": model}
            return False
        if acceptance > 0.5 * state.best["acceptance"] or state.best["acceptance"] < 0.1:
            return False
        changed = self.method.return_to(state.best["model"])
        name, best = self.ensemble.name, state.best["acceptance"]
        fell = f"acceptance fell from {best:.3f} to {acceptance:.3f} at step {state.step}"
        log.warning("training %s: %s; rolled back, %s", name, fell, changed)
        return True
