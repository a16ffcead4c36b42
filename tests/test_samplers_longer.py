"""A chain of another length: what exists is kept, with the bits of a run of that length."""

import json
import logging
import shutil

import h5py
import numpy as np
import pytest
from same_results import contents, same

from lfmc.config import parse_config
from lfmc.errors import LfmcError
from lfmc.lattice import volume
from lfmc.samplers import earlier as before
from lfmc.samplers import plan as planning
from lfmc.samplers import run as sampling
from lfmc.samplers.method import Method
from lfmc.samplers.task import chain_task
from lfmc.samplers.tune import tune
from lfmc.seal import file_digest
from lfmc.store import write_json

pytestmark = pytest.mark.unit

STAGES = ("hmc", "local", "cluster")
# 36 sites: fractions of 1/36 are rounded, so that the order of their sum shows.
SMALL = {
    "seed": 5,
    "ensembles": [{"name": "T", "L": 6, "m2": -4.0, "lam": 7.0}],
    "statistics": {"configurations": 2000, "save_every": 5, "replicas": 40, "keep_fields": 30},
}


def config_of(configurations, **statistics):
    changed = {"configurations": configurations, **statistics}
    return parse_config({**SMALL, "statistics": {**SMALL["statistics"], **changed}})


@pytest.fixture(scope="module")
def tuned():
    return tune(config_of(2000), "T")


@pytest.fixture
def tuning(tuned, tmp_path):
    path = tmp_path / "T.json"
    write_json(path, tuned)
    return path


@pytest.fixture(autouse=True)
def small_segments(monkeypatch):
    monkeypatch.setattr(planning, "SEGMENT_RECORDS", 4000)
    monkeypatch.setattr(planning, "CHUNK_VALUES", 9000)


@pytest.fixture
def sampled(monkeypatch):
    """Blocks of chains times updates, of every call of a kernel."""
    calls, advance = [], Method.advance

    def counted(self, state, theory, updates, save_every):
        calls.append(len(state.phi) * updates)
        return advance(self, state, theory, updates, save_every)

    monkeypatch.setattr(Method, "advance", counted)
    return calls


def run(folder, tuning, name, configurations, stop=lambda: False, **statistics):
    task = chain_task(config_of(configurations, **statistics), name, "T", tuning)
    sampling.run(task, folder / "T.h5", folder / "work", stop=stop)
    return folder / "T.h5"


def fresh(tmp_path, *arguments, **statistics):
    (tmp_path / "fresh").mkdir()
    return run(tmp_path / "fresh", *arguments, **statistics)


def differ(one, two):
    """Names of data sets and attributes that are not the same, but for times and provenance."""
    a, b = contents(one), contents(two)
    return sorted(a.keys() ^ b.keys() | {k for k in a.keys() & b.keys() if not same(a[k], b[k])})


@pytest.mark.parametrize("name", STAGES)
@pytest.mark.parametrize("lengths", [(2000, 4000), (2000, 4000, 8000), (2000, 3010), (3000, 1990)])
def test_another_length_has_the_bits_of_a_fresh_run(name, lengths, tuning, tmp_path):
    for configurations in lengths:
        output = run(tmp_path, tuning, name, configurations)
    assert differ(output, fresh(tmp_path, tuning, name, lengths[-1])) == []
    assert not (tmp_path / "work").exists()


def test_a_file_without_counts_of_proposals_is_continued_with_them(tuning, tmp_path):
    """Files and segments of earlier versions; the counts are in what a continuation reads."""
    output = run(tmp_path, tuning, "local", 2000)
    with h5py.File(output, "r+") as file:
        del file["extra/accepted"]
    with h5py.File(before.trail_path(tmp_path / "work"), "r+") as end:
        end.attrs["chain"] = file_digest(output)
    assert (
        differ(run(tmp_path, tuning, "local", 4000), fresh(tmp_path, tuning, "local", 4000)) == []
    )


def test_a_chain_that_was_cut_can_be_continued_again(tuning, tmp_path):
    for configurations in (3000, 1990, 2500):
        output = run(tmp_path, tuning, "local", configurations)
    assert differ(output, fresh(tmp_path, tuning, "local", 2500)) == []


@pytest.mark.parametrize("name", STAGES)
def test_doubling_samples_the_new_half_alone(name, tuning, tmp_path, sampled):
    run(tmp_path, tuning, name, 2000)
    sampled.clear()
    run(tmp_path, tuning, name, 4000)
    every = 2 if name == "cluster" else 5
    assert sum(sampled) == 2 * every * 2000 / 40  # two blocks of chains
    sampled.clear()
    fresh(tmp_path, tuning, name, 4000)
    assert sum(sampled) > 2 * 2 * every * 2000 / 40


def test_an_interrupted_continuation_keeps_the_old_file_and_its_segments(
    tuning, tmp_path, sampled, caplog
):
    output = run(tmp_path, tuning, "hmc", 2000)
    old = output.read_bytes()
    calls = iter(range(1000))
    with pytest.raises(sampling.Interrupted):
        run(tmp_path, tuning, "hmc", 6000, stop=lambda: next(calls) > 9)
    finished = len(list((tmp_path / "work").glob("segment-*.h5")))
    assert finished >= 2
    assert output.read_bytes() == old
    sampled.clear()
    with caplog.at_level(logging.WARNING):
        run(tmp_path, tuning, "hmc", 6000)
    assert f"continues after segment {finished} of" in caplog.text
    assert sum(sampled) < 2 * 5 * 4000 / 40
    assert differ(output, fresh(tmp_path, tuning, "hmc", 6000)) == []


def test_the_old_file_stays_until_the_new_one_is_whole(tuning, tmp_path, monkeypatch):
    output = run(tmp_path, tuning, "local", 2000)
    old = output.read_bytes()
    with monkeypatch.context() as patch:
        patch.setattr("lfmc.samplers.merge.write_header", lambda *a, **k: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            run(tmp_path, tuning, "local", 4000)
    assert output.read_bytes() == old
    run(tmp_path, tuning, "local", 4000)
    assert differ(output, fresh(tmp_path, tuning, "local", 4000)) == []


def missing(folder, tuning):
    before.trail_path(folder / "work").unlink()


def foreign(folder, tuning):
    (folder / "other").mkdir()
    run(folder / "other", tuning, "local", 2400)
    other = before.trail_path(folder / "other/work")
    shutil.copy(other, before.trail_path(folder / "work"))


def damaged(folder, tuning):
    path = before.trail_path(folder / "work")
    with h5py.File(path, "r") as file:
        at = file["states/phi"].id.get_offset()
    data = bytearray(path.read_bytes())
    data[at + 11] ^= 1
    path.write_bytes(data)


@pytest.mark.parametrize(
    ("spoil", "reason"),
    [
        (missing, "its last state is not stored"),
        (foreign, "belongs to another chain"),
        (damaged, "do not match its checksum"),
    ],
)
def test_without_a_good_last_state_sampling_starts_anew(spoil, reason, tuning, tmp_path, caplog):
    output = run(tmp_path, tuning, "local", 2000)
    spoil(tmp_path, tuning)
    run(tmp_path, tuning, "local", 4000)
    assert reason in caplog.text
    assert "sampling starts anew" in caplog.text
    assert differ(output, fresh(tmp_path, tuning, "local", 4000)) == []


def test_other_settings_start_anew_and_say_why(tuning, tmp_path, caplog):
    output = run(tmp_path, tuning, "local", 2000)
    run(tmp_path, tuning, "local", 4000, replicas=32)
    assert "made with statistics.replicas = 40, now 32; sampling starts anew" in caplog.text
    assert differ(output, fresh(tmp_path, tuning, "local", 4000, replicas=32)) == []


@pytest.mark.parametrize("name", STAGES)
def test_accepted_fractions_are_counts_of_proposals(name, tuning):
    """The acceptance of a continued chain is added up from counts, to the same bits."""
    task = chain_task(config_of(2000), name, "T", tuning)
    state = sampling.cold_start(task.theory, 1, range(40), "check")
    _, info = task.method.advance(state, task.theory, 50, 50)
    proposals = task.method.proposals(volume(task.theory.shape))
    counts = np.rint(info.accepted * proposals)
    assert 0 < counts.max() <= proposals
    assert np.array_equal(counts * (1.0 / proposals), info.accepted)


def test_the_command_continues_and_says_when_nothing_is_to_do(run_lfmc, tuning, tmp_path):
    folder = tmp_path / "results"
    for configurations in (2000, 4000):
        settings = {**SMALL["statistics"], "configurations": configurations}
        (tmp_path / "c.yaml").write_text(json.dumps({**SMALL, "statistics": settings}))
        (folder / "tune").mkdir(parents=True, exist_ok=True)
        shutil.copy(tuning, folder / "tune/T.json")
        done = run_lfmc("local", "--config", "c.yaml", "--ensemble", "T")
        assert done.returncode == 0, done.stderr
    assert "50 of 100 saved configurations of each chain are taken from" in done.stderr
    written = (folder / "local/T.h5").stat().st_mtime_ns
    done = run_lfmc("local", "--config", "c.yaml", "--ensemble", "T")
    assert done.returncode == 0
    assert "results/local/T.h5 is finished already; nothing to do" in done.stderr
    assert (folder / "local/T.h5").stat().st_mtime_ns == written
    shutil.copy(folder / "local/T.h5", tmp_path / "whole.h5")
    with h5py.File(folder / "local/T.h5", "r+") as file:
        file["scalars/m"][3, 1] += 1
    with pytest.raises(LfmcError, match="do not match its checksum"):
        before.difference(folder / "local/T.h5", {})
    done = run_lfmc("local", "--config", "c.yaml", "--ensemble", "T")
    assert done.returncode == 0
    assert "sampling starts anew" in done.stderr
    assert differ(folder / "local/T.h5", tmp_path / "whole.h5") == []
