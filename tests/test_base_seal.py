"""Claims about checksums: one flipped bit anywhere shows, and files without checksums are read."""

import hashlib
import json
import random
import re
import subprocess

import numpy as np
import pytest
from flows_small import forget_checksums

from lfmc.errors import LfmcError
from lfmc.provenance import provenance, stamp
from lfmc.seal import EMPTY, PIECE, file_digest, identity, is_named, require_whole, seal
from lfmc.store import create_hdf5, open_hdf5, read_json, write_json

pytestmark = pytest.mark.unit


def write_hdf5(path) -> None:
    with create_hdf5(path, stamp()) as file:
        file["x"] = np.arange(300.0)
        file["group/y"] = np.zeros(3, np.uint8)
        file.attrs["kind"] = "bins"


WRITERS = {
    "x.h5": write_hdf5,
    "x.json": lambda path: write_json(path, {"a": 1.5, "provenance": provenance()}),
}


def read_hdf5(path) -> None:
    with open_hdf5(path) as file:
        file["x"][()]


READERS = {"x.h5": read_hdf5, "x.json": read_json}


@pytest.fixture(params=WRITERS)
def written(request, tmp_path):
    path = tmp_path / request.param
    WRITERS[request.param](path)
    return path


def test_a_file_is_whole_as_written_copied_and_read(written, tmp_path):
    assert require_whole(written)
    READERS[written.name](written)
    moved = tmp_path / "elsewhere"
    moved.write_bytes(written.read_bytes())
    assert require_whole(moved)


def test_every_flipped_bit_shows(written):
    """A random bit of many bytes: the digits, the words around them, unused bytes of HDF5."""
    good, chance = written.read_bytes(), random.Random(1)
    begin, missed = good.index(b"lfmc-sha256-"), []
    around = range(begin - 3, begin + len(EMPTY) + 3)
    for at in {*around, *range(0, len(good), len(good) // 60)}:
        data = bytearray(good)
        data[at] ^= 1 << chance.randrange(8)
        written.write_bytes(data)
        try:
            READERS[written.name](written)
        except LfmcError:
            continue
        missed.append(at)
    assert missed == []


def test_the_checksum_is_that_of_the_file_with_zeros_for_its_digits(written):
    """As docs/formats.md says how to check a file without lfmc."""
    digits = re.search(rb"lfmc-sha256-([0-9a-f]{64})-", written.read_bytes())[1].decode()
    command = f"sed 's/lfmc-sha256-[0-9a-f]*/lfmc-sha256-{64 * '0'}/' {written} | sha256sum"
    found = subprocess.run(command, shell=True, capture_output=True, text=True, check=True)
    assert found.stdout.split()[0] == digits


def test_files_without_a_checksum_are_read(written):
    forget_checksums(written)
    assert not require_whole(written)
    READERS[written.name](written)


def test_a_large_file_is_checked_whole(tmp_path):
    """Across the pieces in which it is read, with the digits at its end."""
    path = tmp_path / "large"
    path.write_bytes(b"x" * 9_000_000 + EMPTY.encode() + b"y")
    seal(path)
    data = path.read_bytes()
    zeroed = re.sub(rb"(?<=sha256-)[0-9a-f]{64}", b"0" * 64, data)
    assert hashlib.sha256(zeroed).hexdigest().encode() in data
    assert len(data) > 2 * PIECE
    for at in (0, 4_194_304, 8_388_607, len(data) - 1):
        other = tmp_path / f"flipped-{at}"
        flipped = bytearray(data)
        flipped[at] ^= 16
        other.write_bytes(flipped)
        with pytest.raises(LfmcError, match="do not match its checksum"):
            require_whole(other)


def test_an_input_is_named_by_its_checksum_or_the_sha256_of_its_bytes(tmp_path):
    large, small, bare = tmp_path / "large.h5", tmp_path / "x.h5", tmp_path / "bare"
    with create_hdf5(large, stamp()) as file:
        file["x"] = np.random.default_rng(1).random(2**18)
    write_hdf5(small)
    bare.write_bytes(bytes(2**21))
    with open_hdf5(large) as file:
        own = re.search("lfmc-sha256-([0-9a-f]{64})", file.attrs["provenance"])[1]
    assert identity(large) == own != file_digest(large)
    assert identity(small) == file_digest(small)
    assert identity(bare) == file_digest(bare)
    assert provenance(inputs=(large,))["inputs"] == {str(large): own}
    for path in (large, small, bare):
        assert is_named(path, {identity(path)})
        assert is_named(path, [file_digest(path)])
        assert not is_named(path, {"0" * 64})
    with open(large, "r+b") as stream:
        stream.seek(2**20)
        stream.write(b"x")
    with pytest.raises(LfmcError, match="do not match its checksum"):
        identity(large)


def test_a_stamp_has_room_for_one_checksum():
    assert json.loads(stamp())["checksum"] == EMPTY


def test_the_words_are_found_across_two_pieces(tmp_path):
    for before in range(PIECE - 100, PIECE + 3, 9):
        path = tmp_path / "x"
        path.write_bytes(b"x" * before + EMPTY.encode())
        seal(path)
        assert require_whole(path)
        path.write_bytes(path.read_bytes().replace(b"lfmc-sha", b"lfmc-shb"))
        with pytest.raises(LfmcError, match="do not match its checksum"):
            require_whole(path)
