"""Two runs of one stage at once, one of them stopped: right results, or one clear refusal.

LFMC_FAULT_MOMENTS=20 takes every stage twice, at random moments.
"""

import random
import shutil
import signal
import subprocess
import time
from pathlib import Path

import pytest
from flows_small import SMALL, environment, lfmc, write_small
from same_results import contents, same
from slurm_cluster import MOMENTS

pytestmark = pytest.mark.workflow

FLOW = ("--sampler", "flow-30")
# stage -> options, files that it writes, folders of its progress
STAGES = {
    "tune": ((), ["tune/T4.json"], []),
    "train": ((), ["train/T4/flow-20.safetensors", "train/T4/flow-30.safetensors"], ["train"]),
    "retrain": (("--model", "1"), ["retrain/T4/model-1.csv"], ["retrain"]),
    "propose": (FLOW, ["propose/T4/flow-30.h5"], []),
    "accept": (FLOW, ["accept/T4/flow-30.h5"], []),
    "hmc": ((), ["hmc/T4.h5"], ["hmc"]),
    "local": ((), ["local/T4.h5"], ["local"]),
    "cluster": ((), ["cluster/T4.h5"], ["cluster"]),
    "measure": (FLOW, ["measure/T4/flow-30.csv", "measure/T4/flow-30.h5"], []),
    "autocorrelation": (FLOW, ["autocorrelation/T4/flow-30.csv"], []),
}
SIGNALS = (signal.SIGKILL, signal.SIGSTOP, signal.SIGTERM)


def started(folder: Path, stage: str) -> subprocess.Popen[str]:
    command = lfmc(stage, "--config", "small.yaml", "--ensemble", "T4", *STAGES[stage][0])
    options = {"stdout": subprocess.DEVNULL, "stderr": subprocess.PIPE, "text": True}
    return subprocess.Popen(command, cwd=folder, env=environment(), **options)


def ended(process: subprocess.Popen[str]) -> tuple[int, str]:
    errors = process.communicate(timeout=300)[1]
    return process.returncode, errors


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory) -> tuple[Path, dict[str, float]]:
    """A folder in which every stage ran once, and the seconds that each took."""
    folder = tmp_path_factory.mktemp("writers")
    write_small(folder, flow={**SMALL["flow"], "targets": [0.2, 0.3]})
    seconds = {}
    for stage in STAGES:
        began = time.monotonic()
        code, errors = ended(started(folder, stage))
        assert code == 0, errors
        seconds[stage] = time.monotonic() - began
    return folder, seconds


def right(folder: Path, reference: Path, stage: str) -> bool:
    for name in STAGES[stage][1]:
        one, two = (contents(place / "results" / name) for place in (folder, reference))
        if one.keys() != two.keys() or not all(same(one[key], two[key]) for key in one):
            return False
    return True


@pytest.mark.parametrize("seed", MOMENTS)
def test_two_runs_at_once_give_right_results_or_one_refusal(undisturbed, tmp_path, seed):
    reference, seconds = undisturbed
    stage = list(STAGES)[(seed + 3) % len(STAGES)]
    folder = shutil.copytree(reference, tmp_path / "run")
    for name in STAGES[stage][1]:
        (folder / "results" / name).unlink()
        shutil.rmtree((folder / "results" / name).with_suffix(""), ignore_errors=True)
    for name in STAGES[stage][2]:
        shutil.rmtree(folder / "results/work" / name, ignore_errors=True)
    chance = random.Random(seed)
    runs = [started(folder, stage), started(folder, stage)]
    time.sleep(chance.uniform(0.1, 1.0) * seconds[stage])
    victim, kind = runs.pop(chance.randrange(2)), chance.choice(SIGNALS)
    victim.send_signal(kind)
    outcomes = [ended(runs[0])]
    if kind == signal.SIGSTOP:
        victim.send_signal(signal.SIGCONT)
        outcomes.append(ended(victim))
    else:
        ended(victim)
    for code, errors in outcomes:
        assert "Traceback" not in errors
        if code == 0:
            assert right(folder, reference, stage)
        else:
            message = [line for line in errors.splitlines() if line.startswith("lfmc: error: ")]
            assert len(message) == 1, errors
            assert "another run" in message[0]
    code, errors = ended(started(folder, stage))  # nothing stands in the way
    assert code == 0, errors
    assert right(folder, reference, stage)
