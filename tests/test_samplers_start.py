"""Claims about `lfmc hmc --start`: where chains start, what says so, and what is refused."""

import hashlib
import json
import subprocess
import sys

import h5py
import numpy as np
import pytest

import lfmc
from lfmc.exchange.start import read_start

pytestmark = pytest.mark.unit

CONFIG = """
seed: 5
ensembles: [{ name: E1, L: 4, m2: -4.0, lam: 6.975 }]
statistics: { configurations: 400, save_every: 2, replicas: 8, keep_fields: 40 }
samplers: { hmc: { thermalisation: 2 }, local: { thermalisation: 2 } }
flow: { targets: [] }
"""
THEORY = lfmc.Phi4((4, 4), m2=-4.0, lam=6.975)


def given(seed=1):
    return np.random.default_rng(seed).normal(scale=0.4, size=(5, 4, 4))


@pytest.fixture(scope="module")
def tuned(tmp_path_factory):
    """The tuning of the ensemble, which all tests share."""

    folder = tmp_path_factory.mktemp("tuned")
    (folder / "config.yaml").write_text(CONFIG)
    command = [sys.executable, "-m", "lfmc.cli.main", "tune", "--ensemble", "E1"]
    subprocess.run(command, cwd=folder, check=True, capture_output=True)
    return (folder / "results" / "tune" / "E1.json").read_bytes()


@pytest.fixture
def sample(tuned, run_lfmc, tmp_path):
    """`lfmc SAMPLER --ensemble E1 ...` in a folder with tuning and f.npy."""
    (tmp_path / "config.yaml").write_text(CONFIG)
    (tmp_path / "results" / "tune").mkdir(parents=True)
    (tmp_path / "results" / "tune" / "E1.json").write_bytes(tuned)
    np.save(tmp_path / "f.npy", given())

    def call(sampler, *arguments):
        return run_lfmc(sampler, "--ensemble", "E1", *arguments)

    return call


def scalars(folder, sampler="hmc"):
    with h5py.File(folder / "results" / sampler / "E1.h5") as file:
        return file["scalars/phi2"][()], json.loads(file.attrs["provenance"])


@pytest.mark.parametrize("sampler", ["hmc", "local"])
def test_chains_start_from_the_fields_of_the_file_as_in_python(sample, tmp_path, sampler):
    done = sample(sampler, "--start", "f.npy")
    assert done.returncode == 0, done.stderr
    found, provenance = scalars(tmp_path, sampler)
    arguments = {"chains": 8, "updates": 100, "seed": 5, "save_every": 2, "name": "E1"}
    arguments |= {"thermalisation": 2, "progress": False}
    sampled = lfmc.hmc if sampler == "hmc" else lfmc.local
    wanted = sampled(THEORY, start=given(), **arguments).scalars["phi2"]
    np.testing.assert_array_equal(found, wanted.astype(np.float32))
    cold = sampled(THEORY, **arguments).scalars["phi2"]  # the negative control
    assert not np.array_equal(found, cold.astype(np.float32))
    digest = hashlib.sha256((tmp_path / "f.npy").read_bytes()).hexdigest()
    assert provenance["settings"]["start"] == digest
    assert provenance["inputs"]["f.npy"] == digest


def test_a_chain_from_another_start_is_not_taken_for_the_same(sample, tmp_path):
    def made(*arguments):
        done = sample("hmc", *arguments)
        assert done.returncode == 0, done.stderr
        return scalars(tmp_path)[0], done.stderr

    first, _ = made("--start", "f.npy")
    same, says = made("--start", "f.npy")
    assert "is finished already; nothing to do" in says
    np.testing.assert_array_equal(first, same)
    cold, says = made()
    assert "made with start = " in says
    assert "now nothing; sampling starts anew" in says
    np.save(tmp_path / "f.npy", given(2))
    other, says = made("--start", "f.npy")
    assert "made with start = nothing, now " in says
    assert not any(np.array_equal(*pair) for pair in ((first, cold), (cold, other), (first, other)))


def test_a_longer_chain_continues_only_from_its_own_start(sample, tmp_path):
    assert sample("hmc", "--start", "f.npy").returncode == 0
    short = scalars(tmp_path)[0]
    longer = CONFIG.replace("configurations: 400", "configurations: 800")
    (tmp_path / "config.yaml").write_text(longer)
    done = sample("hmc", "--start", "f.npy")
    assert "50 of 100 saved configurations of each chain are taken from" in done.stderr
    np.testing.assert_array_equal(scalars(tmp_path)[0][:, :100], short)
    done = sample("hmc")
    assert "starts anew" in done.stderr
    assert not np.array_equal(scalars(tmp_path)[0][:, :100], short)


def test_a_chain_starts_where_another_ended(sample, tmp_path):
    """Of a chain file, or of its exported arrays, the last kept field of each replica counts."""
    phi = np.random.default_rng(3).normal(size=(12, 16))
    replica, update = np.arange(12) % 4, np.array([9, 3, 9, 3, 5, 8, 5, 8, 1, 1, 1, 1])
    last = phi[[0, 5, 2, 7]]
    with h5py.File(tmp_path / "chain.h5", "w") as file:
        file["fields/phi"], file["fields/replica"], file["fields/update"] = phi, replica, update
    np.save(tmp_path / "g.npy", phi)
    np.save(tmp_path / "g_replica.npy", replica)
    np.save(tmp_path / "g_update.npy", update)
    for name in ("chain.h5", "g.npy"):
        np.testing.assert_array_equal(read_start(tmp_path / name, THEORY, 8).fields, last)
    np.save(tmp_path / "one.npy", phi[0].reshape(4, 4))
    assert read_start(tmp_path / "one.npy", THEORY, 8).fields.shape == (1, 16)


BAD = {
    "shape": (np.zeros((5, 4, 6)), "expected (fields, 16) or (fields, 4, 4)"),
    "type": (np.zeros((5, 16), dtype=complex), "expected real numbers"),
    "words": (np.full((5, 16), "a"), "expected real numbers"),
    "nan": (np.full((5, 16), np.nan), "field 0 is not finite (5 of 5)"),
    "many": (np.zeros((9, 16)), "9 fields for 8 chains (statistics.replicas); give at most 8"),
    "none": (np.zeros((0, 16)), "no fields in it"),
}


@pytest.mark.parametrize("name", [*BAD, "absent", "text"])
def test_bad_starts_are_one_line_and_nothing_is_written(sample, tmp_path, name):
    says = {"absent": "f.npy: cannot be read", "text": "not a whole .npy file of numbers"}
    (tmp_path / "f.npy").unlink()
    if name == "text":
        (tmp_path / "f.npy").write_text("1 2 3")
    elif name != "absent":
        np.save(tmp_path / "f.npy", BAD[name][0])
    done = sample("hmc", "--start", "f.npy")
    assert done.returncode == 2
    assert (says.get(name) or BAD[name][1]) in done.stderr
    assert done.stderr.splitlines()[-1].startswith("lfmc: error: ")
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "results" / "hmc").exists()
