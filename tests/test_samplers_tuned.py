"""`hmc-tuned` and `cluster.clusters: auto`: exact chains, recorded scans, and nothing unasked."""

import json

import numpy as np
import pytest

import lfmc
from lfmc.config import parse_config, stage_settings
from lfmc.errors import LfmcError
from lfmc.samplers.cluster_tuned import SITE
from lfmc.samplers.creutz import creutz_factor
from lfmc.samplers.hmc_tuned import Scanned, cheapest
from lfmc.samplers.method import method
from lfmc.samplers.tau_of_means import tau_of_means
from lfmc.samplers.tune import tune

E1 = {"name": "E1", "L": 6, "m2": -4.0, "lam": 6.975}
FREE = {"name": "F", "L": 4, "theory": {"kind": "free", "m2": 0.4}}


def config(samplers, ensemble=E1):
    return parse_config({"ensembles": [ensemble], "samplers": samplers, "flow": {"targets": []}})


def pull(chain):
    """(chi2 - exact) / error of a free field, whose chi2 is 1 / (2 m2); chains are the bins."""
    chi2 = chain.theory.numbers * (chain.scalars["m"].astype(np.float64) ** 2).mean(1)
    error = chi2.std(ddof=1) / len(chi2) ** 0.5
    return (chi2.mean() - 1 / (2 * chain.theory.m2)) / error


@pytest.mark.stat
def test_tuned_hmc_samples_the_free_field():
    """chi2 within 4 sigma (64 chains; false alarms: 2e-4), <exp(-dH)> too."""
    theory = lfmc.theory("free", (4, 4), m2=0.4)
    chain = lfmc.hmc_tuned(theory, updates=1000, seed=3, scan_forces=3000, progress=False)
    assert abs(pull(chain)) < 4
    weight = creutz_factor(chain.extra["dH"]).mean(1)
    assert abs(weight.mean() - 1) < 4 * weight.std(ddof=1) / len(weight) ** 0.5
    wrong = lfmc.theory("free", (4, 4), m2=0.48)  # a fifth off is noticed
    assert abs(pull(lfmc.Chain(wrong, *chain_parts(chain)))) > 6


def chain_parts(chain):
    return chain.record, chain.fields, chain.replica, chain.update


@pytest.mark.stat
def test_the_cheapest_number_of_clusters_samples_the_free_field():
    theory = lfmc.theory("free", (4, 4), m2=0.4)
    chain = lfmc.cluster(theory, updates=1000, seed=4, clusters="auto", progress=False)
    assert abs(pull(chain)) < 4  # false alarms: 2e-4
    assert chain.record.attributes["parameters"]["clusters"] in (1, 2, 4)


@pytest.mark.unit
def test_the_tuning_records_the_scan_and_chains_read_it():
    found = config({"run": ["hmc-tuned", "cluster"], "hmc-tuned": {"scan_forces": 2000},
                    "cluster": {"clusters": "auto"}})  # fmt: skip
    tuned = tune(found, "E1")
    again = tune(found, "E1")
    entry = tuned["hmc-tuned"]
    assert entry["scan"] == again["hmc-tuned"]["scan"]
    assert [row["steps"] for row in entry["scan"][:2]] == [10, 20]
    for row in entry["scan"]:
        assert row["forces"] == pytest.approx(2 * row["tau"] * (row["steps"] + 1))
    assert entry["scan"][-1]["steps"] == entry["steps"]
    assert entry["trajectory_length"] == entry["scan"][-1]["length"]
    theory = lfmc.Phi4((6, 6), -4.0, 6.975)
    chosen = method(found, "hmc-tuned", theory, json.loads(json.dumps(tuned)))
    assert (chosen.parameters.steps, chosen.forces_per_update) == (
        entry["steps"], entry["steps"] + 1,
    )  # fmt: skip
    wolff = method(found, "cluster", theory, tuned)
    assert wolff.parameters.clusters == tuned["cluster"]["clusters"]
    scan = tuned["cluster"]["scan"]
    assert tuned["cluster"]["covering"] == pytest.approx(36 / tuned["cluster"]["cluster_size"])
    assert [one["clusters"] for one in scan] == [2**k for k in range(len(scan))]
    for one in scan:
        share = one["clusters"] / tuned["cluster"]["covering"]
        assert one["work"] == pytest.approx(2 * one["tau"] * (1 + SITE * share))
    least = min(scan, key=lambda one: one["work"])
    assert wolff.parameters.clusters == least["clusters"]


@pytest.mark.unit
def test_nothing_changes_where_they_are_not_named():
    usual = config({})
    assert usual.classical("E1") == ("hmc", "local", "cluster")
    assert set(stage_settings(usual, "tune", "E1")["settings"]) == {"hmc", "local", "cluster"}
    assert stage_settings(usual, "cluster", "E1")["settings"] == {
        "clusters": 1, "sweeps": 1, "save_every": 2, "acceptance": 0.7, "thermalisation": 500,
    }  # fmt: skip
    for named in ({"hmc-tuned": {}}, ["hmc", "hmc-tuned"]):
        assert config(named).classical("E1")[-1] == "hmc-tuned"
        assert "hmc-tuned" in stage_settings(config(named), "tune", "E1")["settings"]
    assert config({"run": ["hmc"], "hmc-tuned": {}}).classical("E1") == ("hmc",)


@pytest.mark.unit
@pytest.mark.parametrize(
    ("samplers", "says"),
    [
        (["hmc_tuned"], "perhaps 'hmc-tuned'"),
        ({"hmc-tuned": {"steps": 3}}, "steps"),
        ({"cluster": {"clusters": "some"}}, "clusters"),
        ({"hmc-tuned": {"scan_forces": 10}}, "scan_forces"),
    ],
)
def test_settings_that_there_are_not_are_refused(samplers, says):
    with pytest.raises(LfmcError, match=says):
        config(samplers)


def row(steps, forces):
    return Scanned(steps, 0.1 * steps, 0.7, 1.0, forces, 0.1 * forces)


@pytest.mark.unit
def test_the_cheapest_number_of_steps_is_that_of_the_parabola():
    at = [10, 20, 40, 80, 160]
    assert cheapest([row(n, np.exp((np.log(n / 50)) ** 2)) for n in at]) == 50
    assert cheapest([row(n, float(n)) for n in at]) == 10  # no minimum inside
    assert cheapest([row(n, 1000.0 / n) for n in at]) == 160
    assert cheapest([row(10, 3.0), row(20, 2.0)]) == 20


@pytest.mark.stat
def test_tau_from_the_means_of_chains_is_that_of_the_process():
    """AR(1), tau = (1 + r) / (1 - r) / 2: within 4 of its errors (false alarms: 6e-5)."""
    rng, r, chains, n = np.random.default_rng(5), 0.8, 256, 2000
    x = np.empty((chains, n))
    x[:, 0] = rng.standard_normal(chains)
    for t in range(1, n):
        x[:, t] = r * x[:, t - 1] + (1 - r * r) ** 0.5 * rng.standard_normal(chains)
    tau, error = tau_of_means(x)
    assert abs(tau - 4.5) < 4 * error
    assert error == pytest.approx(4.5 * (2 / 255) ** 0.5, rel=0.3)
    shuffled = rng.permuted(x, axis=1)  # within a chain: its mean stays, and so does this estimate
    assert tau_of_means(shuffled)[0] == pytest.approx(tau)
    mixed = rng.permuted(x.ravel()).reshape(x.shape)  # the negative control: no correlation left
    assert tau_of_means(mixed)[0] < 1
    with pytest.raises(LfmcError, match="did not move"):
        tau_of_means(np.ones((4, 10)))


@pytest.mark.unit
def test_the_commands_make_a_chain_with_its_scan(run_lfmc, tmp_path):
    (tmp_path / "config.yaml").write_text(
        "ensembles: [{ name: A, L: 4, m2: -4.0, lam: 6.975 }]\n"
        "flow: { targets: [] }\n"
        "statistics: { configurations: 2000, replicas: 32 }\n"
        "samplers:\n"
        "  run: [cluster, hmc-tuned]\n"
        "  cluster: { clusters: auto }\n"
        "  hmc-tuned: { scan_forces: 1000, thermalisation: 50 }\n"
    )
    for stage in (
        ("tune",), ("hmc-tuned",), ("measure", "--sampler", "hmc-tuned"),
        ("autocorrelation", "--sampler", "hmc-tuned"),
    ):  # fmt: skip
        done = run_lfmc(*stage, "--ensemble", "A")
        assert done.returncode == 0, done.stderr
    tuned = json.loads((tmp_path / "results/tune/A.json").read_text())
    assert tuned["cluster"]["clusters"] >= 1
    assert tuned["hmc-tuned"]["scan"]
    measured = (tmp_path / "results/measure/A/hmc-tuned.csv").read_text()
    assert "expdH" in measured
