"""Why an HDF5 file is refused: only a file whose content is bad is to be deleted."""

import os
import subprocess
import sys

import h5py
import numpy as np
import pytest

from lfmc.errors import LfmcError
from lfmc.store import create_hdf5, open_hdf5

pytestmark = pytest.mark.unit

HOLD = """
import sys, h5py
with h5py.File(sys.argv[1], "a") as file:
    print("open", flush=True)
    sys.stdin.readline()
"""


@pytest.fixture
def good(tmp_path):
    with create_hdf5(tmp_path / "x.h5", "{}") as file:
        file["x"] = np.zeros(1000)
    return tmp_path / "x.h5"


def message(path) -> str:
    with pytest.raises(LfmcError) as error, open_hdf5(path):
        pass
    assert str(error.value).startswith(f"{path}: ")
    assert "\n" not in str(error.value)
    return str(error.value)


def test_a_file_that_another_process_writes_is_not_called_damaged(good):
    process = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(good)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stdout.readline() == "open\n"
        line = message(good)
    finally:
        process.communicate("\n")
    assert "another process is writing it" in line
    assert "delete" not in line
    with open_hdf5(good):
        pass


@pytest.mark.parametrize(
    ("make", "reason"),
    [
        (lambda path: path.mkdir(), "Is a directory"),
        (lambda path: path.symlink_to(path), "Too many levels of symbolic links"),
        (lambda path: path.symlink_to("gone"), "no such file"),
        (lambda path: path.write_text("a,b\n1,2\n"), "it has another format; is it in its place?"),
    ],
)
def test_what_is_misplaced_is_told_and_not_deleted(tmp_path, make, reason):
    make(tmp_path / "y.h5")
    line = message(tmp_path / "y.h5")
    assert reason in line
    assert "delete" not in line


@pytest.mark.skipif(os.geteuid() == 0, reason="root reads everything")
def test_a_forbidden_file_is_told_and_not_deleted(good):
    good.chmod(0)
    line = message(good)
    assert "Permission denied" in line
    assert "delete" not in line


@pytest.mark.parametrize("keep", [0, 4, 100, 2000])
def test_a_file_that_is_cut_off_is_to_be_deleted(good, keep):
    good.write_bytes(good.read_bytes()[:keep])
    assert "delete it and run again" in message(good)


def test_a_broken_inside_is_one_line(good):
    """Without a checksum, HDF5 itself finds it, or nobody."""
    data = good.read_bytes()
    with h5py.File(good, "r") as file:
        at = file["x"].id.get_offset()
    for byte in range(8, min(at, len(data)), 37):
        bad = bytearray(data)
        bad[byte] ^= 255
        good.write_bytes(bad)
        try:
            with open_hdf5(good) as file:
                [item[()] for item in file.values() if isinstance(item, h5py.Dataset)]
        except LfmcError as error:
            text = str(error)
        else:
            text = ""
        assert "\n" not in text
