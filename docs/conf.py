"""Sphinx configuration of the documentation site: `make docs`."""

import re
import sys
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parent), str(HERE)]  # the package documented is that of this copy

import lfmc  # noqa: E402

project = "lfmc"
author = "The lfmc authors"
release = lfmc.__version__
extensions = [
    "formulas",
    "myst_parser",
    "notebook_pages",
    "sphinx.ext.autodoc",
    "sphinx.ext.napoleon",
]
html_math_renderer = "formulas"
myst_enable_extensions = ["dollarmath"]
myst_heading_anchors = 3
default_role = "py:obj"  # `name` in a docstring: a link where it is public, else code
smartquotes = False
autodoc_member_order = "bysource"  # of a module: the order of its __all__
autodoc_typehints = "signature"
napoleon_use_ivar = True
napoleon_numpy_docstring = False
html_theme = "furo"
html_title = f"lfmc {release}"
html_copy_source = False
html_show_copyright = False


SPECIAL = re.compile(r"[|]|(?<![\w*])[*](?=\w)")


def plain(app: Any, what: str, name: str, item: Any, options: Any, lines: list[str]) -> None:
    """|phi| is a modulus and *constants an argument, not markup of reStructuredText."""
    for number, line in enumerate(lines):
        parts = [line] if line.lstrip().startswith(">>>") else re.split(r"(`[^`]*`)", line)
        lines[number] = "".join(
            part if part.lstrip().startswith(("`", ">>>")) else SPECIAL.sub(r"\\\g<0>", part)
            for part in parts
        )


def setup(app: Any) -> None:
    app.connect("autodoc-process-docstring", plain)
