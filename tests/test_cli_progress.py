"""Progress on a terminal: text never breaks into a bar; no time left is given unless known."""

import math
import os
import re
import sys
import time

import numba
import pytest
from flows_small import write_small
from terminal import pictures, terminal

from lfmc.cli import progress as module
from lfmc.cli.progress import Pace, towards
from lfmc.cli.publish import LiveHistory
from lfmc.table_files import read_table

pytestmark = pytest.mark.unit

SHOWN = """
import logging, time
from lfmc.cli.progress import progress, say, towards
logging.basicConfig()
with towards("train E", "acceptance") as report:
    for value in (0.1, 0.3, 0.8):
        report(value, 0.7, "step 1, a long postfix, " + 80 * "=")
        time.sleep(0.11)
        say("one whole line")
        logging.warning("another line")
with progress("hmc E") as report:
    for done in range(3):
        report(done, 3)
        say("a third line")
"""
BAR = re.compile(
    r"(train E|hmc E): "
    r"(starting|acceptance 0\.\d{3} of 0\.7 \|[^|]*\|, step 1, .*|\d of 3 updates \|[^|]*\|)"
)
TEXT = {"one whole line", "WARNING:root:another line", "a third line"}


def test_text_never_breaks_into_a_bar_of_eighty_columns():
    shown = terminal([sys.executable, "-c", SHOWN])
    assert shown.code == 0
    text = [p for p in shown.pictures if not BAR.fullmatch(p)]
    assert set(text) == TEXT
    assert {line: text.count(line) for line in TEXT} == dict.fromkeys(TEXT, 3)
    bars = [p for p in shown.pictures if BAR.fullmatch(p)]
    assert any("acceptance 0.300 of 0.7 |" in bar and "step 1" in bar for bar in bars)
    assert max(map(len, bars)) <= 80
    assert not any("left" in bar or "?" in bar for bar in bars)


def test_a_line_that_breaks_into_a_bar_would_be_seen():
    """The negative control: print() knows nothing of the bar."""
    shown = terminal([sys.executable, "-c", SHOWN.replace('say("a third line")', 'print("oh")')])
    mixed = [p for p in shown.pictures if not BAR.fullmatch(p) and p not in TEXT | {"oh"}]
    assert mixed


def test_pictures_are_what_a_screen_shows():
    assert pictures("abc\rX\r\nlong") == ["abc", "Xbc", "long"]


def test_a_log_has_a_line_now_and_then(monkeypatch, capsys):
    monkeypatch.setattr(module, "LINE_EVERY", 0.0)
    with towards("train E", "acceptance") as report:
        report(0.4, 0.7, "step 3, 5 CPU s")
    assert capsys.readouterr().err == "train E: acceptance 0.400 of 0.7, step 3, 5 CPU s\n"


@pytest.mark.parametrize("resumed", [0, 600])
@pytest.mark.parametrize("compiling", [0.0, 30.0])
def test_a_time_left_is_right_from_the_first_one_that_is_given(resumed, compiling):
    """Steady work after a first interval with or without compilation, begun anew or continued."""
    now, per_update = 100.0, 0.05
    pace = Pace(lambda: now)
    given = []
    for done in range(resumed, 1000, 20):
        left = pace.left(done, 1000)
        if left is not None:
            given.append((left, (1000 - done) * per_update))
        now += 20 * per_update + (compiling if done == resumed else 0.0)
    assert len(given) > 10
    assert all(math.isclose(left, truth, rel_tol=1e-9) for left, truth in given)


def test_no_time_is_left_before_it_is_known():
    now = 0.0
    pace = Pace(lambda: now)
    for done, moment in ((0, 0.0), (10, 30.0), (20, 30.5), (30, 31.0), (30, 40.0)):
        now = moment
        assert pace.left(done, 1000) is None or moment == 40.0


def test_compilation_is_announced_once_and_only_where_something_is_compiled(monkeypatch, capsys):
    events = numba.core.event
    monkeypatch.setattr(events, "_registered", events._registered.copy())
    events._registered["numba:compile"] = []
    module.announce_compilation()
    assert capsys.readouterr().err == ""
    for added in (1, 2):
        kernel = numba.njit(eval(f"lambda x: x + {added}"))
        kernel(1.0)
        kernel(2.0)
    assert capsys.readouterr().err.count("compiling kernels, once") == 1


def test_other_ranks_do_not_announce(monkeypatch):
    for name in module.RANKS:
        monkeypatch.delenv(name, raising=False)
    assert module.first_rank()
    monkeypatch.setenv("PMI_RANK", "1")
    assert not module.first_rank()


@pytest.mark.parametrize("stage", ["train", "propose", "hmc"])
def test_a_stage_on_a_terminal_speaks_at_once_and_ends_with_one_line(tmp_path, stage):
    """First output within three CPU seconds, before libraries load; then bars or whole lines."""
    write_small(tmp_path)
    command = [sys.executable, "-m", "lfmc.cli.main"]
    options = ["--config", "small.yaml", "--ensemble", "T4"]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    for before in {"train": (), "propose": ("train",), "hmc": ("tune",)}[stage]:
        shown = terminal([*command, before, *options], cwd=tmp_path, env=environment)
        assert shown.code == 0, shown.pictures
    flow = "flow-70"
    sampler = ["--sampler", flow] if stage == "propose" else []
    began = time.monotonic()
    shown = terminal([*command, stage, *options, *sampler], cwd=tmp_path, env=environment)
    spent = time.monotonic() - began
    assert shown.code == 0, shown.pictures
    label = " ".join([stage, "T4", *sampler[1:]])
    assert shown.pictures[0] == f"{label}: starting"
    assert math.isnan(shown.cpu) or shown.cpu < 3
    bar = re.compile(rf"{label}: (starting|[a-z]* ?[\d.]+ of [\d.]+( \w+)? \|.*)")
    text = [picture for picture in shown.pictures if not bar.fullmatch(picture)]
    assert all(len(picture) <= 80 for picture in shown.pictures if bar.fullmatch(picture))
    last = re.fullmatch(rf"{label}: (results/{stage}/T4\S*), (.*), ([\d.]+) s", text[-1])
    assert last, text
    assert (tmp_path / last[1]).is_file()
    assert float(last[3]) <= spent
    whole = re.compile(rf"(compiling kernels, once .*|train T4: .*|lfmc: warning: .*|{label}: .*)")
    assert all(whole.fullmatch(line) and "|" not in line for line in text)
    if stage == "train":
        assert len(read_table(tmp_path / "results/work/train/T4/history.csv")) >= 1
    assert not any("?" in picture for picture in shown.pictures)


def test_the_history_of_a_training_at_work_can_be_read(tmp_path):
    """Whole at any moment, and not written at every check."""
    path = tmp_path / "work" / "history.csv"
    live = LiveHistory(path, every=100.0)
    live.update([{"step": 0, "loss": 1.5}])
    live.update([{"step": 0, "loss": 1.5}, {"step": 5, "loss": 1.0}])
    assert list(read_table(path).step) == [0]
    live.every = 0.0
    live.update([{"step": 0, "loss": 1.5}, {"step": 5, "loss": 1.0}])
    assert list(read_table(path).step) == [0, 5]
    assert sorted(p.name for p in path.parent.iterdir()) == ["history.csv", "history.csv.json"]
