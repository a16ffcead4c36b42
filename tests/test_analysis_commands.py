"""lfmc measure, autocorrelation, fit, gates: from chain files of a known theory to tables."""

import json
import re
import shutil
import subprocess
import sys

import h5py
import numpy as np
import pandas
import pytest
from analysis_synthetic import (
    chain_of_fields,
    free_fields,
    free_observables,
    write_chain,
    write_config,
    write_flow,
)
from click.testing import CliRunner

from lfmc.analysis.autocorrelation import COLUMNS as TAU_COLUMNS
from lfmc.analysis.measurement import COLUMNS as OBSERVABLE_COLUMNS
from lfmc.cli.analysis import autocorrelation, fit, gates, measure
from lfmc.config import read_config
from lfmc.errors import LfmcError
from lfmc.table_files import read_table, table_stamp, write_table

M2 = 0.5
EXTENTS = (4, 6, 8)
TAU = 3.0


def free_chain(rng, extent, sampler, replicas=16, updates=3000):
    shape = (extent, extent)
    save_every = 1 if sampler.startswith("flow") else 5
    tau = 0.5 if sampler.startswith("flow") else TAU
    fields = free_fields(rng, shape, M2, replicas, updates, tau)
    extra = {}
    if sampler == "hmc":
        # log-normal with <exp(-dH)> = 1
        extra["dH"] = rng.normal(0.02, 0.2, size=(replicas, updates)).astype(np.float32)
    if not sampler.startswith("flow"):
        decisions = 1 if sampler == "hmc" else extent * extent
        counts = np.random.default_rng(extent).binomial(decisions, 0.7, size=(replicas, updates))
        extra["accepted"] = counts.astype(np.uint8)
    chain = chain_of_fields(
        fields,
        shape,
        M2,
        sampler=sampler,
        save_every=save_every,
        extra=extra,
        seconds=48.0,
        forces=11.0 if sampler == "hmc" else 0.0,
    )
    return chain._replace(ensemble=chain.ensemble | {"name": f"F{extent}"})


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """Free fields on 4^2, 6^2, 8^2 from every sampler, through all four commands."""
    folder = tmp_path_factory.mktemp("run")
    results = folder / "results"
    config = folder / "config.yaml"
    ensembles = [{"name": f"F{n}", "L": n, "m2": M2, "lam": 1e-12} for n in EXTENTS]
    write_config(config, ensembles, results)
    made_for = read_config(config)
    rng = np.random.default_rng(20)
    for extent in EXTENTS:
        name = f"F{extent}"
        for sampler in ("hmc", "local", "cluster"):
            write_chain(
                results / sampler / f"{name}.h5", free_chain(rng, extent, sampler), made_for
            )
        for sampler in ("flow-50", "flow-70"):
            chain = free_chain(rng, extent, sampler)
            spread = 0.9 if sampler == "flow-50" else 0.5
            log_weight = rng.normal(0, spread, size=chain.scalars["m"].size)
            paths = (results / s / name / f"{sampler}.h5" for s in ("accept", "propose"))
            write_flow(*paths, chain, log_weight, rng, made_for)
        rows = "\n".join(f"{name},flow-{t},0.{t},1,10,20,{t}.5,0.8,0.8,0.8" for t in (50, 70))
        header = "ensemble,flow,target,seed,steps,samples,seconds,acceptance_q,acceptance_p,ess"
        (results / "train" / name).mkdir(parents=True)
        (results / "train" / name / "training.csv").write_text(f"# x\n{header}\n{rows}\n")
    for extent in EXTENTS:
        for sampler in ("hmc", "local", "cluster", "flow-50", "flow-70"):
            for command in (measure, autocorrelation):
                invoke(command, config, "--ensemble", f"F{extent}", "--sampler", sampler)
    invoke(fit, config)
    invoke(gates, config)
    return config, results


def invoke(command, config, *arguments):
    result = CliRunner().invoke(command, ["--config", str(config), *arguments])
    if result.exception:
        raise result.exception
    return result.output


def table(results, name):
    return read_table(results / "tables" / f"{name}.csv")


def of_chains(results, stage):
    """The tables of single chains, whose numbers are not rounded to their errors."""
    return pandas.concat([read_table(p) for p in sorted((results / stage).rglob("*.csv"))])


@pytest.mark.stat
def test_every_observable_of_the_free_field_is_exact(run):
    """Each value within 4.5 of its errors of the exact one: 15 chains x ~18 numbers of which many
    are correlated, false-alarm rate below 2e-3."""
    _, results = run
    found = table(results, "observables")
    assert tuple(found.columns) == OBSERVABLE_COLUMNS
    for extent in EXTENTS:
        exact = free_observables(extent, M2)
        here = found[found.ensemble == f"F{extent}"]
        assert set(here.sampler) == {"hmc", "local", "cluster", "flow-50", "flow-70"}
        for sampler, rows in here.groupby("sampler"):
            values = rows.set_index("observable")
            for name, value in exact.items():
                deviation = (values.value[name] - value) / values["error"][name]
                assert abs(deviation) < 4.5, (extent, sampler, name)
            flow = sampler.startswith("flow")
            assert values.n["chi2"] == 48_000 if flow else 9_600
            assert ("expdH" in values.index) == (sampler == "hmc")


@pytest.mark.stat
def test_every_tau_is_that_of_the_chain(run):
    """m decorrelates as a^t, quadratic observables as a^2t; 9 chains x 4 at 4.5 sigma: 2e-4."""
    _, results = run
    found = of_chains(results, "autocorrelation")
    assert tuple(found.columns) == TAU_COLUMNS == tuple(table(results, "tau_int").columns)
    a = (TAU - 0.5) / (TAU + 0.5)
    square, saved, fifth = a**2, a**10, a**5
    exact = {
        ("m", "update"): TAU,
        ("chi2", "update"): 0.5 + square / (1 - square),
        ("phi2", "update"): 0.5 + square / (1 - square),
        ("chi2", "saved"): 0.5 + saved / (1 - saved),
        ("m", "saved"): 0.5 + fifth / (1 - fifth),
    }
    gamma = found[(found.estimator == "gamma") & found.sampler.isin(["hmc", "local", "cluster"])]
    for (observable, unit), tau in exact.items():
        rows = gamma[(gamma.observable == observable) & (gamma.unit == unit)]
        assert len(rows) == 9
        assert (((rows.tau - tau) / rows.error).abs() < 4.5).all()
    rows = found[(found.ensemble == "F8") & (found.sampler == "hmc") & (found.estimator == "gamma")]
    rows = rows.set_index(["observable", "unit"])
    assert rows.tau["chi2", "force"] == pytest.approx(11 * rows.tau["chi2", "update"])
    assert rows.tau["chi2", "second"] == pytest.approx(1e-3 * rows.tau["chi2", "update"])
    assert rows.tau["G0", "update"] == rows.tau["phi2", "update"]
    assert "force" not in set(found[found.sampler == "local"].unit)
    assert (found[found.estimator == "rhat"].tau < 1.05).all()


@pytest.mark.stat
def test_flow_rows_agree_with_each_other(run):
    """rejections against weights and gamma of blind observables: 24 numbers at 4.5 sigma, 2e-4."""
    _, results = run
    found = of_chains(results, "autocorrelation")
    for (_, sampler), rows in found[found.sampler.str.startswith("flow")].groupby(
        ["ensemble", "sampler"]
    ):
        rows = rows[rows.unit.isin(["update", "none"])].set_index(["observable", "estimator"])
        runs = rows.loc["acc", "rejections"]
        for other in (("acc", "weights"), ("chi2", "gamma"), ("E", "gamma"), ("m", "gamma")):
            row = rows.loc[other]
            assert abs(row.tau - runs.tau) < 4.5 * np.hypot(row.error, runs.error), (sampler, other)
        assert rows.loc["acc", "jensen"].tau < runs.tau
        ratio = rows.loc["chi2", "ratio"]
        assert ratio.tau == pytest.approx(rows.loc["chi2", "gamma"].tau / runs.tau)
        assert rows.loc["acc", "longest_run"].tau >= 3


@pytest.mark.unit
def test_bins_hold_the_table_and_the_rejections(run):
    _, results = run
    found = of_chains(results, "measure").set_index(["ensemble", "sampler", "observable"])
    with h5py.File(results / "measure/F6/flow-50.h5") as file:
        count = file["count"][()]
        chi2 = 36 * (file["m2"][()] @ count) / count.sum()
        runs = file["rejection_runs"][()]
        assert file["two_point"].shape[0] == len(count)
        assert json.loads(file.attrs["provenance"])["settings"]["sampler"] == "flow-50"
        assert file.attrs["kind"] == "bins"
        assert count.min() >= 100
    assert chi2 == pytest.approx(found.value["F6", "flow-50", "chi2"])
    with h5py.File(results / "accept/F6/flow-50.h5") as file:
        multiplicity = file["chain/multiplicity"][()]
    expected = np.bincount(multiplicity - 1)
    expected[0] = 0
    np.testing.assert_array_equal(runs, expected)
    assert found.value["F6", "flow-50", "longest_rejection_run"] == multiplicity.max() - 1
    with h5py.File(results / "measure/F6/hmc.h5") as file:
        assert len(file["expdH"]) == len(file["count"])


@pytest.mark.unit
def test_tables_are_tidy_and_complete(run):
    _, results = run
    exponents = table(results, "exponents")
    assert set(exponents.fit_L) == {"4 6 8", "all"}
    keys = ["sampler", "observable", "unit"]
    assert not exponents.duplicated([*keys, "fit_L"]).any()
    assert {("flow-70", "acc", "update"), ("hmc", "chi2", "force")} <= set(
        exponents[keys].itertuples(index=False, name=None)
    )
    assert (exponents[exponents.unit == "update"].z.abs() < 1).all()
    acceptance = table(results, "acceptance")
    assert list(acceptance.columns) == [
        *("ensemble", "sampler", "acceptance", "error", "longest_rejection_run", "reached")
    ]
    assert len(acceptance) == 15
    assert len(table(results, "training")) == 6
    costs = table(results, "costs")
    assert np.issubdtype(costs.value.dtype, np.floating)
    assert {"break_even_hmc", "break_even_local", "break_even_cluster"} <= set(costs.quantity)
    assert len(table(results, "published")) == 0
    assert table(results, "gates").passed.all()
    assert json.loads(table_stamp(results / "tables" / "tau_int.csv"))["inputs"]


@pytest.mark.unit
def test_failed_gate_writes_its_table_and_stops(run, tmp_path):
    config, results = run
    broken = table(results, "observables")
    broken.loc[(broken.sampler == "hmc") & (broken.observable == "expdH"), "value"] = 0.9
    (tmp_path / "tables").mkdir()
    broken.to_csv(tmp_path / "tables" / "observables.csv", index=False)
    with pytest.raises(LfmcError, match=r"3 of .* gates failed: creutz F4 hmc expdH = 0.9"):
        invoke(gates, config, "--results", str(tmp_path))
    assert (~read_table(tmp_path / "tables" / "gates.csv").passed).sum() == 3


@pytest.mark.unit
def test_withheld_numbers_are_counted_and_named_and_stop_nothing(run, tmp_path):
    """tau(chi2) of hmc is a bound in F4, and local has no errors in F6: all tables, all gates."""
    config, results = run
    for stage in ("measure", "autocorrelation", "train"):
        shutil.copytree(results / stage, tmp_path / stage)
    path = tmp_path / "autocorrelation" / "F4" / "hmc.csv"
    times = read_table(path).astype({"note": object})
    here = (times.observable == "chi2") & (times.estimator == "gamma")
    times.loc[here, ["estimator", "error", "note"]] = "bound", np.nan, "no window"
    write_table(path, times, "{}")
    path = tmp_path / "measure" / "F6" / "local.csv"
    values = read_table(path).astype({"note": object})
    lost = values.observable.isin(["chi2", "sd", "m"])
    values.loc[lost, ["error", "note"]] = np.nan, "chain too short"
    write_table(path, values, "{}")
    message = invoke(fit, config, "--results", str(tmp_path))
    assert "; 1 autocorrelation times are bounds and 3 errors are withheld" in message
    costs = table(tmp_path, "costs")
    assert "hmc" not in set(costs[costs.ensemble == "F4"].sampler)
    assert "hmc" in set(costs[costs.ensemble == "F6"].sampler)
    exponents = table(tmp_path, "exponents")
    assert not ((exponents.sampler == "hmc") & (exponents.observable == "chi2")).any()
    message = invoke(gates, config, "--results", str(tmp_path))
    assert re.search(r"\d+ of \d+ gates passed, 7 not available: ", message)
    assert "of local in F6 (chain too short)" in message
    found = table(tmp_path, "gates")
    assert not (found.passed & ~found.available).any()
    # Negative control: without a single number no run passes.
    values = table(tmp_path, "observables")
    numbers = values.observable != "bins"
    values.loc[numbers, ["value", "error", "note"]] = np.nan, np.nan, "chain too short"
    write_table(tmp_path / "tables" / "observables.csv", values, "{}")
    with pytest.raises(LfmcError, match=r"none of \d+ gates could be evaluated: .*too short"):
        invoke(gates, config, "--results", str(tmp_path))


@pytest.mark.unit
def test_chain_of_other_couplings_is_refused(run, tmp_path):
    config, results = run
    other = tmp_path / "other.yaml"
    write_config(other, [{"name": "F6", "L": 6, "m2": 0.6, "lam": 1e-12}], results)
    with pytest.raises(LfmcError, match=r"made with ensemble.m2 = 0.5, the configuration has 0.6"):
        invoke(measure, other, "--ensemble", "F6", "--sampler", "hmc")
    with pytest.raises(LfmcError, match="no sampler 'flow-99'"):
        invoke(measure, config, "--ensemble", "F6", "--sampler", "flow-99")
    with pytest.raises(LfmcError, match="no such file"):
        invoke(measure, config, "--ensemble", "F6", "--sampler", "hmc", "--results", str(tmp_path))


@pytest.mark.unit
def test_missing_table_names_the_command(run, tmp_path):
    config, _ = run
    with pytest.raises(LfmcError, match=r"measure/F4/flow-50.csv: missing; run 'lfmc measure"):
        invoke(fit, config, "--results", str(tmp_path))
    with pytest.raises(LfmcError, match=r"observables.csv: missing; run 'lfmc fit'"):
        invoke(gates, config, "--results", str(tmp_path))


@pytest.mark.unit
def test_pandas_is_read_late():
    code = "import sys, lfmc.cli.analysis; sys.exit(int('numpy' in sys.modules))"
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0
    assert pandas.__version__
