"""Claims about latent HMC: exact with every flow, reversible, reproducible, verified."""

import json
import shutil

import h5py
import numpy as np
import pytest
import torch
from api_run import CONFIG
from exact_targets import sigmas
from flows_disturbed import disturbed_for
from model_chains import (
    SMALL,
    TINY,
    chains_of,
    content,
    invoke,
    require_bits_of_pieces,
    run_with_a_break,
    same,
    task_of,
)
from model_chains import deviations as averages

import lfmc
from lfmc.analysis.latent_steps import CANDIDATES, chosen_steps, cost_of_update
from lfmc.config import parse_config
from lfmc.errors import LfmcError
from lfmc.flows.base import standard_normal_log_density
from lfmc.flows.passes import passes
from lfmc.lattice.sites import khat2
from lfmc.proposals.latent_hmc import latent_map_of, latent_method
from lfmc.proposals.model_chains import with_number
from lfmc.proposals.verify import verify_with_model
from lfmc.samplers.creutz import creutz_factor
from lfmc.samplers.latent_hmc import trajectory
from lfmc.samplers.state import cold_start, started_from
from lfmc.samplers.tune import tuned
from lfmc.theories.ensembles import ensemble_of
from lfmc.theories.free import Free


def method_of(theory, kind="heatbath", steps=3, size=0.1, change=None):
    """Latent HMC with an untrained flow, and its configuration."""
    ensemble = ensemble_of(theory, "E").model_dump(mode="json", exclude={"L", "d"})
    section = {"latent-hmc": {"steps": steps, "thermalisation": 20}}
    config = parse_config({"seed": 3, "ensembles": [ensemble], "samplers": section})
    latent = latent_map_of(disturbed_for(theory, kind, size))
    if change:
        latent = change(latent)
    known = {"local": tuned(config, "E", theory, "local")}
    return config, with_number(latent_method(config, theory, known, latent, "m"), steps)


def deviations(info):
    return averages(info) | {
        "creutz": sigmas(creutz_factor(info.extra["dH"], "latent-hmc").mean(1), 1.0)
    }


@pytest.mark.stat
@pytest.mark.parametrize(
    ("kind", "steps"), [("heatbath", 1), ("heatbath", 4), ("realnvp+prior", 2)]
)
def test_chains_have_exact_averages(kind, steps):
    """Five numbers within 4.5 sigma of the quadrature and of <exp(-dH)> = 1, 64 chains: a false
    alarm in 1e-3 of the seeds for all three cases."""
    _, method = method_of(TINY, kind, steps, size=0.05)
    found = deviations(chains_of(TINY, method, updates=500))
    assert max(found.values()) < 4.5, found


@pytest.mark.stat
def test_a_log_determinant_of_the_wrong_sign_is_noticed():
    """The negative control: log N(z) + log det dphi/dz in the place of log q."""

    def turned(latent):
        def draw(z):
            phi, log_q = latent.draw(z)
            return phi, 2 * standard_normal_log_density(torch.tensor(z)).numpy() - log_q

        return latent._replace(draw=draw)

    for change, noticed in ((turned, True), (None, False)):
        _, method = method_of(TINY, "realnvp+prior", steps=3, size=0.05, change=change)
        found = deviations(chains_of(TINY, method, chains=64, updates=300))
        largest = max(value for name, value in found.items() if name != "creutz")
        assert largest > 6 if noticed else largest < 4.5, found


def end_of(theory, steps, change=lambda gradient: gradient, angle=1.2):
    """Normals and momenta at both ends of trajectories, and dH."""
    latent = latent_map_of(disturbed_for(theory, "heatbath", 0.02))
    random = np.random.default_rng(4)
    z, p = random.standard_normal((2, 32, latent.moved))
    angles = angle * (1 + 0.3 * random.random(32))
    end = trajectory(change(latent.gradient), z, p, angles, steps)
    energy = [0.5 * (a * a + b * b).sum(1) - _log_weight(theory, a) for a, b in ((z, p), end)]
    return latent, (z, p), end, angles, energy[1] - energy[0]


def _log_weight(theory, z):
    flow = disturbed_for(theory, "heatbath", 0.02)
    return passes(flow).model_log_weight(torch.tensor(z)).numpy()


def test_trajectories_are_reversible():
    """The end with the momenta turned leads back; not so if the first kick is another one."""
    latent, (z, p), (end, last), angles, _ = end_of(SMALL, 5)
    back, turned = trajectory(latent.gradient, end, -last, angles, 5)
    assert np.abs(back - z).max() < 1e-11
    assert np.abs(turned + p).max() < 1e-11
    assert np.abs(end - z).max() > 0.1
    back, _ = trajectory(latent.gradient, end, -last, 1.01 * angles, 5)
    assert np.abs(back - z).max() > 1e-3


def test_trajectories_preserve_volume():
    """The Jacobian of (z, p) of a 2 x 2 lattice by central differences has the determinant 1; with
    momenta that shrink a little it has not."""
    latent = latent_map_of(disturbed_for(TINY, "heatbath", 0.05))
    start = np.random.default_rng(1).standard_normal(4)

    def image(at, shrink=1.0):
        angles = np.full(len(at), 1.3)
        end, last = trajectory(latent.gradient, at[:, :2], at[:, 2:], angles, 3)
        return np.concatenate([end, shrink * last], axis=1)

    for shrink, volume in ((1.0, 1.0), (0.99, 0.99**2)):
        step = 1e-4 * np.eye(4)
        columns = (image(start + step, shrink) - image(start - step, shrink)) / 2e-4
        assert abs(np.linalg.det(columns) - volume) < 1e-5


def test_the_error_of_energy_falls_fast_with_the_steps():
    """From 1 to 4 steps by more than a leapfrog's factor of 16; kicks of the wrong sign, and none,
    leave it."""
    few, many = (np.median(np.abs(end_of(SMALL, steps)[-1])) for steps in (1, 4))
    assert many < few / 32
    for sign in (-1.0, 0.0):
        wrong = end_of(SMALL, 4, lambda gradient, s=sign: lambda z: s * gradient(z))
        assert np.median(np.abs(wrong[-1])) > 20 * many


def test_an_exact_flow_conserves_energy_and_accepts_everything():
    """The free field, of which the flow at its start is exact but for its tables (1e-6)."""
    theory = Free((4, 4), 0.25)
    _, method = method_of(theory, steps=1, size=0.0)
    info = chains_of(theory, method, chains=32, updates=200)
    assert np.abs(info.extra["dH"]).max() < 1e-4
    assert info.accepted.mean() > 0.999
    assert sigmas(info.scalars["phi2"].mean(1), _free_phi2(theory)) < 4.5


def _free_phi2(theory):
    return (1 / (2 * khat2(theory.shape) + 2 * theory.m2)).mean()


@pytest.mark.parametrize("kind", ["heatbath", "realnvp+prior"])
def test_bits_depend_neither_on_the_number_of_chains_nor_on_the_pieces(kind):
    _, method = method_of(SMALL, kind)
    require_bits_of_pieces(method, ("dH", "log_weight"))


def test_the_chosen_steps_have_the_smallest_cost_and_follow_from_the_seed():
    config, method = method_of(SMALL, size=0.02)
    best, tried = chosen_steps(config, "E", SMALL, method)
    assert min(tried, key=lambda one: one.cost).steps == best
    assert [one.steps for one in tried] == list(CANDIDATES[: len(tried)])
    assert chosen_steps(config, "E", SMALL, method) == (best, tried)
    for one in tried:
        assert one.cost == one.tau * cost_of_update(config, one.steps)


def test_a_weight_that_is_not_finite_is_refused():
    def broken(latent):
        return latent._replace(normals=lambda phi: np.full(phi.shape, np.nan))

    _, method = method_of(SMALL, change=broken)
    with pytest.raises(LfmcError, match="latent-hmc: 32 of 32 log weights are not finite"):
        method.advance(cold_start(SMALL, 7, range(4), "latent-hmc", "E"), SMALL, 1, 1)


def test_a_trajectory_that_diverges_is_rejected():
    def diverging(latent):
        return latent._replace(gradient=lambda z: np.full_like(z, np.inf))

    _, method = method_of(SMALL, change=diverging)
    state = cold_start(SMALL, 7, range(4), "latent-hmc", "E")
    after, info = method.advance(state, SMALL, 1, 1)
    assert (info.extra["dH"] == np.inf).all()
    assert not info.accepted.any()
    assert np.abs(after.phi - state.phi).max() < 1e-8


LATENT = CONFIG + "samplers: { run: [latent-hmc], latent-hmc: { steps: 2, thermalisation: 20 } }\n"
AUTO = LATENT.replace("steps: 2", "steps: auto").replace("12800", "1280")


@pytest.fixture(scope="module")
def made(small_run, tmp_path_factory):
    """A folder with the tuning and the model of the small run, and a chain of latent HMC."""
    folder = tmp_path_factory.mktemp("latent")
    for name in ("tune", "train"):
        shutil.copytree(small_run / "results" / name, folder / "results" / name)
    (folder / "config.yaml").write_text(LATENT)
    (folder / "auto.yaml").write_text(AUTO)
    invoke(folder, "tune")
    invoke(folder, "latent-hmc")
    return folder


def test_an_interrupted_chain_has_the_bits_of_a_whole_one(made, tmp_path):
    path = run_with_a_break(task_of(made, "latent-hmc", LATENT)[0], tmp_path)
    assert same(content(path), content(made / "results" / "latent-hmc" / "E1.h5"))


def test_a_chain_reverifies_from_its_file_and_a_changed_weight_does_not(made, tmp_path):
    task, model = task_of(made, "latent-hmc", LATENT)
    path = made / "results" / "latent-hmc" / "E1.h5"
    assert verify_with_model(task.config, "E1", "latent-hmc", model, path)["log_weight"] < 1e-6
    with h5py.File(path) as file:
        assert json.loads(file.attrs["parameters"])["steps"] == 2
        assert file.attrs["forces_per_update"] == 2
    shutil.copy(path, tmp_path / "E1.h5")
    with h5py.File(tmp_path / "E1.h5", "r+") as file:
        file["extra/log_weight"][...] += 1e-4
    with pytest.raises(LfmcError):
        verify_with_model(task.config, "E1", "latent-hmc", model, tmp_path / "E1.h5")


def test_the_commands_measure_it_and_leave_a_finished_chain_alone(made):
    assert "finished already" in invoke(made, "latent-hmc")
    for stage in ("measure", "autocorrelation", "verify"):
        invoke(made, stage, "--sampler", "latent-hmc")
    measured = (made / "results" / "measure" / "E1" / "latent-hmc.csv").read_text()
    assert "expdH" in measured


def test_the_steps_that_short_runs_choose_are_recorded(made):
    invoke(made, "tune", config="auto.yaml", results="auto")
    shutil.copytree(made / "results" / "train", made / "auto" / "train")
    invoke(made, "latent-hmc", config="auto.yaml", results="auto")
    record = json.loads((made / "auto" / "work" / "latent-hmc" / "E1-steps.json").read_text())
    with h5py.File(made / "auto" / "latent-hmc" / "E1.h5") as file:
        assert json.loads(file.attrs["parameters"])["steps"] == record["steps"]
    assert [one["steps"] for one in record["tried"]] == list(CANDIDATES[: len(record["tried"])])


def test_python_makes_the_same_kind_of_chain():
    model = lfmc.as_model(disturbed_for(SMALL, "heatbath"), SMALL)
    chain = lfmc.latent_hmc(model, chains=32, updates=100, seed=1, steps=2, progress=False)
    assert chain.sampler == "latent-hmc"
    again = -SMALL.evaluate(chain.fields) - lfmc.log_prob(model, chain.fields)
    stored = chain.extra["log_weight"][chain.replica, chain.update]
    assert np.abs(stored - again).max() < 1e-5


@pytest.mark.stat
def test_creutz_equality_holds_for_independent_starts():
    """One trajectory from each of 8192 fields of p, with both cuts: within 4.5 sigma; energies that
    are off by 0.1 are not."""
    _, method = method_of(TINY, steps=2, size=0.05)
    chain = lfmc.local(TINY, chains=256, updates=640, save_every=20, seed=2, keep_fields=8192,
                       progress=False)  # fmt: skip
    state = started_from(cold_start(TINY, 7, range(8192), "latent-hmc", "E"), chain.fields)
    change = method.advance(state, TINY, 1, 1)[1].extra["dH"][:, 0]
    for sampler in ("hmc", "latent-hmc"):
        assert sigmas(creutz_factor(change, sampler), 1.0) < 4.5
    assert sigmas(creutz_factor(change + 0.1), 1.0) > 4.5
