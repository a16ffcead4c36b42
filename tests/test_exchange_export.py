"""Claims about `lfmc export`: other programs read the numbers of the tables from its files."""

import json
import subprocess
import sys

import h5py
import numpy as np
import pytest

from lfmc.chains import Chain, read_chain
from lfmc.errors import LfmcError
from lfmc.exchange import correlators
from lfmc.exchange.source import read_source
from lfmc.table_files import read_table
from lfmc.theories.base import Means
from lfmc.theories.ensembles import described

pytestmark = pytest.mark.unit

FILES = {
    "hmc": ("hmc/E1.h5",),
    "flow-70": ("accept/E1/flow-70.h5", "propose/E1/flow-70.h5"),
}


def table_of(folder, sampler):
    table = read_table(folder / "results" / "measure" / "E1" / f"{sampler}.csv")
    return dict(zip(table.observable, table.value, strict=True))


@pytest.mark.parametrize("sampler", FILES)
@pytest.mark.parametrize("suffix", [".json", ".json.gz"])
def test_pyerrors_has_the_effective_masses_of_the_table(
    small_run, run_lfmc, tmp_path, sampler, suffix
):
    pyerrors = pytest.importorskip("pyerrors")
    output = tmp_path / f"correlator{suffix}"
    named = ["--ensemble", "E1", "--sampler", sampler]
    done = run_lfmc("export", *named, "--to", "pyerrors", output, cwd=small_run)
    assert done.returncode == 0, done.stderr
    loaded = pyerrors.input.json.load_json(str(output), gz=suffix == ".json.gz", verbose=False)
    chain = read_chain(*(small_run / "results" / name for name in FILES[sampler]))
    assert len(loaded.content[0][0].names) == chain.replicas
    mass, table = loaded.m_eff("arccosh"), table_of(small_run, sampler)
    for t in (1, 2):
        assert 4 * mass.content[t][0].value == pytest.approx(table[f"mLeff_{t}"], rel=1e-9)
        assert loaded.content[t][0].value == pytest.approx(table[f"Gt_{t}"], rel=1e-9)


@pytest.mark.parametrize("sampler", FILES)
def test_one_file_opens_alone_elsewhere(small_run, run_lfmc, tmp_path, sampler):
    sources = [small_run / "results" / name for name in FILES[sampler]]
    done = run_lfmc("export", sources[0], "one.h5", "--to", "hdf5")
    assert done.returncode == 0, done.stderr
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (tmp_path / "one.h5").rename(elsewhere / "other.h5")
    code = """
import h5py, numpy
with h5py.File("other.h5") as file:
    assert not any(d.is_virtual for d in file["scalars"].values())
    print(repr(float(numpy.mean(file["scalars/phi2"][()], dtype="f8"))))
"""
    alone = subprocess.run(
        [sys.executable, "-c", code], cwd=elsewhere, capture_output=True, text=True, check=True
    )
    original, copy = read_chain(*sources), read_chain(elsewhere / "other.h5")
    assert float(alone.stdout) == float(original.scalars["phi2"].mean(dtype=np.float64))
    assert copy.sampler == sampler
    assert copy.attributes["kind"] == "chain"
    np.testing.assert_array_equal(copy.two_point, original.two_point)
    assert copy.ensemble == original.ensemble
    for kind in ("scalars", "extra"):
        one, two = getattr(copy, kind), getattr(original, kind)
        assert one.keys() == two.keys()
        for name in one:
            np.testing.assert_array_equal(one[name], two[name])


@pytest.mark.parametrize("sampler", FILES)
def test_kept_fields_are_where_they_are_said_to_be(small_run, sampler):
    source = read_source(small_run / "results" / FILES[sampler][0])
    stored = source.chain.scalars["phi2"][source.replica, source.update]
    assert len(source.phi) > 10
    np.testing.assert_allclose((source.phi**2).mean(1), stored, rtol=1e-6)
    wrong = source.chain.scalars["phi2"][source.replica, source.update - 1]  # negative control
    assert not np.allclose((source.phi**2).mean(1), wrong, rtol=1e-6)


def test_arrays_are_those_of_the_chain(small_run, run_lfmc, tmp_path):
    named = ["--ensemble", "E1", "--sampler", "flow-70"]
    done = run_lfmc("export", *named, tmp_path / "flow", "--to", "npy", cwd=small_run)
    assert done.returncode == 0, done.stderr
    found = {path.stem: np.load(path) for path in (tmp_path / "flow").glob("*.npy")}
    content = json.loads((tmp_path / "flow" / "chain.json").read_text())
    assert {k: v["shape"] for k, v in content["arrays"].items()} == {
        name: list(values.shape) for name, values in found.items()
    }
    chain = read_chain(*(small_run / "results" / name for name in FILES["flow-70"]))
    np.testing.assert_array_equal(found["scalars_m"], chain.scalars["m"])
    assert found["fields"].shape[1:] == (4, 4)
    table = table_of(small_run, "flow-70")
    for t in range(3):
        mean = found["correlator"][:, :, t].mean()
        assert mean == pytest.approx(table[f"Gt_{t}"], rel=1e-9)
    again = run_lfmc("export", *named, tmp_path / "flow", "--to", "npy", cwd=small_run)
    assert (again.returncode, again.stderr.count("\n")) == (2, 1)
    assert "exists already" in again.stderr


def _chain(theory, count=6, shift=0.5):
    """Two replicas of `count` random fields about a mean."""
    ensemble = {"name": "X", "shape": [4, 4], "theory": theory}
    physics = described(ensemble, (4, 4))
    phi = shift + np.random.default_rng(3).standard_normal((2 * count, 16))
    return Chain(
        ensemble=ensemble,
        sampler="hmc",
        shape=(4, 4),
        scalars={k: v.reshape(2, count) for k, v in physics.measure(phi).items()},
        two_point=physics.correlators(phi).reshape(2, count, -1),
        save_every=1,
        acceptance=1.0,
        forces_per_update=0.0,
        seconds=0.0,
        extra={},
        attributes={},
    )


def test_without_a_symmetry_the_correlator_is_connected():
    pyerrors = pytest.importorskip("pyerrors")
    chain = _chain({"kind": "phi4_in_field", "m2": 1.0, "lam": 0.5, "J": 0.3})
    theory = chain.theory
    assert not theory.even
    averaged = {k: v.mean() for k, v in theory.averaged(chain.scalars).items()}
    wanted = theory.observables(Means(averaged, chain.two_point.mean((0, 1))))
    found = correlators.correlator_of(chain, pyerrors)
    for t in range(3):
        assert found.content[t][0].value == pytest.approx(wanted[f"Gt_{t}"], rel=1e-9)


def test_short_replicas_and_a_missing_library_are_refused(monkeypatch, small_run, tmp_path):
    chain = _chain({"kind": "free", "m2": 1.0}, count=4)
    with pytest.raises(LfmcError, match="4 saved configurations per replica; pyerrors needs 5"):
        correlators.correlator_of(chain, None)
    monkeypatch.setitem(sys.modules, "pyerrors", None)
    source = read_source(small_run / "results" / "hmc" / "E1.h5")
    with pytest.raises(LfmcError, match=r"not installed; pip install 'lfmc\[pyerrors\]'"):
        correlators.write_correlators(source, tmp_path / "c.json")
    assert not list(tmp_path.iterdir())


BAD = (
    ("{r}/hmc/E1.h5 o.txt --to hdf5", "ends in .h5"),
    ("{r}/hmc/E1.h5 o.txt --to pyerrors", "ends in .json"),
    ("{r}/hmc/E1.h5 {r}/hmc/E1.h5 --to hdf5", "is what is exported"),
    ("{r}/hmc/E1.h5 --to hdf5", "give CHAIN and OUTPUT"),
    ("--ensemble E1 o.h5 --to hdf5", "give --ensemble and --sampler"),
    ("--ensemble E1 --sampler hmc {r}/hmc/E1.h5 o.h5 --to hdf5", "there are 2 paths"),
    ("absent.h5 o.h5 --to hdf5", "absent.h5"),
    ("config.yaml o.h5 --to hdf5", "config.yaml"),
    ("{r}/tune/E1.json o --to npy", "E1.json"),
    ("{r}/propose/E1/flow-70.h5 o --to npy", "not a chain file"),
    ("{r}/accept/E1/flow-70.h5 o --to npy --proposals absent.h5", "give --proposals FILE"),
    ("{r}/accept/E1/flow-70.h5 o --to npy --proposals {r}/hmc/E1.h5", "not the proposals that"),
    ("{r}/hmc/E1.h5 o --to npy --proposals {r}/propose/E1/flow-70.h5", "leave --proposals out"),
    ("{r}/hmc/E1.h5 o --to root", "--to"),
    ("{r}/hmc/E1.h5 config.yaml/o.h5 --to hdf5", "cannot be written"),
    ("{r}/hmc/E1.h5 config.yaml/o --to npy", "cannot be written"),
)


@pytest.mark.parametrize(("arguments", "says"), BAD)
def test_a_wrong_export_is_one_line_and_writes_nothing(
    small_run, run_lfmc, tmp_path, arguments, says
):
    (tmp_path / "config.yaml").write_bytes((small_run / "config.yaml").read_bytes())
    done = run_lfmc("export", *arguments.format(r=small_run / "results").split())
    assert done.returncode == 2, done.stderr
    assert done.stderr.startswith("lfmc: error: ")
    assert done.stderr.count("\n") == 1
    assert says in done.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["config.yaml"]


def test_a_damaged_chain_is_not_exported(small_run, run_lfmc, tmp_path):
    source = small_run / "results" / "hmc" / "E1.h5"
    with h5py.File(source) as old, h5py.File(tmp_path / "nan.h5", "w") as new:
        for name in old:
            old.copy(name, new)
        new.attrs.update({k: v for k, v in old.attrs.items() if k != "provenance"})
        new["scalars/m"][3, 5] = np.nan
    done = run_lfmc("export", "nan.h5", "o.h5", "--to", "hdf5")
    assert (done.returncode, done.stderr.count("\n")) == (2, 1), done.stderr
    assert "m" in done.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["nan.h5"]
