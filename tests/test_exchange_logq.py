"""Claims about `lfmc logq`: the densities of a model's proposals, and one line for bad fields."""

import json

import h5py
import numpy as np
import pytest

import lfmc
from lfmc.errors import LfmcError
from lfmc.exchange.density import densities
from lfmc.exchange.fields import require_fields
from lfmc.flows.build import read_model

pytestmark = pytest.mark.unit


@pytest.fixture(scope="module")
def proposed(small_run):
    """Model, kept fields, and columns log q and log w as the proposals store them."""
    model = small_run / "results" / "train" / "E1" / "flow-70.safetensors"
    with h5py.File(small_run / "results" / "propose" / "E1" / "flow-70.h5") as file:
        at, phi = file["fields/index"][()], file["fields/phi"][()]
        log_q, action = file["log_q"][()][at], file["S"][()][at]
    return model, phi, np.stack([log_q, -action - log_q], axis=1)


def test_densities_of_proposals_are_those_that_they_were_drawn_with(proposed, run_lfmc, tmp_path):
    model, phi, wanted = proposed
    np.save(tmp_path / "fields.npy", phi.reshape(-1, 4, 4))
    done = run_lfmc("logq", model, "fields.npy", "-o", "out.npy")
    assert done.returncode == 0, done.stderr
    found = np.load(tmp_path / "out.npy")
    tolerance = read_model(model).flow.inverse_tolerance
    assert np.abs(found - wanted).max() < 10 * tolerance
    assert np.abs(found[1:] - wanted[:-1]).max() > 1e-2  # negative control: other fields
    side = json.loads((tmp_path / "out.npy.json").read_text())
    assert side["columns"] == ["log_q", "log_weight"]
    assert str(model) in side["provenance"]["inputs"]
    printed = run_lfmc("logq", model, "fields.npy").stdout.splitlines()
    assert printed[0] == "log_q log_weight"
    np.testing.assert_array_equal([[float(x) for x in r.split()] for r in printed[1:]], found)


def test_flat_and_single_fields_and_batches_give_the_same(proposed, tmp_path):
    model, phi, wanted = proposed
    many = np.concatenate([phi] * 6)  # more than one pass
    tolerance = 10 * read_model(model).flow.inverse_tolerance
    for name, fields, count in (("flat", many, len(many)), ("one", phi[0].reshape(4, 4), 1)):
        np.save(tmp_path / f"{name}.npy", fields)
        found = densities(model, tmp_path / f"{name}.npy")
        assert len(found.log_q) == count
        again = np.concatenate([wanted[:, 0]] * 6)[:count]
        np.testing.assert_allclose(found.log_q, again, rtol=0, atol=tolerance)


def test_axes_that_count_fields_are_told_from_those_of_the_lattice(tmp_path):
    square, path = np.zeros((4, 4)), tmp_path / "square.npy"
    small, large = lfmc.Phi4((2, 2), m2=-4.0, lam=6.0), lfmc.Phi4((4, 4), m2=-4.0, lam=6.0)
    assert require_fields(path, square, small, (0, 1))[0] == (4,)
    assert require_fields(path, square, large, (0, 1))[0] == ()
    assert require_fields(path, np.zeros((3, 5, 4, 4)), large, (1, 2))[0] == (3, 5)
    links = lfmc.theory("u1", (4, 4), beta=2.0)
    for shape in ((3, 5, 32), (3, 5, 4, 4, 2)):
        assert require_fields(path, np.zeros(shape), links, (1, 2))[0] == (3, 5)
    for wrong, axes in ((square, (1,)), (np.zeros((3, 5, 4, 4)), (0, 1)), (np.zeros(()), (0, 1))):
        with pytest.raises(LfmcError, match="an array of shape"):
            require_fields(path, wrong, large, axes)


def _fields(phi):
    """Name -> array that is refused, and part of the message."""
    broken = phi.copy()
    broken[3, 2] = np.nan
    return {
        "nan": (broken, "field 3 is not finite (1 of"),
        "huge": (np.full((1, 16), 1e200), "not finite"),
        "shape": (phi[:, :15], "expected (fields, 16) or (fields, 4, 4)"),
        "empty": (phi[:0], "no fields in it"),
        "complex": (phi.astype(complex), "expected real numbers"),
        "objects": (np.array([{}], dtype=object), "not a whole .npy file"),
    }


@pytest.mark.parametrize("name", ["nan", "huge", "shape", "empty", "complex", "objects"])
def test_bad_fields_are_one_line(proposed, run_lfmc, tmp_path, name):
    model, phi, _ = proposed
    fields, says = _fields(phi)[name]
    np.save(tmp_path / "fields.npy", fields)
    _refused(run_lfmc("logq", model, "fields.npy", "-o", "o.npy"), says, tmp_path, ["fields.npy"])


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ("{m} absent.npy", "absent.npy: cannot be read"),
        ("{m} text.npy", "not a whole .npy file"),
        ("{m} many.npz", "archive of arrays"),
        ("absent.safetensors good.npy", "absent.safetensors: no such model"),
        ("good.npy good.npy", "good.npy: not a readable model"),
        ("{m} good.npy -o out.txt", "ends in .npy"),
        ("{m} good.npy -o good.npy", "is one of the inputs"),
        ("{m} good.npy -o text.npy/o.npy", "cannot be written"),
    ],
)
def test_bad_arguments_are_one_line(proposed, run_lfmc, tmp_path, arguments, says):
    model, phi, _ = proposed
    np.save(tmp_path / "good.npy", phi)
    np.savez(tmp_path / "many.npz", phi=phi)
    (tmp_path / "text.npy").write_text("0.1 0.2")
    before = sorted(path.name for path in tmp_path.iterdir())
    done = run_lfmc("logq", *arguments.format(m=model).split())
    _refused(done, says, tmp_path, before)


def _refused(done, says, folder, before):
    lines = done.stderr.splitlines()
    assert done.returncode == 2, done.stderr
    assert [line for line in lines if "ompil" not in line] == lines[-1:], done.stderr
    assert lines[-1].startswith("lfmc: error: ")
    assert says in lines[-1]
    assert "Traceback" not in done.stderr
    assert sorted(path.name for path in folder.iterdir()) == sorted(before)
