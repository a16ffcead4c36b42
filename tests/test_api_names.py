"""Claims about `import lfmc`: light, complete, and the same names for readers and type checkers."""

import ast
import subprocess
import sys

import pytest

import lfmc
from lfmc.errors import LfmcError

pytestmark = pytest.mark.unit


def loaded_after(code):
    heavy = ("torch", "numpy", "numba", "pandas", "matplotlib", "h5py", "pydantic", "tqdm")
    code = f"{code}\nimport sys\nprint([m for m in {heavy} if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return done.stdout.strip()


def test_import_loads_no_library():
    assert loaded_after("import lfmc; dir(lfmc); lfmc.__version__") == "[]"


def test_a_theory_needs_no_torch():
    assert "torch" not in loaded_after("import lfmc; lfmc.Phi4((4, 4), 1.0, 1.0)")


def test_classical_chains_and_measurements_need_no_torch():
    code = "import lfmc; c = lfmc.local(lfmc.Phi4((2, 2), 8.0, 1.0), chains=2, updates=20, seed=1)"
    loaded = loaded_after(f"{code}; lfmc.measure(c)")
    assert "numba" in loaded
    assert "torch" not in loaded


def test_the_list_of_loaded_libraries_can_fail():
    assert "torch" in loaded_after("import lfmc; lfmc.train")


def test_every_name_is_there_and_documented():
    for name in lfmc.__all__:
        value = getattr(lfmc, name)
        assert value.__doc__, name
        assert name in dir(lfmc)


def test_type_checkers_see_the_same_names(root):
    tree = ast.parse((root / "lfmc" / "__init__.py").read_text())
    (block,) = [node for node in tree.body if isinstance(node, ast.If)]
    seen = {
        alias.name: node.module
        for node in block.body
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }
    assert seen == lfmc._HOME
    assert set(lfmc.__all__) == set(seen)


def test_an_unknown_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="no attribute 'hcm'"):
        lfmc.hcm  # noqa: B018


def test_errors_are_of_one_kind():
    assert issubclass(lfmc.TargetNotReached, LfmcError)
