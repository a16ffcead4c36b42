"""Claims about report.html: results first, everything inside, tables that sort in a browser."""

import re
import shutil
import subprocess
from html import escape
from pathlib import Path

import pytest
from bad_inputs.cases import Case
from bad_inputs.finished import finish
from bad_inputs.runner import run_case
from click.testing import CliRunner

from lfmc.cli.options import Run
from lfmc.cli.report import has_figures, report
from lfmc.config import read_config
from lfmc.errors import LfmcError
from lfmc.figures.registry import figures_of
from lfmc.figures.report_page import page, table
from lfmc.table_files import read_table

pytestmark = pytest.mark.unit

CHROMIUM = shutil.which("chromium") or shutil.which("google-chrome")
ROWS = [["b", "13.0(4.5)"], ["a", "-"], ["E10", "> 200"], ["E9", "inf"], ["c", "2.5e-3"]]


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    """A tiny finished run with its report."""
    folder = tmp_path_factory.mktemp("report")
    finish(folder)
    outcome = run_case(Case("report", "report", (), right=True), folder)
    assert (outcome.code, outcome.stdout) == (0, "report: results/report.html\n")
    return folder


@pytest.fixture
def text(folder) -> str:
    return (folder / "results" / "report.html").read_text()


def test_the_first_page_shows_the_numbers_and_main_figures(folder, text):
    first = text[text.index('<section id="results">') :]
    first = first[: first.index("</section>")]
    head = first.index("Gates: ")
    assert head < first.index("<img") < first.index("<table>")
    assert first.count("<img") == 5
    summary = (folder / "results" / "summary.md").read_text()
    for line in re.findall(r"^    (.+)$", summary, re.MULTILINE):
        assert escape(line) in first
    for cell in re.findall(r"\d+\.\d+\(\d+\)", summary[: summary.index("\n## Gates")]):
        assert f">{cell}</td>" in first


def test_every_figure_has_its_caption_with_the_numbers_of_the_run(folder, text):
    entries = figures_of(read_config(folder / "config.yaml"))
    assert text.count("<img") == len(entries) > 10
    for name, entry in entries.items():
        caption = (folder / "results" / "figures" / f"{name}.txt").read_text().strip()
        assert f"<figcaption><b>{escape(entry.title)}.</b> {escape(caption)}</figcaption>" in text
    assert re.search(r"chi2\(T4\) = \d\.\d+\(\d+\) \(\w+\)", text)


def test_every_table_is_there_with_all_rows(folder, text):
    tables = list((folder / "results" / "tables").glob("*.csv"))
    assert len(tables) >= 8
    for path in tables:
        rows = len(read_table(path))
        inside = text[text.index(f"<summary>{path.stem} ({rows} rows)</summary>") :]
        inside = inside[: inside.index("</details>")]
        assert inside.count("<tr>") == rows + 1


def test_the_page_needs_nothing_but_itself(text):
    assert not re.findall(r'(?:src|href)="(?!data:image/png;base64,|#)', text)
    assert not re.findall(r"@import|url\(|fetch\(|https?:", text)
    assert "default-src 'none'" in text


@pytest.mark.parametrize("name", ["figures/greens.png", "figures/greens.txt", "tables/costs.csv"])
def test_what_is_missing_or_damaged_is_named(folder, tmp_path, name):
    copy = shutil.copytree(folder, tmp_path / "copy")
    where = ["--config", str(copy / "config.yaml"), "--results", str(copy / "results")]
    assert CliRunner().invoke(report, where).exception is None
    path = copy / "results" / name
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 255
    path.write_bytes(data)
    before = (copy / "results" / "report.html").read_bytes()
    assert isinstance(CliRunner().invoke(report, where).exception, LfmcError)
    path.unlink()
    error = CliRunner().invoke(report, where).exception
    assert isinstance(error, LfmcError)
    assert str(path) in str(error)
    assert "lfmc " in str(error)
    assert (copy / "results" / "report.html").read_bytes() == before


def test_no_text_of_a_run_becomes_a_tag():
    made = page("<b>", [("a", "<i>", table(["<u>"], [["<s>"]]))], '{"command": "x --> <p>"}')
    assert not re.search(r"<(b|i|u|s|p)>", made)
    assert made.count("-->") == 1


def browser(html: str, tmp_path: Path, script: str) -> str:
    """The title of a page after a script of the test's own, without a network."""
    path = tmp_path / "page.html"
    path.write_text(html.replace("</body>", f"<script>{script}</script></body>"))
    command = [CHROMIUM, "--headless=new", "--no-sandbox", "--disable-gpu", "--dump-dom"]
    options = [f"--user-data-dir={tmp_path}/profile", "--proxy-server=127.0.0.1:9"]
    done = subprocess.run(
        [*command, *options, path.as_uri()], capture_output=True, text=True, timeout=120
    )
    found = re.search(r"<title>(.*?)</title>", done.stdout, re.DOTALL)
    assert found, done.stderr[-2000:]
    return found[1]


@pytest.mark.skipif(CHROMIUM is None, reason="no Chromium here")
@pytest.mark.parametrize(
    ("column", "clicks", "order"),
    [
        (0, 0, "b a E10 E9 c"),
        (0, 1, "a b c E9 E10"),
        (0, 2, "E10 E9 c b a"),
        (1, 1, "c b E10 E9 a"),
        (1, 2, "E9 E10 b c a"),
    ],
)
def test_a_click_on_a_header_sorts_the_rows(tmp_path, column, clicks, order):
    """Numbers as numbers, names with numbers in their order, what is not known last."""
    html = page("t", [("s", "S", table(["name", "value"], ROWS))], "{}")
    script = (
        f"const b = document.querySelectorAll('th button')[{column}]; " + "b.click(); " * clicks
    )
    script += "document.title = [...document.querySelectorAll('tbody tr')]"
    script += ".map(r => r.cells[0].textContent).join(' ');"
    assert browser(html, tmp_path, script) == order


@pytest.mark.skipif(CHROMIUM is None, reason="no Chromium here")
def test_the_report_of_a_run_sorts_and_filters_in_a_browser(folder, text, tmp_path):
    script = """
    const inside = [...document.querySelectorAll('details')].find(
      d => d.querySelector('summary').textContent.startsWith('observables'));
    const field = inside.querySelector('input');
    field.value = 'hmc chi2'; field.dispatchEvent(new Event('input'));
    const rows = [...inside.querySelectorAll('tbody tr')].filter(r => !r.hidden);
    const pictures = [...document.images].filter(i => i.complete && i.naturalWidth > 100);
    document.title = rows.length + ' ' + pictures.length;
    """
    found = read_table(folder / "results" / "tables" / "observables.csv")
    both = (found.sampler == "hmc") & found.observable.str.contains("chi2")
    shown, pictures = map(int, browser(text, tmp_path, script).split())
    assert 0 < shown == both.sum() < len(found)
    assert pictures == text.count("<img")


def test_a_run_makes_a_report_only_of_all_figures(folder):
    run = Run(read_config(folder / "config.yaml"), folder / "results")
    assert has_figures(run)
    assert not has_figures(run._replace(results=folder / "results" / "tables"))
