"""One flipped bit in a finished run, anywhere in any kind of file: noticed by `lfmc verify`, and by
whatever reads the file next. LFMC_FLIPS=100 takes a hundred.
"""

import os
import random
import shutil

import pytest
from click.testing import CliRunner

from lfmc.cli.flows import accept, verify
from lfmc.cli.whole import OTHERS
from lfmc.errors import LfmcError
from lfmc.store import open_hdf5, read_json
from lfmc.table_files import read_table

pytestmark = pytest.mark.unit

FLIPS = int(os.environ.get("LFMC_FLIPS", "20"))
KINDS = (
    "tune/T4.json",
    "train/T4/flow-60.safetensors",
    "train/T4/training.csv",
    "propose/T4/flow-60.h5",
    "propose/T4/flow-60/part-001-00000.h5",
    "accept/T4/flow-60.h5",
    *(f"{sampler}/T4.h5" for sampler in ("hmc", "local", "cluster")),
    "measure/T4/hmc.h5",
    "measure/T4/flow-60.csv",
    "autocorrelation/T4/local.csv",
    "verify/T4/hmc.json",
    *(f"tables/{name}.csv" for name in ("observables", "exponents", "gates")),
    "summary.md",
    "summary.tex",
    *(f"figures/tau_int.{suffix}" for suffix in ("png", "pdf", "txt")),
)


@pytest.fixture(scope="module")
def results(finished, tmp_path_factory):
    """A copy whose bits are flipped and put back."""
    return shutil.copytree(finished, tmp_path_factory.mktemp("flips") / "run") / "results"


def invoke(command, results, *options) -> BaseException | None:
    config = results.parent / "config.yaml"
    found = CliRunner().invoke(
        command, ["--config", str(config), "--results", str(results), *options]
    )
    return found.exception


def read(path) -> None:
    """As the next stage does."""
    readers = {".json": read_json, ".csv": read_table}
    if path.suffix in readers:
        readers[path.suffix](path)
        return
    with open_hdf5(path):
        pass


def test_a_finished_run_is_whole(results):
    assert invoke(verify, results) is None


def test_every_kind_of_file_is_there(results):
    written = {
        (path.relative_to(results).parts[0], path.suffix)
        for path in results.rglob("*.*")
        if path.relative_to(results).parts[0] not in OTHERS
    }
    tried = {(path.split("/")[0], f".{path.rpartition('.')[2]}") for path in KINDS}
    assert tried <= written
    assert {suffix for _, suffix in written} <= {suffix for _, suffix in tried}


@pytest.mark.parametrize("number", range(FLIPS))
def test_a_flipped_bit_is_noticed(results, number):
    chance = random.Random(number)
    path = results / KINDS[number % len(KINDS)]
    good = path.read_bytes()
    bad = bytearray(good)
    bad[chance.randrange(len(bad))] ^= 1 << chance.randrange(8)
    path.write_bytes(bad)
    try:
        error = invoke(verify, results)
        assert isinstance(error, LfmcError)
        assert "\n" not in str(error)
        if path.name.startswith("part-"):
            flow = ("--ensemble", "T4", "--sampler", "flow-60")
            assert isinstance(invoke(accept, results, *flow), LfmcError)
        elif path.suffix in (".h5", ".json", ".csv"):
            with pytest.raises(LfmcError):
                read(path)
    finally:
        path.write_bytes(good)
