"""Ranks of an MPI job: work is dealt out whole, and what killed jobs left stops no later ones."""

import mmap
import os
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lfmc.ranks import remove_stale_segments, share_of

pytestmark = pytest.mark.unit


def segment(folder, name: str, age: float):
    path = folder / name
    path.write_bytes(bytes(4096))
    os.utime(path, (time.time() - age,) * 2)
    return path


def test_shared_memory_that_no_process_maps_is_removed(tmp_path):
    stale = segment(tmp_path, "mpich_shm_eb421bf2_0", 60)
    segment(tmp_path, "somebody_elses", 60)
    assert remove_stale_segments(tmp_path) == [stale.name]
    assert [path.name for path in tmp_path.iterdir()] == ["somebody_elses"]


def test_shared_memory_in_use_or_just_created_stays(tmp_path):
    used = segment(tmp_path, "mpich_shm_1_0", 60)
    segment(tmp_path, "mpich_shm_2_0", 0)
    with used.open("r+b") as file, mmap.mmap(file.fileno(), 4096):
        assert remove_stale_segments(tmp_path) == []
    assert len(list(tmp_path.iterdir())) == 2


@given(st.integers(0, 300), st.integers(1, 100))
def test_every_block_falls_to_one_rank_evenly_and_the_first_to_rank_0(count, size):
    shares = [list(share_of(count, rank, size)) for rank in range(size)]
    assert [block for mine in shares for block in mine] == list(range(count))
    assert max(map(len, shares)) - min(map(len, shares)) <= 1
    assert count == 0 or 0 in shares[0]
