"""Claims about pyproject.toml: what the sources import is what is declared, no more and no less."""

import ast
import sys
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement

pytestmark = pytest.mark.unit

IMPORTED_AS = {"pyyaml": "yaml"}  # distributions whose module has another name
OPTIONAL = {"zuko": "spline", "pyerrors": "pyerrors"}  # imported by one function, from an extra


def imported(sources: list[Path]) -> set[str]:
    """Top-level names of all modules outside the standard library and this package."""
    found = set()
    for path in sources:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                found |= {alias.name.split(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
                found.add(node.module.split(".")[0])
    return found - set(sys.stdlib_module_names) - {"lfmc"}


def modules(requirements: list[str]) -> set[str]:
    names = (Requirement(line).name.lower() for line in requirements)
    return {IMPORTED_AS.get(name, name).replace("-", "_") for name in names}


@pytest.fixture(scope="module")
def project(root) -> dict:
    return tomllib.loads((root / "pyproject.toml").read_text())["project"]


@pytest.fixture(scope="module")
def found(root) -> set[str]:
    return imported([p for p in (root / "lfmc").rglob("*.py") if "workflow" not in p.parts])


def test_what_is_imported_is_declared_and_what_is_declared_is_imported(project, found):
    assert found - set(OPTIONAL) == modules(project["dependencies"])


def test_what_is_optional_is_in_its_extra(project, found):
    extras = project["optional-dependencies"]
    for module in found & set(OPTIONAL):
        assert module in modules(extras[OPTIONAL[module]])


def test_an_undeclared_import_would_be_seen(tmp_path):
    """The negative control: an import inside a function, and one of a part of a package."""
    path = tmp_path / "a.py"
    path.write_text(
        "def f():\n    import snakemake\n    from jinja2.ext import do\n    import os\n"
    )
    assert imported([path]) == {"snakemake", "jinja2"}
