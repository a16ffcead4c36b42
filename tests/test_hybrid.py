"""Claims about hybrid chains: exact with every kernel and flow, reproducible, verified."""

import json
import shutil

import h5py
import numpy as np
import pytest
from api_run import CONFIG
from flows_disturbed import disturbed_for
from model_chains import (
    SMALL,
    TINY,
    chains_of,
    content,
    deviations,
    invoke,
    require_bits_of_pieces,
    run_with_a_break,
    same,
    task_of,
)

import lfmc
from lfmc.analysis.gamma_method import integrated_time
from lfmc.analysis.hybrid_updates import CANDIDATES, chosen_updates, cost_of_step
from lfmc.config import parse_config, stage_settings
from lfmc.errors import LfmcError
from lfmc.proposals.hybrid import hybrid_method, proposals_of
from lfmc.proposals.model_chains import with_number
from lfmc.proposals.verify import verify_with_model
from lfmc.samplers import run as sampling
from lfmc.samplers.state import cold_start
from lfmc.samplers.tune import tuned


def method_of(theory, kind="heatbath", kernel="local", between=2, size=0.1, change=None):
    """A hybrid sampler of an untrained flow, and its configuration."""
    raw = {"name": "E", "shape": list(theory.shape), "m2": theory.m2, "lam": theory.lam}
    section = {"kernel": kernel, "between": between, "thermalisation": 50}
    config = parse_config({"seed": 3, "ensembles": [raw], "samplers": {"hybrid": section}})
    known = {name: tuned(config, "E", theory, name) for name in {"local", kernel}}
    proposals = proposals_of(disturbed_for(theory, kind, size))
    if change:
        proposals = change(proposals)
    return config, with_number(hybrid_method(config, theory, known, proposals, "m"), between)


@pytest.mark.stat
@pytest.mark.parametrize("kernel", ["local", "hmc", "cluster"])
@pytest.mark.parametrize("kind", ["heatbath", "realnvp+prior"])
def test_hybrid_chains_have_exact_averages(kind, kernel):
    """Four correlated numbers within 4.5 sigma of the quadrature, 64 chains: a false alarm in
    1e-3 of the seeds for all six cases."""
    _, method = method_of(TINY, kind, kernel)
    found = deviations(chains_of(TINY, method, updates=600))
    assert max(found.values()) < 4.5, found


@pytest.mark.stat
def test_log_q_of_another_field_is_noticed():
    """The negative control: log q of the next chain's field instead of the chain's own."""

    def shifted(proposals):
        return proposals._replace(log_q=lambda phi: np.roll(proposals.log_q(phi), 1))

    for change, wrong in ((shifted, True), (None, False)):
        _, method = method_of(TINY, size=0.3, between=1, change=change)
        found = deviations(chains_of(TINY, method, chains=256, updates=600))
        assert max(found.values()) > 6 if wrong else max(found.values()) < 4.5


@pytest.mark.parametrize("kind", ["heatbath", "realnvp+prior"])
def test_bits_depend_neither_on_the_number_of_chains_nor_on_the_pieces(kind):
    _, method = method_of(SMALL, kind)
    first = require_bits_of_pieces(method, ("log_weight",))
    assert first.saved.shape == (20, 2, 16)


@pytest.mark.stat
def test_updates_in_between_shorten_the_autocorrelation():
    """tau_int of m of a weak flow: 16 sweeps after each proposal against one, 5 errors apart."""
    taus = []
    for between in (1, 16):
        _, method = method_of(SMALL, between=between, size=0.3)
        info = chains_of(SMALL, method, updates=2000)
        taus.append(integrated_time(SMALL.slow_series(info.scalars)))
    one, many = taus
    assert one.value - many.value > 5 * np.hypot(one.error, many.error)


def test_the_chosen_updates_have_the_smallest_cost_and_follow_from_the_seed():
    config, method = method_of(SMALL, between=1)
    best, tried = chosen_updates(config, "E", SMALL, method)
    assert best in CANDIDATES
    assert min(tried, key=lambda one: one.cost).between == best
    again, others = chosen_updates(config, "E", SMALL, method)
    assert (again, others) == (best, tried)
    for one in tried:
        assert one.cost == one.tau * cost_of_step(config, method, one.between)


def test_a_weight_that_is_not_finite_is_refused():
    def broken(proposals):
        return proposals._replace(draw=lambda z: (proposals.draw(z)[0], np.full(len(z), np.nan)))

    _, method = method_of(SMALL, change=broken)
    with pytest.raises(LfmcError, match="log weights are not finite"):
        method.advance(cold_start(SMALL, 7, range(4), "hybrid", "E"), SMALL, 1, 1)


HYBRID = CONFIG + "samplers: { run: [hmc, hybrid], hybrid: { between: 2, thermalisation: 50 } }\n"


@pytest.fixture(scope="module")
def made(small_run, tmp_path_factory):
    """A copy of the small run with a hybrid chain; its configuration and folder."""
    folder = tmp_path_factory.mktemp("hybrid")
    for name in ("tune", "train"):
        shutil.copytree(small_run / "results" / name, folder / "results" / name)
    (folder / "config.yaml").write_text(HYBRID)
    invoke(folder, "hybrid")
    return folder


def test_an_interrupted_chain_has_the_bits_of_a_whole_one(made, tmp_path):
    path = run_with_a_break(task_of(made, "hybrid", HYBRID)[0], tmp_path)
    assert same(content(path), content(made / "results" / "hybrid" / "E1.h5"))


def test_a_longer_chain_continues_with_the_bits_of_its_length(made, tmp_path):
    longer = HYBRID.replace("configurations: 12800", "configurations: 16000")
    task, _ = task_of(made, "hybrid", longer)
    short, _ = task_of(made, "hybrid", HYBRID)
    sampling.run(short, tmp_path / "E1.h5", tmp_path / "w")
    sampling.run(task, tmp_path / "E1.h5", tmp_path / "w")
    sampling.run(task, tmp_path / "other.h5", tmp_path / "v")
    assert content(tmp_path / "E1.h5")["scalars/phi2"].shape == (32, 500)
    assert same(content(tmp_path / "E1.h5"), content(tmp_path / "other.h5"))


def test_a_chain_reverifies_from_its_file_and_a_changed_weight_does_not(made, tmp_path):
    task, model = task_of(made, "hybrid", HYBRID)
    path = made / "results" / "hybrid" / "E1.h5"
    found = verify_with_model(task.config, "E1", "hybrid", model, path)
    assert found["log_weight"] < 1e-6
    with h5py.File(path) as file:
        attributes = json.loads(file.attrs["parameters"])
    assert attributes["kernel"] == "local"
    assert attributes["between"] == 2
    sampling.run(task, tmp_path / "E1.h5", tmp_path / "w")
    with h5py.File(tmp_path / "E1.h5", "r+") as file:
        file["extra/log_weight"][...] += 1e-4
    with pytest.raises(LfmcError):
        verify_with_model(task.config, "E1", "hybrid", model, tmp_path / "E1.h5")


def test_a_finished_chain_is_left_alone(made):
    assert "finished already" in invoke(made, "hybrid")


def test_hybrid_runs_only_where_it_is_named():
    base = {"ensembles": [{"name": "E", "L": 4, "m2": -4.0, "lam": 6.0}]}
    assert "hybrid" not in parse_config(base).sampler_names
    named = parse_config(base | {"samplers": ["hybrid"]})
    assert named.samplers_of("E") == ("flow-50", "flow-70", "hybrid")
    assert parse_config(base | {"samplers": {"hybrid": {}}}).classical("E")[-1] == "hybrid"
    assert stage_settings(named, "tune", "E") == stage_settings(parse_config(base), "tune", "E")
    assert stage_settings(named, "hybrid", "E")["settings"]["flow"] == "flow-70"


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"samplers": ["hybrid"], "flow": {"targets": []}}, "needs one of flow.targets"),
        ({"samplers": {"hybrid": {"flow": 0.6}}}, "flow.targets, which are 0.5, 0.7"),
        (
            {"samplers": {"hybrid": {"kernel": "hybrid"}}},
            "samplers.hybrid.kernel: E has hmc, local",
        ),
        ({"samplers": {"hybrid": {"between": 0}}}, "between"),
    ],
)
def test_what_a_hybrid_chain_lacks_is_said_at_once(changes, message):
    base = {"ensembles": [{"name": "E", "L": 4, "m2": -4.0, "lam": 6.0}]}
    with pytest.raises(LfmcError, match=message):
        parse_config(base | changes)


def test_python_makes_the_same_kind_of_chain():
    model = lfmc.as_model(disturbed_for(SMALL, "heatbath"), SMALL)
    chain = lfmc.hybrid(model, chains=32, updates=200, seed=1, between=2, progress=False)
    assert chain.sampler == "hybrid"
    again = -SMALL.evaluate(chain.fields) - lfmc.log_prob(model, chain.fields)
    stored = chain.extra["log_weight"][chain.replica, chain.update]
    assert np.abs(stored - again).max() < 1e-5
