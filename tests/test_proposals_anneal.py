"""Claims about annealed proposals: exact, better, reproducible, verified from their file."""

import h5py
import numpy as np
import pytest
from exact_targets import log_partition, quadrature
from flows_disturbed import disturbed_for

import lfmc
from lfmc.analysis.log_z import log_Z_of
from lfmc.config import parse_config, stage_settings
from lfmc.errors import LfmcError
from lfmc.flows.build import build_flow, save_flow
from lfmc.mpi.ranks import ALONE
from lfmc.proposals import anneal
from lfmc.proposals.accept import accept_proposals
from lfmc.proposals.anneal import annealing
from lfmc.proposals.generate import drawing, make_block, proposal_task
from lfmc.proposals.propose import propose
from lfmc.proposals.verify import verify_flow
from lfmc.theories.ensembles import theory_of
from lfmc.training.acceptance import effective_sample_size
from lfmc.weights import read_log_weights

TINY = lfmc.Phi4((2, 2), m2=-4.0, lam=5.0)
COUNT = 40 * anneal.BATCH


def drawn(steps, kind="heatbath", theory=TINY, size=0.3):
    """Fields and work of annealed proposals of a weak flow."""
    flow, random = disturbed_for(theory, kind, size), np.random.default_rng(5)
    chosen, draw = annealing(flow, steps, random), drawing(flow)
    fields, work = [], []
    for _ in range(COUNT // anneal.BATCH):
        z, change = random.standard_normal((anneal.BATCH, flow.base.numbers)), 0.0
        if chosen is not None:
            z, change = chosen(z, random)
        phi, log_q = draw(z)
        fields.append(phi)
        work.append(change - theory.evaluate(phi) - log_q)
    return np.concatenate(fields), np.concatenate(work)


def deviation(phi, work):
    """Weighted <phi^2> and log Z in errors from their exact values."""
    weight = np.exp(work - work.max())
    phi2 = (phi**2).mean(1)
    mean = (weight * phi2).sum() / weight.sum()
    error = np.sqrt((weight**2 * (phi2 - mean) ** 2).sum()) / weight.sum()
    z = log_Z_of(work)
    return abs(mean - quadrature(TINY)["phi2"]) / error, abs(
        z.value - log_partition(TINY)
    ) / z.error


@pytest.mark.stat
@pytest.mark.parametrize("steps", [2, 8])
@pytest.mark.parametrize("kind", ["heatbath", "realnvp+prior"])
def test_the_work_reweights_to_the_exact_averages(kind, steps):
    """Both within 4.5 errors in four cases: a false alarm in 5e-5 of the seeds."""
    size = 0.3 if kind == "heatbath" else 0.05
    assert max(deviation(*drawn(steps, kind, size=size))) < 4.5


@pytest.mark.stat
def test_weights_at_the_wrong_end_of_a_step_are_noticed(monkeypatch):
    """The negative control: the work takes log w after the move instead of before it."""
    right = anneal._move

    def wrong(self, z, random):
        x, steps = np.ascontiguousarray(z[:, : self.numbers]), len(self.fractions) + 1
        log_weight, work = self.weigh(x), 0.0
        for k, fraction in enumerate(self.fractions, 1):
            x, log_weight, _ = right(self.weigh, x, log_weight, fraction, k / steps, random)
            work = work + log_weight / steps
        work = work + log_weight / steps
        return np.concatenate([x, z[:, self.numbers :]], axis=1), work - log_weight

    monkeypatch.setattr(anneal.Annealing, "__call__", wrong)
    assert max(deviation(*drawn(8))) > 6


@pytest.mark.stat
def test_annealing_raises_the_effective_sample_size():
    bare, annealed = (effective_sample_size(drawn(n)[1]) for n in (1, 16))
    assert annealed > 1.5 * bare


def test_steps_are_chosen_by_the_variance_of_the_work():
    easy, hard = lfmc.Phi4((6, 6), m2=2.0, lam=0.1), lfmc.Phi4((6, 6), m2=-4.0, lam=6.975)
    for theory, size, most in ((easy, 0.001, 1), (hard, 0.2, 256)):
        flow = disturbed_for(theory, "heatbath", size)
        chosen = annealing(flow, "auto", np.random.default_rng(1))
        steps = 1 if chosen is None else len(chosen.fractions) + 1
        assert (steps == 1) == (most == 1)
        assert steps <= most


CONFIG = {
    "seed": 3,
    "ensembles": [{"name": "T", "L": 4, "m2": -4.0, "lam": 6.975}],
    "statistics": {"configurations": 1500, "replicas": 10, "keep_fields": 20},
    "flow": {"targets": [0.5]},
    "propose": {"block": 512, "anneal": 4},
    "accept": {"replicas": 4, "burn_in": 20},
}


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """Configuration, model, proposals and chain of an untrained flow."""
    folder, config = tmp_path_factory.mktemp("annealed"), parse_config(CONFIG)
    ensemble = config.ensemble("T")
    model = folder / "flow-50.safetensors"
    flow = build_flow(theory_of(ensemble), config.flow.model)
    save_flow(model, flow.state_dict(), config.flow, ensemble)
    proposals, chain = folder / "p" / "flow-50.h5", folder / "c.h5"
    task = proposal_task(config, "T", "flow-50", model)
    assert propose(task, proposals, ALONE, lambda done, total: None, lambda: False)
    accept_proposals(config, "T", "flow-50", proposals, chain)
    return config, model, proposals, chain


def test_a_chain_of_annealed_proposals_verifies_from_its_file(made, tmp_path):
    """Blocks are replayed with the stored fractions; other fractions or work are refused."""
    config, model, proposals, chain = made
    found = verify_flow(config, "T", "flow-50", model, proposals, chain)
    assert "reproduced bit for bit" in found["summary"]
    with h5py.File(proposals) as file:
        assert len(file.attrs["fractions"]) == 3
        work, bare = file["log_weight"][()], -file["S"][()] - file["log_q"][()]
    assert np.array_equal(read_log_weights(proposals), work)
    assert np.abs(work - bare).max() > 0.1
    task = proposal_task(config, "T", "flow-50", model, fractions=(0.5, 0.5, 0.5))
    assert not np.allclose(make_block(task, 0)["log_weight"], work[:512])


def test_the_choice_of_the_moves_is_a_set_up_and_is_not_repeated(made, monkeypatch):
    config, model, proposals, chain = made
    for path in (proposals, chain):
        with h5py.File(path) as file:
            assert file.attrs["seconds_setup"] > 0
    monkeypatch.setattr(anneal, "_pilot", None)
    again = proposal_task(config, "T", "flow-50", model, fractions=(0.5, 0.4, 0.3))
    assert again.annealing.fractions == (0.5, 0.4, 0.3)
    with pytest.raises(TypeError):
        proposal_task(config, "T", "flow-50", model)


def test_stopped_proposals_continue_with_the_same_bits(made, tmp_path):
    config, model, proposals, _ = made
    counted = iter(range(10**6))
    task = proposal_task(config, "T", "flow-50", model)
    output = tmp_path / "p" / "flow-50.h5"
    assert not propose(task, output, ALONE, lambda *_: None, lambda: next(counted) > 2)
    assert propose(task, output, ALONE, lambda *_: None, lambda: False)
    assert len(list((tmp_path / "p" / "flow-50").iterdir())) == 2
    assert np.array_equal(read_log_weights(output), read_log_weights(proposals))


def test_another_number_of_configurations_uses_the_blocks_that_exist(made, tmp_path, caplog):
    _, model, _, _ = made
    longer = CONFIG | {"statistics": CONFIG["statistics"] | {"configurations": 3000}}
    tasks = [proposal_task(parse_config(c), "T", "flow-50", model) for c in (CONFIG, longer)]
    quiet = (ALONE, lambda *_: None, lambda: False)
    output, other = tmp_path / "p" / "flow-50.h5", tmp_path / "q" / "flow-50.h5"
    for task in tasks:
        assert propose(task, output, *quiet)
    assert propose(tasks[1], other, *quiet)
    with h5py.File(output) as one, h5py.File(other) as two:
        for name in ("log_weight", "log_q", "fields/phi", "fields/prior"):
            assert np.array_equal(one[name][()], two[name][()]), name


def test_python_anneals_too(made):
    one = lfmc.load(made[1])
    chains = [
        lfmc.sample(one, 2000, seed=1, replicas=4, anneal=n, keep_fields=5, progress=False)
        for n in (1, 8)
    ]
    assert chains[1].acceptance > chains[0].acceptance
    assert np.var(chains[1].log_weight) < np.var(chains[0].log_weight)


def test_bare_proposals_keep_their_settings():
    bare = parse_config(CONFIG | {"propose": {"block": 512}})
    one = parse_config(CONFIG | {"propose": {"block": 512, "anneal": 1}})
    for stage in ("propose", "retrain"):
        settings = stage_settings(bare, stage, "T", "flow-50")
        assert "anneal" not in settings
        assert stage_settings(one, stage, "T", "flow-50") == settings
        assert stage_settings(parse_config(CONFIG), stage, "T", "flow-50")["anneal"] == 4


@pytest.mark.parametrize("steps", [0, 1001, "many"])
def test_impossible_numbers_of_steps_are_refused(steps):
    with pytest.raises(LfmcError, match=r"propose\.anneal"):
        parse_config(CONFIG | {"propose": {"anneal": steps}})
