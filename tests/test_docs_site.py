"""Claims about the documentation site: it builds without a warning and leaves nothing out."""

import re
import subprocess
import sys

import pytest

import lfmc

pytestmark = pytest.mark.unit

TAG = re.compile(r"</?[A-Za-z][\w-]*>")


def build(source, output, configuration):
    """`make docs`, of any folder of pages."""
    command = [sys.executable, "-m", "sphinx", "-W", "--keep-going", "-q", "-b", "html"]
    return subprocess.run(
        [*command, "-c", configuration, source, output], capture_output=True, text=True
    )


@pytest.fixture(scope="module")
def site(root, tmp_path_factory):
    output = tmp_path_factory.mktemp("site")
    done = build(root / "docs", output, root / "docs")
    assert done.returncode == 0, done.stdout + done.stderr
    return output


def test_every_page_and_notebook_is_in_the_site(site, root):
    for path in (root / "docs").rglob("*"):
        if path.suffix in (".md", ".ipynb"):
            assert (site / path.relative_to(root / "docs")).with_suffix(".html").is_file(), path


def test_every_public_name_is_in_the_reference(site):
    page = (site / "api.html").read_text()
    assert [name for name in lfmc.__all__ if f'id="lfmc.{name}"' not in page] == []
    assert 'id="lfmc.brew"' not in page


def test_code_of_a_notebook_is_on_its_page(site):
    text = re.sub(r"<[^>]+>", "", (site / "notebooks" / "paper.html").read_text())
    assert "import lfmc" in text
    assert "lfmc.train(" in text


def test_formulas_are_drawn_in_the_page_and_need_no_network(site):
    page = (site / "method.html").read_text()
    shown = re.findall(
        r'<svg class="formula" role="img" aria-label="([^"]+)"[^>]*><path [^>]*d="M', page
    )
    assert len(shown) >= 7
    assert any("\\tau" in latex for latex in shown)
    for path in site.rglob("*.html"):
        assert re.findall(r"<(?:script|link)[^>]*(?:src|href)=\"https?:", path.read_text()) == []


@pytest.mark.parametrize(
    "fault",
    [
        "$$\\nosuchsymbol$$",
        "[gone](gone.md)",
        "[gone](#no-such-heading)",
        "```{toctree}\ngone\n```",
    ],
)
def test_a_fault_on_a_page_stops_the_build(fault, root, tmp_path):
    source = tmp_path / "pages"
    source.mkdir()
    (source / "index.md").write_text(f"# One page\n\n{fault}\n")
    done = build(source, tmp_path / "site", root / "docs")
    assert done.returncode != 0
    assert "WARNING" in done.stderr


def tags(text):
    """What looks like an HTML tag outside of code, such as a mean of phi in angle brackets."""
    text = re.sub(r"^```.*?^```|^ {4}[^\n]*$|`[^`]+`|\$[^$\n]+\$", "", text, flags=re.M | re.S)
    return TAG.findall(text)


def test_no_mean_is_read_as_an_html_tag(root):
    pages = [*(root / "docs").rglob("*.md"), *root.glob("*.md")]
    found = {page.name: tags(page.read_text()) for page in pages}
    assert {name: seen for name, seen in found.items() if seen} == {}


def test_a_mean_outside_of_code_is_seen():
    assert tags("Here <phi> = 0, `<m>` and $<E>$.\n\n    <x>\n") == ["<phi>"]
