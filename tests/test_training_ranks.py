"""Training by several ranks: the bits of one, continued on any number, stopped or refused whole."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from flows_small import PATIENCE, environment, lfmc, small, write_small
from same_results import contents, same

from lfmc.errors import LfmcError
from lfmc.mpi.ranks import ALONE, share_of
from lfmc.mpi.tree import tree_sum

pytestmark = [pytest.mark.unit, pytest.mark.mpi]

# Small steps, and thus many, of seven chunks, which no number of ranks shares evenly.
FLOW = {
    "model": {"kind": "heatbath", "layers": 2, "table": 128},
    "targets": [0.5, 0.7, 0.95],
    "training": {
        "natural": {"samples": 3584, "divergence": 0.003},
        "check_samples": 1024,
        "decide_samples": 2048,
    },
}
# Two numbers of layers; the second starts from the first.
DEPTHS = {
    "model": {"kind": "heatbath", "layers": 2, "table": 128},
    "targets": "auto",
    "layers_tried": [2, 4],
    "training": {
        "natural": {"samples": 512, "divergence": 0.02},
        **{"check_samples": 512, "decide_samples": 1024, "max_steps": 4, "shared_by": 2000},
    },
}
TRAIN = ("train", "--config", "small.yaml", "--ensemble", "T4")


def start(folder: Path, ranks: int, *command: str, **options) -> subprocess.Popen[str]:
    """Each rank leaves its process id in the file rank-N."""
    write = 'echo $$ > rank-$PMI_RANK; exec "$@"'
    line = ["mpiexec", "-n", str(ranks), "sh", "-c", write, "sh", *lfmc(*command)]
    settings = {"cwd": folder, "env": environment(), "text": True, "stderr": subprocess.PIPE}
    return subprocess.Popen([*line, "--expect-ranks", str(ranks)], **{**settings, **options})


def train(folder: Path, ranks: int, *command: str) -> str:
    """Wait for the end of the process and return its messages."""
    process = start(folder, ranks, *(command or TRAIN))
    message = process.communicate(timeout=PATIENCE)[1]
    assert process.returncode == 0, message
    return message


def prepared(folder: Path, **changes) -> Path:
    folder.mkdir(exist_ok=True)
    write_small(folder, **{"flow": FLOW, **changes})
    return folder


def models(folder: Path) -> list[bytes]:
    """The weights of every model: all of a file but its header, where the seconds are."""
    found = []
    for path in sorted((folder / "results/train/T4").glob("*.safetensors")):
        data = path.read_bytes()
        found.append(data[8 + int.from_bytes(data[:8], "little") :])
    return found


def saved(folder: Path) -> int:
    """When the checkpoint was written last."""
    path = folder / "results/work/train/T4/checkpoint.pt"
    return path.stat().st_mtime_ns if path.exists() else 0


def cut_off(folder: Path, ranks: int, deadly: signal.Signals) -> str:
    """Signal the last rank once this run has saved a checkpoint; return its messages."""
    before, process = saved(folder), start(folder, ranks, *TRAIN)
    while saved(folder) == before and process.poll() is None:
        time.sleep(0.01)
    os.kill(int((folder / f"rank-{ranks - 1}").read_text()), deadly)
    message = process.communicate(timeout=PATIENCE)[1]
    assert process.returncode in ([128 + deadly] if deadly == signal.SIGTERM else [-deadly, deadly])
    return message


@pytest.fixture(scope="module")
def reference(tmp_path_factory):
    folder = prepared(tmp_path_factory.mktemp("alone"))
    run = subprocess.run(
        lfmc(*TRAIN), cwd=folder, env=environment(), text=True, capture_output=True
    )
    assert run.returncode == 0, run.stderr
    return folder


@pytest.mark.parametrize("ranks", [2, 3])
def test_models_and_history_do_not_depend_on_rank_count(reference, tmp_path, ranks):
    train(prepared(tmp_path), ranks)
    assert len(models(tmp_path)) == 3
    assert models(tmp_path) == models(reference)
    one, two = (contents(f / "results/train/T4/history.csv") for f in (reference, tmp_path))
    assert len(one["step"]) > 5
    assert all(same(one[key], two[key]) for key in one.keys() | two.keys())


def test_a_retrained_model_and_its_chain_do_not_depend_on_rank_count(tmp_path):
    command = ("retrain", *TRAIN[1:], "--model", "1")
    changes = {"flow": {**FLOW, "targets": [0.5], "retrain_configurations": 3000}}
    folders = [prepared(tmp_path / name, **changes) for name in ("one", "two")]
    for ranks, folder in enumerate(folders, 1):
        train(folder, ranks, *command)
    one, two = (contents(f / "results/retrain/T4/model-1.csv") for f in folders)
    assert all(same(one[key], two[key]) for key in one.keys() | two.keys())


def test_killed_training_continues_on_another_number_of_ranks(reference, tmp_path):
    prepared(tmp_path)
    for ranks, deadly in ((2, signal.SIGTERM), (3, signal.SIGKILL), (3, signal.SIGTERM)):
        cut_off(tmp_path, ranks, deadly)
        assert set(models(tmp_path)) <= set(models(reference))  # of targets that have passed
    train(tmp_path, 2)
    assert models(tmp_path) == models(reference)


def test_sigterm_of_one_rank_stops_all_with_one_line(tmp_path):
    """The last rank alone gets it, and only rank 0 decides and speaks."""
    message = cut_off(prepared(tmp_path), 2, signal.SIGTERM)
    lines = [line for line in message.splitlines() if line.startswith("lfmc: ")]
    assert len(lines) == 1, message
    assert "train T4 stopped on SIGTERM; its checkpoint is kept" in lines[0]
    assert "Traceback" not in message


def refused(folder: Path, ranks: int, expected: int) -> str:
    """The one line of a training that does not start."""
    line = ["mpiexec", "-n", str(ranks), *lfmc(*TRAIN), "--expect-ranks", str(expected)]
    run = subprocess.run(
        line, cwd=folder, env=environment(), capture_output=True, text=True, timeout=PATIENCE
    )
    assert run.returncode != 0
    assert "Traceback" not in run.stderr
    lines = [line for line in run.stderr.splitlines() if line.startswith("lfmc: ")]
    assert len(lines) == 1, run.stderr
    assert not (folder / "results").exists()
    return lines[0]


def test_another_number_of_ranks_is_refused(tmp_path):
    assert "2 MPI rank(s) here, 3 expected" in refused(prepared(tmp_path), 2, 3)


def test_adam_on_several_ranks_is_refused(tmp_path):
    adam = {"model": FLOW["model"], "training": {"optimiser": "adam"}}
    assert "adam trains on one rank, not on 2" in refused(prepared(tmp_path, flow=adam), 2, 2)
    with pytest.raises(LfmcError, match=r"training\.ranks: adam trains on one rank"):
        small(flow={"model": {"kind": "realnvp"}, "training": {"ranks": 2}})


def test_a_limit_ends_all_ranks_well_and_with_one_line(reference, tmp_path):
    training = {**FLOW["training"], "max_steps": 3}
    prepared(tmp_path, flow={**FLOW, "training": training})
    message = train(tmp_path, 2)
    lines = [line for line in message.splitlines() if line.startswith("lfmc: ")]
    assert len(lines) == 1, message
    assert "flow-70, flow-95: target 0.7 not reached: flow.training.max_steps = 3" in lines[0]
    assert "continue from the checkpoint with 'lfmc train --config small.yaml" in lines[0]
    assert saved(tmp_path)
    train(prepared(tmp_path), 1)  # the limit as it was
    assert models(tmp_path) == models(reference)


def test_ranks_of_different_settings_are_refused(tmp_path):
    text = (prepared(tmp_path) / "small.yaml").read_text()
    (tmp_path / "other.yaml").write_text(text.replace("seed: 11", "seed: 12"))
    one, other = (lfmc("train", "--config", f"{c}.yaml", *TRAIN[3:]) for c in ("small", "other"))
    line = ["mpiexec", "-n", "1", *one, ":", "-n", "1", *other]
    run = subprocess.run(line, cwd=tmp_path, env=environment(), capture_output=True, text=True)
    assert run.returncode != 0
    assert run.stderr.count("lfmc: error: ranks read different settings or models") == 1
    assert not (tmp_path / "results").exists()


WAITING = """
import time
import numpy as np
from lfmc.mpi.ranks import ranks
from lfmc.mpi.messages import concatenated, receive_command, send_command
mpi = ranks(2)
array = np.ones(10**6)
for late, wait in (
    (lambda: send_command(mpi, "a few words"), lambda: receive_command(mpi)),
    (lambda: concatenated(mpi, array), lambda: concatenated(mpi, array)),
    (lambda: mpi.gather([1]), lambda: mpi.gather([1])),
):
    mpi.all_agree(True)
    if mpi.rank == 0:
        time.sleep(1.0)
        late()
    else:
        cpu = time.process_time()
        wait()
        used = time.process_time() - cpu
        assert used < 0.25, used  # of its core, in the second that it waits
"""


def test_a_rank_that_waits_leaves_its_core_to_others(tmp_path):
    """MPI's own waits would use all of it."""
    line = ["mpiexec", "-n", "2", sys.executable, "-c", WAITING]
    run = subprocess.run(line, cwd=tmp_path, env=environment(), capture_output=True, text=True)
    assert run.returncode == 0, run.stderr


def test_sums_by_rank_would_have_other_bits_than_the_tree():
    """Negative control: the sum of these numbers depends on the order of the terms."""
    numbers = np.random.default_rng(5).standard_normal((7, 1000)) * 10.0 ** np.arange(7)[:, None]
    tree = tree_sum(lambda i: numbers[i].copy(), 7, ALONE)
    by_rank = sum(np.sum(numbers[list(share_of(7, rank, 3))], 0) for rank in range(3))
    assert np.allclose(tree, by_rank, rtol=1e-9)
    assert not np.array_equal(tree, by_rank)


def test_a_search_among_depths_has_the_bits_of_one_rank(tmp_path):
    """All ranks need the start of the second depth, and leave with its decision."""
    found = []
    for ranks in (1, 2):
        folder = prepared(tmp_path / str(ranks), flow=DEPTHS)
        train(folder, ranks)
        (path,) = (folder / "results/train/T4").glob("*.safetensors")
        assert path.stem == "flow-best"
        found.append(models(folder))
    assert found[0] == found[1]
