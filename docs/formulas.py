"""Formulas of the site as vector graphics in the page: no LaTeX, no script from the network."""

from html import escape
from typing import Any

from docutils import nodes
from matplotlib.font_manager import FontProperties
from matplotlib.path import Path
from matplotlib.textpath import TextPath
from sphinx.application import Sphinx
from sphinx.util import logging

SIZE = 100.0  # units per em of the graphics
COMMANDS = {Path.MOVETO: "M", Path.LINETO: "L", Path.CURVE3: "Q", Path.CURVE4: "C"}


def svg(latex: str) -> str:
    """A formula in LaTeX as an SVG element of the size of the text around it.

    matplotlib draws it, which knows no environments; the LaTeX is the text for screen readers.

    Raises:
        ValueError: a command that matplotlib does not know.
    """
    font = FontProperties(math_fontfamily="cm")
    path = TextPath((0, 0), f"${' '.join(latex.split())}$", size=SIZE, prop=font)
    drawn = []
    for points, code in path.iter_segments(curves=True, simplify=False):
        flat = [f"{v if n % 2 == 0 else -v:.1f}" for n, v in enumerate(points)]
        drawn.append("Z" if code == Path.CLOSEPOLY else COMMANDS[code] + " ".join(flat))
    box = path.get_extents()
    width, height = box.width, box.height
    return (
        f'<svg class="formula" role="img" aria-label="{escape(latex)}" '
        f'viewBox="{box.x0:.1f} {-box.y1:.1f} {width:.1f} {height:.1f}" '
        f'style="width:{width / SIZE:.2f}em;height:{height / SIZE:.2f}em;max-width:100%;'
        f'vertical-align:{box.y0 / SIZE:.2f}em"><path fill="currentColor" d="{"".join(drawn)}"/>'
        "</svg>"
    )


def _drawn(node: nodes.Element, latex: str) -> str:
    try:
        return svg(latex)
    except ValueError as error:
        reason = str(error).strip().splitlines()[-1]
        logging.getLogger(__name__).warning("formula %r: %s", latex, reason, location=node)
        return escape(latex)


def visit_inline(self: Any, node: nodes.math) -> None:
    self.body.append(_drawn(node, node.astext()))
    raise nodes.SkipNode


def visit_block(self: Any, node: nodes.math_block) -> None:
    self.body.append('<div class="math" style="text-align:center;margin:1em 0">')
    self.body.append(_drawn(node, node.astext()) + "</div>")
    raise nodes.SkipNode


def setup(app: Sphinx) -> dict[str, Any]:
    app.add_html_math_renderer("formulas", (visit_inline, None), (visit_block, None))
    return {"parallel_read_safe": True, "parallel_write_safe": True}
