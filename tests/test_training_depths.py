"""The number of layers of least total cost: what is tried, what is chosen, and what it costs."""

import json

import pytest
from flows_small import SMALL, small
from safetensors import safe_open

import lfmc
from lfmc.cli.training import train as command
from lfmc.config import stage_settings
from lfmc.config.problems import validated
from lfmc.config.targets import BEST
from lfmc.config.training_sections import TRIED, FlowSettings
from lfmc.errors import LfmcError
from lfmc.flows.build import read_model
from lfmc.table_files import read_table
from lfmc.training.cheapest import proposal_cost, training_cost
from lfmc.training.depths import Depth, DepthTrainer, cheaper, depths
from lfmc.training.records import reached
from lfmc.training.train import Trainer

pytestmark = pytest.mark.unit


def config_of(tried, **training):
    natural = {"divergence": 0.02, "samples": 512}
    shared = {"shared_by": 2000, "max_steps": 6, "natural": natural, **training}
    flow = {**SMALL["flow"], "targets": ["best"], "layers_tried": tried}
    return small(flow={**flow, "training": {**flow["training"], **shared}})


def trained(config, work, stop=lambda: False):
    trainer = DepthTrainer(config, config.ensembles[0], work)
    return trainer, trainer.run(lambda state: None, stop)


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """A search among two and four layers."""
    return trained(config_of([2, 4]), tmp_path_factory.mktemp("depths"))


def test_the_cheapest_depth_is_chosen_at_the_cost_of_all(whole):
    trainer, outcome = whole
    assert [one.layers for one in trainer.tried] == [2, 4]
    least = min(trainer.tried, key=lambda one: one.cost)
    assert trainer.config.flow.layers == least.layers
    (record,) = reached(trainer.config, outcome.state).values()
    assert record["layers"] == least.layers
    assert record["seconds"] == trainer.tried[-1].seconds > trainer.tried[0].seconds > 0
    assert record["target"] == BEST
    for one in trainer.tried:  # costs are of the best check, in proposals of four layers
        folder = trainer.work / f"layers-{one.layers}"
        assert (folder / "checkpoint.pt").exists()
    best = outcome.state.best["cheapest"]["cost"] * proposal_cost(least.layers)
    assert least.cost == pytest.approx(best)


def test_interrupted_it_finds_the_same(whole, tmp_path):
    finished, stops = False, iter(range(10**6))
    while not finished:  # a stop at every fifth question
        trainer, outcome = trained(config_of([2, 4]), tmp_path, lambda: next(stops) % 5 == 4)
        finished = outcome.finished
    assert [one._replace(seconds=0) for one in trainer.tried] == [
        one._replace(seconds=0) for one in whole[0].tried
    ]
    (one,), (two,) = (o.state.passed for o in (outcome, whole[1]))
    assert all((one["weights"][k] == two["weights"][k]).all() for k in two["weights"])


def test_the_first_depth_is_a_training_of_that_depth_alone(whole, tmp_path):
    """Its bits and its key: a run with these layers finds its checkpoint."""
    flow = whole[0].settings.of_depth(2)
    config = config_of([2, 4]).model_copy(update={"flow": flow})
    alone = Trainer(config, config.ensembles[0], tmp_path)
    state = alone.run(lambda state: None, lambda: False).state
    found = whole[0].tried[0]
    assert state.passed[0]["acceptance_q"] == found.acceptance
    assert state.best["cheapest"]["cost"] * proposal_cost(2) == pytest.approx(found.cost)


def test_the_search_ends_with_the_first_depth_that_is_not_cheaper():
    costs = [Depth(n, cost, 1.0, 0.5) for n, cost in ((4, 5.0), (8, 3.0), (12, 3.5))]
    assert [cheaper(costs[: k + 1]) for k in range(3)] == [True, True, False]
    assert depths((4, 8, 12), None) == (4, 8, 12)
    assert proposal_cost(4) == 1
    assert proposal_cost(12) == pytest.approx(2.1, abs=0.05)


def test_a_stage_records_what_was_tried_and_starts_the_next_lattice(tmp_path):
    config = config_of([2, 4])
    raw = config.model_dump(mode="json", exclude={"fit"})
    raw["flow"]["start"] = {"U4": "T4"}
    raw["ensembles"] = SMALL["ensembles"]
    raw["flow"]["targets"] = ["best"]
    for name in ("couplings", "scan", "samplers"):
        raw.pop(name)
    (tmp_path / "c.yaml").write_text(json.dumps(raw))
    where = ["--config", str(tmp_path / "c.yaml"), "--results", str(tmp_path / "results")]
    for ensemble in ("T4", "U4"):
        command.main([*where, "--ensemble", ensemble], standalone_mode=False)
    path = tmp_path / "results" / "train" / "T4" / "flow-best.safetensors"
    with safe_open(path, "pt") as file:
        notes = file.metadata()
    tried = json.loads(notes["tried"])
    assert [one["layers"] for one in tried] == [2, 4]
    chosen = min(tried, key=lambda one: one["cost"])["layers"]
    assert read_model(path).settings.layers == chosen
    (row,) = read_table(path.with_name("training.csv")).itertuples()
    assert (row.layers, row.reached) == (chosen, True)
    (following,) = read_table(tmp_path / "results/train/U4/training.csv").itertuples()
    assert following.start == "T4"
    assert following.layers >= chosen  # a start of more layers fits no shallower flow
    assert following.seconds > row.seconds


@pytest.mark.parametrize("given", ["auto", ["auto"]])
def test_auto_is_best_of_three_depths(given):
    flow = validated(FlowSettings, {"targets": given}, "flow")
    assert (flow.targets, flow.layers_tried) == ((BEST,), TRIED)
    few = validated(FlowSettings, {"targets": given, "layers_tried": [2, 6]}, "flow")
    assert few.layers_tried == (2, 6)


@pytest.mark.parametrize(
    ("raw", "words"),
    [
        ({"targets": [0.5, "best"], "layers_tried": [4, 8]}, "targets: .best. alone"),
        ({"targets": ["best"], "layers_tried": [8, 4]}, "must ascend"),
        ({"targets": ["best"], "layers_tried": [1]}, "layers_tried"),
        ({"targets": [0.5, "auto"]}, "targets"),
        ({"targets": "auto", "model": {"kind": "realnvp"}}, "kind: heatbath, not kind: realnvp"),
    ],
)
def test_depths_that_make_no_sense_are_refused(raw, words):
    with pytest.raises(LfmcError, match=words):
        validated(FlowSettings, raw, "flow")


def test_a_run_that_tries_no_depths_has_the_settings_of_before():
    config = small()
    assert "layers_tried" not in stage_settings(config, "train", "T4")["flow"]
    assert "layers_tried" in stage_settings(config_of([2, 4]), "train", "T4")["flow"]


def test_a_training_sample_costs_less_on_large_lattices():
    """As measured: 100 proposals up to 14 x 14, whose trainings keep their bits, then as 1/V."""
    assert [training_cost(1, 10, sites) for sites in (16, 196)] == [1000, 1000]
    assert training_cost(1, 10, 32 * 32) == pytest.approx(191, abs=1)


def test_python_finds_the_depth_of_the_workflow(tmp_path):
    """The same model, bit by bit, of the first depths of `auto`; a third would not be cheaper."""
    theory = lfmc.Phi4((4, 4), m2=-4.0, lam=9.0)
    few = {"max_steps": 1, "check_samples": 512, "decide_samples": 512, "shared_by": 1000}
    model = lfmc.train(theory, "auto", seed=11, name="T4", progress=False, **few)
    flow = {"targets": "auto", "training": few}
    config = small(flow=flow)
    trainer, outcome = trained(config, tmp_path)
    assert model.settings.layers == trainer.config.flow.layers
    parameters = outcome.state.passed[0]["weights"]
    own = model.flow.state_dict()
    assert all((own[name] == value.double()).all() for name, value in parameters.items())
    assert model.seconds > model.history[-1]["seconds"] * (len(trainer.tried) > 1)
