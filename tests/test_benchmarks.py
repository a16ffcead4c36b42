"""The benchmark suite runs end to end, and refuses to time what computes something else."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from benchmarks import equal_ess, samplers
from benchmarks.gates import Refused
from benchmarks.peers.contest import gate
from benchmarks.plan import PLANS
from lfmc.samplers.hmc import HmcParameters, sample_hmc
from lfmc.table_files import read_table
from lfmc.theories.phi4 import Phi4

pytestmark = pytest.mark.unit

LAM = 6.975
TARGET = Phi4((6, 6), -4.0, LAM)


@pytest.fixture(scope="module")
def tiny(root: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Results of the whole suite at its smallest, zuko as the only peer."""
    results = tmp_path_factory.mktemp("bench")
    command = [sys.executable, "-m", "benchmarks", "--plan", "tiny", "--peers", sys.executable]
    done = subprocess.run(
        [*command, "--results", str(results)], cwd=root, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    return results


def test_suite_runs_end_to_end_and_writes_its_summary(tiny: Path):
    text = (tiny / "summary.md").read_text()
    sections = (
        "Ratios",
        "Machine",
        "Peers",
        "Samplers",
        "Training",
        "Ladders",
        "Configurations",
        "Exactness",
    )
    assert [name for name in sections if f"## {name}" not in text] == []
    assert "refused" not in text
    assert set(read_table(tiny / "peers.csv").peer) == {"lfmc", "zuko-realnvp"}


def test_what_is_measured_already_is_not_measured_again(tiny: Path, root: Path):
    before = {path.name: path.read_bytes() for path in tiny.glob("*.csv")}
    command = [sys.executable, "-m", "benchmarks", "--plan", "tiny", "--results", str(tiny)]
    subprocess.run(command, cwd=root, check=True, capture_output=True)
    assert {path.name: path.read_bytes() for path in tiny.glob("*.csv")} == before


class Peer:
    """Independent normals of width 0.4 as a contestant, with defects on demand."""

    batch = 8
    width = 0.4

    def __init__(self, hopping: float = 2.0, jacobian: bool = True) -> None:
        self.hopping, self.jacobian = hopping, jacobian

    def action(self, phi: np.ndarray) -> np.ndarray:
        return TARGET.evaluate(phi) + (2.0 - self.hopping) * (phi[:, :-1] * phi[:, 1:]).sum(1)

    def step(self, progress: float) -> float:
        return 0.0

    def sample(self, count: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
        z = np.random.default_rng(seed).standard_normal((count, 36))
        base = -0.5 * (z * z).sum(1) - 18 * np.log(2 * np.pi)
        return self.width * z, base - self.jacobian * 36 * np.log(self.width)

    def densities(self, count: int) -> tuple[np.ndarray, np.ndarray]:
        return self.sample(count, 0)[1], Peer().sample(count, 0)[1]


def test_gate_passes_a_peer_that_is_right():
    gate("right", Peer(), TARGET, 1e-3)


@pytest.mark.parametrize(
    ("peer", "says"),
    [(Peer(jacobian=False), "Jacobian"), (Peer(hopping=1.0), "action")],
    ids=["no Jacobian", "half the hopping"],
)
def test_gate_refuses_a_broken_peer(peer: Peer, says: str):
    with pytest.raises(Refused, match=says):
        gate("broken", peer, TARGET, 1e-3)


def test_gate_passes_the_hmc_kernel_and_refuses_it_with_a_broken_force():
    plan = PLANS["tiny"]._replace(gate_updates=2000)
    action, state = samplers.start(6, 500)
    parameters = HmcParameters(samplers.LENGTH[6], samplers.STEPS)
    message = samplers.gate_compiled("hmc", sample_hmc, state, action, parameters, plan)
    assert "exp(-dH)" in message

    def mistyped(state, action, *rest):
        return sample_hmc(state, Phi4(action.shape, action.m2, 1.01 * action.lam), *rest)

    with pytest.raises(Refused, match="phi"):
        samplers.gate_compiled("hmc", mistyped, state, action, parameters, plan)


def test_an_ess_that_one_check_shows_and_the_next_denies_does_not_count():
    import pandas

    checks = pandas.DataFrame({"seconds": [1.0, 2.0, 3.0, 4.0], "ess": [0.3, 0.01, 0.2, 0.25]})
    assert equal_ess.first(checks, 0.2) == 3.0
    assert np.isnan(equal_ess.first(checks, 0.5))
