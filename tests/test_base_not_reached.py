"""Markers: read back from every kind of file, and refused as what they are not."""

import json

import pytest

from lfmc.chains import read_chain
from lfmc.errors import LfmcError
from lfmc.not_reached import NotReached, not_reached, write_marker
from lfmc.store import create_hdf5, read_json
from lfmc.table_files import read_table

pytestmark = pytest.mark.unit

MISSED = NotReached("E1", "flow-99", 0.99, 0.6123, "flow.training.max_steps = 6")
STAMP = json.dumps({"lfmc": "test"})
SENTENCE = "target 0.99 not reached: flow.training.max_steps = 6 at acceptance 0.612"


def test_a_marker_says_what_was_missed(tmp_path):
    for name in ("flow-99.safetensors", "flow-99.h5"):
        write_marker(tmp_path / name, MISSED, STAMP)
        assert not_reached(tmp_path / name) == MISSED
    write_marker(tmp_path / "a.csv", MISSED, STAMP, ("ensemble", "value"))
    table = read_table(tmp_path / "a.csv")
    assert list(table.columns) == ["ensemble", "value"]
    assert not len(table)
    write_marker(tmp_path / "a.json", MISSED, STAMP)
    assert read_json(tmp_path / "a.json")["summary"] == SENTENCE


def test_other_files_are_no_markers(tmp_path):
    with create_hdf5(tmp_path / "chain.h5", STAMP) as file:
        file.attrs["kind"] = "chain"
    (tmp_path / "torn.h5").write_bytes(b"\x89HDF\r\n")
    (tmp_path / "torn.safetensors").write_bytes(b"\x10\0\0\0")
    for name in ("chain.h5", "torn.h5", "torn.safetensors", "absent.h5", "absent.safetensors"):
        assert not_reached(tmp_path / name) is None


def test_a_marker_is_neither_model_nor_chain(tmp_path):
    from lfmc.config.sections import Ensemble
    from lfmc.flows.build import load_flow

    write_marker(tmp_path / "a.h5", MISSED, STAMP)
    with pytest.raises(LfmcError, match=r"no chain, target 0\.99 not reached"):
        read_chain(tmp_path / "a.h5")
    write_marker(tmp_path / "a.safetensors", MISSED, STAMP)
    ensemble = Ensemble(name="E1", L=4, m2=-4.0, lam=9.0)
    with pytest.raises(LfmcError, match=r"no model, target 0\.99 not reached"):
        load_flow(tmp_path / "a.safetensors", ensemble)
