"""Tables are checked where they are read: keys, columns, types, ranges, and what they are about."""

import numpy as np
import pandas
import pytest

from lfmc.analysis.columns import TABLES, read_checked
from lfmc.analysis.measurement import COLUMNS
from lfmc.analysis.tables import join_tables
from lfmc.errors import LfmcError
from lfmc.table_files import write_table

pytestmark = pytest.mark.unit


def rows(ensemble="E1", sampler="hmc"):
    names = ("chi2", "E", "acceptance")
    return pandas.DataFrame(
        [(ensemble, sampler, name, 0.5, 0.01, 100, "") for name in names], columns=list(COLUMNS)
    )


def written(folder, table, name="measure/E1/hmc.csv"):
    write_table(folder / name, table, "{}")
    return folder / name


def test_a_good_table_is_read_as_it_is(tmp_path):
    found = read_checked(written(tmp_path, rows()), "observables", "lfmc measure")
    pandas.testing.assert_frame_equal(found, rows(), check_dtype=False)


def test_a_table_of_an_earlier_version_gets_the_columns_that_it_lacks(tmp_path):
    path = written(tmp_path, rows().drop(columns="note"))
    assert list(read_checked(path, "observables", "lfmc measure").note) == ["", "", ""]
    exponents = pandas.DataFrame(
        [("hmc", "E", "update", "all", 1.0, 0.1, 1.0, 0.1, 3.0)],
        columns=list(TABLES["exponents"].required),
    )
    found = read_checked(written(tmp_path, exponents, "x.csv"), "exponents", "lfmc fit")
    assert found.p_value.isna().all()


@pytest.mark.parametrize("where", ["end", "middle"])
def test_a_doubled_row_is_refused(tmp_path, where):
    table = rows()
    twice = pandas.concat([table, table.iloc[[0]]] if where == "end" else [table.iloc[[0]], table])
    path = written(tmp_path, twice.assign(value=np.arange(4.0)))
    with pytest.raises(
        LfmcError, match=r"row E1, hmc, chi2 is there twice; run 'lfmc measure' again"
    ):
        read_checked(path, "observables", "lfmc measure")


@pytest.mark.parametrize(
    ("column", "value", "message"),
    [
        ("error", -0.1, r"error = -0.1 in row E1, hmc, E; from 0 to inf is possible"),
        ("n", 0, "n = 0 in row"),
        ("n", np.nan, "n = nan in row"),
        ("value", "abc", "column 'value' is not numbers"),
    ],
)
def test_values_out_of_range_are_refused(tmp_path, column, value, message):
    table = rows().astype({"n": float}).astype({column: object})
    table.loc[1, column] = value
    with pytest.raises(LfmcError, match=message) as caught:
        read_checked(written(tmp_path, table), "observables", "lfmc measure")
    assert "\n" not in str(caught.value)
    assert "hmc.csv" in str(caught.value)


def test_a_missing_file_or_column_names_the_command(tmp_path):
    with pytest.raises(LfmcError, match=r"missing; run 'lfmc measure' first"):
        read_checked(tmp_path / "none.csv", "observables", "lfmc measure")
    with pytest.raises(LfmcError, match=r"no column 'error'; run 'lfmc measure' again"):
        read_checked(written(tmp_path, rows().drop(columns="error")), "observables", "lfmc measure")


def test_a_table_that_was_copied_to_another_place_is_refused(tmp_path):
    good = written(tmp_path, rows())
    copied = written(tmp_path, rows(), "measure/E1/local.csv")
    with pytest.raises(LfmcError, match=r"local.csv: a row of sampler hmc; its place says local"):
        join_tables([good, copied], "observables", COLUMNS, "measure")
    copied = written(tmp_path, rows(), "measure/E2/hmc.csv")
    with pytest.raises(LfmcError, match=r"a row of ensemble E1; its place says E2"):
        join_tables([good, copied], "observables", COLUMNS, "measure")


def test_the_same_training_twice_is_refused(tmp_path):
    values = ("E1", "flow-70", 0.7, 1905, 3, 300, 1.0, 0.71, 0.72, 0.8)
    table = pandas.DataFrame([values], columns=list(TABLES["training"].required))
    paths = [written(tmp_path, table, f"retrain/E1/model-{k}-training.csv") for k in (1, 2)]
    with pytest.raises(LfmcError, match=r"row E1, flow-70, 0.7, 1905 is there twice"):
        join_tables(paths, "training", TABLES["training"].required, "train")
