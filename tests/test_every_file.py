"""Claims about all files of a run: tables that anybody opens, and `lfmc show` of every kind."""

import json
import re
import shutil
from pathlib import Path

import numpy as np
import pandas
import pytest
from bad_inputs.cases import Case
from bad_inputs.finished import TINY, finish
from bad_inputs.runner import run_case
from click.testing import CliRunner
from same_results import differences
from scan_chains import written_scan

from lfmc.analysis.columns import TABLES
from lfmc.analysis.digits import ERRORS, for_people, to_error
from lfmc.cli.file_readers import WITHOUT
from lfmc.cli.show import show
from lfmc.seal import seal
from lfmc.table_files import read_table, sidecar, table_stamp

pytestmark = pytest.mark.unit

NAMES = (  # of ensembles and samplers, for those that the documents write as letters
    *((r"\bT4\b", "E"), (r"model-\d+", "model-K"), (r"^import/E/elsewhere", "import/E/X")),
    (r"^(measure|autocorrelation|reweight)/E/[\w-]+", r"\1/E/X"),
)


def lfmc(folder: Path, command: str) -> str:
    outcome = run_case(Case(command, command, (), right=True), folder)
    assert outcome.code == 0, f"lfmc {command}: {outcome.stderr}"
    return outcome.stdout


@pytest.fixture(scope="module")
def results(tmp_path_factory) -> Path:
    """Every stage of a tiny run, with a second model, an imported chain and a scan."""
    folder = tmp_path_factory.mktemp("every")
    flow = {**TINY["flow"], "models": 2, "retrain_configurations": 1000}
    finish(
        folder,
        {**TINY, "flow": flow},
        before={"fit": ("retrain --ensemble T4 --model 1", "logz", "weighted")},
    )
    rng = np.random.default_rng(5)
    np.save(folder / "fields.npy", rng.normal(0, 0.3, (400, 4, 4)))
    lfmc(folder, "import --ensemble T4 --name elsewhere fields.npy")
    lfmc(folder, "reweight --ensemble T4 --sampler cluster --set lam=9.1")
    written_scan(folder, folder / "results")
    lfmc(folder, "critical --config scan.yaml")
    for path in (folder / "results" / "local").glob("L*_m2*.h5"):
        path.unlink()  # drawn here, without provenance
    return folder / "results"


@pytest.fixture(scope="module")
def tables(results) -> list[Path]:
    return sorted(path for path in results.rglob("*.csv"))


def documented(root: Path) -> dict[str, list[str]]:
    """Columns of every table as docs/formats.md lists them."""
    text = (root / "docs/formats.md").read_text()
    text = text[text.index("## Tables") :]
    found: dict[str, list[str]] = {}
    for name, words in re.findall(r"^\| `([^`]+\.csv)` \| ([^|]+) \|$", text, re.MULTILINE):
        like = re.fullmatch(r"as `([^`]+)`(?:, and (\w+))?", words.strip())
        columns = found[like[1]] + ([like[2]] if like[2] else []) if like else words.split(", ")
        found[name] = [column.strip() for column in columns]
    return found


def name_in_documents(path: Path, results: Path) -> str:
    name = path.relative_to(results).as_posix().removeprefix("work/")
    for pattern, letter in NAMES:
        name = re.sub(pattern, letter, name)
    return name.replace("retrain/E/model-K/history", "train/E/history")


def test_pandas_reads_every_table_without_options(results, tables, root):
    columns, seen = documented(root), set()
    for path in tables:
        name = name_in_documents(path, results)
        seen.add(name)
        table = pandas.read_csv(path)
        assert list(table.columns) == columns[name], path
        numbers = set(TABLES[path.stem].numbers) if path.parent.name == "tables" else set()
        assert all(len(table) == 0 or table[c].dtype.kind in "if" for c in numbers), path
        again = read_table(path)
        for column in table.columns[[dtype.kind in "if" for dtype in table.dtypes]]:
            if len(table) and again[column].dtype.kind in "if":  # no text such as a note
                np.testing.assert_array_equal(table[column], again[column])
        json.loads(table_stamp(path))["utc"]
        assert json.loads(sidecar(path).read_text())["rows"] == len(table)
    assert seen == set(columns)


def test_no_cell_is_taken_for_a_date_or_a_formula(tables):
    """As spreadsheets take 4-6-8, and what begins with = or @."""
    for path in tables:
        text = pandas.read_csv(path, dtype=str, keep_default_na=False)
        cells = {cell for column in text for cell in text[column]}
        assert not [c for c in cells if re.fullmatch(r"\d+[-/.]\d+[-/.]\d+", c)], path
        assert not [c for c in cells if c.startswith(("=", "@", "+"))], path


def test_tables_for_people_have_digits_for_their_errors(results):
    """Rounded by less than 1e-3 of the error from what the chains give, and not by nothing."""
    parts = sorted((results / "measure").rglob("*.csv"))
    exact = pandas.concat([read_table(p) for p in parts]).set_index(
        list(TABLES["observables"].keys)
    )
    shown = read_table(results / "tables" / "observables.csv").set_index(exact.index.names)
    exact = exact.loc[shown.index]
    known = exact.error > 0
    moved = (shown.value - exact.value).abs()[known] / exact.error[known]
    assert moved.max() <= 5e-4 * (1 + 1e-6)
    assert moved.max() > 1e-6
    assert ((shown.error - exact.error).abs()[known] <= 5.1e-4 * exact.error[known]).all()
    for error in shown.error[known]:
        assert len(f"{error:.10e}".split("e")[0].rstrip("0").replace(".", "")) <= 4
    same = shown.value[~known] == exact.value[~known]
    assert (same | exact.value[~known].isna()).all()


def test_every_table_for_people_has_a_rule_for_its_digits(results):
    assert set(ERRORS) == {path.stem for path in (results / "tables").glob("*.csv")}
    for kind in ERRORS:
        table = read_table(results / "tables" / f"{kind}.csv")
        assert {c for c in table if c.endswith("error") or "error_" in c} == set(ERRORS[kind])
        assert {value for those in ERRORS[kind].values() for value in those} <= set(table)
        pandas.testing.assert_frame_equal(for_people(table, kind), table)  # once is enough


@pytest.mark.parametrize(
    ("value", "error", "shown"),
    [
        (13.0237461, 0.45126, 13.0237),
        (13.0237461, 45.126, 13.02),
        (12345678.9, 45126.0, 12345680.0),
        (0.5, 0.99996, 0.5),
        (0.123456789, 0.099996, 0.1235),
        (1 / 3, 0.0, 1 / 3),
        (1 / 3, np.nan, 1 / 3),
        (np.inf, 1.0, np.inf),
    ],
)
def test_a_value_ends_where_its_error_does(value, error, shown):
    assert to_error(value, error) == shown


def shown_by(path: Path, *options: str) -> str:
    done = CliRunner().invoke(show, [str(path), *options])
    assert done.exception is None, (path, done.exception)
    return done.output


def test_every_file_of_a_run_is_shown_contents_first(results):
    others = 0
    for path in sorted(p for p in results.rglob("*") if p.is_file()):
        short, full = shown_by(path), shown_by(path, "--full")
        first, second, *_ = short.splitlines()
        assert first == str(path)
        assert second.startswith("  "), path
        if path.suffix in WITHOUT and "\nprovenance\n" not in short:
            others += 1
            assert f"no provenance: {WITHOUT[path.suffix]}" in short
            continue
        contents, provenance = short.split("\nprovenance\n")
        assert contents.count("\n") <= 31
        assert 3 <= provenance.count("\n") <= 6
        assert "packages:" in full.split("\nprovenance\n")[1]
        json.loads(shown_by(path, "--json"))["utc"]
    assert others > 0


def test_show_prints_numbers(results):
    text = shown_by(results / "tables" / "acceptance.csv")
    assert re.search(r"^  T4 +hmc +0\.\d+ +0\.\d+ +\d+ +True$", text, re.MULTILINE)
    assert "Gates: " in shown_by(results / "summary.md")
    assert "n = 1600" in shown_by(results / "figures" / "tau_int.pdf").splitlines()[1]
    many = shown_by(results / "tables" / "observables.csv")
    rows = len(read_table(results / "tables" / "observables.csv"))
    assert f"... {rows + 2 - 30} more lines with --full" in many
    assert len(shown_by(results / "tables" / "observables.csv", "--full").splitlines()) > rows


def test_a_run_with_tables_of_an_earlier_version_is_read_and_verified(results, tmp_path):
    """Their provenance in a comment: verify, gates, figures and summary go on, to the same bits."""
    copy = tmp_path / "copy"
    shutil.copytree(results.parent, copy)
    for path in sorted((copy / "results").rglob("*.csv")):
        mark = table_stamp(path)
        path.write_text(f"# provenance {mark}\n{path.read_text()}")
        sidecar(path).unlink()
        seal(path)
    assert "files are as they were written" in lfmc(copy, "verify")
    assert differences(results, copy / "results") == []
    for command in ("fit", "gates", "summary", "plot tau_int", "compare results results"):
        lfmc(copy, command)
    assert differences(results, copy / "results") == []
    assert sidecar(copy / "results" / "tables" / "gates.csv").exists()
    assert not sidecar(copy / "results" / "measure" / "T4" / "hmc.csv").exists()
