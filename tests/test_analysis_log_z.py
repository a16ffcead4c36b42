"""Claims about log Z: exact values, errors that are withheld, and the table of a run."""

import numpy as np
import pytest
from api_run import CONFIG

import lfmc
from lfmc.analysis.log_z import COLUMNS, log_Z_of
from lfmc.cli.logz import logz
from lfmc.conformance.exact import exact_averages
from lfmc.errors import LfmcError
from lfmc.theories.free import Free
from lfmc.theories.sine_gordon import SineGordon

BAR = 1e-4  # error of log Z per site


SMALL_FLOW = {"kind": "realnvp", "couplings": 4, "hidden": [24], "prior": "variational"}


def transfer_matrix(theory):
    return exact_averages(theory)["log_Z"]


def determinant(theory):
    return theory.log_Z


@pytest.mark.stat
@pytest.mark.parametrize(
    ("theory", "exact", "target", "flow"),
    [
        (lfmc.Phi4((2, 2), m2=-4.0, lam=5.0), transfer_matrix, 0.97, None),
        (lfmc.Phi4((4, 2), m2=-4.0, lam=6.0), transfer_matrix, 0.9, None),
        (lfmc.Phi4((6,), m2=-1.0, lam=1.5), transfer_matrix, 0.8, SMALL_FLOW),
        (SineGordon((6,), beta=1.5, g=0.8, m2=0.5), transfer_matrix, 0.9, SMALL_FLOW),
        (Free((6, 6), m2=0.25), determinant, 0.7, None),
    ],
    ids=["2x2", "4x2", "ring", "sine-Gordon ring", "free"],
)
def test_log_z_is_exact_to_1e_4_per_site(theory, exact, target, flow):
    """Within 4.5 errors, which are at most 1e-4 per site: one of the five beyond it by chance once
    in 3e4 runs. log Z of a field in units that differ by 1e-3 must be outside."""
    options = {} if flow is None else {"flow": flow}
    model = lfmc.train(theory, target, seed=1, progress=False, **options)
    found = lfmc.log_Z(model, samples=600_000, seed=3)
    sites = np.prod(theory.shape)
    assert found.error < BAR * sites
    allowed = 4.5 * found.error + 2e-6  # the weights of a free field are equal but for tables
    assert abs(found.value - exact(theory)) < allowed
    assert abs(found.value - exact(theory) - sites * np.log(1.001)) > allowed


def test_the_determinant_of_the_free_field_is_the_gaussian_integral():
    """log Z of a ring of 3, from the matrix of S = phi A phi."""
    theory = Free((3,), m2=0.3)
    unit = np.eye(3)
    single = theory.evaluate(unit)
    matrix = 0.5 * (
        theory.evaluate(unit[:, None] + unit) - single[:, None] - single
    )  # S is quadratic
    exact = 0.5 * (3 * np.log(np.pi) - np.linalg.slogdet(matrix)[1])
    assert theory.log_Z == pytest.approx(exact, abs=1e-12)


@pytest.mark.parametrize(
    ("spread", "count", "words"),
    [(0.5, 5000, ""), (4.0, 5000, "of the weight|effective samples"), (0.5, 90, "effective")],
)
def test_errors_of_few_effective_samples_are_withheld(spread, count, words):
    weights = np.random.default_rng(2).normal(0, spread, count)
    found = log_Z_of(weights + 1000.0)
    assert np.isnan(found.error) == bool(words)
    assert bool(found.note) == bool(words)
    assert found.value == pytest.approx(1000 + np.log(np.exp(weights).mean()))
    if words:
        assert any(word in found.note for word in words.split("|"))
        assert found.note in str(lfmc.LogZ(*found))


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_weights_that_are_not_finite_are_refused(bad):
    with pytest.raises(LfmcError, match="1 of 3 log weights are not finite"):
        log_Z_of(np.array([0.0, bad, 1.0]))


def test_the_table_of_a_run_is_what_its_proposals_give(small_run):
    where = ["--config", str(small_run / "config.yaml"), "--results", str(small_run / "results")]
    logz.main(where, standalone_mode=False)
    run = lfmc.open_run(small_run / "results", small_run / "config.yaml")
    table = run.table("log_Z")
    assert tuple(table.columns) == COLUMNS
    (row,) = table.itertuples()
    assert (row.ensemble, row.sampler, row.note) == ("E1", "flow-70", "")
    assert row.samples == run.config.proposals
    assert row.per_site == pytest.approx(row.log_Z / 16)
    assert np.isnan(row.exact)
    model = run.model("E1", "flow-70")
    again = lfmc.log_Z(model, samples=100_000, seed=7)
    assert abs(row.log_Z - again.value) < 4.5 * np.hypot(row.error, again.error)


def test_a_run_without_flows_has_no_log_z(tmp_path):
    text = CONFIG.replace("targets: [0.7]", "targets: []")
    (tmp_path / "config.yaml").write_text(text)
    with pytest.raises(LfmcError, match="this run has no flow"):
        logz.main(["--config", str(tmp_path / "config.yaml")], standalone_mode=False)


def test_proposals_of_other_settings_are_refused(small_run, tmp_path):
    text = CONFIG.replace("seed: 5", "seed: 6")
    (tmp_path / "config.yaml").write_text(text)
    where = ["--config", str(tmp_path / "config.yaml"), "--results", str(small_run / "results")]
    with pytest.raises(LfmcError, match="seed"):
        logz.main(where, standalone_mode=False)
