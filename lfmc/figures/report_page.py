"""The page of the report: one HTML file without any address in it, so that it needs no network.

Style and script are in the page, pictures are data; a content security policy lets a browser load
nothing else. Headers of tables are buttons: a click sorts by their column, as numbers where the
cells are numbers or value(error). The field above a long table shows the rows that contain a text.
"""

from base64 import b64encode
from collections.abc import Sequence
from html import escape

FILTERED = 12  # rows from which on a table has a field to filter them
ON_SCREEN = 0.6  # pixels of a browser per pixel of a picture
POLICY = "default-src 'none'; img-src data:; style-src 'unsafe-inline'; script-src 'unsafe-inline'"
STYLE = """
body { font: 15px/1.45 system-ui, sans-serif; color: #222; margin: 0 auto; max-width: 76rem;
  padding: 0 1rem 4rem; }
nav { position: sticky; top: 0; background: #fff; border-bottom: 1px solid #ccc; padding: .5rem 0;
  z-index: 1; }
nav a { margin-right: 1.2rem; }
h1 { font-size: 1.4rem; margin: 1rem 0 .4rem; }
h2 { font-size: 1.15rem; margin: 2.2rem 0 .6rem; border-bottom: 1px solid #ddd; }
section { scroll-margin-top: 3rem; }
pre { background: #f5f5f5; padding: .7rem; margin: 0 0 1rem; white-space: pre-wrap;
  font-size: 12.5px; line-height: 1.35; }
.first { display: grid; grid-template-columns: minmax(22rem, 2fr) 3fr; gap: 1rem; }
.figures { display: grid; grid-template-columns: repeat(auto-fit, minmax(32rem, 1fr)); gap: 1rem; }
.first > *, .figures > * { min-width: 0; }
figure { margin: 0; }
figure img { max-width: 100%; height: auto; }
figcaption { font-size: 13px; color: #444; }
.wide { overflow-x: auto; }
table { border-collapse: collapse; font-size: 13px; }
td, th { padding: .15rem .6rem; border-bottom: 1px solid #e4e4e4; text-align: left;
  white-space: nowrap; }
td.number { text-align: right; font-variant-numeric: tabular-nums; }
th button { all: unset; cursor: pointer; font-weight: 600; }
th button:focus-visible { outline: 2px solid #0072b2; }
th[aria-sort=ascending] button::after { content: " \\25b2"; }
th[aria-sort=descending] button::after { content: " \\25bc"; }
details { margin: .4rem 0; }
summary { cursor: pointer; font-weight: 600; }
@media (max-width: 60rem) { .first, .figures { grid-template-columns: 1fr; } }
"""
SCRIPT = """
const number = text => {
  const plain = text.replace(/^> /, "").replace(/\\(.*$/, "").replace(/^(-?)inf$/, "$1Infinity");
  return plain === "" ? NaN : Number(plain);
};
const compare = (a, b) => {
  const [x, y] = [number(a), number(b)];
  if (!isNaN(x) && !isNaN(y)) return x - y;
  return a.localeCompare(b, undefined, { numeric: true });
};
const empty = text => text === "" || text === "-" || text === "n/a";
for (const button of document.querySelectorAll("th button"))
  button.addEventListener("click", () => {
    const head = button.parentElement, table = head.closest("table"), body = table.tBodies[0];
    const down = head.getAttribute("aria-sort") === "ascending";
    for (const other of table.querySelectorAll("th")) other.removeAttribute("aria-sort");
    head.setAttribute("aria-sort", down ? "descending" : "ascending");
    const cell = row => row.cells[head.cellIndex].textContent;
    const rows = Array.from(body.rows).sort((one, two) => {
      const [a, b] = [cell(one), cell(two)];
      if (empty(a) || empty(b)) return empty(a) - empty(b);
      return down ? compare(b, a) : compare(a, b);
    });
    body.append(...rows);
  });
for (const field of document.querySelectorAll("input"))
  field.addEventListener("input", () => {
    const words = field.value.toLowerCase().split(/\\s+/);
    for (const row of field.parentElement.querySelectorAll("tbody tr")) {
      const text = row.textContent.toLowerCase();
      row.hidden = !words.every(word => text.includes(word));
    }
  });
"""


def page(title: str, sections: Sequence[tuple[str, str, str]], stamp: str) -> str:
    """The whole file.

    Args:
        sections: (name for links, heading, HTML) each.
        stamp: provenance, one line of JSON; it is in a comment on the last line.
    """
    links = "".join(f'<a href="#{name}">{escape(heading)}</a>' for name, heading, _ in sections)
    body = "\n".join(
        f'<section id="{name}">\n<h2>{escape(heading)}</h2>\n{content}\n</section>'
        for name, heading, content in sections
    )
    # A comment ends at "-->", which a command line may contain; in JSON \u003e is the same.
    mark = stamp.replace(">", "\\u003e")
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{POLICY}">\n'
        '<meta name="viewport" content="width=device-width">\n'
        f"<title>{escape(title)}</title>\n<style>{STYLE}</style>\n</head>\n<body>\n"
        f"<h1>{escape(title)}</h1>\n<nav>{links}</nav>\n{body}\n"
        f"<script>{SCRIPT}</script>\n</body>\n</html>\n<!-- provenance {mark} -->\n"
    )


def table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A sortable table of cells that are text."""
    head = "".join(f'<th><button type="button">{escape(cell)}</button></th>' for cell in header)
    body = "\n".join(f"<tr>{''.join(map(_cell, row))}</tr>" for row in rows)
    field = '<input type="search" placeholder="filter rows" aria-label="filter rows">'
    return (
        f'<div class="wide">{field if len(rows) >= FILTERED else ""}\n'
        f"<table><thead><tr>{head}</tr></thead>\n<tbody>\n{body}\n</tbody></table></div>"
    )


def folded(title: str, content: str) -> str:
    """Content that opens at a click."""
    return f"<details><summary>{escape(title)}</summary>\n{content}\n</details>"


def figure(title: str, png: bytes, caption: str) -> str:
    """A picture as data, with its caption, at most as wide as its page.

    Figures are drawn for columns of text: single panels are narrower than rows of them.
    """
    data = b64encode(png).decode()
    shown = round(ON_SCREEN * int.from_bytes(png[16:20]))  # the width in the header of a PNG
    return (
        f'<figure><img alt="{escape(title)}" width="{shown}" src="data:image/png;base64,{data}">\n'
        f"<figcaption><b>{escape(title)}.</b> {escape(caption)}</figcaption></figure>"
    )


def _cell(text: str) -> str:
    kind = ' class="number"' if text[:1].isdigit() or (text[:1] in "-.>" and len(text) > 1) else ""
    return f"<td{kind}>{escape(text)}</td>"
