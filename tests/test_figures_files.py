"""Files of the figures: whole, stamped, embedded fonts; one clear error for each bad input."""

import json
import re
import shutil
import subprocess
import sys

import pytest
from click.testing import CliRunner
from figures_results import paper_config, write_results
from matplotlib.text import Text
from PIL import Image
from scalar_figures import FIGURES

from lfmc.cli.figures import plot as plot_command
from lfmc.errors import LfmcError
from lfmc.figures.metadata import read_provenance
from lfmc.figures.output import plot
from lfmc.figures.registry import PAPER, figure_module, inputs
from lfmc.figures.rundata import RunData
from lfmc.figures.style import look
from lfmc.provenance import file_hash
from lfmc.table_files import sidecar

pytestmark = pytest.mark.unit


@pytest.fixture(scope="module")
def pristine(tmp_path_factory):
    folder = tmp_path_factory.mktemp("one")
    write_results(paper_config(folder, 1), folder)
    return folder


@pytest.fixture
def results(pristine, tmp_path):
    shutil.copytree(pristine, tmp_path / "results")
    return tmp_path / "results"


@pytest.fixture
def run(results) -> RunData:
    return RunData(paper_config(results, 1), results)


def test_every_figure_leaves_pdf_png_and_caption(run, results):
    for name in FIGURES:
        paths = plot(name, RunData(run.config, results))
        assert [p.name for p in paths] == [f"{name}.pdf", f"{name}.png", f"{name}.txt"]
        assert paths[2].read_text() == figure_module(name).caption(run) + "\n"
    assert len(list((results / "figures").iterdir())) == 3 * len(FIGURES)


def test_provenance_is_in_both_files_and_names_the_inputs(run, results):
    pdf, png, _ = plot("chi2_energy", run)
    stamps = [json.loads(read_provenance(path)) for path in (pdf, png)]
    sums = [stamp.pop("checksum") for stamp in stamps]
    assert sums[0].startswith("lfmc-sha256-")
    assert sums[1] == ""  # the chunks of a PNG have their own
    assert stamps[0] == stamps[1]
    tables = [results / "tables" / f"{name}.csv" for name in ("observables", "acceptance")]
    assert stamps[0]["inputs"] == {str(table): file_hash(table) for table in tables}
    assert stamps[0]["settings"]["figure"] == "chi2_energy"
    assert stamps[0]["settings"]["ensembles"][0]["lam"] == 6.975
    with Image.open(png) as image:
        assert image.text["provenance"] == read_provenance(png)


def test_awkward_characters_survive_in_the_metadata(run, results):
    odd = results.parent / "a (b) \\ c"
    shutil.copytree(results, odd)
    pdf, png, _ = plot("chi2_energy", RunData(run.config, odd))
    for path in (pdf, png):
        assert (
            str(odd / "tables" / "observables.csv") in json.loads(read_provenance(path))["inputs"]
        )


def test_print_quality(run):
    """200 dpi or more, at most 7 in wide, fonts embedded as TrueType, no text below 7 pt."""
    for name in FIGURES:
        pdf, png, _ = plot(name, run)
        with Image.open(png) as image:
            assert image.info["dpi"][0] >= 200
            assert image.size[0] / image.info["dpi"][0] <= 7.01
        data = pdf.read_bytes()
        assert b"/Type3" not in data
        assert b"/FontFile2" in data
        with look():
            figure = figure_module(name).draw(run)
        sizes = [t.get_fontsize() for t in figure.findobj(Text) if t.get_text()]
        assert min(sizes) >= 7


def test_missing_inputs_name_the_file_and_the_command(run, results):
    for name in FIGURES:
        for path in inputs(name, run.config):
            if name == "rejection_runs" and path.endswith(("/local.h5", "/cluster.h5")):
                continue  # declared with all bins, but without global rejections to show
            (results / path).rename(results / "away")
            with pytest.raises(LfmcError, match=re.escape(path)) as caught:
                plot(name, RunData(run.config, results))
            assert "'lfmc " in str(caught.value)
            assert "\n" not in str(caught.value)
            (results / "away").rename(results / path)
        assert not list(results.glob("figures/.*"))


@pytest.mark.parametrize("garbage", [b"", b"not a table at all", b"a,b\n1,2\n", bytes(range(256))])
def test_garbage_tables_give_one_clear_error(run, results, garbage):
    for table in ("observables", "tau_int", "exponents", "acceptance", "training", "costs"):
        name = next(n for n, entry in FIGURES.items() if table in entry.tables)
        path = results / "tables" / f"{table}.csv"
        keep = path.read_bytes()
        sidecar(path).unlink()
        path.write_bytes(garbage)
        with pytest.raises(LfmcError, match=f"{table}.csv") as caught:
            plot(name, RunData(run.config, results))
        assert "\n" not in str(caught.value)
        path.write_bytes(keep)
    assert not (results / "figures").exists()


def test_words_where_numbers_belong_are_refused(run, results):
    path = results / "tables" / "observables.csv"
    sidecar(path).unlink()
    lines = path.read_text().splitlines()
    lines[2] = ",".join([*lines[2].split(",")[:3], "abc", "0.1", "100"])
    path.write_text("\n".join(lines))
    with pytest.raises(LfmcError, match=r"observables.csv: column 'value' is not numbers"):
        plot("chi2_energy", run)


def test_an_ensemble_that_the_tables_lack_is_named(run, results):
    path = results / "tables" / "observables.csv"
    sidecar(path).unlink()
    path.write_text(path.read_text().replace("E1,hmc,", "E9,hmc,"))
    for name in ("chi2_energy", "greens", "effective_mass"):
        with pytest.raises(LfmcError, match=r"observables.csv: no .* of hmc in E1"):
            plot(name, RunData(run.config, results))


@pytest.mark.parametrize("keep", [0, 100, 5000])
def test_truncated_hdf5_gives_one_clear_error(run, results, keep):
    for name, path in (("error_scaling", "measure/E1/hmc.h5"), ("fields", "local/E1.h5")):
        whole = (results / path).read_bytes()
        (results / path).write_bytes(whole[:keep])
        with pytest.raises(LfmcError, match=path):
            plot(name, RunData(run.config, results))
        (results / path).write_bytes(whole)
    assert not (results / "figures").exists()


def test_command_line(results, tmp_path):
    config = tmp_path / "config.yaml"
    config.write_text(
        "ensembles: [{name: E1, L: 6, m2: -4.0, lam: 6.975}]\n" + f"results: {results}\n"
    )

    def call(*arguments: str):
        return CliRunner().invoke(plot_command, [*arguments, "--config", str(config)])

    done = call("table1", "tau_ratio")
    assert done.exit_code == 0
    assert (results / "figures" / "tau_ratio.pdf").exists()
    listed = call("--list").output
    assert all(name in listed for name in FIGURES)
    for arguments in (["nonsense"], ["table1", "nonsense"], []):
        failed = call(*arguments)
        assert isinstance(failed.exception, LfmcError)
        assert all(name in str(failed.exception) for name in FIGURES)


def test_registry_imports_nothing_heavy():
    """The Snakefile and `lfmc plot --help` import it."""
    code = (
        "import sys, lfmc.figures.registry, lfmc.cli.figures;"
        "print([m for m in ('matplotlib', 'numpy', 'pandas', 'h5py', 'torch') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_every_figure_has_its_caption_in_the_report(root):
    for name, entry in FIGURES.items():
        text = (root / "workflow" / "report" / f"{name}.rst").read_text()
        assert len(text) > 200, name
        if entry.category == PAPER:
            assert "1904.12072" in text, name


def test_unreadable_metadata_is_refused(tmp_path):
    path = tmp_path / "x.png"
    with pytest.raises(LfmcError, match="cannot be read"):
        read_provenance(path)
    path.write_bytes(b"hello")
    with pytest.raises(LfmcError, match="neither PDF nor PNG"):
        read_provenance(path)
    path.write_bytes(b"\x89PNG\r\n\x1a\n\x00\x00")
    assert read_provenance(path) == ""
    path.write_bytes(b"%PDF-1.4 /Keywords (unfinished \\")
    assert read_provenance(path).startswith("unfinished")
