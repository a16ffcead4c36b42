"""Notebooks as pages of the site: their cells, as they are kept, become Markdown.

Notebooks are kept without outputs and are executed by the tests, so a page needs neither Jupyter
nor an execution of its own.
"""

import json
from typing import Any, ClassVar

from docutils.nodes import document
from myst_parser.parsers.sphinx_ import MystParser
from sphinx.application import Sphinx


def markdown_of(notebook: str) -> str:
    """Cells of a notebook (nbformat 4) as Markdown; code cells become blocks of Python."""
    pages = []
    for cell in json.loads(notebook)["cells"]:
        text = "".join(cell["source"])
        pages.append(text if cell["cell_type"] == "markdown" else f"```python\n{text}\n```")
    return "\n\n".join(pages) + "\n"


class NotebookParser(MystParser):
    """MyST's parser for files of the type `notebook`."""

    supported: ClassVar[tuple[str, ...]] = ("notebook",)

    def parse(self, inputstring: str, document: document) -> None:
        super().parse(markdown_of(inputstring), document)


def setup(app: Sphinx) -> dict[str, Any]:
    app.add_source_suffix(".ipynb", "notebook")
    app.add_source_parser(NotebookParser)
    return {"parallel_read_safe": True}
