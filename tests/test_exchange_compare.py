"""Claims about `lfmc compare`: sigmas, costs and the exit code of two results folders."""

import math
import shutil

import pytest

from lfmc.exchange.comparison import Pair, compare_runs
from lfmc.table_files import read_table, write_table

pytestmark = pytest.mark.unit

STAMP = '{"lfmc": "test"}'
KEY = ("E1", "hmc", "chi2")


@pytest.fixture
def other(small_run, tmp_path):
    """A copy of the tables of the small run, and a function that changes one of them."""
    shutil.copytree(small_run / "results" / "tables", tmp_path / "other" / "tables")

    def change(name, edit):
        path = tmp_path / "other" / "tables" / f"{name}.csv"
        table = read_table(path)
        write_table(path, edit(table), STAMP)

    return tmp_path / "other", change


def moved(table, errors):
    row = (table.ensemble == "E1") & (table.sampler == "hmc") & (table.observable == "chi2")
    table.loc[row, "value"] += errors * table.loc[row, "error"]
    return table


def test_sigmas_are_those_of_independent_runs():
    assert Pair(KEY, 1.0, 0.3, 2.0, 0.4).sigmas == pytest.approx(2.0)
    assert Pair(KEY, 2.0, 0.3, 1.0, 0.4).sigmas == pytest.approx(-2.0)
    assert Pair(KEY, 1.0, 0.0, 1.0, 0.0).sigmas == 0
    assert Pair(KEY, 1.0, 0.0, 2.0, 0.0).sigmas == math.inf
    assert math.isnan(Pair(KEY, 1.0, math.nan, 2.0, 0.1).sigmas)


def test_ratios_of_costs_are_defined_where_there_is_one():
    assert Pair(KEY, 2.0, 0.0, 3.0, 0.0).ratio == 1.5
    assert Pair(KEY, math.inf, math.nan, math.inf, math.nan).ratio == 1  # never, in both runs
    assert math.isnan(Pair(KEY, 0.0, 0.0, 3.0, 0.0).ratio)


def test_a_run_equals_itself(small_run, run_lfmc):
    done = run_lfmc("compare", "results", "results", cwd=small_run)
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert lines[0].split() == ["ensemble", "sampler", "quantity", "A", "B", "sigmas"]
    assert "the largest difference is 0.00 sigmas; 0 above the limit of 5" in lines[-1]
    assert any("seconds_per_independent" in line for line in lines)
    block = lines[: lines.index("")]
    assert len({len(line) for line in block}) == 1  # aligned
    assert {tuple(line.split()[:2]) for line in block[1:]} == {
        ("E1", sampler) for sampler in ("flow-70", "hmc", "local", "cluster")
    }


@pytest.mark.parametrize(("errors", "limit", "code"), [(8, "5", 1), (6, "5", 0), (6, "3", 1)])
def test_the_exit_code_says_whether_a_value_is_beyond_the_limit(
    small_run, run_lfmc, other, errors, limit, code
):
    """Of two equal errors the difference of n errors is n / sqrt(2) sigmas."""
    folder, change = other
    change("observables", lambda table: moved(table, errors))
    done = run_lfmc("compare", small_run / "results", folder, "--limit", limit)
    assert done.returncode == code, done.stderr
    assert f"{errors / math.sqrt(2):.2f} sigmas; {code} above" in done.stdout


def test_what_only_one_run_has_is_named(small_run, other):
    folder, change = other
    change("observables", lambda table: table[table.sampler != "local"])
    found = compare_runs(small_run / "results", folder)
    assert (found.only_a, found.only_b) == ([("E1", "local")], [])
    assert not found.beyond(1e-9)
    (folder / "tables" / "costs.csv").unlink()
    assert compare_runs(small_run / "results", folder).costs == []


def test_counted_numbers_are_not_compared(small_run, other):
    folder, change = other

    def longer(table):
        table.loc[table.observable.isin(["longest_rejection_run", "bins"]), "value"] += 1
        return table

    change("observables", longer)
    found = compare_runs(small_run / "results", folder)
    assert not found.beyond(0.1)
    assert ("E1", "hmc", "acceptance") in [pair.key for pair in found.values]


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ("{r} absent", "absent: no such folder"),
        ("{r} {r}/hmc", "observables.csv: missing; run 'lfmc fit' first"),
        ("{r} nothing", "in common"),
        ("{r} {r} --limit 0", "--limit"),
        ("{r} {r} --limit nan", "--limit"),
        ("{r} {r} --limit inf", "--limit"),
        ("{r}", "RUN_B"),
    ],
)
def test_bad_arguments_are_one_line(small_run, run_lfmc, tmp_path, arguments, says):
    table = read_table(small_run / "results" / "tables" / "observables.csv")
    nothing = tmp_path / "nothing" / "tables" / "observables.csv"
    write_table(nothing, table.assign(ensemble="other"), STAMP)
    done = run_lfmc("compare", *arguments.format(r=small_run / "results").split())
    assert done.returncode == 2, done.stderr
    assert done.stderr.startswith("lfmc: error: ")
    assert done.stderr.count("\n") == 1
    assert says in done.stderr
    assert done.stdout == ""
