"""Claims about the house: a room imports only from floors below its own."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.unit

FLOORS = {
    "errors": 0, "clock": 0, "private_folder": 0, "shared_memory": 0,
    "sections": 0, "flow_sections": 0, "config": 0, "site": 0, "store": 0,
    "provenance": 0, "not_reached": 0,
    "yaml_reader": 0, "problems": 0, "seal": 0, "flow_limits": 0, "hdf5_refused": 0,
    "config_limits": 0, "results_folder": 0, "configfile": 0,
    "action": 1, "lattice": 1, "observables": 1, "streams": 1, "chains": 1, "weights": 1,
    "blocks": 1, "claim": 0, "attributes": 0, "made_for": 0,
    "vector": 1.5,
    "flows": 2, "samplers": 2, "device": 2,
    "compiled": 2.5,
    "training": 3, "ranks": 3, "proposals": 3, "parts": 3, "join": 3, "propose": 3,
    "accept": 3, "retrain": 3, "verify": 3,
    "analysis": 4,
    "figures": 5,
    "cli": 6, "api": 6,
}  # fmt: skip

ALLOWED = {
    "torch": {"api", "compiled", "device", "flows", "training", "proposals", "retrain", "verify"},
    "mpi4py": {"ranks"},
    "numba": {"samplers", "vector"},
    "matplotlib": {"figures"},
    "pyerrors": {"analysis"},
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


def rooms_imported(names: set[str]) -> set[str]:
    return {name.split(".")[1] for name in names if name.startswith("lfmc.")} & set(FLOORS)


def room_of(path: Path, package: Path) -> str:
    return path.relative_to(package).parts[0].removesuffix(".py")


@pytest.fixture(scope="module")
def sources(root: Path) -> list[Path]:
    return [p for p in (root / "lfmc").rglob("*.py") if p != root / "lfmc" / "__init__.py"]


def test_every_room_has_a_floor(sources, root):
    assert {room_of(p, root / "lfmc") for p in sources} <= set(FLOORS)


def test_rooms_import_only_from_floors_below(sources, root):
    wrong = []
    for path in sources:
        room = room_of(path, root / "lfmc")
        for other in rooms_imported(imports(path)) - {room}:
            sideways = FLOORS[other] == FLOORS[room]
            if FLOORS[other] > FLOORS[room] or (sideways and FLOORS[room] == 2):
                wrong.append(f"{path.relative_to(root)} imports {other}")
    assert not wrong


def test_the_order_of_floors_is_really_checked(tmp_path):
    (tmp_path / "action.py").write_text("def f():\n    from lfmc.analysis import bins\n")
    assert rooms_imported(imports(tmp_path / "action.py")) == {"analysis"}


def test_heavy_libraries_stay_in_their_rooms(sources, root):
    wrong = [
        f"{path.relative_to(root)} imports {library}"
        for path in sources
        for library, rooms in ALLOWED.items()
        if any(n.split(".")[0] == library for n in imports(path))
        and room_of(path, root / "lfmc") not in rooms
    ]
    assert not wrong


def test_the_base_needs_no_learning_plotting_or_mpi():
    base = [room for room, floor in FLOORS.items() if floor <= 1]
    code = f"""
import importlib, sys
for room in {base}:
    importlib.import_module("lfmc." + room)
heavy = ("torch", "matplotlib", "numba", "pyerrors", "mpi4py", "pandas")
print([m for m in heavy if m in sys.modules])
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
