"""Claims about chain files: one reader for every sampler, and a flow's chain expands exactly."""

import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lfmc.chains import read_chain, write_header
from lfmc.errors import LfmcError
from lfmc.store import create_hdf5
from lfmc.theories.phi4 import Phi4

pytestmark = pytest.mark.unit

ENSEMBLE = {"name": "A", "shape": [4, 4], "m2": -4.0, "lam": 8.0}


def header(file, sampler: str, save_every: int) -> None:
    write_header(
        file,
        ENSEMBLE,
        sampler,
        save_every=save_every,
        acceptance=0.7,
        forces_per_update=10.0,
        seconds=1.5,
        settings={"steps": 10},
    )


def write_chain(path: Path, replicas=2, updates=20, save_every=5) -> dict[str, np.ndarray]:
    random = np.random.default_rng(1)
    scalars = {n: random.normal(size=(replicas, updates)).astype("f4") for n in Phi4.scalars}
    with create_hdf5(path, "{}") as file:
        header(file, "hmc", save_every)
        for name, values in scalars.items():
            file[f"scalars/{name}"] = values
        file["saved/two_point"] = np.zeros((replicas, updates // save_every, 6), "f4")
        file["extra/dH"] = np.zeros((replicas, updates))
    return scalars


def write_flow(folder: Path, index, multiplicity, replica, proposals=50) -> dict[str, np.ndarray]:
    random = np.random.default_rng(2)
    scalars = {n: random.normal(size=proposals).astype("f4") for n in Phi4.scalars}
    with create_hdf5(folder / "p.h5", "{}") as file:
        file["log_q"] = np.zeros(proposals)
        for name, values in scalars.items():
            file[f"scalars/{name}"] = values
        file["two_point"] = np.arange(proposals * 6.0).reshape(proposals, 6)
    with create_hdf5(folder / "c.h5", "{}") as file:
        header(file, "flow-70", 1)
        file.attrs["kind"] = "flow-chain"
        file["chain/index"] = np.asarray(index)
        file["chain/multiplicity"] = np.asarray(multiplicity)
        file["chain/replica"] = np.asarray(replica)
    return scalars


def test_a_chain_returns_as_it_was_written(tmp_path):
    scalars = write_chain(tmp_path / "c.h5")
    chain = read_chain(tmp_path / "c.h5")
    assert (chain.sampler, chain.shape, chain.replicas) == ("hmc", (4, 4), 2)
    assert (chain.acceptance, chain.forces_per_update, chain.seconds) == (0.7, 10.0, 1.5)
    assert chain.ensemble == ENSEMBLE
    assert json.loads(chain.attributes["settings"]) == {"steps": 10}
    assert set(chain.extra) == {"dH"}
    for name in Phi4.scalars:
        assert (chain.scalars[name] == scalars[name]).all()


@given(st.integers(1, 7), st.integers(1, 9), st.integers(0, 6))
def test_saved_i_is_update_i_plus_1_times_save_every_minus_1(save_every, saved, rest):
    from lfmc.chains import Chain

    updates = save_every * saved + min(rest, save_every - 1)
    scalars = {"m": np.arange(updates)[None]}
    two_point = np.zeros((1, saved, 1))
    chain = Chain({}, "hmc", (2,), scalars, two_point, save_every, 1, 0, 0, {}, {})
    expected = [(i + 1) * save_every - 1 for i in range(saved)]
    assert chain.saved["m"][0].tolist() == expected


@given(st.lists(st.lists(st.integers(1, 4), min_size=1, max_size=5), min_size=1, max_size=3))
def test_a_flow_chain_repeats_each_proposal_by_its_multiplicity(tmp_path_factory, runs):
    longest = max(map(sum, runs))
    runs = [[*run, longest - sum(run)] if sum(run) < longest else run for run in runs]
    folder = tmp_path_factory.mktemp("flow")
    flat = [m for run in runs for m in run]
    replica = [r for r, run in enumerate(runs) for _ in run]
    index = list(range(len(flat)))
    scalars = write_flow(folder, index, flat, replica)
    chain = read_chain(folder / "c.h5", folder / "p.h5")
    assert chain.scalars["m"].shape == (len(runs), longest)
    expected = [scalars["E"][i] for i, m in zip(index, flat, strict=True) for _ in range(m)]
    assert chain.scalars["E"].ravel().tolist() == expected
    assert chain.two_point.shape == (len(runs), longest, 6)
    assert chain.two_point.reshape(-1, 6)[:, 0].tolist() == [
        6.0 * i for i in np.repeat(index, flat)
    ]


def test_a_flow_chain_alone_asks_for_its_proposals(tmp_path):
    write_flow(tmp_path, [0], [3], [0])
    with pytest.raises(LfmcError, match="together with its proposals"):
        read_chain(tmp_path / "c.h5")


def test_replicas_of_unequal_length_are_refused(tmp_path):
    write_flow(tmp_path, [0, 1], [3, 2], [0, 1])
    with pytest.raises(LfmcError, match="unequal length"):
        read_chain(tmp_path / "c.h5", tmp_path / "p.h5")


def test_proposals_of_another_run_are_refused(tmp_path):
    write_flow(tmp_path, [70], [3], [0])
    with pytest.raises(LfmcError, match="fewer proposals than the chain"):
        read_chain(tmp_path / "c.h5", tmp_path / "p.h5")


def test_another_hdf5_file_is_refused(tmp_path):
    with create_hdf5(tmp_path / "x.h5", "{}") as file:
        file.attrs["kind"] = "bins"
    with pytest.raises(LfmcError, match="not a chain file"):
        read_chain(tmp_path / "x.h5")


def test_a_truncated_chain_is_one_clear_line(tmp_path):
    write_chain(tmp_path / "c.h5")
    data = (tmp_path / "c.h5").read_bytes()
    (tmp_path / "c.h5").write_bytes(data[: len(data) // 2])
    with pytest.raises(LfmcError, match="perhaps truncated") as error:
        read_chain(tmp_path / "c.h5")
    assert "\n" not in str(error.value)


def test_a_chain_that_lacks_a_part_is_one_clear_line(tmp_path):
    with create_hdf5(tmp_path / "x.h5", "{}") as file:
        header(file, "hmc", 1)
    with pytest.raises(LfmcError, match=r"x\.h5: incomplete"):
        read_chain(tmp_path / "x.h5")
