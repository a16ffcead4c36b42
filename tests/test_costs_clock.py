"""Costs are CPU seconds, of like parts: waiting is none, correlators are counted apart."""

import time

import h5py
import numpy as np
import pytest
import torch
from figures_results import say_made_for
from flows_small import small

from lfmc.clock import Spent, cpu_seconds
from lfmc.flows.build import build_flow
from lfmc.proposals.accept import accept_proposals
from lfmc.proposals.generate import ProposalTask, drawing, timed_block
from lfmc.samplers import run as sampling
from lfmc.samplers import task as tasks
from lfmc.theories.ensembles import theory_of
from lfmc.theories.phi4 import Phi4

pytestmark = pytest.mark.unit

PAUSE = 1.0


def proposal_task() -> ProposalTask:
    config = small()
    flow = build_flow(theory_of(config.ensemble("T4")), config.flow.model).requires_grad_(False)
    return ProposalTask(config, "T4", "flow-70", flow, drawing(flow), None, "", 100)  # type: ignore[arg-type]


def test_waiting_costs_nothing():
    task = proposal_task()

    def slow(z):
        time.sleep(PAUSE / task.size * len(z))  # as another process would keep it waiting
        return task.draw(z)

    _, quick = timed_block(task, 0)
    _, slept = timed_block(task._replace(draw=slow), 0)
    assert slept.sampling < 0.5 * PAUSE
    assert quick.sampling < 0.5 * PAUSE


def test_work_is_counted():
    began = cpu_seconds()
    while cpu_seconds() - began < 0.05:
        np.sqrt(np.arange(1000.0))
    assert cpu_seconds() - began >= 0.05
    assert Spent(1.0, 2.0) + Spent(0.5, 0.25) == Spent(1.5, 2.25)


def test_correlators_are_no_part_of_sampling(monkeypatch):
    """A clock that only the correlators move, in proposals and in classical chains alike."""
    now = [0.0]

    def correlators(self, fields):
        now[0] += 7.0
        return measured(self, fields)

    measured = Phi4.correlators
    monkeypatch.setattr(Phi4, "correlators", correlators)
    for module in ("lfmc.proposals.generate", "lfmc.samplers.run"):
        monkeypatch.setattr(f"{module}.cpu_seconds", lambda: now[0])
    assert timed_block(proposal_task(), 0)[1] == Spent(0.0, 7.0)
    task = chain_task()
    from lfmc.samplers.state import cold_start

    start = cold_start(task.theory, 1, range(task.plan.replicas), "local", "T4")
    segment = sampling.sample_segment(task, 0, start, lambda done, total: None, lambda: False)
    assert segment.spent.sampling == 0.0
    assert segment.spent.measure >= 7.0


def chain_task() -> tasks.ChainTask:
    from lfmc.samplers.method import method
    from lfmc.samplers.plan import plan

    config = small()
    tuned = {"local": {"delta": 0.5}, "hmc": {"trajectory_length": 1.0}, "cluster": {"delta": 0.5}}
    action = theory_of(config.ensemble("T4"))
    chosen = method(config, "local", action, tuned)
    division = plan(5.0, 400, 4, chosen.save_every, 10, 16, 0)
    return tasks.ChainTask(config, "T4", action, chosen, division, "key", "{}")


@pytest.mark.parametrize("clock", ["cpu", None])
def test_the_chain_says_by_which_clock(clock, tmp_path, proposals_file):
    with h5py.File(proposals_file, "a") as file:
        if clock is None:
            del file.attrs["clock"], file.attrs["seconds_measure"]
    accept_proposals(small(), "T4", "flow-70", proposals_file, tmp_path / "chain.h5")
    with h5py.File(tmp_path / "chain.h5") as file:
        assert file.attrs["clock"] == (clock or "wall")
        assert ("seconds_measure" in file.attrs) == (clock == "cpu")


@pytest.fixture
def proposals_file(tmp_path, monkeypatch):
    """Proposals without their checks, which need a model."""
    monkeypatch.setattr("lfmc.proposals.accept.require_blocks", lambda *arguments: None)
    count, path = small().proposals, tmp_path / "proposals.h5"
    with h5py.File(path, "w") as file:
        file["log_q"] = file["S"] = torch.zeros(count, dtype=torch.float64).numpy()
        say_made_for(file, small(), "propose", "T4", "flow-70")
        file.attrs["seconds"], file.attrs["seconds_measure"], file.attrs["clock"] = 3.0, 1.0, "cpu"
    return path
