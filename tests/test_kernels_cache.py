"""Compiled kernels are those of the code at hand, never of an earlier one."""

import ast
import shutil
import subprocess
import sys

import pytest

from lfmc.errors import LfmcError
from lfmc.kernels import cache
from lfmc.kernels.cache import CONSTANTS, PACKAGES, cache_of_this_code, digest

pytestmark = pytest.mark.unit

CODE = """
import numpy as np
from lfmc.kernels.lanes import LANES, kernel, load, store
from lfmc.kernels.mathematics import tanh

@kernel
def apply(x):
    store(x, 0, tanh(load(x, 0)))

x = np.full((1, LANES), 1.0)
apply(x)
print(x[0, 0])
"""


@pytest.fixture
def package(root, tmp_path):
    """A copy of the package's kernels."""
    for part in PACKAGES:
        shutil.copytree(
            root / "lfmc" / part, tmp_path / "lfmc" / part,
            ignore=shutil.ignore_patterns("__pycache__"),
        )  # fmt: skip
    for name in (*CONSTANTS, "errors.py", "private_folder.py"):
        (tmp_path / "lfmc" / name).parent.mkdir(exist_ok=True)
        shutil.copy(root / "lfmc" / name, tmp_path / "lfmc" / name)
    (tmp_path / "lfmc" / "__init__.py").touch()
    (tmp_path / "own.py").write_text(CODE)
    return tmp_path


def inside(module):
    """Whether a module lies in one of the packages that kernels are made of."""
    path = module.removeprefix("lfmc.").replace(".", "/")
    return any(path.startswith(f"{part}/") for part in PACKAGES)


def run(folder):
    done = subprocess.run(
        [sys.executable, "own.py"], cwd=folder, env={"PYTHONPATH": str(folder)},
        capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return float(done.stdout)


def test_a_function_edited_in_another_file_is_compiled_anew(package):
    assert run(package) == pytest.approx(0.76159415595, abs=1e-10)
    source = package / "lfmc" / "kernels" / "mathematics.py"
    edited = source.read_text().replace("t = (1.0 - e) / (1.0 + e)", "t = (1.0 - e) / (2.0 + e)")
    assert edited != source.read_text()
    source.write_text(edited)
    assert run(package) < 0.5


def test_kernels_are_kept(package):
    run(package)
    kept = list(package.glob("lfmc/kernels/__pycache__/lfmc-*/**/own.apply-*.nbc"))
    assert len(kept) == 1
    before = kept[0].stat().st_mtime_ns
    run(package)
    assert kept[0].stat().st_mtime_ns == before


def test_the_digest_tells_every_source(package):
    for name in (*(f"{part}/new.py" for part in PACKAGES), *CONSTANTS):
        before = digest.__wrapped__(package / "lfmc")
        (package / "lfmc" / name).write_text("x = 1")
        assert digest.__wrapped__(package / "lfmc") != before


def test_constants_in_kernels_come_from_files_that_the_digest_tells(root):
    listed = {f"lfmc.{name.removesuffix('.py').replace('/', '.')}" for name in CONSTANTS}
    seen = set()
    sources = [p for part in PACKAGES for p in (root / "lfmc" / part).rglob("*.py")]
    with_kernels = [p for p in sources if "kernels.lanes" in p.read_text() or p.stem == "lanes"]
    assert len(with_kernels) > 15
    for path in with_kernels:
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("lfmc."):
                constants = [alias.name for alias in node.names if alias.name.isupper()]
                if constants and not inside(node.module):
                    seen.add(node.module)
    assert seen == listed


def test_kernels_of_a_package_that_is_read_only_lie_in_a_private_folder(monkeypatch, tmp_path):
    monkeypatch.setattr(cache.os, "access", lambda *_: False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert cache._parent.__wrapped__("") == tmp_path / "lfmc" / "kernels"
    assert (tmp_path / "lfmc" / "kernels").stat().st_mode & 0o777 == 0o700
    (tmp_path / "lfmc" / "kernels").chmod(0o777)
    with pytest.raises(LfmcError, match="the folder of compiled kernels: others can write"):
        cache._parent.__wrapped__("")


def test_the_folder_of_other_packages_is_left_alone(monkeypatch, tmp_path):
    from numba import config

    monkeypatch.setattr(config, "CACHE_DIR", str(tmp_path))
    with cache_of_this_code():
        assert config.CACHE_DIR.startswith(f"{tmp_path}/lfmc-")
    assert str(tmp_path) == config.CACHE_DIR
