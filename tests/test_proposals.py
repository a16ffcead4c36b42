"""Proposals and their chain: the same bits for every number of ranks, restart and order of work."""

import shutil
import signal
import subprocess
import time

import h5py
import numpy as np
import pytest
from flows_small import (
    PATIENCE,
    blocks_made,
    environment,
    forget_checksums,
    lfmc,
    small,
    write_small,
)

from lfmc.chains import read_chain
from lfmc.errors import LfmcError
from lfmc.proposals import generate, parts
from lfmc.proposals.accept import accept_proposals
from lfmc.proposals.propose import fill, publish
from lfmc.proposals.verify import verify_flow
from lfmc.weights import read_log_weights

pytestmark = pytest.mark.unit


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """A folder with a configuration and a trained model, by the command line."""
    folder = tmp_path_factory.mktemp("trained")
    config = write_small(folder)
    run = subprocess.run(
        lfmc("train", "--config", str(config), "--ensemble", "T4"),
        cwd=folder,
        env=environment(),
        capture_output=True,
        text=True,
    )
    assert run.returncode == 0, run.stderr
    return folder


@pytest.fixture
def folder(trained, tmp_path):
    """A copy of it that a test may spoil."""
    return shutil.copytree(trained, tmp_path / "copy")


def propose(folder, *extra, ranks=None, **options):
    launcher = [] if ranks is None else ["mpiexec", "-n", str(ranks)]
    arguments = ("--config", "small.yaml", "--ensemble", "T4", "--sampler", "flow-50")
    return subprocess.run(
        [*launcher, *lfmc("propose", *arguments), *extra],
        cwd=folder,
        env=environment(),
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        **options,
    )


def contents(path) -> dict[str, np.ndarray]:
    found = {}
    with h5py.File(path, "r") as file:
        file.visititems(
            lambda name, item: (
                found.update({name: item[()]}) if isinstance(item, h5py.Dataset) else None
            )
        )
    return found


def same(first, second) -> bool:
    a, b = contents(first), contents(second)
    return a.keys() == b.keys() and all(np.array_equal(a[k], b[k]) for k in a)


def output(folder):
    return folder / "results/propose/T4/flow-50.h5"


def part_files(folder):
    return sorted((folder / "results/propose/T4/flow-50").glob("*"))


@pytest.fixture(scope="module")
def reference(trained, tmp_path_factory):
    folder = shutil.copytree(trained, tmp_path_factory.mktemp("alone") / "copy")
    run = propose(folder)
    assert run.returncode == 0, run.stderr
    return folder


@pytest.mark.mpi
@pytest.mark.parametrize("ranks", [1, 2, 3])
def test_proposals_do_not_depend_on_rank_count(reference, folder, ranks):
    run = propose(folder, "--expect-ranks", str(ranks), ranks=ranks)
    assert run.returncode == 0, run.stderr
    assert same(output(folder), output(reference))
    assert len(part_files(folder)) == ranks
    assert not (folder / "results/work/propose").exists()


@pytest.mark.mpi
def test_another_number_of_ranks_is_refused(folder):
    run = propose(folder, "--expect-ranks", "3", ranks=2)
    assert run.returncode != 0
    assert "2 MPI rank(s) here, 3 expected" in run.stderr
    assert not output(folder).exists()
    alone = propose(folder, "--expect-ranks", "2")
    assert alone.returncode == 2
    assert "1 MPI rank(s) here, 2 expected" in alone.stderr


def test_killed_proposals_continue_to_the_same_bits(reference, folder):
    process = subprocess.Popen(
        lfmc("propose", "--config", "small.yaml", "--ensemble", "T4", "--sampler", "flow-50"),
        cwd=folder,
        env=environment(),
    )
    while process.poll() is None and blocks_made(folder / "results", "T4", "flow-50") < 3:
        time.sleep(0.005)
    process.send_signal(signal.SIGKILL)
    process.wait()
    run = propose(folder)
    assert run.returncode == 0, run.stderr
    assert same(output(folder), output(reference))


def task_of(folder):
    model = folder / "results/train/T4/flow-50.safetensors"
    return generate.proposal_task(small(), "T4", "flow-50", model)


def never():
    return False


def quiet(done, total):
    return None


@pytest.mark.parametrize("damage", ["flip", "truncate", "other"])
def test_a_damaged_block_is_made_again_and_nothing_else(reference, folder, damage):
    """In a part that was cut off HDF5 finds nothing, so all its blocks are damaged."""
    task, made = task_of(folder), folder / "results/propose/T4/flow-50"
    first = fill(task, parts.part_path(made, 1, 0), [0, 1, 2], "{}", quiet, never)
    second = fill(task, parts.part_path(made, 1, 1), [3, 4, 5, 6, 7, 8], "{}", quiet, never)
    paths = [made / name for name in parts.part_names(made)]
    assert parts.read_part(task, paths[0]) == first
    assert parts.read_part(task, paths[1]) == second
    lost = {"flip": [4], "truncate": [3, 4, 5, 6, 7, 8], "other": list(range(9))}[damage]
    data = bytearray(paths[1].read_bytes())
    if damage == "truncate":
        paths[1].write_bytes(data[: len(data) // 2])
    elif damage == "flip":
        with h5py.File(paths[1], "r") as file:
            where = file["log_q"].id.get_offset()
        data[where + 8 * (700 + 100) + 3] ^= 1
        paths[1].write_bytes(data)
    else:
        task = task._replace(key="0" * 16)
    found = {entry.block for path in paths for entry in parts.read_part(task, path)}
    assert sorted(set(range(9)) - found) == lost
    if damage != "other":
        run = propose(folder)
        assert run.returncode == 0, run.stderr
        assert same(output(folder), output(reference))
        assert "damaged" in run.stderr
        with h5py.File(made / "part-002-00000.h5", "r") as file:
            again = np.flatnonzero(file["blocks/checksum"][()].any(1)) + file.attrs["first"]
        assert again.tolist() == lost


def test_parts_of_another_model_are_removed_when_the_new_ones_are_published(reference, folder):
    task, made = task_of(folder), folder / "results/propose/T4/flow-50"
    other = task._replace(key="0" * 16)
    fill(other, parts.part_path(made, 1, 0), [0, 1], "{}", quiet, never)
    assert propose(folder).returncode == 0
    assert same(output(folder), output(reference))
    assert [path.name for path in part_files(folder)] == ["part-002-00000.h5"]


def test_finished_work_is_published_again_when_the_workflow_deleted_its_file(reference, tmp_path):
    """A job that is cut off between its end and its acceptance counts as failed."""
    folder = shutil.copytree(reference, tmp_path / "copy")
    before = [(path.name, path.stat().st_mtime_ns) for path in part_files(folder)]
    output(folder).unlink()
    assert propose(folder).returncode == 0
    assert same(output(folder), output(reference))
    assert [(path.name, path.stat().st_mtime_ns) for path in part_files(folder)] == before


@pytest.mark.parametrize("damage", ["missing", "truncated"])
def test_proposals_without_one_of_their_parts_are_refused(reference, tmp_path, damage):
    """HDF5 by itself would fill them in."""
    folder = shutil.copytree(reference, tmp_path / "copy")
    part = part_files(folder)[0]
    if damage == "missing":
        part.unlink()
    else:
        part.write_bytes(part.read_bytes()[:5000])
    with pytest.raises(LfmcError, match=r"flow-50/part-001-00000\.h5.*is missing or damaged"):
        read_log_weights(output(folder))
    if damage == "truncated":
        return
    with h5py.File(output(folder), "r") as file:  # readers without lfmc see no zeros either
        assert np.isnan(file["log_q"][()]).all()
        assert (file["fields/index"][()] == -1).all()


def test_proposals_are_read_wherever_they_are_moved_with_their_parts(reference, tmp_path):
    shutil.copytree(reference / "results/propose/T4", tmp_path / "elsewhere")
    moved = tmp_path / "elsewhere" / "flow-50.h5"
    assert np.array_equal(read_log_weights(moved), read_log_weights(output(reference)))


def test_a_block_that_no_rank_has_is_not_published(folder):
    task, made = task_of(folder), folder / "results/propose/T4/flow-50"
    some = fill(task, parts.part_path(made, 1, 0), [0, 1, 2, 3, 5, 6, 7, 8], "{}", quiet, never)
    with pytest.raises(LfmcError, match="block 4 is missing; run propose again"):
        publish(task, output(folder), some, "{}", {})
    assert not output(folder).exists()


def test_every_row_is_written_for_every_block_size(folder):
    """Rows once went unwritten when the block did not divide the number of proposals."""
    task = task_of(folder)
    for block in (16, 257, 512, 6060, 9999):
        sized = task._replace(config=small(propose={"block": block}))
        rows = [len(generate.make_block(sized, i)["log_q"]) for i in {0, sized.blocks - 1}]
        assert rows[0] == min(block, sized.config.proposals)
        assert block * (sized.blocks - 1) + rows[-1] == sized.config.proposals or len(rows) == 1


def test_a_model_that_overflows_is_refused(folder):
    task = task_of(folder)
    task.flow.prior.log_width.data.fill_(500.0)
    task = task._replace(draw=generate.drawing(task.flow))
    with pytest.raises(LfmcError, match=r"proposal 0 of T4 flow-50: log q = .*train again"):
        generate.make_block(task, 0)


def test_chain_reverifies_from_file_and_tampering_is_caught(reference, tmp_path):
    config, model = small(), reference / "results/train/T4/flow-50.safetensors"
    folder = shutil.copytree(reference, tmp_path / "copy")
    made, part = output(folder), part_files(folder)[0]
    chain = tmp_path / "chain.h5"
    acceptance, longest = accept_proposals(config, "T4", "flow-50", made, chain)
    verify_flow(config, "T4", "flow-50", model, made, chain)
    read = read_chain(chain, made)
    assert read.two_point.shape[:2] == (3, 2000)
    assert read.acceptance == acceptance
    assert longest == read.extra["multiplicity"].max() - 1
    with h5py.File(part, "r+") as file:
        row = int(file["fields/index"][3])
        file["log_q"][row] += 1e-6
    with pytest.raises(
        LfmcError, match=r"part-001-00000\.h5, which holds a part of it, is missing"
    ):
        accept_proposals(config, "T4", "flow-50", made, chain)
    forget_checksums(made)  # as files of earlier versions: what they hold is compared
    with pytest.raises(LfmcError, match="log_q of kept field 3 differs"):
        verify_flow(config, "T4", "flow-50", model, made, chain)
    with h5py.File(part, "r+") as file:
        file["log_q"][row] -= 1e-6
        file["scalars/E"][700 * 2 + 5] *= 1.0001
    with pytest.raises(LfmcError, match="block 2 is damaged; run propose again"):
        accept_proposals(config, "T4", "flow-50", made, chain)
    with pytest.raises(LfmcError, match="block 2 is damaged; run propose again"):
        verify_flow(config, "T4", "flow-50", model, made, chain)
    shutil.copy(part_files(reference)[0], part)
    with h5py.File(chain, "r+") as file:
        file["chain/index"][5] += 1
    with pytest.raises(LfmcError, match="its bytes do not match its checksum"):
        verify_flow(config, "T4", "flow-50", model, made, chain)
    forget_checksums(chain)
    with pytest.raises(LfmcError, match="chain/index is not what its proposals give"):
        verify_flow(config, "T4", "flow-50", model, made, chain)


def test_proposals_of_another_ensemble_or_length_are_refused(reference, tmp_path):
    with pytest.raises(
        LfmcError, match=r"made with ensemble\.lam = 9\.0, the configuration has 8\.0"
    ):
        accept_proposals(small(), "U4", "flow-50", output(reference), tmp_path / "chain.h5")
    longer = small(accept={"replicas": 3, "burn_in": 30})
    with pytest.raises(LfmcError, match="made with proposals = 6060, the configuration has 6090"):
        accept_proposals(longer, "T4", "flow-50", output(reference), tmp_path / "chain.h5")
    assert list(tmp_path.iterdir()) == []
