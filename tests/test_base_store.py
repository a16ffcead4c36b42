"""Claims about files: whole or absent, and a clear line when they cannot be read or written."""

import json
import os
import subprocess
from pathlib import Path

import numpy as np
import pandas
import pytest

from lfmc.errors import LfmcError
from lfmc.store import (
    atomically,
    create_hdf5,
    discard_progress,
    open_hdf5,
    read_json,
    write_bytes,
    write_json,
    write_text,
    writer,
    written_aside,
)
from lfmc.table_files import read_table, write_table

pytestmark = pytest.mark.unit


def fill_hdf5(path: Path) -> None:
    with create_hdf5(path, "{}") as file:
        file["x"] = np.zeros(400_000)


def fill_hdf5_in_pieces(path: Path) -> None:
    """Small chunks would stay in HDF5's cache: then closing on a full disk crashes the process."""
    with create_hdf5(path, "{}") as file:
        data = file.create_dataset("x", (40, 10_000), dtype="f8", chunks=(1, 10_000))
        for n in range(40):
            data[n] = 1.0


WRITERS = {
    "text": lambda path: write_text(path, "x" * 3_000_000),
    "bytes": lambda path: write_bytes(path, b"x" * 3_000_000),
    "json": lambda path: write_json(path, {"x": "x" * 3_000_000}),
    "table": lambda path: write_table(path, pandas.DataFrame({"x": np.arange(500_000)}), "{}"),
    "hdf5": fill_hdf5,
    "hdf5 in pieces": fill_hdf5_in_pieces,
}


@pytest.mark.parametrize("kind", WRITERS)
def test_a_written_file_stands_alone_under_its_name(kind, tmp_path):
    path = tmp_path / "deep" / "er" / "file.h5"
    WRITERS[kind](path)
    beside = ["file.h5.json"] if kind == "table" else []
    assert sorted(p.name for p in path.parent.iterdir()) == ["file.h5", *beside]


@pytest.mark.parametrize("before", [None, b"old"])
def test_an_exception_inside_leaves_what_was_there(before, tmp_path):
    path = tmp_path / "file.h5"
    if before is not None:
        path.write_bytes(before)

    def write_and_fail() -> None:
        with create_hdf5(path, "{}") as file:
            file["x"] = np.zeros(10)
            raise RuntimeError("stop")

    with pytest.raises(RuntimeError, match="stop"):
        write_and_fail()
    assert [p.read_bytes() for p in tmp_path.iterdir()] == ([] if before is None else [before])


def test_an_interrupt_leaves_nothing(tmp_path):
    def write_and_stop() -> None:
        with written_aside(tmp_path / "f.txt") as aside:
            aside.write_text("half")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_and_stop()
    assert not list(tmp_path.iterdir())


def test_an_error_of_the_block_is_not_mistaken_for_one_of_the_disk(tmp_path):
    with (
        pytest.raises(LfmcError, match="no such file"),
        written_aside(tmp_path / "f"),
        open_hdf5(tmp_path / "absent.h5"),
    ):
        pass


@pytest.mark.parametrize("kind", WRITERS)
def test_a_folder_that_cannot_exist_is_one_clear_line(kind, tmp_path):
    (tmp_path / "file").write_text("no folder")
    with pytest.raises(LfmcError, match="cannot be written") as error:
        WRITERS[kind](tmp_path / "file" / "x.h5")
    assert "\n" not in str(error.value)


@pytest.mark.skipif(os.geteuid() == 0, reason="root writes everywhere")
@pytest.mark.parametrize("kind", WRITERS)
def test_an_unwritable_folder_is_one_clear_line(kind, tmp_path):
    tmp_path.chmod(0o500)
    with pytest.raises(LfmcError, match=r"cannot be written \(Permission denied\)"):
        WRITERS[kind](tmp_path / "x.h5")
    tmp_path.chmod(0o700)


@pytest.fixture
def tiny_disk(tmp_path):
    """A file system of one mebibyte, where the system lets us make one."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(folder)]
    try:
        made = subprocess.run(mount, capture_output=True).returncode == 0
    except OSError:
        made = False
    if not made:
        pytest.skip("needs the right to mount a small file system")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


@pytest.mark.parametrize("kind", WRITERS)
def test_a_full_disk_is_one_clear_line_and_leaves_nothing(kind, tiny_disk):
    with pytest.raises(LfmcError, match="cannot be written") as error:
        WRITERS[kind](tiny_disk / "x.h5")
    assert "\n" not in str(error.value)
    assert not list(tiny_disk.iterdir())


def test_a_full_device_is_one_clear_line(tmp_path, monkeypatch):
    """The same without rights to mount: the temporary name is a link to /dev/full."""
    aside = tmp_path / f".x.txt.{writer()}.part.txt"
    aside.symlink_to("/dev/full")
    with pytest.raises(LfmcError, match="No space left on device"):
        write_text(tmp_path / "x.txt", "something")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("keep", [0, 10, 1000])
def test_a_truncated_hdf5_file_is_one_clear_line(keep, tmp_path):
    path = tmp_path / "x.h5"
    fill_hdf5(path)
    path.write_bytes(path.read_bytes()[:keep])
    with (
        pytest.raises(LfmcError, match=r"x\.h5: not a readable HDF5 file") as error,
        open_hdf5(path),
    ):
        pass
    assert "\n" not in str(error.value)


def test_a_missing_file_is_named(tmp_path):
    for read in (read_json, read_table):
        with pytest.raises(LfmcError, match=r"absent\.x: "):
            read(tmp_path / "absent.x")
    with (
        pytest.raises(LfmcError, match=r"absent\.h5: no such file"),
        open_hdf5(tmp_path / "absent.h5"),
    ):
        pass


@pytest.mark.parametrize("text", ["", "{", "\x00\x01"])
def test_torn_json_is_one_clear_line(text, tmp_path):
    (tmp_path / "x.json").write_text(text)
    with pytest.raises(LfmcError, match="not valid JSON"):
        read_json(tmp_path / "x.json")


def test_a_torn_table_is_one_clear_line(tmp_path):
    (tmp_path / "x.csv").write_text("")
    with pytest.raises(LfmcError, match="not a readable table"):
        read_table(tmp_path / "x.csv")
    (tmp_path / "x.csv").write_text('a,b\n1,"2\n')
    with pytest.raises(LfmcError, match="not a readable table"):
        read_table(tmp_path / "x.csv")


def test_json_takes_numpy_and_paths(tmp_path):
    content = {"a": np.float64(0.1), "b": np.arange(3), "c": tmp_path, "d": np.bool_(True)}
    write_json(tmp_path / "x.json", content)
    back = read_json(tmp_path / "x.json")
    assert back == {"a": 0.1, "b": [0, 1, 2], "c": str(tmp_path), "d": True}


def test_hdf5_carries_its_stamp_and_its_data(tmp_path):
    with create_hdf5(tmp_path / "x.h5", '{"a": 1}') as file:
        file["x"] = np.arange(3)
    with open_hdf5(tmp_path / "x.h5") as file:
        assert json.loads(file.attrs["provenance"]) == {"a": 1}
        assert file["x"][()].tolist() == [0, 1, 2]


def test_any_writer_can_be_made_atomic(tmp_path):
    atomically(tmp_path / "x.npy", lambda path: np.save(path, np.arange(3)))
    assert np.load(tmp_path / "x.npy").tolist() == [0, 1, 2]


def test_progress_outlives_a_batch_job_until_its_result_is_accepted(tmp_path, monkeypatch):
    folder = tmp_path / "work"
    folder.mkdir()
    monkeypatch.setenv("SLURM_JOB_ID", "7")
    discard_progress(folder)
    assert folder.exists()
    discard_progress(folder, accepted=True)
    assert not folder.exists()
    folder.mkdir()
    monkeypatch.delenv("SLURM_JOB_ID")
    discard_progress(folder)
    assert not folder.exists()
