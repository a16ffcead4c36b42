"""The layers of the package: a module imports only from layers below its own."""

import ast
import importlib
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.unit

# Lowest first. Modules of the first layer may use each other; packages of one later layer may not.
LAYERS = (
    {
        "attributes", "claim", "classical", "clock", "config", "errors", "hdf5_refused", "made_for",
        "not_reached", "private_folder", "provenance", "seal", "shared_memory", "store",
        "table_files",
    },
    {"lattice"},
    {"kernels", "streams", "mpi", "device", "weights"},
    {"theories"},
    {"chains"},
    {"flows", "samplers"},
    {"training", "conformance"},
    {"proposals"},
    {"analysis"},
    {"exchange", "tuning"},
    {"figures"},
    {"cli"},
    {"api", "__main__"},
)  # fmt: skip
LAYER = {name: level for level, names in enumerate(LAYERS) for name in names}

ALLOWED = {
    "torch": {"api", "conformance", "device", "exchange", "flows", "training", "proposals"},
    "mpi4py": {"mpi"},
    "numba": {"cli", "samplers", "kernels", "theories"},  # cli: says when kernels are compiled
    "matplotlib": {"figures"},
    "pyerrors": {"exchange"},
    "snakemake": set(),
}


def imports(path: Path) -> set[str]:
    """Every module that a file imports, anywhere in it."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found |= {node.module} | {f"{node.module}.{alias.name}" for alias in node.names}
    return found


def packages_imported(names: set[str]) -> set[str]:
    return {name.split(".")[1] for name in names if name.startswith("lfmc.")} & set(LAYER)


def package_of(path: Path, root: Path) -> str:
    return path.relative_to(root).parts[0].removesuffix(".py")


def upward(root: Path) -> list[str]:
    """Imports that do not go down, of every module below `root` (the folder of the package)."""
    wrong = []
    for path in sorted(root.rglob("*.py")):
        if path == root / "__init__.py":  # the public names, all of them loaded on demand
            continue
        own = package_of(path, root)
        for other in sorted(packages_imported(imports(path)) - {own}):
            base = LAYER[own] == LAYER[other] == 0
            if LAYER[other] >= LAYER[own] and not base:
                wrong.append(f"{path.relative_to(root)} imports {other}")
    return wrong


def test_every_module_has_a_layer(root):
    found = {package_of(p, root / "lfmc") for p in (root / "lfmc").rglob("*.py")}
    assert found - {"__init__"} == set(LAYER)


def test_modules_import_only_from_layers_below(root):
    assert upward(root / "lfmc") == []


def test_upward_and_sideways_imports_are_noticed(tmp_path):
    for package in ("kernels", "flows", "samplers"):
        (tmp_path / package).mkdir()
    (tmp_path / "kernels" / "lanes.py").write_text("def f():\n    from lfmc.analysis import bins\n")
    (tmp_path / "flows" / "base.py").write_text("from lfmc.samplers import hmc\n")
    (tmp_path / "samplers" / "hmc.py").write_text("import lfmc.kernels.lanes\n")
    assert upward(tmp_path) == [
        "flows/base.py imports samplers",
        "kernels/lanes.py imports analysis",
    ]


def test_heavy_libraries_stay_in_their_packages(root):
    wrong = [
        f"{path.relative_to(root)} imports {library}"
        for path in (root / "lfmc").rglob("*.py")
        for library, packages in ALLOWED.items()
        if any(n.split(".")[0] == library for n in imports(path))
        and path != root / "lfmc" / "__init__.py"
        and package_of(path, root / "lfmc") not in packages
    ]
    assert not wrong


def test_the_lowest_layers_need_no_learning_plotting_or_mpi():
    low = sorted(name for name in LAYERS[0] | {"lattice", "streams", "chains"})
    code = f"""
import importlib, sys
for name in {low}:
    importlib.import_module("lfmc." + name)
heavy = ("torch", "matplotlib", "numba", "pyerrors", "mpi4py", "pandas")
print([m for m in heavy if m in sys.modules])
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_modules_are_small(root):
    sizes = sorted(len(p.read_text().splitlines()) for p in (root / "lfmc").rglob("*.py"))
    assert sizes[-1] <= 300
    assert sizes[len(sizes) // 2] <= 120


def test_every_module_can_be_imported(root):
    for path in (root / "lfmc").rglob("*.py"):
        parts = path.relative_to(root).with_suffix("").parts
        importlib.import_module(".".join(p for p in parts if p != "__init__"))
