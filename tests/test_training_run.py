"""Training: targets at their moments, the same bits when resumed, refused when it cannot work."""

import signal
import subprocess
import time

import pytest
import torch
from flows_small import SMALL, environment, lfmc, small, write_small

from lfmc.config.training_sections import NaturalSettings
from lfmc.errors import LfmcError
from lfmc.flows.build import load_flow
from lfmc.training import adam, team
from lfmc.training.plateau import on_plateau
from lfmc.training.step import model_log_weight
from lfmc.training.train import Trainer

pytestmark = pytest.mark.unit


def never() -> bool:
    return False


def train(config, work, stop=never):
    trainer = Trainer(config, config.ensembles[0], work)
    return trainer.run(lambda state: None, stop)


def with_optimiser(name: str):
    model = {"kind": "heatbath", "layers": 2, "table": 128}
    training = {"batch": 128, "check_samples": 1024, "decide_samples": 2048, "optimiser": name}
    return small(flow={"model": model, "training": training})


def weights(state) -> list[torch.Tensor]:
    return [t for passed in state.passed for t in passed["weights"].values()]


@pytest.fixture(scope="module")
def reference(tmp_path_factory):
    return train(small(), tmp_path_factory.mktemp("work")).state


def test_models_are_saved_at_their_targets(reference):
    batch = NaturalSettings().samples
    for passed, target in zip(reference.passed, (0.5, 0.7), strict=True):
        for side in ("acceptance_q", "acceptance_p"):
            assert passed[side] >= target
        assert min(passed["acceptance_q"], passed["acceptance_p"]) < target + 0.08
        assert batch * (passed["steps"] - 1) <= passed["samples"] <= batch * passed["steps"]
    assert reference.passed[0]["samples"] < reference.passed[1]["samples"]


def test_interrupted_training_resumes_to_the_same_bits(reference, tmp_path):
    config, calls = small(), []

    def after_a_while() -> bool:
        calls.append(0)
        return len(calls) in (2, 5, 9)

    outcome = train(config, tmp_path, after_a_while)
    interruptions = 0
    while not outcome.finished:
        interruptions += 1
        outcome = train(config, tmp_path, after_a_while)
    assert interruptions == 3
    assert outcome.state.passed[1]["steps"] == reference.passed[1]["steps"]
    assert all(map(torch.equal, weights(outcome.state), weights(reference)))


def test_little_damping_trains_in_float64_and_resumes_to_the_same_bits(tmp_path):
    training = {**SMALL["flow"]["training"], "natural": {"damping": 1e-8}}
    fine = small(flow={**SMALL["flow"], "training": training})
    whole = train(fine, tmp_path / "whole").state
    assert {w.dtype for w in weights(whole)} == {torch.float64}
    calls = []

    def once(limit=3):
        calls.append(0)
        return len(calls) == limit

    assert not train(fine, tmp_path / "parts", once).finished
    resumed = train(fine, tmp_path / "parts").state
    assert all(map(torch.equal, weights(whole), weights(resumed)))
    assert {w.dtype for w in weights(train(small(), tmp_path / "default").state)} == {torch.float32}


@pytest.mark.parametrize(("extent", "lam"), [(6, 8.0), (4, 8.5)])
def test_a_warm_start_is_nearer_its_goal_and_counts_what_the_other_training_took(
    tmp_path, extent, lam
):
    """From another lattice, and from another coupling."""
    from lfmc.flows.build import save_flow

    ensembles = [
        {"name": "T4", "L": 4, "m2": -4.0, "lam": 9.0},
        {"name": "T6", "L": extent, "m2": -4.0, "lam": lam},
    ]
    cold = small(ensembles=ensembles)
    warm = small(ensembles=ensembles, flow={**SMALL["flow"], "start": {"T6": "T4"}})
    path = tmp_path / "train" / "T4" / "flow-70.safetensors"
    (passed,) = train(small(flow={**SMALL["flow"], "targets": [0.9]}), tmp_path / "T4").state.passed
    note = {"seconds": 1000.0}
    save_flow(path, passed["weights"], warm.flow, warm.ensembles[0], training=note)
    began = Trainer(warm, warm.ensembles[1], tmp_path / "warm", path)
    assert began.state.seconds == 1000
    fresh = Trainer(cold, cold.ensembles[1], tmp_path / "cold")
    good, poor = (
        model_log_weight(t.optimiser.flow, 2048, torch.Generator().manual_seed(1))
        for t in (began, fresh)
    )
    assert good.var() < 0.5 * poor.var()
    state = began.run(lambda state: None, never).state
    assert 1000 <= state.passed[1]["seconds"] <= state.seconds
    assert state.seconds > 1000
    assert began.key != fresh.key


def test_a_model_of_another_architecture_is_no_start(reference, tmp_path):
    from lfmc.flows.build import save_flow

    path = tmp_path / "T4" / "flow-70.safetensors"
    config = small(flow={"model": {**SMALL["flow"]["model"], "rings": 1}})
    save_flow(path, reference.passed[1]["weights"], small().flow, small().ensembles[0], training={})
    with pytest.raises(LfmcError, match="does not say how long"):
        Trainer(config, config.ensembles[1], tmp_path / "work", path)
    note = {"seconds": 1.0}
    save_flow(
        path, reference.passed[1]["weights"], small().flow, small().ensembles[0], training=note
    )
    with pytest.raises(LfmcError, match=r"same flow\.model or more layers"):
        Trainer(config, config.ensembles[1], tmp_path / "work", path)


@pytest.mark.parametrize(
    ("start", "message"),
    [
        ({"T4": "U4", "U4": "T4"}, "in a circle: T4 <- U4 <- T4"),
        ({"T4": "X9"}, r"flow\.start: no ensemble 'X9'; there are T4, U4"),
    ],
)
def test_impossible_starts_are_refused(start, message):
    with pytest.raises(LfmcError, match=message):
        small(flow={**SMALL["flow"], "start": start})


def test_another_seed_gives_another_model(reference, tmp_path):
    other = train(small(seed=12), tmp_path).state
    assert not all(map(torch.equal, weights(other), weights(reference)))


@pytest.mark.parametrize("damage", [b"", b"not a checkpoint"])
def test_damaged_checkpoint_starts_again(reference, tmp_path, damage):
    (tmp_path / "checkpoint.pt").write_bytes(damage)
    again = train(small(), tmp_path).state
    assert all(map(torch.equal, weights(again), weights(reference)))


@pytest.mark.parametrize("optimiser", ["adam", "natural"])
def test_steps_that_are_not_finite_are_refused(tmp_path, monkeypatch, optimiser):
    def nothing_finite(flow, seeds, origin, mpi):
        size = sum(p.numel() for p in flow.parameters()) + 2
        return torch.full((size, size), float("nan"), dtype=torch.float64)

    monkeypatch.setattr(adam, "gradient_step", lambda *a: (float("nan"), 1.0))
    monkeypatch.setattr(team, "score_sums", nothing_finite)
    with pytest.raises(LfmcError, match="batches in a row were not finite"):
        train(with_optimiser(optimiser), tmp_path)


@pytest.mark.parametrize("optimiser", ["adam", "natural"])
def test_divergence_is_rolled_back_and_goes_on_more_carefully(tmp_path, optimiser):
    trainer = Trainer(with_optimiser(optimiser), small().ensembles[0], tmp_path)
    good = trainer.optimiser.model()
    before = trainer.optimiser.describe()
    assert not trainer._diverged(0.6, good)
    bad = {name: value + 3 for name, value in good.items()}
    assert trainer._diverged(0.1, bad)
    assert all(torch.equal(good[k], v) for k, v in trainer.optimiser.model().items())
    after = trainer.optimiser.describe()
    if optimiser == "adam":
        assert after["learning_rate"] == before["learning_rate"] / 2
    else:
        assert after["damping"] > before["damping"]


def test_adam_reaches_its_targets_and_resumes_to_the_same_bits(tmp_path):
    config = with_optimiser("adam")
    whole = train(config, tmp_path / "whole").state
    calls = []

    def once() -> bool:
        calls.append(0)
        return len(calls) == 30

    assert not train(config, tmp_path / "cut", once).finished
    resumed = train(config, tmp_path / "cut").state
    assert all(map(torch.equal, weights(resumed), weights(whole)))
    assert whole.passed[1]["samples"] == pytest.approx(128 * whole.passed[1]["steps"], abs=128)


def test_a_loss_that_stopped_falling_ends_the_training(tmp_path):
    flow = {
        "model": {"kind": "heatbath", "layers": 2, "features": 1, "pairs": 1, "smooth": 1},
        "targets": [0.99],
        "training": {"natural": {"samples": 512, "largest_samples": 1024}, "check_samples": 512},
    }
    outcome = train(small(flow=flow), tmp_path)
    assert (outcome.finished, outcome.limit) == (True, "the loss stopped falling")
    assert not outcome.state.passed
    again = train(small(flow=flow), tmp_path)
    assert again.state.step == outcome.state.step
    assert again.limit == outcome.limit


def test_a_falling_loss_is_no_plateau_and_a_noisy_constant_one_is():
    falling = [{"log_weight_variance": 0.97**i} for i in range(40)]
    noisy = [{"log_weight_variance": 1 + 0.03 * ((7 * i) % 5)} for i in range(40)]
    assert not on_plateau(falling)
    assert on_plateau(noisy)
    assert not on_plateau(noisy[:31])


def test_killed_command_continues_and_publishes(reference, tmp_path):
    config = write_small(tmp_path)
    command = lfmc("train", "--config", str(config), "--ensemble", "T4")
    options = {"cwd": tmp_path, "env": environment(), "capture_output": True, "text": True}
    for deadly in (signal.SIGKILL, signal.SIGTERM):
        process = subprocess.Popen(
            command, cwd=tmp_path, env=environment(), stderr=subprocess.PIPE, text=True
        )
        time.sleep(3)
        process.send_signal(deadly)
        process.communicate()
    done = subprocess.run(command, **options)
    assert done.returncode == 0, done.stderr
    ensemble = small().ensembles[0]
    for name, passed in zip(("flow-50", "flow-70"), reference.passed, strict=True):
        flow = load_flow(tmp_path / f"results/train/T4/{name}.safetensors", ensemble)
        same = [torch.equal(flow.state_dict()[k], v) for k, v in passed["weights"].items()]
        assert all(same)
    assert not list(tmp_path.glob("results/train/T4/.*"))


def test_model_of_another_ensemble_is_refused(reference, tmp_path):
    from lfmc.flows.build import save_flow

    config = small()
    path = tmp_path / "flow-50.safetensors"
    save_flow(path, reference.passed[0]["weights"], config.flow, config.ensembles[0])
    with pytest.raises(LfmcError, match=r"trained for T4 .* not for U4"):
        load_flow(path, config.ensembles[1])
    path.write_bytes(path.read_bytes()[:200])
    with pytest.raises(LfmcError, match="not a readable model"):
        load_flow(path, config.ensembles[0])
