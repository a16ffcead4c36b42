"""Ranks of an MPI job: what killed jobs left on a node does not stop later ones."""

import mmap
import os
import time

import pytest

from lfmc.ranks import remove_stale_segments

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
