"""Shared memory of killed jobs is removed; what a process might still use never is."""

import mmap
import os
import time

import pytest

from lfmc.shared_memory import INITIAL, remove_stale_segments

pytestmark = pytest.mark.unit

USER = os.geteuid()


def segment(folder, name, age=60.0, mode=0o600):
    path = folder / name
    path.write_bytes(bytes(4096))
    path.chmod(mode)
    os.utime(path, (time.time() - age,) * 2)
    return path


@pytest.fixture
def shm(tmp_path):
    (tmp_path / "shm").mkdir()
    return tmp_path / "shm"


@pytest.fixture
def proc(tmp_path):
    """A machine's processes: none so far but the one that looks."""
    folder = tmp_path / "proc"
    (folder / "self" / "ns").mkdir(parents=True)
    (folder / "self" / "ns" / "pid").symlink_to(INITIAL)
    return folder


def process(proc, number, user=USER, namespace=INITIAL, maps="", state="S (sleeping)"):
    """One more; `maps` None: it shows its memory to nobody."""
    folder = proc / str(number)
    (folder / "ns").mkdir(parents=True)
    (folder / "fd").mkdir()
    (folder / "ns" / "pid").symlink_to(namespace)
    ids = "\t".join([str(user)] * 4)
    (folder / "status").write_text(f"Name:\tpython\nState:\t{state}\nUid:\t{ids}\n")
    if maps is None:
        (folder / "maps").mkdir()  # reading it is an error for root too
    else:
        (folder / "maps").write_text(maps)
    return folder


def mapped(path, shown="/dev/shm/other name"):
    """A line of maps; another mount shows the same file by another name."""
    found = path.stat()
    device = f"{os.major(found.st_dev):02x}:{os.minor(found.st_dev):02x}"
    return f"7f00-7f10 rw-s 00000000 {device} {found.st_ino} {shown}\n"


def test_what_no_process_uses_is_removed(shm, proc):
    stale = segment(shm, "mpich_shm_eb421bf2_0")
    process(proc, 10, maps="00400000-00452000 r-xp 00000000 08:02 173521 /usr/bin/python\n")
    assert remove_stale_segments(shm, proc) == [stale.name]
    assert list(shm.iterdir()) == []


@pytest.mark.parametrize(
    "name", ["somebody_elses", "mpich_notes.txt", "mpich_", "mpich_shmem", "x_mpich_shm_1"]
)
def test_only_segments_of_mpich_are_removed(shm, proc, name):
    segment(shm, name)
    assert remove_stale_segments(shm, proc) == []
    assert (shm / name).exists()


def test_fresh_shared_linked_or_foreign_ones_stay(shm, proc, monkeypatch, tmp_path):
    segment(shm, "mpich_shm_fresh", age=0)
    segment(shm, "mpich_shm_shared", mode=0o666)
    target = segment(tmp_path, "thesis")
    (shm / "mpich_shm_link").symlink_to(target)
    os.utime(shm / "mpich_shm_link", (0, 0), follow_symlinks=False)
    (shm / "mpich_shm_folder").mkdir(mode=0o700)
    assert remove_stale_segments(shm, proc) == []
    segment(shm, "mpich_shm_foreign")
    monkeypatch.setattr(os, "geteuid", lambda: USER + 1)
    assert remove_stale_segments(shm, proc) == []
    assert len(list(shm.iterdir())) == 5


def test_what_is_mapped_under_another_name_stays(shm, proc):
    used, stale = segment(shm, "mpich_shm_1_0"), segment(shm, "mpich_shm_2_0")
    process(proc, 10, maps=mapped(used))
    assert remove_stale_segments(shm, proc) == [stale.name]
    assert used.exists()


def test_what_is_open_stays(shm, proc):
    used = segment(shm, "mpich_shm_1_0")
    folder = process(proc, 10)
    (folder / "fd" / "5").symlink_to(used)
    (folder / "fd" / "6").symlink_to("socket:[123]")
    assert remove_stale_segments(shm, proc) == []
    (folder / "fd" / "5").unlink()
    assert remove_stale_segments(shm, proc) == [used.name]


def test_what_cannot_be_looked_into_counts_as_in_use(shm, proc):
    segment(shm, "mpich_shm_1_0")
    process(proc, 10, maps=None)
    assert remove_stale_segments(shm, proc) == []


def test_a_process_in_another_pid_namespace_counts_as_in_use(shm, proc):
    segment(shm, "mpich_shm_1_0")
    process(proc, 10, namespace="pid:[4026532281]")
    assert remove_stale_segments(shm, proc) == []


@pytest.mark.parametrize("seen", ["pid:[4026532281]", None])
def test_within_a_container_everything_counts_as_in_use(shm, proc, seen):
    segment(shm, "mpich_shm_1_0")
    (proc / "self" / "ns" / "pid").unlink()
    if seen:
        (proc / "self" / "ns" / "pid").symlink_to(seen)
    assert remove_stale_segments(shm, proc) == []


def test_processes_that_cannot_have_it_do_not_count(shm, proc):
    """Of other users, dead ones, and the machine's init."""
    stale = segment(shm, "mpich_shm_1_0")
    process(proc, 1, maps=None)
    process(proc, 10, user=USER + 1, maps=None)
    process(proc, 11, maps=None, state="Z (zombie)")
    assert remove_stale_segments(shm, proc) == [stale.name]


def test_this_machine_itself(shm):
    """Of the real processes: one that is mapped here, and one that is open."""
    one, two = segment(shm, "mpich_shm_1_0"), segment(shm, "mpich_shm_2_0")
    with one.open("r+b") as file:
        memory = mmap.mmap(file.fileno(), 4096)
    with two.open("rb"), memory:
        assert remove_stale_segments(shm) == []
    assert set(remove_stale_segments(shm)) <= {one.name, two.name}  # none within a container
