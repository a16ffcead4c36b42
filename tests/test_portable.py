"""The settings of `make test-portable` reach the libraries, and its comparisons can fail."""

import shutil
import subprocess
import sys

import pandas
import portable
import pytest
from figures_results import paper_config, write_results
from same_tables import compare_runs, within_errors

pytestmark = pytest.mark.unit

ASK = """
import numba.core.registry as registry, numpy as np, torch
from numpy._core._multiarray_umath import __cpu_features__
print(registry.cpu_target.target_context.codegen().magic_tuple()[1])
print(torch.backends.cpu.get_cpu_capability())
print(__cpu_features__.get("X86_V3", False))
"""


def test_a_setting_reaches_numba_torch_and_numpy(tmp_path, monkeypatch):
    monkeypatch.setattr(portable, "FOLDER", tmp_path)
    done = subprocess.run(
        [sys.executable, "-c", ASK], env=portable.environment("generic"),
        capture_output=True, text=True, cwd=tmp_path,
    )  # fmt: skip
    assert done.stdout.split() == ["generic", "DEFAULT", "False"], done.stderr
    cache = tmp_path / "generic" / "kernels"
    assert cache.stat().st_mode & 0o777 == 0o700


def test_native_has_no_choice_of_the_machine(tmp_path, monkeypatch):
    monkeypatch.setattr(portable, "FOLDER", tmp_path)
    monkeypatch.setenv("OPENBLAS_CORETYPE", "Haswell")
    monkeypatch.setenv("OPENBLAS_L2_SIZE", "512")
    found = portable.environment("native")
    assert not {name for name in found if name.startswith(("OPENBLAS_C", "OPENBLAS_L", "MKL_C"))}
    assert portable.environment("zen")["OPENBLAS_CORETYPE"] == "Zen"


def test_a_processor_without_the_instructions_leaves_a_setting_out(tmp_path):
    cpuinfo = tmp_path / "cpuinfo"
    cpuinfo.write_text("model name : x\nflags\t\t: fpu sse4_2 avx2 fma\n")
    assert portable.missing_flags("haswell", cpuinfo) == []
    assert portable.missing_flags("skylakex", cpuinfo)[0] == "avx512f"
    assert portable.missing_flags("skylakex", tmp_path / "none") == []


def test_the_short_run_leaves_out_what_the_processor_does_anyway(tmp_path):
    cpuinfo = tmp_path / "cpuinfo"
    for flags, expected in (
        ("sse4_2", ("generic", "haswell")),  # where haswell is left out with its reason
        ("avx2 fma", ("generic",)),
        ("avx2 fma avx512f", ("generic", "haswell")),
    ):
        cpuinfo.write_text(f"flags : fpu {flags}\n")
        assert portable.short_settings(cpuinfo) == expected
    assert portable.short_settings(tmp_path / "none") == ("generic", "haswell")


def test_the_summary_is_one_line_per_tier():
    text = portable.table([portable.Row("zen", "unit", 12, 1, 2, 3.4, "a note")])
    assert text.splitlines()[1].split() == ["zen", "unit", "12", "1", "2", "3", "a", "note"]


def changed(results, tmp_path, change, name="tables/observables.csv"):
    """A copy of the results with one number of a table changed; its folder."""
    copy = tmp_path / "copy"
    shutil.copytree(results, copy)
    path = copy / name
    table = pandas.read_csv(path)
    row = table.index[(table.observable == "chi2") & (table.error > 0)][0]
    table.loc[row, "value"] += change(table.loc[row])
    table.to_csv(path, index=False)
    return copy


@pytest.fixture(scope="module")
def results(tmp_path_factory):
    folder = tmp_path_factory.mktemp("results")
    write_results(paper_config(folder), folder)
    return folder


@pytest.mark.parametrize(
    ("same", "change", "lines"),
    [
        (True, lambda row: 1e-3 * row.error, 0),
        (True, lambda row: 2e-3 * row.error, 1),
        (False, lambda row: 5 * row.error, 0),
        (False, lambda row: 20 * row.error, 1),
    ],
)
def test_tables_agree_to_rounding_or_within_errors(results, tmp_path, same, change, lines):
    found = compare_runs(results, changed(results, tmp_path, change), same)
    assert len(found) == lines, found


def test_acceptances_of_two_tunings_of_sweeps_are_not_compared():
    """Those of hmc are, and other observables of sweeps."""
    for sampler, observable, lines in (
        ("local", "acceptance", 0),
        ("hmc", "acceptance", 1),
        ("local", "chi2", 1),
    ):
        row = {"ensemble": "A", "sampler": sampler, "observable": observable, "error": 1e-5}
        one, two = (pandas.DataFrame([row | {"value": value}]) for value in (0.7, 0.702))
        assert len(within_errors("observables", one, two)) == lines
    row = {"ensemble": "A", "sampler": "cluster", "error": 1e-5}
    one, two = (pandas.DataFrame([row | {"acceptance": value}]) for value in (0.7, 0.702))
    assert within_errors("acceptance", one, two) == []


@pytest.mark.parametrize(("share", "lines"), [(1e-8, 0), (1e-5, 1)])
def test_tables_of_single_chains_agree_to_more_digits(results, tmp_path, share, lines):
    both = [tmp_path / "one", tmp_path / "two"]
    name = "measure/E1/hmc.csv"
    for folder in both:
        (folder / name).parent.mkdir(parents=True)
        shutil.copy(results / "tables" / "observables.csv", folder / name)
    other = changed(both[1], tmp_path, lambda row: share * row.value, name)
    assert len(compare_runs(both[0], other, True)) == lines


def test_a_missing_table_or_row_is_a_difference(results, tmp_path):
    copy = changed(results, tmp_path, lambda row: 0.0)
    path = copy / "tables" / "acceptance.csv"
    table = pandas.read_csv(path)
    table[table.sampler != "hmc"].to_csv(path, index=False)
    assert compare_runs(results, copy, True)
    assert compare_runs(results, copy, False)
    path.unlink()
    assert compare_runs(results, copy, True) == ["the tables are not the same ones"]
