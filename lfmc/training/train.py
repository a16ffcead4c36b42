"""The training loop: steps, checks, rollbacks, checkpoints, and models saved as targets pass."""

import logging
from collections.abc import Callable
from copy import deepcopy
from pathlib import Path
from time import perf_counter
from typing import NamedTuple

import torch

from lfmc.action import action_of
from lfmc.compiled.plan import has_kernels
from lfmc.config import Config, settings_hash, stage_settings
from lfmc.device import device_key
from lfmc.errors import LfmcError
from lfmc.flows.build import build_flow
from lfmc.ranks import ALONE, Disagreement, Ranks
from lfmc.sections import Ensemble
from lfmc.streams import generator as stream
from lfmc.training.acceptance import acceptance_from_model
from lfmc.training.adam import Adam
from lfmc.training.method import Method, Weights
from lfmc.training.moment import Abandoned, Verdict, moment_of_passing
from lfmc.training.natural import NaturalGradient, precision
from lfmc.training.plateau import on_plateau
from lfmc.training.records import check_record, pass_record
from lfmc.training.start import read_start
from lfmc.training.state import TrainingState, load_state, save_state
from lfmc.training.target import target_fields
from lfmc.training.team import Team

log = logging.getLogger(__name__)

CHECKPOINT_SECONDS = 5.0
REFUSED_IN_A_ROW = 20
CHECK_SHARE = 0.06

Report = Callable[[TrainingState], None]


class Outcome(NamedTuple):
    """A finished training: its state, with one record a target in `state.passed`."""

    state: TrainingState
    finished: bool


class Trainer:
    """One training run of one ensemble, by any number of ranks; resumes from its checkpoint."""

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
        flow = build_flow(action_of(ensemble), self.settings.model).to(device, self._precision())
        self.start = read_start(start, config, flow) if start else None
        if self.start:
            flow.load_state_dict(self.start.weights)
        count = max(self.training.decide_samples // 4, 512)
        fields = target_fields(action_of(ensemble), count, config.seed, ensemble.name)
        on_device = torch.from_numpy(fields).to(device, self._precision())
        if has_kernels(flow):
            from lfmc.compiled.scores import compile_for_training

            compile_for_training(flow, self.settings.optimiser == "natural")
        self.team = Team(mpi, flow, deepcopy(flow), on_device)
        self.method: Method = (
            NaturalGradient(flow, self.training.natural, seeds[0], self.team.score_sums)
            if self.settings.optimiser == "natural"
            else Adam(flow, self.training, self.settings.gradient, seeds[0])
        )
        self.path = work / "checkpoint.pt"
        settings = stage_settings(config, "train", ensemble.name) | device_key(device)
        self.key = settings_hash(settings | ({"model": self.start.digest} if self.start else {}))
        saved = load_state(self.path, self.key) if mpi.rank == 0 else None
        self.state = saved or self._start()
        self.method.restore(self.state.method)

    def _precision(self) -> torch.dtype:
        natural = self.settings.optimiser == "natural"
        return precision(self.training.natural.damping) if natural else torch.float32

    def run(self, report: Report, stop: Callable[[], bool]) -> Outcome:
        """Train until every target has passed, the limit is reached, or `stop` asks on any rank.

        Every rank's outcome says whether it is finished; its state is trained on rank 0 only, which
        alone reports and writes.

        Raises:
            LfmcError: batches keep coming out non-finite, or a limit came before the targets.
        """
        self.team.stop = stop
        return Outcome(self.state, self.team.run(lambda: self._lead(report)))

    def _lead(self, report: Report) -> bool:
        saved = perf_counter()
        began, earlier = saved, self.state.seconds

        def seconds() -> float:
            return earlier + self.mpi.size * (perf_counter() - began)

        while len(self.state.passed) < len(self.settings.targets):
            if self.team.stopped():
                self._checkpoint()
                return False
            if self.state.step >= self.state.next_check:
                self._checkpoint()  # a check may be long: asked to stop, it is left and done again
                try:
                    self._check()
                except Abandoned:
                    return False
                self.state.seconds = seconds()
                report(self.state)
                self._within_limits()
            else:
                self._step()
                self.state.seconds = seconds()
            if perf_counter() - saved > CHECKPOINT_SECONDS:
                self._checkpoint()
                saved = perf_counter()
        self._checkpoint()
        return True

    def _start(self) -> TrainingState:
        return TrainingState(
            method=self.method.state(),
            before=self.method.model(),
            next_check=self.method.check_every,
            seconds=self.start.seconds if self.start else 0.0,
            before_seconds=self.start.seconds if self.start else 0.0,
        )

    def _checkpoint(self) -> None:
        self.state.method = self.method.state()
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
        # The later, the slower the acceptance rises: checks thin out, and cost a fixed share.
        every = max(self.method.check_every, round(CHECK_SHARE * state.step))
        state.next_check = state.step + every
        model = self.method.model()
        seed = self.check_seed + state.step
        log_w = self.team.log_weights(model, training.check_samples, seed)
        quick = acceptance_from_model(log_w)
        state.history.append(check_record(state, log_w, quick) | self.method.describe())
        if self._diverged(quick.value, model):
            return
        for target in self.settings.targets[len(state.passed) :]:
            if quick.value < target - quick.error:
                break
            if not self._decide(target, model):
                break
        state.before = model
        state.before_step, state.before_seconds = state.step, state.seconds
        state.before_samples = state.samples

    def _decide(self, target: float, model: Weights) -> bool:
        state, samples = self.state, self.training.decide_samples

        def judge(weights: Weights, share: int) -> Verdict:
            return self.team.judge(weights, samples, self.check_seed, share)

        found = moment_of_passing(judge, state.before, model, target, self.team.stopped)
        if found is None:
            return False

        state.passed.append(pass_record(state, target, found))
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
        log.warning(
            "training %s: acceptance fell from %.3f to %.3f at step %d; rolled back, %s",
            self.ensemble.name,
            state.best["acceptance"],
            acceptance,
            state.step,
            changed,
        )
        return True

    def _within_limits(self) -> None:
        state, training = self.state, self.training
        if len(state.passed) == len(self.settings.targets):
            return
        best = state.best.get("acceptance", 0.0)
        missed = self.settings.targets[len(state.passed)]
        for what, used, limit in (
            ("max_steps", state.step, training.max_steps),
            ("max_seconds", state.seconds, training.max_seconds),
        ):
            if used >= limit:
                self._checkpoint()
                raise LfmcError(
                    f"training {self.ensemble.name}: flow.training.{what} = {limit} reached at "
                    f"acceptance {best:.3f}, target {missed}; raise the limit (training "
                    "continues from its checkpoint) or lower the target"
                )
        if not on_plateau(state.history[state.refined :]):
            return
        if self.method.refine():
            state.refined = len(state.history)
            return
        self._checkpoint()
        raise LfmcError(
            f"training {self.ensemble.name}: the loss stopped falling at acceptance {best:.3f}, "
            f"target {missed}; give flow.model more layers or channels, or lower the target"
        )
