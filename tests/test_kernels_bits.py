"""The bits of a kernel do not depend on which kernels a process compiled before, or found."""

import os
import pickle
import subprocess
import sys
from pathlib import Path

import pytest
from llvmlite.binding import ObjectFileRef

pytestmark = pytest.mark.unit

# A law whose kernels call kernels; each word of the command line is a step.
CODE = """
import hashlib, sys
import numpy as np
from lfmc.kernels import lanes

if sys.argv[1] == "numba":  # the negative control
    for option in ("forceinline", "pipeline_class"):
        del lanes._KERNEL[option]

from lfmc.kernels.site_law import along, residual
from lfmc.theories.cpn.auxiliary import CPNAuxiliary
from lfmc.theories.cpn import low_rank_law
from lfmc.theories.cpn.low_rank_kernels import form_along, low_rank_residual

theory = CPNAuxiliary((4, 4), 3, 0.8)
couplings, rows = theory.couplings(), theory.site_law().rows
of_law = (3, *couplings[2:5])

@lanes.kernel
def scores(work, phi, couplings, found):
    residual(work, phi, 0, couplings)
    lanes.store(found, 0, along(work, phi, 1, couplings))

for step in sys.argv[2:]:
    random = np.random.default_rng(1)
    phi, work = random.random((12, lanes.LANES)), random.random((rows, lanes.LANES))
    found = np.zeros((1, lanes.LANES))
    if step == "scores":
        scores(work, phi, couplings, found)
    elif step == "residual":
        low_rank_residual(work, phi, 0, *of_law)
    elif step == "along":
        form_along(work, phi, 0, *of_law)
print(hashlib.sha256(found.tobytes()).hexdigest())
"""


class Session:
    """Processes that share a folder of compiled kernels."""

    def __init__(self, root: Path, folder: Path, options: str) -> None:
        folder.mkdir(mode=0o700)
        (folder / "own.py").write_text(CODE)
        self.root, self.folder, self.options = root, folder, options

    def bits(self, seed: int, *steps: str) -> str:
        """Of the last step; names by which a process knows kernels may depend on the hash seed."""
        own = {"NUMBA_CACHE_DIR": str(self.folder / "cache"), "PYTHONHASHSEED": str(seed)}
        done = subprocess.run(
            [sys.executable, "own.py", self.options, *steps],
            cwd=self.folder, env={**os.environ, **own, "PYTHONPATH": str(self.root)},
            capture_output=True, text=True,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()

    def machine_code(self) -> dict[str, tuple[str, bytes]]:
        """Of every function that is kept; of kernels also the names by which others call them."""
        found = {}
        for path in self.folder.rglob("*.nbc"):
            (_, _, (code, _)), described, *_ = pickle.loads(path.read_bytes())
            parts = ObjectFileRef.from_data(code).sections()
            text = b"".join(part.data() for part in parts if part.is_text())
            found[path.name] = ("" if described.inline else described.mangled_name, text)
        return found


def in_two_orders(root: Path, folder: Path, options: str) -> tuple[set[str], bool]:
    """Bits of scores from two folders, and whether what is kept there is the same code."""
    one, two = (Session(root, folder / name, options) for name in ("one", "two"))
    bits = {one.bits(1, "scores"), one.bits(2, "scores")}
    two.bits(3, "along", "residual")
    bits |= {two.bits(4, "scores"), two.bits(5, "residual", "scores")}
    return bits, one.machine_code() == two.machine_code()


def test_bits_do_not_depend_on_the_order_of_compilation(root, tmp_path):
    bits, same_code = in_two_orders(root, tmp_path, "lfmc")
    assert len(bits) == 1
    assert same_code


def test_code_depends_on_it_with_the_defaults_of_numba(root, tmp_path):
    """The negative control; whether other code rounds otherwise depends on the processor."""
    _, same_code = in_two_orders(root, tmp_path, "numba")
    assert not same_code
