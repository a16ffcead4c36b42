"""U(1), O(3) and CP(2): stages killed by signal 9 amid their work continue to the same bits.

The same of phi^4: test_training_run.py, test_samplers_run.py, test_proposals.py.
"""

import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import yaml
from flows_small import PATIENCE, blocks_made, environment
from same_results import contents, differences, same

pytestmark = pytest.mark.unit

THEORIES = {
    "u1": ({"kind": "u1", "beta": 1.5}, {"kind": "decimation", "levels": 1}, "heatbath"),
    "spheres": ({"kind": "spheres", "N": 3, "beta": 0.9}, {"kind": "hierarchy"}, "wolff"),
    "cpn": ({"kind": "cpn", "N": 3, "beta": 0.8}, {"kind": "hierarchy"}, "overrelaxation"),
}
# Segments and chunks that a short chain has several of.
SMALL = (
    "import lfmc.samplers.plan as p; p.SEGMENT_RECORDS = 4000; p.CHUNK_VALUES = 640;"
    "from lfmc.cli.main import main; main()"
)


def written(folder: Path, kind: str) -> Path:
    theory, model, sampler = THEORIES[kind]
    folder.mkdir()
    raw = {
        "seed": 5,
        "results": "results",
        "ensembles": [{"name": "F4", "L": 4, "theory": theory}],
        "statistics": {"configurations": 40000, "replicas": 40, "keep_fields": 50},
        "samplers": [sampler],
        "flow": {
            "model": model,
            "targets": [0.8],
            "models": 1,
            "training": {"check_samples": 1024, "decide_samples": 4096},
        },
        "propose": {"block": 400},
        "accept": {"replicas": 4, "burn_in": 20},
    }
    (folder / "f.yaml").write_text(yaml.safe_dump(raw))
    return folder


def started(folder: Path, stage: str, *options: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", SMALL, stage, "--config", "f.yaml", "--ensemble", "F4"]
    return subprocess.Popen(
        [*command, *options], cwd=folder, env=environment(), stderr=subprocess.PIPE, text=True
    )


def done(folder: Path, stage: str, *options: str) -> None:
    process = started(folder, stage, *options)
    _, errors = process.communicate(timeout=PATIENCE)
    assert process.returncode == 0, errors


def killed(folder: Path, begun, stage: str, *options: str) -> None:
    """Start a stage and kill it as soon as some of its work lies on disk."""
    process, limit = started(folder, stage, *options), time.monotonic() + PATIENCE
    while not begun() and process.poll() is None and time.monotonic() < limit:
        time.sleep(0.002)
    assert process.poll() is None, "the stage was too fast for this test"
    process.send_signal(signal.SIGKILL)
    process.communicate()


def stages(sampler: str):
    """Stages, their options, and what the work of each looks like before its end."""
    yield "train", (), lambda results: (results / "work/train/F4").exists()
    yield sampler, (), lambda results: list((results / f"work/{sampler}/F4").glob("segment-0002*"))
    flow = ("--sampler", "flow-80")
    yield "propose", flow, lambda results: blocks_made(results, "F4", "flow-80") >= 3


@pytest.mark.parametrize("kind", THEORIES)
def test_killed_stages_continue_to_the_same_bits(tmp_path, kind):
    sampler = THEORIES[kind][-1]
    whole, cut = written(tmp_path / "whole", kind), written(tmp_path / "cut", kind)
    for folder in (whole, cut):
        done(folder, "tune")
    for stage, options, begun in stages(sampler):
        done(whole, stage, *options)
        killed(cut, lambda begun=begun: begun(cut / "results"), stage, *options)
        done(cut, stage, *options)
    for folder in (whole, cut):
        done(folder, "accept", "--sampler", "flow-80")
    assert len(contents(whole / "results/accept/F4/flow-80.h5")) > 10
    assert differences(cut / "results", whole / "results") == []


def test_the_comparison_sees_another_seed(tmp_path):
    """The negative control: chains of another seed differ."""
    whole, other = written(tmp_path / "whole", "u1"), written(tmp_path / "other", "u1")
    (other / "f.yaml").write_text((other / "f.yaml").read_text().replace("seed: 5", "seed: 6"))
    for folder in (whole, other):
        done(folder, "tune")
        done(folder, "heatbath")
    one, two = (contents(folder / "results/heatbath/F4.h5") for folder in (whole, other))
    assert not all(same(one[key], two[key]) for key in one)
