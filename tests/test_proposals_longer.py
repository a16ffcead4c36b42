"""Another number of proposals: finished blocks are used, with the bits of a fresh run."""

import logging
import subprocess

import h5py
import numpy as np
import pytest
from flows_small import environment, lfmc, small, write_small
from same_results import contents, same

from lfmc.mpi.ranks import Ranks
from lfmc.proposals import propose as proposing
from lfmc.proposals.generate import proposal_task, timed_block
from lfmc.proposals.parts import part_names

pytestmark = pytest.mark.unit


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """A trained model, by the command line."""
    folder = tmp_path_factory.mktemp("trained")
    arguments = ("train", "--config", str(write_small(folder)), "--ensemble", "T4")
    subprocess.run(lfmc(*arguments), cwd=folder, env=environment(), check=True, capture_output=True)
    return folder / "results/train/T4/flow-50.safetensors"


@pytest.fixture
def made(monkeypatch):
    """The blocks that a flow made from the beginning."""
    blocks = []

    def noted(task, index):
        blocks.append(index)
        return timed_block(task, index)

    monkeypatch.setattr(proposing, "timed_block", noted)
    return blocks


def run(folder, model, configurations, stop=lambda: False, **changes):
    sizes = {"configurations": configurations, "replicas": 4, "keep_fields": 50}
    task = proposal_task(small(statistics=sizes, **changes), "T4", "flow-50", model)
    output = folder / "flow-50.h5"
    return output, proposing.propose(
        task, output, Ranks(0, 1, None), lambda done, total: None, stop
    )


def differ(one, two):
    a, b = contents(one), contents(two)
    return sorted(a.keys() ^ b.keys() | {k for k in a.keys() & b.keys() if not same(a[k], b[k])})


@pytest.mark.parametrize(
    ("lengths", "anew"), [((3000, 6000), 5), ((3000, 3400, 6000), 6), ((6000, 3000), 1)]
)
def test_another_number_has_the_bits_of_a_fresh_run(lengths, anew, trained, tmp_path, made):
    """Blocks of 700, of 3060, 3460 and 6060 proposals; the last one is made in every case."""
    run(tmp_path, trained, lengths[0])
    made.clear()
    for configurations in lengths[1:]:
        output, _ = run(tmp_path, trained, configurations)
    assert len(made) == anew
    assert differ(output, run(tmp_path / "fresh", trained, lengths[-1])[0]) == []
    with h5py.File(output) as file:
        assert np.isfinite(file["log_q"][()]).all()  # all parts are there


def test_an_interruption_keeps_the_old_file(trained, tmp_path, made):
    output, _ = run(tmp_path, trained, 3000)
    old = contents(output)
    calls = iter(range(100))
    _, whole = run(tmp_path, trained, 6000, stop=lambda: next(calls) > 8)
    assert not whole
    assert len(part_names(tmp_path / "flow-50")) == 2
    now = contents(output)
    assert all(same(now[key], old[key]) for key in old)
    assert run(tmp_path, trained, 6000)[1]
    assert differ(output, run(tmp_path / "fresh", trained, 6000)[0]) == []


def test_other_settings_start_anew_and_say_why(trained, tmp_path, made, caplog):
    run(tmp_path, trained, 3000)
    made.clear()
    with caplog.at_level(logging.WARNING):
        output, _ = run(tmp_path, trained, 6000, propose={"block": 800})
    assert "made with block = 700, now 800; proposals start anew" in caplog.text
    assert made == list(range(8))
    assert differ(output, run(tmp_path / "fresh", trained, 6000, propose={"block": 800})[0]) == []


def test_a_block_that_the_flow_no_longer_gives_is_made_anew(trained, tmp_path, made, monkeypatch):
    """As on another kind of processor: a mixture of both would not be what `verify` finds."""
    run(tmp_path, trained, 3000)
    made.clear()
    from lfmc.proposals import reuse

    fields = reuse._with_fields

    def rounded(task, index, arrays):
        arrays["log_q"] = np.nextafter(arrays["log_q"], 0)
        return fields(task, index, arrays)

    monkeypatch.setattr(reuse, "_with_fields", rounded)
    output, _ = run(tmp_path, trained, 6000)
    assert made == list(range(9))
    assert differ(output, run(tmp_path / "fresh", trained, 6000)[0]) == []
