"""Claims about estimates by weights: exact, with right errors, and refused where they say nothing.

Of a normal q and w = exp(a x - a^2/2), p is a normal about a, ESS = exp(-a^2), and an independent
value of x takes n = E_q[w^2 (x - a)^2] = exp(a^2) (1 + a^2) proposals.
"""

from typing import ClassVar

import numpy as np
import pandas
import pytest

import lfmc
from lfmc.analysis.cheapest import WEIGHTED, cheapest_rows
from lfmc.analysis.unresolved import Unresolved
from lfmc.analysis.weighted import Proposals, weighted
from lfmc.analysis.weighted_chain import differences, visits
from lfmc.analysis.weighted_table import COLUMNS, gates_of, weighted_rows
from lfmc.cli.analysis import fit, gates
from lfmc.cli.weighted import weighted as command
from lfmc.conformance.exact import exact_averages
from lfmc.errors import LfmcError
from lfmc.figures.style import sampler_mark
from lfmc.proposals.accept import independence_chains
from lfmc.table_files import read_table
from lfmc.theories.base import Means


class OneNumber:
    """A theory of one number, as far as estimates need it; x2 has no series."""

    series: ClassVar[tuple[str, ...]] = ("x",)
    compared: ClassVar[tuple[str, ...]] = ("x",)

    def averaged(self, scalars):
        return scalars

    def series_of(self, name, scalars):
        return scalars[name]

    def observables(self, means: Means):
        x = means.scalars["x"]
        return {"x": x, "x2": x**2, "gap": means.correlators[..., 0] - x}


def drawn(rng, count: int, a: float) -> Proposals:
    x = rng.normal(size=count)
    return Proposals(1e3 + a * x, {"x": x}, np.stack([x + 1.0, x], axis=1))


def chain_of(log_weight, seed: int, replicas: int = 4):
    streams = [np.random.default_rng((seed, k)) for k in range(replicas)]
    found = independence_chains(log_weight, replicas, 0, lambda k: streams[k])
    states = {"index": found.index, "multiplicity": found.multiplicity}
    return visits(states, len(log_weight))


@pytest.mark.stat
def test_errors_are_right_and_count_proposals():
    """200 estimates of 800 proposals, ESS 0.61: the spread of 200 pulls is known to 5 %."""
    rng, a = np.random.default_rng(3), 0.7
    found = [weighted(drawn(rng, 800, a), OneNumber(), "test") for _ in range(200)]
    x = [one.values["x"] for one in found]
    pulls = np.array([(one.value - a) / one.error for one in x])
    assert abs(pulls.mean()) < 4 / np.sqrt(200)
    assert 0.85 < pulls.std() < 1.15
    exact = np.exp(a * a) * (1 + a * a)
    assert np.mean([one.proposals for one in x]) == pytest.approx(exact, rel=0.05)
    assert exact > 1.4 / np.mean([one.ess for one in found])  # the ESS does not tell it
    # The stated error of the error is its scatter.
    scatter = np.std([one.error for one in x])
    assert np.mean([one.error_error for one in x]) == pytest.approx(scatter, rel=0.35)
    square = np.array([(o.values["x2"].value - a * a) / o.values["x2"].error for o in found])
    assert 0.85 < square.std() < 1.15
    assert all(np.isnan(one.values["x2"].proposals) for one in found)
    assert all(one.values["gap"].value == pytest.approx(1.0) for one in found)


@pytest.mark.stat
def test_the_difference_to_the_chain_has_the_error_of_the_joint_jackknife():
    """150 chains; the spread of as many pulls is known to 6 %. The error is below that of the
    chain alone, since both have the same proposals."""
    rng, a, pulls, errors, alone = np.random.default_rng(4), 0.7, [], [], []
    for k in range(150):
        proposals = drawn(rng, 3000, a)
        one = differences(proposals, chain_of(proposals.log_weight, k), OneNumber(), ("x",))["x"]
        pulls.append(one.difference / one.error)
        errors.append(one.error)
        alone.append(one.chain - a)
    assert abs(np.mean(pulls)) < 4 / np.sqrt(150)
    assert 0.83 < np.std(pulls) < 1.17
    assert np.mean(errors) < 0.9 * np.std(alone)


def test_a_chain_of_other_weights_fails_the_gate():
    """The negative control: the chain of a = 0.7 against weights of a = 0.7 and of 0.9."""
    proposals = drawn(np.random.default_rng(5), 20_000, 0.7)
    stays = chain_of(proposals.log_weight, 1)
    wrong = proposals._replace(log_weight=proposals.log_weight * 0.9 / 0.7)
    passed = []
    for one in (proposals, wrong):
        rows = weighted_rows(one, stays, OneNumber(), ("E", "flow-50"), 1e-3)
        (gate,) = gates_of(pandas.DataFrame(rows), {"E": ("x",)}).itertuples()
        assert gate.available
        passed.append(gate.passed)
    assert passed == [True, False]


def test_estimates_that_say_nothing_are_refused_or_withheld():
    rng, theory = np.random.default_rng(6), OneNumber()
    heavy = drawn(rng, 5000, 2.5)  # ESS 0.002 in the mean
    with pytest.raises(LfmcError, match=r"effective part of the proposals is 0\.0.*below 0\.05"):
        weighted(heavy, theory, "flow-50 in E")
    (row,) = weighted_rows(heavy, np.ones(5000), theory, ("E", "flow-50"), 1e-3)
    assert row["note"].startswith("ESS 0.0")
    assert np.isnan([row["value"], row["error"], row["chain"]]).all()
    few = drawn(rng, 120, 0.7)
    found = weighted(few, theory, "test").values["x"]
    assert "effective samples" in found.note
    assert np.isfinite(found.value)
    assert np.isnan([found.error, found.proposals]).all()
    with pytest.raises(LfmcError, match="at least 40 are needed"):
        weighted(drawn(rng, 39, 0.1), theory, "test")
    bad = drawn(rng, 100, 0.1)
    bad.log_weight[7] = np.nan
    with pytest.raises(LfmcError, match="1 of 100 log weights are not finite"):
        weighted(bad, theory, "test")
    with pytest.raises(Unresolved, match="10 are needed"):
        differences(drawn(rng, 900, 0.1), np.ones(900), theory, ("x",))


@pytest.mark.stat
def test_weights_of_a_flow_give_the_exact_averages():
    """4 x 2 by transfer matrices, within 4.5 errors; those of a coupling of 4 % more are not."""
    theory = lfmc.Phi4((4, 2), m2=-4.0, lam=6.0)
    model = lfmc.train(theory, 0.7, seed=1, progress=False)
    proposals = lfmc.propose(model, 60_000, seed=2, progress=False)
    found = lfmc.measure(proposals)
    exact = exact_averages(theory)
    change = 0.04 * theory.lam * 8 * proposals.scalars["phi4"].astype(float)
    other = Proposals(proposals.log_weight - change, proposals.scalars, proposals.correlators)
    wrong, pulls = weighted(other, theory, "test").values, []
    for name in ("chi2", "E", "phi2"):
        assert abs(found[name].value - exact[name]) < 4.5 * found[name].error, name
        pulls.append(abs(wrong[name].value - exact[name]) / wrong[name].error)
    assert max(pulls) > 4.5
    assert found.ess.value == pytest.approx(proposals.ess)
    # Half the proposals of an independent value, beside tau_int of the chain of the same model.
    chain = lfmc.measure(lfmc.sample(model, 20_000, seed=2, progress=False))
    assert 0.5 / found.ess.value * 0.7 < found.chi2.tau < chain.chi2.tau


@pytest.fixture(scope="module")
def results(small_run, tmp_path_factory):
    """Tables of the small run with those of weights, in a folder of their own."""
    from shutil import copytree

    folder = tmp_path_factory.mktemp("weighted") / "run"
    copytree(small_run, folder)
    for one in (command, fit, gates):
        where = ["--config", str(folder / "config.yaml"), "--results", str(folder / "results")]
        one.main(where, standalone_mode=False)
    return folder


def test_the_tables_of_a_run_have_the_weights_beside_the_chain(results):
    run = lfmc.open_run(results / "results", results / "config.yaml")
    table = run.table("weighted").set_index("observable")
    assert tuple(table.reset_index()[list(COLUMNS)].columns) == COLUMNS
    assert set(table.sampler) == {"flow-70"}
    chi2 = table.loc["chi2"]
    proposals = lfmc.propose(run.model("E1", "flow-70"), chi2.n, seed=5, progress=False)
    again = lfmc.measure(proposals)
    for name in ("chi2", "E", "mpL", "Gt_1"):  # the same proposals
        assert table.loc[name, "value"] == pytest.approx(again[name].value, rel=1e-3)
        assert table.loc[name, "error"] == pytest.approx(again[name].error, rel=2e-3)
    observed = run.table("observables").set_index(["sampler", "observable"])
    assert chi2.chain == pytest.approx(observed.value["flow-70", "chi2"], abs=chi2.difference_error)
    assert chi2.difference_error < observed.error["flow-70", "chi2"]
    found = run.table("gates")
    assert (found[found.gate == "weighted"].observable == ["chi2", "E", "phi2"]).all()
    assert found.passed.all()
    others = found[~found.gate.isin(["weighted", "published", "error"])]
    assert others.limit.nunique() == 1
    cheapest = run.table("cheapest").set_index(["observable", "sampler"])
    line = cheapest.loc["chi2", f"flow-70{WEIGHTED}"]
    assert line.tau == pytest.approx(chi2.proposals / 2, rel=1e-3)
    assert line.seconds == pytest.approx(chi2.proposals * chi2.seconds, rel=1e-3)
    assert line.setup == cheapest.loc["chi2", "flow-70"].setup


def test_gates_before_the_table_of_weights_are_the_same_numbers(results, small_run, tmp_path):
    """What a run of an earlier version wrote does not change, but for the rows at the end."""
    from shutil import copytree

    folder = tmp_path / "run"
    copytree(small_run, folder)
    (folder / "results" / "tables" / "weighted.csv").unlink(missing_ok=True)
    where = ["--config", str(folder / "config.yaml"), "--results", str(folder / "results")]
    gates.main(where, standalone_mode=False)
    before = read_table(folder / "results" / "tables" / "gates.csv")
    after = read_table(results / "results" / "tables" / "gates.csv")
    pandas.testing.assert_frame_equal(before, after.iloc[: len(before)])
    assert len(after) == len(before) + 3


def test_a_flow_has_a_second_line_of_costs():
    names = ["ensemble", "sampler", "observable"]
    observables = pandas.DataFrame([("A", "hmc", "chi2", 9.0, 10)], columns=[*names, "value", "n"])
    training = pandas.DataFrame([("A", "flow-50", 50.0)], columns=["ensemble", "flow", "seconds"])
    times = pandas.DataFrame(
        [
            ("A", "hmc", "chi2", "gamma", unit, 2.0 * scale, 0.1 * scale)
            for unit, scale in (("update", 1.0), ("saved", 1.0), ("second", 1e-3))
        ],
        columns=[*names, "estimator", "unit", "tau", "error"],
    )
    weights = pandas.DataFrame(
        [("A", "flow-50", "chi2", 3.0, 0.2, 1e-4, 1000)],
        columns=[*names, "proposals", "proposals_error", "seconds", "n"],
    )
    rows = cheapest_rows(observables, times, training, {"A": "chi2"}, 10**6, weights)
    assert [row["sampler"] for row in rows] == ["hmc", f"flow-50{WEIGHTED}"]
    flow = rows[1]
    assert (flow["tau"], flow["tau_error"], flow["setup"]) == pytest.approx((1.5, 0.1, 50))
    assert (flow["seconds"], flow["error"]) == pytest.approx((3e-4, 2e-5))
    assert flow["first"] == pytest.approx(50 / (4e-3 - 3e-4))
    assert flow["whole"] == pytest.approx(50.1)
    mark = sampler_mark(flow["sampler"])
    assert mark.label == "flow 50 %, weighted"
    assert mark.color == sampler_mark("flow-50").color
