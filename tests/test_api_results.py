"""Claims about what calls return: measurements, files and runs."""

import json

import numpy as np
import pytest
from api_small import EASY, SMALL, Own, Scaled, small_model
from safetensors import safe_open

import lfmc

pytestmark = pytest.mark.unit


def read_provenance(path):
    with safe_open(str(path), "np") as file:
        return json.loads(file.metadata()["provenance"])


@pytest.fixture(scope="module")
def chain():
    return lfmc.hmc(SMALL, chains=32, updates=2000, seed=3, progress=False)


@pytest.fixture(scope="module")
def found(chain):
    return lfmc.measure(chain)


def test_a_measurement_is_a_mapping_with_attributes(found):
    assert found["chi2"] is found.chi2
    assert {"chi2", "E", "phi2", "mpL", "sd", "acceptance", "expdH"} <= set(found)
    assert "chi2" in dir(found)
    assert len(found) == len(list(found))
    with pytest.raises(AttributeError, match="no observable 'chi'"):
        found.chi  # noqa: B018
    with pytest.raises(KeyError):
        found["chi"]


def test_a_measurement_prints_values_with_errors_and_times(found):
    lines = str(found).splitlines()
    assert lines[0].startswith("Chain(hmc of Phi4(shape=(4, 4)")
    assert lines[1].split() == ["value(error)", "tau_int"]
    (row,) = [line.split() for line in lines if line.startswith("chi2 ")]
    assert row[1] == str(found.chi2)
    assert "(" in row[2]
    assert not np.isnan(found.chi2.tau_error)


def test_a_measurement_becomes_a_pandas_table(found):
    table = found.to_pandas()
    assert list(table.columns) == ["value", "error", "tau", "tau_error", "note"]
    assert table.loc["chi2", "value"] == found.chi2.value


def test_identities_hold_in_a_chain(found):
    """Within 4.5 errors: by chance beyond once in 1.5e5 numbers. The error itself must fail."""
    for name in ("sd", "expdH"):
        assert abs(found[name].value - 1) < 4.5 * found[name].error
        assert 0 < found[name].error < 0.05


def test_a_number_that_is_withheld_says_why(caplog):
    short = lfmc.measure(lfmc.hmc(SMALL, chains=2, updates=20, seed=3, progress=False))
    assert short.chi2.note
    assert np.isnan(short.chi2.error)
    assert short.chi2.note in str(short)
    assert "> " in str(short)


def test_a_model_is_read_back(tmp_path):
    model = small_model()
    lfmc.save(model, tmp_path / "model.safetensors")
    again = lfmc.load(tmp_path / "model.safetensors")
    assert repr(again) == repr(model)
    assert again.settings == model.settings
    assert again.acceptance_target == model.acceptance_target
    phi = np.ones((2, 16)) / 2
    assert np.array_equal(lfmc.log_prob(again, phi), lfmc.log_prob(model, phi))
    one, two = (lfmc.sample(m, 400, seed=1, progress=False) for m in (again, model))
    assert np.array_equal(one.log_weight, two.log_weight)
    with pytest.raises(lfmc.LfmcError, match="trained for Phi4"):
        lfmc.load(tmp_path / "model.safetensors", theory=EASY)


def test_an_own_flow_is_read_back_into_its_module(tmp_path):
    path = tmp_path / "own.safetensors"
    model = lfmc.train(Own(), 0.4, seed=1, flow=Scaled(), progress=False)
    lfmc.save(model, path)
    again = lfmc.load(path, theory=Own(), flow=Scaled())
    assert repr(again).partition(",")[2] == repr(model).partition(",")[2]
    assert lfmc.log_prob(again, np.ones(16)) == lfmc.log_prob(model, np.ones(16))
    for options, message in (
        ({}, "of the theory Own; give theory"),
        ({"theory": Own()}, "parameters of a Scaled; give flow"),
        ({"theory": Own(), "flow": lfmc.build_flow(EASY, "realnvp")}, "do not fit RealNvpFlow"),
    ):
        with pytest.raises(lfmc.LfmcError, match=message):
            lfmc.load(path, **options)


@pytest.mark.parametrize("kind", ["hmc", "flow"])
def test_a_chain_is_read_back(kind, chain, tmp_path):
    if kind == "flow":
        chain = lfmc.sample(small_model(), 4000, seed=1, progress=False)
    lfmc.save(chain, tmp_path / "chain.h5")
    again = lfmc.load(tmp_path / "chain.h5")
    assert repr(again) == repr(chain)
    assert np.array_equal(again.fields, chain.fields)
    assert str(lfmc.measure(again)) == str(lfmc.measure(chain))


def test_a_chain_of_an_own_theory_needs_it(tmp_path):
    model = lfmc.as_model(Scaled(), Own())
    lfmc.save(lfmc.sample(model, 2000, seed=1, progress=False), tmp_path / "own.h5")
    with pytest.raises(lfmc.LfmcError, match="of the theory Own; give theory"):
        lfmc.load(tmp_path / "own.h5")
    assert "Own" in repr(lfmc.load(tmp_path / "own.h5", theory=Own()))


def test_a_damaged_file_is_refused(tmp_path):
    path = tmp_path / "model.safetensors"
    lfmc.save(small_model(), path)
    content = bytearray(path.read_bytes())
    content[-3] ^= 1
    path.write_bytes(content)
    with pytest.raises(lfmc.LfmcError, match="do not match its checksum"):
        lfmc.load(path)


def test_files_say_where_they_came_from(tmp_path, monkeypatch):
    monkeypatch.setattr("sys.argv", ["study.py", "--fast"])
    lfmc.save(small_model(), tmp_path / "model.safetensors")
    made = read_provenance(tmp_path / "model.safetensors")
    assert made["command"] == "python study.py --fast"
    assert made["settings"]["ensemble"]["shape"] == [4, 4]


def test_log_prob_of_drawn_fields_is_their_log_q():
    """To rounding; of the fields of others it is not."""
    samples = lfmc.draw(small_model(), 500, seed=3)
    log_q = lfmc.log_prob(small_model(), samples.phi)
    assert np.allclose(log_q, samples.log_q, rtol=0, atol=1e-8)
    assert not np.allclose(log_q, samples.log_q[::-1], rtol=0, atol=1e-2)
    assert not np.array_equal(lfmc.draw(small_model(), 500, seed=4).phi, samples.phi)
