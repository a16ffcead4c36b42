"""`lfmc tune-couplings` on theories whose answer is known, its files and its refusals."""

import json

import numpy as np
import pandas
import pytest
import yaml

import lfmc
from lfmc.config.sampler_sections import Samplers
from lfmc.config.search_section import CouplingSearch
from lfmc.errors import LfmcError
from lfmc.tuning import reweighting, runs

FREE = {"observable": "chi2", "parameter": "m2", "seed": 5}
FEW = {"tolerance": 0.05, "configurations": 40_000}


def free_run(seed=3):
    """A run of the free field at m2 = 0.4, where chi2 = 1 / (2 m2)."""
    search = CouplingSearch(
        L=(4,), theory={"kind": "free"}, parameter="m2", observable="chi2", target=1.0
    )
    where = runs.lattice(search, 4, seed, Samplers())
    return runs.begun(where, 0, 0.4, None).extended(400)


def pulls(run):
    """(chi2 - exact) / error over the window of a run."""
    curve = run.curve("chi2")
    return (curve.value - 1 / (2 * curve.at)) / curve.error(curve.without)


@pytest.mark.stat
def test_reweighted_observables_of_the_free_field_are_exact():
    """Within 4.5 sigma at 7 points (false alarms: 5e-5); weights of the wrong sign are noticed."""
    run = free_run()
    assert np.abs(pulls(run)).max() < 4.5
    assert 0.3 < run.sums.effective.min() < run.sums.effective.max() < 1.001
    wrong = run._replace(change=lambda phi: -run.change(phi), sums=None).extended(400)
    assert np.abs(pulls(wrong)).max() > 9


@pytest.mark.stat
def test_actions_that_are_not_linear_in_the_parameter_are_reweighted_too(monkeypatch):
    straight = free_run()
    monkeypatch.setattr(runs, "LINEAR", -1.0)
    general = free_run()
    np.testing.assert_allclose(general.curve("chi2").value, straight.curve("chi2").value, rtol=1e-9)


@pytest.mark.stat
def test_the_mass_of_a_free_field_is_found():
    """chi2 = 1 / (2 m2): m2 within 4.5 sigma of the exact one (false alarms: 7e-6)."""
    found = lfmc.tune_couplings("free", 4, target=2.0, tolerance=0.01, **FREE)
    assert abs(found.value - 0.25) < 4.5 * found.error
    assert found.error == pytest.approx(0.01 * 0.25, rel=0.5)
    assert found.theory.m2 == found.value
    assert set(found.scan.kind) == {"run", "reweighted", "result"}


@pytest.mark.stat
def test_the_papers_first_ensemble_is_found():
    """lam = 6.975 has m_p L = 3.967(1); 1 % of it, within 4 sigma (false alarms: 6e-5)."""
    found = lfmc.tune_couplings("phi4", 6, seed=2, m2=-4.0, target=3.967, tolerance=0.01)
    assert abs(found.value - 6.975) < 4 * found.error
    assert 0.02 < found.error < 0.06
    half = {"m2": -4.0, "normalisation": 0.5}  # the negative control: another theory
    other = lfmc.tune_couplings("phi4", 6, seed=2, target=3.967, tolerance=0.03, **half)
    assert abs(other.value - 6.975) > 10 * other.error


@pytest.mark.unit
def test_a_search_repeats_its_bits_and_a_seed_changes_them():
    one, same = (lfmc.tune_couplings("free", 4, target=2.0, **FREE, **FEW) for _ in range(2))
    assert one.value == same.value
    pandas.testing.assert_frame_equal(
        one.scan.drop(columns="seconds"), same.scan.drop(columns="seconds")
    )
    other = lfmc.tune_couplings("free", 4, target=2.0, **{**FREE, **FEW, "seed": 6})
    assert other.scan.value[0] != one.scan.value[0]


@pytest.mark.unit
@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ({"kind": "fi4"}, "no kind of theory 'fi4'"),
        ({"observable": "chi3"}, "no observable 'chi3'; there are chi2, E"),
        ({"parameter": "m3"}, "m3"),
        ({"m2": 0.3}, "m2 is sought; leave it out"),
        ({"L": 5}, "extent 5 is odd"),
        ({"L": 2, "observable": "mpL"}, "no observable 'mpL'"),
        ({"between": (2.0, 1.0)}, "ascending order"),
        ({"tolerance": -1.0}, "tolerance"),
        ({"target": -1.0, "between": (0.2, 0.3)}, "chi2 stays above -1 ("),
    ],
)
def test_what_cannot_be_sought_is_refused(arguments, says):
    usual = {"kind": "free", "L": 4, "target": 2.0, **FREE, **FEW}
    with pytest.raises(LfmcError) as refused:
        lfmc.tune_couplings(**(usual | arguments))
    assert says in str(refused.value)
    assert "\n" not in str(refused.value)


@pytest.mark.unit
def test_lattices_beyond_those_of_flows_are_sought_too():
    search = CouplingSearch(L=(128,), theory={"kind": "phi4", "m2": -4.0}, between=(4.2, 4.4))
    assert runs.lattice(search, 128, 1, Samplers()).theory(4.3).numbers == 128**2


@pytest.mark.unit
def test_an_ordered_phase_has_no_mass_to_be_found():
    with pytest.raises(LfmcError, match="mpL stays below 50"):
        lfmc.tune_couplings(
            "phi4", 4, seed=1, m2=-4.0, target=50.0, between=(0.01, 0.02), configurations=10_000
        )


@pytest.mark.unit
def test_the_command_writes_entry_scan_record_and_figure(run_lfmc, tmp_path):
    options = (*("--kind", "free", "--parameter", "m2", "--observable", "chi2"), "--target", "2")
    options += ("--tolerance", "0.05", "--L", "4", "--seed", "5")
    done = run_lfmc("tune-couplings", *options)
    assert done.returncode == 0, done.stderr
    folder = tmp_path / "couplings"
    names = {f"L4.{suffix}" for suffix in ("csv", "json", "yaml", "pdf", "png", "txt")}
    assert names | {"ensembles.yaml"} <= {path.name for path in folder.iterdir()}
    record = json.loads((folder / "L4.json").read_text())
    assert abs(record["value"] - 0.25) < 5 * record["error"]
    again = run_lfmc("tune-couplings", *options)
    assert "is finished already" in again.stderr
    (tmp_path / "new.yaml").write_text((folder / "ensembles.yaml").read_text())
    checked = run_lfmc("config", "check", "new.yaml")
    assert checked.returncode == 0, checked.stderr
    entry = yaml.safe_load((folder / "ensembles.yaml").read_text())["ensembles"][0]
    assert entry["theory"]["m2"] == record["value"]
    assert run_lfmc("show", folder / "L4.csv").returncode == 0


@pytest.mark.unit
@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ((), "which lattice? Give --L"),
        (("--L", "6", "--set", "m2"), "expected NAME=VALUE"),
        (("--L", "6", "--set", "m2=-4.0", "--seed", "-1"), "--seed -1"),
        (("--config", "c.yaml"), "no section couplings"),
        (("--config", "c.yaml", "--target", "3"), "--target: write it into the section"),
    ],
)
def test_a_command_that_says_too_little_ends_in_one_line(run_lfmc, tmp_path, arguments, says):
    (tmp_path / "c.yaml").write_text("ensembles: [{ name: A, L: 4, m2: -4.0, lam: 6.0 }]\n")
    done = run_lfmc("tune-couplings", *arguments)
    assert done.returncode == 2
    assert says in done.stderr
    assert done.stderr.count("\n") == 1
    assert not (tmp_path / "couplings").exists()


@pytest.mark.unit
def test_the_pole_mass_is_that_of_one_state():
    theory = lfmc.Phi4((16, 16), -4.0, 5.0)
    t = np.arange(9)
    found = {f"Gt_{k}": np.asarray(np.cosh(0.25 * (k - 8))) for k in t}
    assert reweighting.mass(theory, found) == pytest.approx(16 * 0.25)
    flat = {f"Gt_{k}": np.asarray(1.0 + 0.1 * k) for k in t}
    assert reweighting.mass(theory, flat) == 0
    lost = {f"Gt_{k}": np.asarray(np.where(k > 6, -0.1, 1.0)) for k in t}
    assert np.isinf(reweighting.mass(theory, lost))
