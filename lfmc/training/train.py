"""The training loop: steps, checks, rollbacks, checkpoints, and models saved as targets pass."""

import logging
from collections.abc import Callable
from copy import deepcopy
from pathlib import Path
from time import perf_counter
from typing import Any, NamedTuple

import torch

from lfmc.action import action_of
from lfmc.config import Config, settings_hash, stage_settings
from lfmc.device import device_key
from lfmc.errors import LfmcError
from lfmc.flows.base import Flow
from lfmc.flows.build import build_flow
from lfmc.sections import Ensemble
from lfmc.streams import generator as stream
from lfmc.training.acceptance import acceptance_from_model, effective_sample_size
from lfmc.training.moment import Abandoned, moment_of_passing
from lfmc.training.state import TrainingState, load_state, save_state
from lfmc.training.step import follow, gradient_step, log_weights, warm
from lfmc.training.target import target_fields

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
    """One training run of one ensemble; resumes from its checkpoint."""

    def __init__(
        self,
        config: Config,
        ensemble: Ensemble,
        work: Path,
        device: torch.device = torch.device("cpu"),  # noqa: B008 (immutable)
    ) -> None:
        self.device = device
        self.config, self.ensemble, self.settings = config, ensemble, config.flow
        self.training = config.flow.training
        # Small matrices; and bits that do not depend on how many cores there are.
        torch.set_num_threads(1)
        seeds = stream(config.seed, "train", ensemble.name).integers(2**62, size=3).tolist()
        self.check_seed = seeds[1]
        torch.manual_seed(seeds[2])
        self.flow: Flow = build_flow(action_of(ensemble), self.settings.model).float().to(device)
        self.average = deepcopy(self.flow)
        self.adam = torch.optim.Adam(
            self.flow.parameters(), lr=self.training.learning_rate, betas=(0.9, 0.99)
        )
        self.random = torch.Generator().manual_seed(seeds[0])
        self.path = work / "checkpoint.pt"
        self.key = settings_hash(
            stage_settings(config, "train", ensemble.name) | device_key(device)
        )
        self.state = load_state(self.path, self.key) or self._start()
        self._restore()
        count = max(self.training.decide_samples // 4, 512)
        self.fields = torch.from_numpy(
            target_fields(action_of(ensemble), count, config.seed, ensemble.name)
        ).to(device, torch.float32)

    def run(self, report: Report, stop: Callable[[], bool]) -> Outcome:
        """Train until every target has passed, the limit is reached, or `stop` asks.

        Raises:
            LfmcError: batches keep coming out non-finite, or a limit came before the targets.
        """
        began, saved = perf_counter(), perf_counter()
        earlier = self.state.seconds
        while len(self.state.passed) < len(self.settings.targets):
            if stop():
                self._checkpoint()
                return Outcome(self.state, False)
            if self.state.step >= self.state.next_check:
                self._checkpoint()  # a check may be long: asked to stop, it is left and done again
                try:
                    self._check(stop)
                except Abandoned:
                    return Outcome(self.state, False)
                self.state.seconds = earlier + perf_counter() - began
                report(self.state)
                self._within_limits()
            else:
                self._step()
                self.state.seconds = earlier + perf_counter() - began
            if perf_counter() - saved > CHECKPOINT_SECONDS:
                self._checkpoint()
                saved = perf_counter()
        self._checkpoint()
        return Outcome(self.state, True)

    def _start(self) -> TrainingState:
        weights = {k: v.detach().clone() for k, v in self.flow.named_parameters()}

        def copy() -> dict[str, torch.Tensor]:
            return {k: v.clone() for k, v in weights.items()}

        return TrainingState(
            step=0,
            seconds=0.0,
            learning_rate=self.training.learning_rate,
            weights=copy(),
            average=copy(),
            optimiser=self.adam.state_dict(),
            generator=self.random.get_state(),
            before=copy(),
            next_check=self.training.check_every,
        )

    def _restore(self) -> None:
        state = self.state
        averages = [state.average, state.before, state.best.get("average", {})]
        for weights in averages:
            weights.update({name: value.to(self.device) for name, value in weights.items()})
        self.flow.load_state_dict(self.state.weights)
        self.adam.load_state_dict(self.state.optimiser)
        self.random.set_state(self.state.generator)

    def _capture(self) -> None:
        self.state.weights = {k: v.detach().clone() for k, v in self.flow.named_parameters()}
        self.state.optimiser = self.adam.state_dict()
        self.state.generator = self.random.get_state()

    def _checkpoint(self) -> None:
        self._capture()
        save_state(self.path, self.key, self.state)

    def _step(self) -> None:
        state, training = self.state, self.training
        rate = warm(state.learning_rate, state.step)
        loss, norm = gradient_step(
            self.flow, self.adam, self.random, training.batch, rate, training.clip
        )
        state.step += 1
        if loss - loss != 0 or norm - norm != 0:  # NaN or infinite
            state.refused += 1
            state.in_a_row += 1
            if state.in_a_row > REFUSED_IN_A_ROW:
                raise LfmcError(
                    f"training {self.ensemble.name}: {state.in_a_row} batches in a row were not "
                    "finite; lower flow.training.learning_rate"
                )
            return
        state.in_a_row = 0
        follow(state.average, self.flow, training.average, state.step)

    def _check(self, stop: Callable[[], bool]) -> None:
        state, training = self.state, self.training
        # The later, the slower the acceptance rises: checks thin out, and cost a fixed share.
        state.next_check = state.step + max(training.check_every, round(CHECK_SHARE * state.step))
        self.average.load_state_dict(state.average)
        seed = torch.Generator().manual_seed(self.check_seed + state.step)
        log_w = log_weights(self.average, training.check_samples, seed).numpy()
        quick = acceptance_from_model(log_w)
        state.history.append(
            {
                "step": state.step,
                "samples": state.step * training.batch,
                "seconds": round(state.seconds, 3),
                "loss": -float(log_w.mean()),
                "loss_error": float(log_w.std() / len(log_w) ** 0.5),
                "log_weight_variance": float(log_w.var()),
                "ess": effective_sample_size(log_w),
                "acceptance_q": quick.value,
                "acceptance_q_error": quick.error,
                "learning_rate": state.learning_rate,
                "refused": state.refused,
            }
        )
        if self._diverged(quick.value):
            return
        for target in self.settings.targets[len(state.passed) :]:
            if quick.value < target - quick.error:
                break
            if not self._decide(target, stop):
                break
        state.before = {k: v.clone() for k, v in state.average.items()}
        state.before_step, state.before_seconds = state.step, state.seconds

    def _decide(self, target: float, stop: Callable[[], bool]) -> bool:
        state = self.state
        found = moment_of_passing(
            self.average,
            state.before,
            state.average,
            target,
            self.fields,
            self.training.decide_samples,
            self.check_seed,
            stop,
        )
        if found is None:
            return False
        step = state.before_step + found.fraction * (state.step - state.before_step)
        seconds = state.before_seconds + found.fraction * (state.seconds - state.before_seconds)
        state.passed.append(
            {
                "target": target,
                "steps": round(step),
                "samples": round(step * self.training.batch),
                "seconds": seconds,
                "acceptance_q": found.verdict.model.value,
                "acceptance_q_error": found.verdict.model.error,
                "acceptance_p": found.verdict.target.value,
                "acceptance_p_error": found.verdict.target.error,
                "ess": found.verdict.ess,
                "weights": found.weights,
            }
        )
        return True

    def _diverged(self, acceptance: float) -> bool:
        """Roll back to the best averaged weights, at half the rate, if acceptance collapsed."""
        state = self.state
        if acceptance >= state.best.get("acceptance", 0.0):
            state.best = {
                "acceptance": acceptance,
                "average": {k: v.clone() for k, v in state.average.items()},
            }
            return False
        if acceptance > 0.5 * state.best["acceptance"] or state.best["acceptance"] < 0.1:
            return False
        log.warning(
            "training %s: acceptance fell from %.3f to %.3f at step %d; rolled back, rate halved",
            self.ensemble.name,
            state.best["acceptance"],
            acceptance,
            state.step,
        )
        state.learning_rate *= 0.5
        state.average = {k: v.clone() for k, v in state.best["average"].items()}
        self.flow.load_state_dict(state.average)
        self.adam.state.clear()
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


def records(config: Config, ensemble: str, state: TrainingState) -> list[dict[str, Any]]:
    """Rows of training.csv: the cost of every target, in the units of the field."""
    return [
        {"ensemble": ensemble, "flow": name, "seed": config.seed}
        | {k: v for k, v in passed.items() if k != "weights"}
        for name, passed in zip(config.flow_names, state.passed, strict=False)
    ]
