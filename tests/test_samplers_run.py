"""Tuning, thermalisation and runs: recorded, restartable to the same bits, clear when refused."""

import json
import os
import signal
import subprocess
import sys
import time

import h5py
import numpy as np
import pytest
from flows_small import PATIENCE

from lfmc.chains import read_chain
from lfmc.config import parse_config, read_config
from lfmc.errors import LfmcError
from lfmc.samplers import plan as planning
from lfmc.samplers import run as sampling
from lfmc.samplers import task as tasks
from lfmc.samplers.state import Info, State, cold_start
from lfmc.samplers.tune import approach, tune
from lfmc.store import write_json
from lfmc.theories.phi4 import Phi4
from lfmc.theories.two_point import averages, susceptibility, two_point

pytestmark = pytest.mark.unit

TINY = {
    "seed": 5,
    "ensembles": [{"name": "T", "L": 4, "m2": -4.0, "lam": 7.0}],
    "statistics": {"configurations": 6000, "save_every": 5, "replicas": 40, "keep_fields": 30},
}
STAGES = ("hmc", "local", "cluster")


@pytest.fixture(scope="module")
def config():
    return parse_config(TINY)


@pytest.fixture(scope="module")
def tuned(config):
    return tune(config, "T")


@pytest.fixture
def tuning(tuned, tmp_path):
    path = tmp_path / "tune" / "T.json"
    write_json(path, tuned)
    return path


@pytest.fixture
def small_segments(monkeypatch):
    monkeypatch.setattr(planning, "SEGMENT_RECORDS", 8000)
    monkeypatch.setattr(planning, "CHUNK_VALUES", 6400)


def contents(path):
    found = {}
    with h5py.File(path) as file:
        file.visititems(
            lambda n, d: found.__setitem__(n, d[()]) if isinstance(d, h5py.Dataset) else None
        )
    return found


def same(one, two):
    one, two = contents(one), contents(two)
    return set(one) == set(two) and all(np.array_equal(one[k], two[k]) for k in one)


def test_tuning_reaches_its_targets_and_repeats(config, tuned):
    """Targets within 5 sigma of the measurement plus 0.01 of the search."""
    for name in STAGES:
        part = tuned[name]
        assert abs(part["acceptance"] - part["target"]) < 0.01 + 5 * part["acceptance_error"]
    again = tune(config, "T")
    assert all(again[n]["seconds"] > 0 for n in STAGES)
    for name in STAGES:
        assert again[name] | {"seconds": 0} == tuned[name] | {"seconds": 0}


def test_a_target_out_of_reach_is_one_line():
    def deaf(state, step, updates):
        shape = (state.chains, updates)
        zeros = np.zeros(shape)
        return state, Info(dict.fromkeys(Phi4.scalars, zeros), zeros, np.full(shape, 0.2), {})

    with pytest.raises(LfmcError, match=r"tune: deaf accepts 0\.200 .* where 0\.7 was wanted"):
        approach(deaf, cold_start(Phi4((2, 2), -4.0, 6.0), 1, range(4), "check"), 0.7, "deaf")


@pytest.mark.parametrize("name", STAGES)
def test_chain_file_holds_what_it_promises(name, config, tuning, small_segments, tmp_path):
    task = tasks.chain_task(config, name, "T", tuning)
    output = tmp_path / name / "T.h5"
    sampling.run(task, output, tmp_path / "work")
    assert not (tmp_path / "work").exists()
    assert task.plan.segments > 1
    chain = read_chain(output)
    every = 2 if name == "cluster" else 5
    assert (chain.sampler, chain.save_every, chain.replicas) == (name, every, 40)
    assert chain.two_point.shape == (40, 150, 6)
    assert {v.shape for v in chain.scalars.values()} == {(40, 150 * every)}
    assert chain.forces_per_update == (11 if name == "hmc" else 0)
    assert chain.seconds > 0
    assert chain.attributes["clock"] == "cpu"
    assert min(chain.attributes[f"seconds_{part}"] for part in ("measure", "setup")) > 0
    assert 0.6 < chain.acceptance < 0.8
    data = contents(output)
    assert data["fields/phi"].shape == (30, 16)
    assert data["fields/phi"].dtype == np.float64
    kept = averages(data["fields/phi"], (4, 4))
    where = data["fields/replica"], data["fields/update"]
    for key, value in kept.items():
        assert np.allclose(chain.scalars[key][where], value, rtol=1e-6, atol=1e-7)
    saved = where[0], where[1] // every
    assert ((where[1] + 1) % every == 0).all()
    assert np.allclose(chain.two_point[saved], two_point(data["fields/phi"], (4, 4)), atol=1e-6)
    m = chain.saved["m"].astype(float)
    assert np.allclose(susceptibility(chain.two_point, (4, 4)), 16 * m**2, atol=1e-5)
    decisions = {"hmc": 1, "local": 16, "cluster": 16}[name]
    assert chain.extra["accepted"].dtype == np.uint8
    assert chain.extra["accepted"].mean() / decisions == pytest.approx(chain.acceptance)
    if name == "hmc":
        assert chain.extra["dH"].dtype == np.float32
    assert json.loads(chain.attributes["parameters"])
    assert json.loads(chain.attributes["provenance"])["inputs"]


def test_segments_do_not_change_the_bits(config, tuning, tmp_path, monkeypatch):
    for i, records in enumerate((8000, 10**7)):
        monkeypatch.setattr(planning, "SEGMENT_RECORDS", records)
        task = tasks.chain_task(config, "local", "T", tuning)
        sampling.run(task, tmp_path / f"{i}.h5", tmp_path / "work")
    assert same(tmp_path / "0.h5", tmp_path / "1.h5")


def torn(path):
    path.write_bytes(path.read_bytes()[:-2000])


def flipped(path):
    with h5py.File(path, "r+") as file:
        file["scalars/m"][3, 1] += 1e-3


def foreign(path):
    with h5py.File(path, "r+") as file:
        file.attrs["header"] = file.attrs["header"].replace('"index": 1', '"index": 7')


@pytest.mark.parametrize("damage", [torn, flipped, foreign])
def test_a_damaged_segment_and_later_ones_are_redone(
    damage, config, tuning, small_segments, tmp_path
):
    task = tasks.chain_task(config, "hmc", "T", tuning)
    sampling.run(task, tmp_path / "whole.h5", tmp_path / "work")
    calls = iter(range(10**6))
    with pytest.raises(sampling.Interrupted):
        sampling.run(task, tmp_path / "a.h5", tmp_path / "work", stop=lambda: next(calls) > 16)
    files = sorted((tmp_path / "work").iterdir())
    assert len(files) >= 3
    before = [f.stat().st_mtime_ns for f in files]
    damage(files[1])
    calls_again = iter(range(10**6))
    with pytest.raises(sampling.Interrupted):
        sampling.run(task, tmp_path / "a.h5", tmp_path / "work", stop=lambda: next(calls_again) > 3)
    assert files[0].stat().st_mtime_ns == before[0]
    assert files[1].stat().st_mtime_ns != before[1]
    sampling.run(task, tmp_path / "a.h5", tmp_path / "work")
    assert same(tmp_path / "a.h5", tmp_path / "whole.h5")


def test_thermalisation_can_be_left_too(config, tuning, small_segments, tmp_path):
    task = tasks.chain_task(config, "cluster", "T", tuning)
    for answers in range(3):
        calls = iter(range(10))
        with pytest.raises(sampling.Interrupted):
            sampling.run(
                task,
                tmp_path / "a.h5",
                tmp_path / "work",
                stop=lambda a=calls, n=answers: next(a) >= n,
            )
        assert next(calls) == answers + 1
        assert not list(tmp_path.glob("work/*"))


def test_segments_of_other_settings_are_not_used(config, tuning, small_segments, tmp_path):
    task = tasks.chain_task(config, "local", "T", tuning)
    calls = iter(range(10**6))
    with pytest.raises(sampling.Interrupted):
        sampling.run(task, tmp_path / "a.h5", tmp_path / "work", stop=lambda: next(calls) > 7)
    other = tasks.chain_task(parse_config({**TINY, "seed": 6}), "local", "T", _retuned(tuning))
    sampling.run(other, tmp_path / "b.h5", tmp_path / "work")
    sampling.run(other, tmp_path / "c.h5", tmp_path / "fresh")
    assert same(tmp_path / "b.h5", tmp_path / "c.h5")


def _retuned(path):
    path = path.with_name("other.json")
    write_json(path, tune(parse_config({**TINY, "seed": 6}), "T"))
    return path


SMALL = (
    "import lfmc.samplers.plan as p; p.SEGMENT_RECORDS = 40000; p.CHUNK_VALUES = 6400;"
    "from lfmc.cli.main import main; main()"
)


def command(*arguments):
    return [sys.executable, "-c", SMALL, *arguments]


@pytest.fixture
def project(tmp_path, tuning):
    text = json.dumps({**TINY, "statistics": {**TINY["statistics"], "configurations": 250000}})
    (tmp_path / "c.yaml").write_text(text)
    return tmp_path


def arguments(project, results, stage):
    return (stage, "--config", f"{project}/c.yaml", "--results", f"{project}/{results}")


def started(project, results, stage, segments):
    """A run in its own process, once it has written that many segments."""
    (project / results / "tune").mkdir(parents=True, exist_ok=True)
    (project / results / "tune" / "T.json").write_bytes((project / "tune" / "T.json").read_bytes())
    process = subprocess.Popen(
        command(*arguments(project, results, stage), "--ensemble", "T"),
        stderr=subprocess.PIPE,
        text=True,
    )
    wanted = project / results / "work" / stage / "T" / f"segment-{segments:04d}.h5"
    limit = time.monotonic() + PATIENCE
    while not wanted.exists() and process.poll() is None and time.monotonic() < limit:
        time.sleep(0.002)
    return process


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_killed_run_continues_to_the_same_bits(number, project):
    process = started(project, "a", "hmc", 2)
    assert process.poll() is None, process.stderr.read()
    os.kill(process.pid, number)
    _, errors = process.communicate(timeout=PATIENCE)
    if number == signal.SIGTERM:
        assert process.returncode == 143
        assert "run the same command to continue" in errors
        assert "Traceback" not in errors
    assert not (project / "a" / "hmc" / "T.h5").exists()
    assert len(list((project / "a" / "work" / "hmc" / "T").glob("segment-*.h5"))) >= 2
    process = started(project, "a", "hmc", 10**4)
    _, errors = process.communicate(timeout=PATIENCE)
    assert process.returncode == 0, errors
    assert "continues after segment" in errors
    assert not (project / "a" / "work" / "hmc" / "T").exists()
    task = tasks.chain_task(
        read_config(project / "c.yaml"), "hmc", "T", project / "tune" / "T.json"
    )
    sampling.run(task, project / "whole.h5", project / "work")
    assert same(project / "a" / "hmc" / "T.h5", project / "whole.h5")


def test_missing_foreign_and_torn_tuning_is_one_line(config, tuning, tmp_path):
    with pytest.raises(LfmcError, match="not there; run 'lfmc tune --ensemble T' first"):
        tasks.chain_task(config, "hmc", "T", tmp_path / "no.json")
    other = parse_config({**TINY, "seed": 6})
    with pytest.raises(LfmcError, match="tuned for other settings"):
        tasks.chain_task(other, "hmc", "T", tuning)
    tuning.write_text("{")
    with pytest.raises(LfmcError, match="not valid JSON"):
        tasks.chain_task(config, "hmc", "T", tuning)


def test_tune_command_writes_what_runs_read(run_lfmc, tmp_path):
    (tmp_path / "c.yaml").write_text(json.dumps(TINY))
    done = run_lfmc("tune", "--config", "c.yaml", "--ensemble", "T")
    assert done.returncode == 0, done.stderr
    assert json.loads((tmp_path / "results/tune/T.json").read_text())["provenance"]["commit"]
    done = run_lfmc("local", "--config", "c.yaml", "--ensemble", "T")
    assert done.returncode == 0, done.stderr
    assert read_chain(tmp_path / "results/local/T.h5").replicas == 40
    done = run_lfmc("local", "--config", "c.yaml", "--ensemble", "X")
    assert done.returncode == 2
    assert done.stderr.strip() == "lfmc: error: no ensemble 'X'; there are T"


def test_a_field_that_is_not_finite_is_refused(config, tuning, tmp_path):
    task = tasks.chain_task(config, "local", "T", tuning)
    state = cold_start(Phi4((4, 4), -4.0, 6.0), 1, range(40), "check")
    state.phi[0, 3, 2] = np.nan
    with pytest.raises(LfmcError, match="local T: a field is not finite"):
        sampling.sample_segment(task, 0, State(*state), lambda a, b: None, lambda: False)
