"""Claims about the summary of a run: the numbers of the tables, readable and complete."""

import re
import shutil
import subprocess

import pytest
from click.testing import CliRunner
from figures_results import STAMP, paper_config, write_results

from lfmc.analysis.gates import gate_table
from lfmc.cli.show import show
from lfmc.cli.summary import summary
from lfmc.errors import LfmcError
from lfmc.figures.format import value_error
from lfmc.figures.rundata import RunData
from lfmc.figures.summary import summarise
from lfmc.figures.summary_text import escaped, head_of, latex, markdown
from lfmc.table_files import read_table, write_table

pytestmark = pytest.mark.unit


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """Tables of the first three ensembles of the paper, with their gates."""
    results = tmp_path_factory.mktemp("summary") / "results"
    run = write_results(paper_config(results, 3), results)
    gates = gate_table(run.config, with_exact(run.table("observables")))
    write_table(results / "tables" / "gates.csv", gates, STAMP)
    return run


def with_exact(observables):
    """With the rows of which figures have no need, each at its exact value."""
    import pandas

    exact = {"sd": (1.0, 0.01), "m": (0.0, 0.01)}
    rows = [
        {"ensemble": e, "sampler": s, "observable": name, "value": v, "error": x, "n": 1000}
        for (e, s), _ in observables.groupby(["ensemble", "sampler"], sort=False)
        for name, (v, x) in (exact | ({"expdH": (1.0, 0.01)} if s == "hmc" else {})).items()
    ]
    return pandas.concat([observables, pandas.DataFrame(rows)], ignore_index=True).fillna(
        {"note": ""}
    )


@pytest.fixture
def run(made, tmp_path):
    """A copy that a test may damage."""
    results = shutil.copytree(made.results, tmp_path / "results")
    return RunData(made.config, results)


def changed(run, name, change):
    path = run.results / "tables" / f"{name}.csv"
    table = change(read_table(path))
    path.unlink()
    write_table(path, table, STAMP)


def test_every_chain_is_a_row_with_the_numbers_of_the_tables(run):
    block = summarise(run).blocks[0]
    assert len({len(row) for row in (block.header, *block.rows)}) == 1
    found = {(row[0], row[2]): dict(zip(block.header, row, strict=True)) for row in block.rows}
    assert set(found) == set(run.config.chains)
    for (ensemble, sampler), row in found.items():
        for title, name in (("chi2", "chi2"), ("E", "E"), ("m_p L", "mpL")):
            assert row[title] == value_error(*run.observable(ensemble, sampler, name))
        table = run.table("tau_int").set_index(
            ["ensemble", "sampler", "observable", "estimator", "unit"]
        )
        tau = table.loc[(ensemble, sampler, "chi2", "gamma", "update")]
        assert row["tau_int(chi2), updates"] == value_error(tau.tau, tau["error"])


def test_a_lattice_of_unequal_extents_is_shown_with_all_of_them(run):
    first = run.config.ensembles[0]
    values = first.model_dump() | {"L": None, "shape": (6, 10)}
    own = run.config.model_copy(
        update={"ensembles": (type(first)(**values), *run.config.ensembles[1:])}
    )
    found = summarise(RunData(own, run.results))
    assert {row[1] for row in found.blocks[0].rows if row[0] == first.name} == {"6 x 10"}
    assert any(line.startswith(f"  L = 6 x 10 {first.name} ") for line in found.head)
    assert {row[1] for row in summarise(run).blocks[0].rows if row[0] == first.name} == {"6"}


def test_the_cheapest_sampler_is_the_one_of_least_cost(run):
    costs = run.table("costs")
    costs = costs[costs.quantity == "seconds_per_independent"]
    expected = {str(e): g.sampler[g.value.idxmin()] for e, g in costs.groupby("ensemble")}
    block = summarise(run).blocks[0]
    assert {row[0]: row[2] for row in block.rows if row[-1] == "yes"} == expected
    dearest = next(s for s in run.config.sampler_names if s != expected["E1"])

    def cheaper(table):
        chosen = (table.sampler == dearest) & (table.quantity == "seconds_per_independent")
        table.loc[chosen, "value"] = 1e-12
        return table

    changed(run, "costs", cheaper)
    block = summarise(RunData(run.config, run.results)).blocks[0]
    assert {row[2] for row in block.rows if row[-1] == "yes"} == {dearest}


def test_a_gate_that_fails_or_is_withheld_is_counted(run):
    def fails(table):
        table.loc[0, ["passed", "sigmas"]] = False, 9.0
        table.loc[1, ["passed", "available"]] = False, False
        return table

    changed(run, "gates", fails)
    gates = run.results / "tables" / "gates.csv"
    table = read_table(gates)
    made = summarise(RunData(run.config, run.results))
    assert made.head[0] == f"Gates: {len(table) - 2} of {len(table)} passed, 1 not available."
    by_gate = {row[0]: row for row in made.blocks[-1].rows}
    first = table.gate[0]
    total = int((table.gate == first).sum())
    lost = 2 if table.gate[1] == first else 1
    assert by_gate[first][2] == f"{total - lost}/{total}"
    assert {row[1] for row in made.blocks[-1].rows} == set(table.side)


def test_a_bound_and_a_withheld_error_are_shown_as_such(run):
    def bound(table):
        mine = (table.ensemble == "E1") & (table.sampler == "hmc") & (table.observable == "chi2")
        table.loc[mine & (table.estimator == "gamma"), "estimator"] = "bound"
        table.loc[mine, ["tau", "error"]] = 12.5, float("nan")
        return table

    changed(run, "tau_int", bound)
    block = summarise(run).blocks[0]
    (row,) = [r for r in block.rows if (r[0], r[2]) == ("E1", "hmc")]
    assert row[block.header.index("tau_int(chi2), updates")] == "> 12.5"


def test_a_column_that_no_chain_has_is_left_out(run):
    changed(run, "observables", lambda table: table[table.observable != "mpL"])
    block = summarise(run).blocks[0]
    assert "m_p L" not in block.header
    assert "E" in block.header
    assert {len(row) for row in block.rows} == {len(block.header)}


def test_the_head_is_short_and_read_back_from_the_file(run, tmp_path):
    made = summarise(run)
    assert len(made.head) <= 21
    for sampler in run.config.sampler_names:
        assert any(line.split()[0] == sampler for line in made.head[2:])
    path = tmp_path / "summary.md"
    path.write_text(markdown(made, "{}"))
    assert head_of(path) == made.head


def test_the_head_of_many_ensembles_names_how_many_are_left_out():
    from lfmc.figures.summary import MOST_LINES, _limited

    lines = _limited([str(n) for n in range(40)])
    assert len(lines) == MOST_LINES
    assert "33 more" in lines[0]
    assert lines[-1] == "39"


def test_latex_is_escaped_and_its_rows_have_all_columns(run):
    assert escaped("a_b & 5% {x} \\ ~ ^") == (
        r"a\_b \& 5\% \{x\} \textbackslash{} \textasciitilde{} \textasciicircum{}"
    )
    text = latex(summarise(run), "{}")
    assert "usepackage" not in text
    for columns, body in re.findall(r"\\begin\{tabular\}\{(l+)\}(.*?)\\end\{tabular\}", text, re.S):
        rows = [line for line in body.splitlines() if r"\\" in line]
        assert len(rows) > 1
        for row in rows:
            assert len(re.findall(r"(?<!\\)&", row)) == len(columns) - 1
    assert not re.search(r"(?<!\\)[_#]", text[: text.index("% provenance")])


@pytest.mark.skipif(shutil.which("pdflatex") is None, reason="no pdflatex on this machine")
def test_latex_compiles(run, tmp_path):
    (tmp_path / "summary.tex").write_text(latex(summarise(run), "{}"))
    options = ["-interaction=nonstopmode", "-halt-on-error"]
    done = subprocess.run(
        ["pdflatex", *options, "summary.tex"], cwd=tmp_path, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout[-2000:]
    assert (tmp_path / "summary.pdf").read_bytes().startswith(b"%PDF")


@pytest.fixture
def configured(run, tmp_path, monkeypatch):
    """The command in a folder with a configuration of these results."""
    monkeypatch.chdir(tmp_path)
    text = "".join(
        f"  - {{ name: {e.name}, L: {e.L}, m2: {e.m2}, lam: {e.lam} }}\n"
        for e in run.config.ensembles
    )
    (tmp_path / "config.yaml").write_text(f"ensembles:\n{text}")
    return tmp_path


def invoke(*arguments):
    done = CliRunner().invoke(summary, arguments)
    if done.exception:
        raise done.exception
    return done.output.splitlines()


def test_the_command_writes_both_files_with_provenance_and_prints_the_head(configured):
    lines = invoke()
    assert len(lines) <= 25
    assert lines[-3:] == [
        "summary: results/summary.md",
        "figures: results/figures",
        "tables: results/tables",
    ]
    assert invoke("--print") == lines
    for name in ("summary.md", "summary.tex"):
        done = CliRunner().invoke(show, ["--full", f"results/{name}"])
        assert done.exit_code == 0, done.output
        assert "results/tables/gates.csv" in done.output


@pytest.mark.parametrize("name", ["observables", "tau_int", "costs", "exponents", "gates"])
def test_a_missing_table_is_named_and_nothing_is_written(configured, name):
    (configured / "results" / "tables" / f"{name}.csv").unlink()
    command = "gates" if name == "gates" else "fit"
    with pytest.raises(LfmcError, match=rf"tables/{name}\.csv: .*'lfmc {command}'"):
        invoke()
    assert not list((configured / "results").glob("summary.*"))


def test_a_gate_that_is_neither_passed_nor_failed_is_refused(configured, run):
    changed(run, "gates", lambda table: table.assign(passed="perhaps"))
    with pytest.raises(LfmcError, match="passed is not True or False"):
        invoke()


def test_a_damaged_summary_is_not_printed(configured):
    invoke()
    path = configured / "results" / "summary.md"
    path.write_text(path.read_text().replace("passed", "failed", 1))
    with pytest.raises(LfmcError, match="do not match its checksum"):
        invoke("--print")
