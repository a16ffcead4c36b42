"""Gates pass on right numbers and fail on wrong ones."""

import numpy as np
import pandas
import pytest
from scipy.stats import norm
from scipy.stats import t as student

from lfmc.analysis.gate_words import describe_failures, describe_missing
from lfmc.analysis.gates import bonferroni_limit, gate_table, normal_sigmas
from lfmc.config import parse_config
from lfmc.config.sections import Ensemble
from lfmc.errors import LfmcError
from lfmc.theories.phi4.reference import find_reference, reference_data

NAMES = ("E1", "E2", "E3", "E4", "E5")
RELATIVE = {"chi2": 1e-3, "E": 3e-4, "phi2": 1e-4, "mpL": 1e-3}


def config(names=NAMES, **changes):
    keys = {"name", "L", "m2", "lam"}
    albergo = [Ensemble.from_albergo2019(n).model_dump(include=keys) for n in names]
    return parse_config({"ensembles": [e | changes for e in albergo]})


def observables(cfg, seed=1):
    """Every sampler draws from the reference values, with errors of a full run."""
    rng = np.random.default_rng(seed)
    rows = []
    for ensemble in cfg.ensembles:
        known = reference_data()["ensembles"][ensemble.name]["measured"]
        for sampler in cfg.sampler_names:
            exact = {k: (known[k][0], RELATIVE[k] * known[k][0]) for k in RELATIVE}
            exact |= {"sd": (1.0, 3e-4), "m": (0.0, 2e-4), "bins": (1000.0, 0.0)}
            accept = cfg.target(sampler) + 0.02 if sampler in cfg.flow_names else 0.7
            exact["acceptance"] = (accept, 1e-3)
            if sampler == "hmc":
                exact["expdH"] = (1.0, 1e-3)
            for name, (value, error) in exact.items():
                noise = error * rng.normal() if name != "bins" else 0.0
                rows.append((ensemble.name, sampler, name, value + noise, error, 10**6))
    columns = ["ensemble", "sampler", "observable", "value", "error", "n"]
    return pandas.DataFrame(rows, columns=columns)


def changed(table, name, sampler=None, ensemble=None, factor=1.0, shift=0.0):
    here = table.observable == name
    if sampler:
        here &= table.sampler == sampler
    if ensemble:
        here &= table.ensemble == ensemble
    table = table.copy()
    table.loc[here, "value"] = table.loc[here, "value"] * factor + shift
    return table


@pytest.mark.stat
def test_gates_pass_on_the_reference_numbers():
    """290 gates at a table-wide false-alarm rate of 1 %, 20 seeds: at most 3 alarms (rate 3e-5)."""
    cfg = config()
    alarms = 0
    for seed in range(20):
        table = gate_table(cfg, observables(cfg, seed))
        alarms += bool(describe_failures(table))
    assert alarms <= 3
    assert set(table.gate) == {
        *("schwinger_dyson", "creutz", "symmetry", "agreement"),
        *("reference", "published", "acceptance", "error"),
    }
    statistical = 25 * 2 + 5 + 5 * 10 * 3 + 25 * 3 + 10
    assert len(table) == statistical + 25 + 25 * 3
    assert table.limit[0] == pytest.approx(bonferroni_limit(statistical))
    sides = table.groupby("gate").side.unique()
    assert {gate: list(side) for gate, side in sides.items() if list(side) != ["two-sided"]} == {
        "acceptance": ["lower"],
        "error": ["upper"],
    }
    assert table.available.all()


@pytest.mark.unit
@pytest.mark.parametrize(
    ("gate", "change"),
    [
        ("schwinger_dyson", {"name": "sd", "sampler": "local", "shift": 2e-3}),
        ("creutz", {"name": "expdH", "factor": 0.944}),
        ("symmetry", {"name": "m", "sampler": "flow-70", "shift": -2e-3}),
        ("agreement", {"name": "phi2", "sampler": "cluster", "factor": 1.002}),
        ("reference", {"name": "chi2", "factor": 1.01}),
        ("published", {"name": "mpL", "factor": 1.1}),
        ("acceptance", {"name": "acceptance", "sampler": "flow-70", "shift": -0.05}),
    ],
)
def test_each_gate_fails_on_its_defect(gate, change):
    cfg = config(("E4",))
    good = gate_table(cfg, observables(cfg))
    assert good.passed.all()
    failed = gate_table(cfg, changed(observables(cfg), **change))
    assert gate in set(failed.gate[~failed.passed])
    assert gate in describe_failures(failed)


@pytest.mark.unit
def test_lam_of_e4_typed_wrong_is_caught():
    """chi2 of lam = 5.267 is 6 sigma off; the run still calls itself lam = 5.276."""
    cfg = config(("E4",))
    table = gate_table(cfg, changed(observables(cfg), "chi2", factor=1 + 6.5e-3))
    assert not table[table.gate == "reference"].passed.all()


@pytest.mark.unit
def test_half_convention_fails_the_references_only():
    """The slides' 1/2: all samplers agree, the identity holds, m_p L = 10.5 and small chi2."""
    cfg = config(("E1",), normalisation=0.5)
    table = observables(config(("E1",)))
    for name, factor in (("chi2", 0.3), ("E", 0.4), ("phi2", 0.8), ("mpL", 10.5 / 3.97)):
        table = changed(table, name, factor=factor)
    table.loc[table.observable.isin(list(RELATIVE)), "error"] *= 3
    found = gate_table(cfg, table)
    assert {"reference", "published"} <= set(found.gate[~found.passed])
    assert not found[found.gate.isin(["reference", "published"])].passed.any()
    assert found[found.gate.isin(["schwinger_dyson", "symmetry", "creutz"])].passed.all()


@pytest.mark.unit
def test_published_limit_is_two_sigma_at_full_statistics_and_the_tables_at_none():
    cfg = config(("E5",))
    table = gate_table(cfg, observables(cfg))
    assert (table[table.gate == "published"].limit < 2.02).all()
    poor = observables(cfg)
    poor.loc[poor.observable == "mpL", "error"] = 10.0
    table = gate_table(cfg, poor)
    here = table[table.gate == "published"]
    np.testing.assert_allclose(here.limit, table.limit[0], rtol=1e-3)


@pytest.mark.unit
@pytest.mark.parametrize("name", ["expdH", "sd", "bins"])
def test_missing_number_is_refused_because_its_gate_could_not_fail(name):
    cfg = config(("E1", "E2"))
    table = observables(cfg)
    gone = (table.observable == name) & (table.sampler == "hmc") & (table.ensemble == "E2")
    with pytest.raises(LfmcError, match=f"no {name} of hmc in E2; run lfmc measure"):
        gate_table(cfg, table[~gone])


@pytest.mark.unit
def test_not_a_number_fails():
    cfg = config(("E1",))
    table = gate_table(cfg, changed(observables(cfg), "sd", sampler="hmc", shift=np.nan))
    assert "schwinger_dyson E1 hmc" in describe_failures(table)


@pytest.mark.unit
def test_a_withheld_number_neither_passes_nor_fails_and_is_named():
    cfg = config(("E1",))
    poor = observables(cfg).assign(note="")
    here = (poor.sampler == "hmc") & poor.observable.isin(["sd", "chi2"])
    poor.loc[here, "error"] = np.nan
    poor.loc[here, "note"] = "chain too short"
    table = gate_table(cfg, poor)
    lost = table[~table.available]
    assert set(lost.gate) == {"schwinger_dyson", "agreement", "reference", "error"}
    assert not lost.passed.any()
    assert table[table.available].passed.all()
    assert describe_failures(table) == ""
    assert "schwinger_dyson, error, reference of hmc in E1 (chain too short)" in describe_missing(
        table
    )
    # Negative control: the same hole without a reason fails.
    assert "schwinger_dyson E1 hmc" in describe_failures(gate_table(cfg, poor.drop(columns="note")))


@pytest.mark.unit
def test_symmetry_of_chains_that_keep_their_sign_is_judged_by_whole_chains():
    """<m> = 0.05(1) from 4 chains: 5 of its errors are 2 sigma with 3 degrees of freedom."""
    cfg = config(("E1",))
    table = observables(cfg).assign(note="")
    here = (table.sampler == "flow-70") & (table.observable == "m")
    table.loc[here, ["value", "error"]] = 0.05, 0.01
    note = "m never changed sign in 4 of 4 chains; error from whole chains"
    table.loc[here, "note"] = note
    row = table[here].assign(observable="bins_m", value=4.0, error=0.0)
    found = gate_table(cfg, pandas.concat([table, row], ignore_index=True))
    gate = found[(found.gate == "symmetry") & (found.sampler == "flow-70")].iloc[0]
    assert gate.passed
    assert gate.note == note
    assert gate.sigmas == pytest.approx(norm.isf(student.sf(5.0, 3)))
    # Negative control: with the degrees of freedom of all bins it fails.
    assert "symmetry E1 flow-70" in describe_failures(gate_table(cfg, table))


@pytest.mark.unit
@pytest.mark.parametrize("factor", [150.0, 1e26])
def test_an_error_in_which_no_deviation_shows_fails(factor):
    """An outlier: phi2 off by one of its own errors, which are 150 times the other samplers'."""
    cfg = config(("E1",))
    table = observables(cfg)
    here = (table.sampler == "local") & (table.observable == "phi2")
    table.loc[here, "error"] *= factor
    table.loc[here, "value"] += table.loc[here, "error"]
    found = gate_table(cfg, table)
    assert list(found.gate[~found.passed]) == ["error"]
    assert "error E1 local phi2" in describe_failures(found)
    assert "largest error that is allowed" in describe_failures(found)


@pytest.mark.unit
def test_acceptance_above_target_passes_however_far():
    cfg = config(("E1",))
    table = gate_table(cfg, changed(observables(cfg), "acceptance", shift=0.2))
    assert table[table.gate == "acceptance"].passed.all()


@pytest.mark.unit
@pytest.mark.parametrize(("accepted", "passes"), [(1.0, True), (0.0, False)])
def test_acceptance_of_a_chain_that_rejected_nothing_or_all_has_no_error(accepted, passes):
    """The free field: every proposal is accepted, so that the fraction has no scatter."""
    cfg = config(("E1",))
    table = observables(cfg)
    here = (table.observable == "acceptance") & (table.sampler == "flow-70")
    table.loc[here, ["value", "error"]] = accepted, 0.0
    found = gate_table(cfg, table)
    gate = found[(found.gate == "acceptance") & (found.sampler == "flow-70")].iloc[0]
    assert gate.passed == passes


@pytest.mark.unit
def test_other_couplings_have_no_reference():
    assert find_reference((12, 12), -4.0, 5.267) is None
    assert find_reference((6, 6, 6), -4.0, 6.975) is None
    known = find_reference((6, 6), -4.0, 6.975)
    assert known is not None
    assert known.published["mpL"] == (3.96, 0.03)
    assert known.measured["chi2"][1] == pytest.approx(1.5 * 0.0003059207)


@pytest.mark.unit
def test_sigmas_have_the_tail_of_student_t():
    for deviation in (0.3, 2.0, -4.0):
        sigmas = normal_sigmas(deviation, 11)
        assert norm.sf(abs(sigmas)) == pytest.approx(student.sf(abs(deviation), 11))
        assert np.sign(sigmas) == np.sign(deviation)
    assert normal_sigmas(2.0, np.inf) == 2.0
    assert np.isfinite(normal_sigmas(1e6, 1000))
    assert bonferroni_limit(1, 0.3173) == pytest.approx(1.0, abs=1e-3)
