"""Claims about `lfmc show` and `lfmc config`: every file tells where it came from."""

import json

import numpy as np
import pandas
import pytest
from click.testing import CliRunner

from lfmc.cli.configuration import config
from lfmc.cli.show import show
from lfmc.errors import LfmcError
from lfmc.provenance import note_parallel, stamp
from lfmc.store import create_hdf5, write_json
from lfmc.table_files import write_table

pytestmark = pytest.mark.unit

SETTINGS = {"stage": "hmc", "seed": 1904}


def invoke(command, *arguments):
    result = CliRunner().invoke(command, [str(a) for a in arguments])
    if result.exception and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result


def make_h5(path):
    with create_hdf5(path, stamp(SETTINGS)) as file:
        file.attrs["kind"] = "chain"
        file["scalars/m"] = np.zeros((2, 30), "f4")


def make_safetensors(path):
    from safetensors.numpy import save_file

    save_file(
        {"w": np.zeros((2, 3))}, path, metadata={"provenance": stamp(SETTINGS), "kind": "model"}
    )


def make_figure(path):
    from matplotlib.figure import Figure

    key = "provenance" if path.suffix == ".png" else "Keywords"
    Figure().savefig(
        path, metadata={key: stamp({**SETTINGS, "note": r"back\slash (and) [brackets]"})}
    )


MAKERS = {
    "x.h5": make_h5,
    "x.csv": lambda path: write_table(path, pandas.DataFrame({"value": [1.0]}), stamp(SETTINGS)),
    "x.json": lambda path: write_json(path, {"a": 1, "provenance": stamp(SETTINGS)}),
    "tree.json": lambda path: write_json(path, {"provenance": json.loads(stamp(SETTINGS))}),
    "x.safetensors": make_safetensors,
    "x.png": make_figure,
    "x.pdf": make_figure,
}


@pytest.mark.parametrize("name", MAKERS)
def test_every_kind_of_file_shows_its_provenance(name, tmp_path):
    MAKERS[name](tmp_path / name)
    text = invoke(show, "--full", tmp_path / name).output
    for word in ("seed: 1904", "stage: hmc", "commit: ", "host: ", "utc: ", "torch: 2.13.0"):
        assert word in text
    content = json.loads(invoke(show, "--json", tmp_path / name).output)
    assert content["settings"]["seed"] == 1904


@pytest.mark.parametrize("name", MAKERS)
def test_every_kind_of_file_names_job_nodes_ranks_launcher_and_mpi(name, tmp_path, monkeypatch):
    job = {
        "SLURM_JOB_ID": "42",
        "SLURM_STEP_ID": "0",
        "SLURM_JOB_NODELIST": "n[1-3]",
        "SLURMD_NODENAME": "n2",
        "SLURM_CLUSTER_NAME": "try",
        "SLURM_RESTART_COUNT": "1",
    }
    for variable, value in job.items():
        monkeypatch.setenv(variable, value)
    monkeypatch.setattr("lfmc.provenance._PARALLEL", {})
    ranks = {"ranks": 6, "nodes": ["n1", "n2", "n3"], "launcher": "srun", "mpi": "MPICH 5"}
    note_parallel(ranks)
    MAKERS[name](tmp_path / name)
    content = json.loads(invoke(show, "--json", tmp_path / name).output)
    assert content["parallel"] == ranks
    assert sorted(content["job"].values()) == sorted(job.values())
    text = invoke(show, "--full", tmp_path / name).output
    for line in ("id: 42", "nodes: n[1-3]", "ranks: 6", "launcher: srun", "mpi: MPICH 5"):
        assert line in text


def test_contents_are_listed(tmp_path):
    make_h5(tmp_path / "x.h5")
    text = invoke(show, tmp_path / "x.h5").output
    assert "/scalars/m  float32 (2, 30)" in text
    assert "kind = chain" in text
    make_safetensors(tmp_path / "x.safetensors")
    assert "w  F64 (2, 3)" in invoke(show, tmp_path / "x.safetensors").output


@pytest.mark.parametrize("name", MAKERS)
def test_torn_and_foreign_files_are_one_clear_line(name, tmp_path):
    for content in (b"", b"something else\n"):
        (tmp_path / name).write_bytes(content)
        with pytest.raises(LfmcError) as error:
            invoke(show, tmp_path / name)
        assert "\n" not in str(error.value)
        assert str(tmp_path / name) in str(error.value)


def test_missing_and_unknown_files_are_named(tmp_path):
    with pytest.raises(LfmcError, match="no such file"):
        invoke(show, tmp_path / "absent.h5")
    (tmp_path / "x.yaml").write_text("")
    with pytest.raises(LfmcError, match=r"lfmc writes \.h5, \.csv"):
        invoke(show, tmp_path / "x.yaml")


def test_check_gives_the_verdict(root, tmp_path):
    assert (
        "valid; ensembles E1, E2, E3, E4, E5"
        in invoke(config, "check", root / "config.yaml").output
    )
    (tmp_path / "bad.yaml").write_text("ensembles: []\nsed: 1\n")
    with pytest.raises(LfmcError, match=r"ensembles: .*; sed: unknown key"):
        invoke(config, "check", tmp_path / "bad.yaml")


def test_presets_are_printed_by_name(tmp_path):
    names = invoke(config, "preset").output.split()
    assert names == ["cpn", "default", "o3", "realnvp", "scan", "schwinger", "smoke", "u1"]
    for name in names:
        (tmp_path / name).write_text(invoke(config, "preset", name).output)
        assert "valid" in invoke(config, "check", tmp_path / name).output
    with pytest.raises(LfmcError, match="there are cpn, default, o3, realnvp, scan, "):
        invoke(config, "preset", "huge")


def test_settings_of_a_stage_are_printed(root):
    arguments = ("--config", root / "config.yaml", "--stage", "hmc", "--ensemble", "E4")
    settings = json.loads(invoke(config, "settings", *arguments).output)
    assert settings["ensemble"]["lam"] == 5.276
    assert settings["settings"]["steps"] == 10
