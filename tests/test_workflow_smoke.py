"""Claims about a whole run: the small configuration from end to end, once for all tests here."""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pandas
import pytest
from scalar_figures import FIGURES
from smoke_run import prepare

from lfmc.cli.file_readers import READERS
from lfmc.store import open_hdf5
from lfmc.table_files import read_table, table_stamp, write_table

pytestmark = [pytest.mark.workflow, pytest.mark.xdist_group("smoke")]

FLOW_CHAIN = {"propose", "accept", "measure", "autocorrelation", "verify"}
SAMPLERS = {"flow-50", "flow-70", "hmc", "local", "cluster"}


def snakemake(folder: Path, *arguments: str, **more: str) -> subprocess.CompletedProcess[str]:
    """In a folder that has its own copy of the workflow, with more in the environment."""
    command = [sys.executable, "-m", "snakemake", *arguments, "--cores", "2"]
    return subprocess.run(
        [*command, "--configfile", "smoke.yaml"],
        capture_output=True,
        text=True,
        cwd=folder,
        env={**os.environ, **more},
    )


def planned(folder: Path) -> set[str]:
    """Rules that a run would execute now."""
    done = snakemake(folder, "--dry-run")
    assert done.returncode == 0, done.stdout + done.stderr
    text = done.stdout + done.stderr
    if "Nothing to be done" in text:
        return set()
    return set(re.findall(r"^(\w+) +\d+$", text, re.MULTILINE)) - {"total", "figures"}


@pytest.fixture(scope="module")
def finished(root, tmp_path_factory) -> Path:
    """A finished smoke run; its folder holds Snakefile, workflow, smoke.yaml and results-smoke."""
    folder = tmp_path_factory.mktemp("smoke")
    prepare(root, folder)
    done = snakemake(folder, LFMC_FRONT_END="1", VERBOSE="")  # as `make smoke` and `lfmc run` do
    assert done.returncode == 0, (done.stdout + done.stderr)[-8000:]
    (folder / "printed").write_text(done.stdout + done.stderr)
    return folder


@pytest.fixture
def results(finished) -> Path:
    return finished / "results-smoke"


def test_a_run_prints_one_line_per_job(finished):
    """150 lines with the summary, 16 at most here, and what the making of the report prints, 4."""
    lines = (finished / "printed").read_text().splitlines()
    assert len(lines) <= 130
    jobs = [line for line in lines if re.match(r"\d\d:\d\d:\d\d (\[.* done\] )?[a-z]", line)]
    (total,) = [int(line.split()[1]) for line in lines if line.startswith("total ")]
    assert len(jobs) == total
    assert sum(line.endswith(" measure S4 hmc") for line in jobs) == 1


def test_every_figure_exists_as_pdf_and_png_with_a_caption(results):
    for name in FIGURES:
        assert (results / "figures" / f"{name}.pdf").read_bytes().startswith(b"%PDF")
        assert (results / "figures" / f"{name}.png").read_bytes().startswith(b"\x89PNG")
        assert len((results / "figures" / f"{name}.txt").read_text().split()) > 10


def test_tables_hold_every_ensemble_and_sampler(results):
    for name in ("observables", "tau_int", "acceptance"):
        table = read_table(results / "tables" / f"{name}.csv")
        assert set(zip(table.ensemble, table.sampler, strict=True)) == {
            (e, s) for e in ("S4", "S6", "S8") for s in SAMPLERS
        }
    observables = read_table(results / "tables" / "observables.csv")
    assert {"chi2", "E", "phi2", "phi4", "mpL", "m2ndL", "G0"} <= set(observables.observable)
    exponents = read_table(results / "tables" / "exponents.csv")
    assert set(exponents.sampler) >= SAMPLERS
    assert set(read_table(results / "tables" / "training.csv").flow) == {"flow-50", "flow-70"}


def test_all_gates_passed(results):
    assert read_table(results / "tables" / "gates.csv").passed.all()


def test_acceptances_are_at_their_targets(results):
    """4 sigma below the target fails: false-alarm rate 2e-4 for the six chains."""
    table = read_table(results / "tables" / "acceptance.csv").set_index("sampler")
    for flow, target in (("flow-50", 0.5), ("flow-70", 0.7)):
        rows = table.loc[[flow]]
        assert (rows.acceptance + 4 * rows.error >= target).all()


def test_every_chain_was_verified(results):
    found = {p.relative_to(results / "verify") for p in results.glob("verify/*/*.json")}
    assert found == {Path(e, f"{s}.json") for e in ("S4", "S6", "S8") for s in SAMPLERS}


def test_every_result_carries_provenance(results):
    others = {"work", "logs", "benchmarks"}
    files = [p for p in results.rglob("*.*") if p.relative_to(results).parts[0] not in others]
    kinds = {path.suffix for path in files if path.suffix != ".txt"}
    assert kinds == {".h5", ".csv", ".json", ".safetensors", ".png", ".pdf", ".md", ".tex"}
    for path in files:
        if path.suffix == ".txt":  # captions, of figures that carry it
            continue
        made = json.loads(READERS[path.suffix](path)[0])
        assert {"commit", "command", "settings", "packages", "utc", "job"} <= set(made), path
        assert set(made["parallel"]) >= {"ranks", "nodes", "launcher", "mpi"}, path


def test_lfmc_shows_the_provenance_of_a_result(results, run_lfmc):
    done = run_lfmc("show", "--json", results / "propose" / "S4" / "flow-70.h5")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["parallel"]["ranks"] == 1


def test_nothing_is_left_half_written(results):
    assert not list(results.rglob("*.part*"))


def test_a_finished_run_has_nothing_to_do(finished):
    assert planned(finished) == set()


def test_an_edited_comment_reruns_nothing(finished):
    for path in (finished / "Snakefile", finished / "workflow/rules/train.smk"):
        path.write_text(f"# a new comment\n{path.read_text()}")
    preset = finished / "smoke.yaml"
    preset.write_text(f"# a new comment\n{preset.read_text()}")
    assert planned(finished) == set()


@pytest.mark.parametrize(
    ("before", "after", "rules"),
    [
        ("fit: { L: [4, 6, 8] }", "fit: { L: [8, 6, 4] }", {"fit", "gates", "summary", "plot"}),
        (
            "burn_in: 50",
            "burn_in: 60",
            FLOW_CHAIN | {"retrain", "weighted", "fit", "gates", "logz", "summary", "plot"},
        ),
        ("ranks: 1", "ranks: 2", set()),
    ],
)
def test_a_changed_setting_reruns_exactly_what_depends_on_it(finished, before, after, rules):
    preset = finished / "smoke.yaml"
    text = preset.read_text()
    assert before in text
    preset.write_text(text.replace(before, after))
    try:
        assert planned(finished) == rules
    finally:
        preset.write_text(text)


def test_two_ranks_under_the_workflow_give_the_same_bits(finished, tmp_path):
    copy = tmp_path / "run"
    shutil.copytree(finished, copy, symlinks=True)
    preset = copy / "smoke.yaml"
    preset.write_text(preset.read_text().replace("ranks: 1", "ranks: 2"))
    again = copy / "results-smoke" / "propose" / "S4" / "flow-70.h5"
    again.unlink()
    shutil.rmtree(again.with_suffix(""))
    done = snakemake(copy, str(again.relative_to(copy)), "--printshellcmds")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "-n 2 lfmc propose" in done.stdout + done.stderr
    with open_hdf5(again) as one, open_hdf5(finished / again.relative_to(copy)) as two:
        for name in ("log_q", "two_point", "scalars/m", "fields/phi"):
            assert (one[name][()] == two[name][()]).all()


def test_the_report_is_one_self_contained_file(finished):
    done = snakemake(finished, "--report", "report.html")
    assert done.returncode == 0, done.stdout + done.stderr
    page = (finished / "report.html").read_text()
    assert len(page) > 500_000
    for entry in FIGURES.values():
        assert entry.title in page
    first = page[page.index('id="workflow-desc"') :]
    first = first[: first.index("</script>")]
    assert "Exponent z of tau_int(chi2) per update at L = 4, 6, 8" in first
    assert "provenance" not in first[: first.index("The theory is")]


def test_plain_snakemake_ends_with_the_summary_that_it_made(finished):
    done = snakemake(finished, "--forcerun", "summary", "--until", "summary")
    assert done.returncode == 0, done.stdout + done.stderr
    assert re.search(r"^Gates: (\d+) of \1 passed\.$", done.stdout, re.MULTILINE)
    assert "summary: results-smoke/summary.md" in done.stdout
    assert snakemake(finished, "--until", "summary").stdout == ""


def test_a_failed_gate_stops_the_run_before_its_figures(finished, tmp_path):
    """A run in a copy, with one exact identity broken by hand: sd = 1.5."""
    copy = tmp_path / "run"
    shutil.copytree(finished, copy, symlinks=True)
    path = copy / "results-smoke" / "tables" / "observables.csv"
    table, stamp = pandas.read_csv(path), table_stamp(path)
    table.loc[(table.observable == "sd") & (table.sampler == "hmc"), "value"] = 1.5
    write_table(path, table, stamp)
    figure = copy / "results-smoke" / "figures" / "tau_int.png"
    drawn = figure.stat().st_mtime_ns
    done = snakemake(copy)
    text = done.stdout + done.stderr
    assert done.returncode != 0
    assert text.count("gates failed: schwinger_dyson S4 hmc") == 1  # the same numbers fail again
    assert figure.stat().st_mtime_ns == drawn
    assert not (copy / "results-smoke" / "tables" / "gates.csv").exists()
