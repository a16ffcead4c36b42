"""Claims about tables: plain CSV beside a sidecar, whole whenever the writer is killed."""

import hashlib
import json
import multiprocessing
import os
import random
from pathlib import Path

import numpy as np
import pandas
import pytest

from lfmc import table_files
from lfmc.errors import LfmcError
from lfmc.provenance import stamp
from lfmc.seal import Broken, seal
from lfmc.table_files import (
    read_table,
    require_whole_table,
    sidecar,
    table_stamp,
    write_table,
)

pytestmark = pytest.mark.unit

TABLE = pandas.DataFrame({"ensemble": ["E1", "E2"], "value": [1 / 3, 2e-30], "n": [1, 2]})
OTHER = TABLE.assign(n=[3, 4])


@pytest.fixture
def path(tmp_path):
    write_table(tmp_path / "t.csv", TABLE, stamp({"seed": 7}))
    return tmp_path / "t.csv"


def write_earlier(path: Path, table=TABLE, mark: str | None = None) -> None:
    """As versions did that had no sidecars."""
    path.write_text(f"# provenance {mark or stamp({'seed': 7})}\n{table.to_csv(index=False)}")
    seal(path)


def test_a_table_returns_as_it_was_written(path):
    for back in (read_table(path), pandas.read_csv(path)):
        pandas.testing.assert_frame_equal(back, TABLE, rtol=1e-9)
    assert json.loads(table_stamp(path))["settings"] == {"seed": 7}
    content = json.loads(sidecar(path).read_text())
    assert content["sha256"] == hashlib.sha256(path.read_bytes()).hexdigest()
    assert (content["columns"], content["rows"]) == (list(TABLE), 2)


def test_words_of_tables_are_read_as_they_were_written(tmp_path):
    """Ensembles may be called like numbers or like what pandas takes for missing."""
    names = ["12", "NA", "1e5", "null", "True"]
    table = pandas.DataFrame({"ensemble": names, "value": [1.0, np.nan, 2.0, 3.0, np.inf]})
    write_table(tmp_path / "table.csv", table, "{}")
    found = read_table(tmp_path / "table.csv")
    assert list(found.ensemble) == names
    np.testing.assert_array_equal(found.value, table.value)


def test_a_table_of_an_earlier_version_is_read_and_checked(tmp_path):
    path = tmp_path / "t.csv"
    write_earlier(path)
    assert require_whole_table(path)
    pandas.testing.assert_frame_equal(read_table(path), TABLE, rtol=1e-9)
    assert json.loads(table_stamp(path))["settings"] == {"seed": 7}
    write_earlier(path, mark="{}")
    assert not require_whole_table(path)


def test_an_earlier_version_may_write_over_a_table(path):
    write_earlier(path, OTHER)
    assert list(read_table(path).n) == [3, 4]
    assert require_whole_table(path)
    write_table(path, TABLE, stamp())
    assert list(read_table(path).n) == [1, 2]


@pytest.mark.parametrize("earlier", [False, True])
def test_every_flipped_bit_shows(tmp_path, earlier):
    path = tmp_path / "t.csv"
    (write_earlier if earlier else write_table)(path, TABLE, stamp())
    files = [path] if earlier else [path, sidecar(path)]
    chance, missed = random.Random(1), []
    for file in files:
        good = file.read_bytes()
        for at in {*range(0, len(good), 1 + len(good) // 200)}:
            bad = bytearray(good)
            bad[at] ^= 1 << chance.randrange(8)
            file.write_bytes(bad)
            try:
                read_table(path)
            except LfmcError:
                continue
            missed.append((file.name, at))
        file.write_bytes(good)
    assert missed == []
    read_table(path)


def test_a_table_without_its_sidecar_is_read_and_named(path):
    sidecar(path).unlink()
    assert list(read_table(path).n) == [1, 2]
    assert table_stamp(path) == ""
    with pytest.raises(Broken, match=r"t\.csv: its sidecar t\.csv\.json is missing"):
        require_whole_table(path)


def test_a_table_that_was_edited_or_cut_is_refused(path):
    for data in (path.read_bytes().replace(b"E1", b"E9"), path.read_bytes()[:-3]):
        path.write_bytes(data)
        with pytest.raises(Broken, match=r"do not match its checksum in t\.csv\.json"):
            read_table(path)


def test_the_sidecar_of_something_else_is_one_clear_line(path):
    sidecar(path).write_text('{"a": 1}')
    with pytest.raises(LfmcError, match=r"t\.csv\.json: not the sidecar of a table"):
        read_table(path)


STEPS = ("fsync", "unlink", "replace")


def _killed_at(path: Path, step: int, table) -> None:
    """Write a table and end without a word at the given call of the file system."""
    calls = iter(range(step, -1, -1))

    def dying(call):
        def called(*arguments, **options):
            if next(calls) == 0:
                os._exit(9)
            return call(*arguments, **options)

        return called

    for name in STEPS:
        setattr(os, name, dying(getattr(os, name)))
    write_table(path, table, stamp())
    os._exit(0)


@pytest.mark.parametrize("before", ["nothing", "a table", "a table of an earlier version"])
def test_a_writer_that_is_killed_leaves_a_table_with_its_sidecar_or_none(tmp_path, before):
    """At every call of fsync, unlink and rename."""
    seen = []
    for step in range(40):
        path = tmp_path / str(step) / "t.csv"
        path.parent.mkdir()
        if before == "a table":
            write_table(path, TABLE, stamp())
        elif before != "nothing":
            write_earlier(path)
        child = multiprocessing.get_context("fork").Process(
            target=_killed_at, args=(path, step, OTHER)
        )
        child.start()
        child.join()
        if path.exists():
            found = list(read_table(path).n)
            assert require_whole_table(path)
            seen.append("old" if found == [1, 2] else "new")
            assert found in ([1, 2], [3, 4])
        else:
            seen.append("none")
        if child.exitcode == 0:
            break
    assert child.exitcode == 0
    assert seen == sorted(seen, key=["old", "none", "new"].index) or before == "nothing"
    assert seen[-1] == "new"
    assert len(seen) > 6


def test_readers_of_a_table_that_is_written_again_see_a_whole_one(path):
    def rewrite() -> None:
        for k in range(100):
            write_table(path, TABLE.assign(n=[k, k]), stamp())

    writer = multiprocessing.get_context("fork").Process(target=rewrite)
    writer.start()
    seen = set()
    while writer.is_alive():
        first, second = read_table(path).n
        assert first == second or (first, second) == (1, 2)
        seen.add(first)
    assert len(seen) > 3


def test_an_interrupted_table_leaves_nothing_beside_it(path, monkeypatch):
    def full(*arguments):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(table_files.os, "fsync", full)
    with pytest.raises(LfmcError, match=r"t\.csv.*cannot be written \(No space left on device\)"):
        write_table(path, OTHER, stamp())
    monkeypatch.undo()
    assert sorted(p.name for p in path.parent.iterdir()) == ["t.csv", "t.csv.json"]
    assert list(read_table(path).n) == [1, 2]
