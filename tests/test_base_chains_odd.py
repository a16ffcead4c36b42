"""Chain files that no run writes: attributes, states and shapes out of range are one line each."""

import json

import h5py
import numpy as np
import pytest
from figures_results import say_made_for
from test_base_chains import write_chain, write_flow

from lfmc.chains import read_chain
from lfmc.config import parse_config
from lfmc.errors import LfmcError
from lfmc.made_for import require_made_for
from lfmc.store import create_hdf5

pytestmark = pytest.mark.unit

NUMBERS = ("save_every", "acceptance", "forces_per_update", "seconds")
TEXTS = ("kind", "ensemble", "sampler")
ODD = (np.arange(3), "three", "", np.nan, np.inf, -1, np.bool_(True), h5py.Empty("f8"), b"\xff")
OUT_OF_RANGE = (("save_every", 0), ("save_every", 2.5), ("acceptance", 1.01), ("seconds", -1e-9))
SHAPES = ("[4, 4]", '{"shape": 4}', '{"shape": [4, 0]}', '{"shape": ["4", 4]}', "{}", "[" * 9999)


def refused(tmp_path, key, value):
    path = tmp_path / "c.h5"
    write_chain(path)
    with h5py.File(path, "r+") as file:
        del file.attrs[key]
        if value is not None:
            file.attrs[key] = value
    with pytest.raises(LfmcError, match=key) as error:
        read_chain(path)
    assert "\n" not in str(error.value)
    assert len(str(error.value)) < len(str(path)) + 200


@pytest.mark.parametrize("key", [*NUMBERS, *TEXTS])
def test_a_missing_attribute_is_named(tmp_path, key):
    refused(tmp_path, key, None)


@pytest.mark.parametrize("value", ODD, ids=repr)
@pytest.mark.parametrize("key", NUMBERS)
def test_a_number_of_another_kind_is_refused(tmp_path, key, value):
    refused(tmp_path, key, value)


@pytest.mark.parametrize(("key", "value"), OUT_OF_RANGE)
def test_a_number_out_of_range_is_refused(tmp_path, key, value):
    refused(tmp_path, key, value)


@pytest.mark.parametrize("value", SHAPES)
def test_an_ensemble_without_a_shape_is_refused(tmp_path, value):
    refused(tmp_path, "ensemble", value)


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("scalars/m", np.zeros((2, 19), "f4")),
        ("scalars/E", np.zeros(40, "f4")),
        ("scalars/phi2", np.zeros((2, 20), "i4")),
        ("saved/two_point", np.zeros((2, 5, 6), "f4")),
        ("saved/two_point", np.zeros((2, 4, 7), "f4")),
    ],
)
def test_data_of_another_shape_or_type_are_refused(tmp_path, name, data):
    write_chain(tmp_path / "c.h5")
    with h5py.File(tmp_path / "c.h5", "r+") as file:
        del file[name]
        file[name] = data
    with pytest.raises(LfmcError, match="do not fit scalars of"):
        read_chain(tmp_path / "c.h5")


@pytest.mark.parametrize(
    ("index", "multiplicity", "replica", "message"),
    [
        ([0, 0], [1, 1], [0, 1], "indices that do not ascend"),
        ([-1, 3], [1, 1], [0, 1], "indices that do not ascend"),
        ([0, 3], [2, 0], [0, 0], "a multiplicity below 1"),
        ([0, 3], [1, 1], [1, 2], "replicas that do not ascend from 0"),
        ([0, 3], [1, 1], [0, 2], "replicas that do not ascend from 0"),
        ([0, 3, 4], [1, 1, 1], [0, 1, 0], "replicas that do not ascend from 0"),
        ([0, 3], [1], [0, 0], "not whole numbers of equal count"),
        ([0.0, 3.0], [1, 1], [0, 1], "not whole numbers of equal count"),
        ([], [], [], "not whole numbers of equal count"),
    ],
)
def test_states_of_no_chain_are_refused(tmp_path, index, multiplicity, replica, message):
    write_flow(tmp_path, index, multiplicity, replica)
    with pytest.raises(LfmcError, match=message):
        read_chain(tmp_path / "c.h5", tmp_path / "p.h5")


CONFIG = {
    "seed": 5,
    "ensembles": [{"name": "A", "L": 4, "m2": -4.0, "lam": 8.0}],
    "statistics": {"configurations": 6400},
}
CHANGES = (
    ({"seed": 6}, "made with seed = 5, the configuration has 6"),
    ({"statistics": {"configurations": 12800}}, "statistics.configurations = 6400"),
    ({"ensembles": [{**CONFIG["ensembles"][0], "lam": 7.0}]}, "ensemble.lam = 8.0"),
    ({"samplers": {"hmc": {"steps": 7}}}, "settings.steps = 10"),
)


@pytest.fixture
def made(tmp_path):
    with create_hdf5(tmp_path / "c.h5", "{}") as file:
        say_made_for(file, parse_config(CONFIG), "hmc", "A", "hmc")
    return tmp_path / "c.h5"


def test_a_file_of_this_configuration_is_taken(made):
    require_made_for(made, parse_config(CONFIG), "hmc", "A", "hmc")


@pytest.mark.parametrize(("change", "message"), CHANGES)
def test_a_file_of_another_configuration_is_refused(made, change, message):
    """As after --touch, which makes Snakemake believe that nothing has changed."""
    with pytest.raises(LfmcError, match=message) as error:
        require_made_for(made, parse_config(CONFIG | change), "hmc", "A", "hmc")
    assert "run 'lfmc hmc --ensemble A' again" in str(error.value)


def test_a_chain_of_another_sampler_is_refused(made):
    with pytest.raises(LfmcError, match="made by hmc, expected local"):
        require_made_for(made, parse_config(CONFIG), "local", "A", "local")
    with pytest.raises(LfmcError, match="its kind is chain, expected proposals"):
        require_made_for(made, parse_config(CONFIG), "propose", "A", "flow-70")


def test_settings_of_any_shape_are_one_line(made):
    for value in ("", "[]", "{", json.dumps({"seed": {"deep": 1}}), np.arange(3)):
        with h5py.File(made, "r+") as file:
            file.attrs["settings"] = value
        with pytest.raises(LfmcError) as error:
            require_made_for(made, parse_config(CONFIG), "hmc", "A", "hmc")
        assert "\n" not in str(error.value)
