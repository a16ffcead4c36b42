"""Claims about runs of the workflow, opened from Python."""

import numpy as np
import pytest

import lfmc

pytestmark = pytest.mark.unit

ALL = ("flow-70", "hmc", "local", "cluster")


@pytest.fixture(scope="module")
def run(small_run):
    return lfmc.open_run(small_run / "results", small_run / "config.yaml")


def test_a_run_names_what_it_has(run, small_run):
    assert run.ensembles == ("E1",)
    assert run.samplers == ALL
    assert run.theory("E1") == lfmc.Phi4((4, 4), -4.0, 6.975)
    assert repr(run) == f"Run({str(small_run / 'results')!r}: E1; flow-70, hmc, local, cluster)"


def test_tables_are_pandas(run):
    assert {"observables", "tau_int", "acceptance", "training", "costs"} <= set(run.tables)
    table = run.table("observables")
    assert set(table.sampler) == set(ALL)
    with pytest.raises(lfmc.LfmcError, match=r"no table 'tau'; .*there are observables, tau_int"):
        run.table("tau")


@pytest.mark.parametrize("sampler", ALL)
def test_measuring_a_chain_gives_the_row_of_the_table(run, sampler):
    found = lfmc.measure(run.chain("E1", sampler))
    rows = run.table("observables").set_index(["sampler", "observable"]).loc[sampler]
    times = run.table("tau_int").set_index(["sampler", "estimator", "unit", "observable"])
    for name in ("chi2", "E", "phi2"):
        # Tables have four digits of an error, and a value ends where its error does.
        error = found[name].error
        assert rows.loc[name].error == pytest.approx(error, rel=6e-4)
        assert rows.loc[name].value == pytest.approx(found[name].value, abs=6e-4 * error)
        tau = times.loc[(sampler, "gamma", "update", name)].tau
        assert tau == pytest.approx(found[name].tau, abs=6e-4 * found[name].tau_error)


@pytest.mark.parametrize("sampler", ALL)
def test_kept_fields_belong_to_their_updates(run, sampler):
    chain = run.chain("E1", sampler)
    assert 20 < len(chain.fields) <= 50
    m = chain.scalars["m"][chain.replica, chain.update]
    assert np.allclose(chain.fields.mean(1), m, rtol=1e-6, atol=1e-7)


@pytest.mark.parametrize("sampler", ALL)
def test_a_chain_of_a_run_is_saved_and_loaded(run, sampler, tmp_path):
    chain = run.chain("E1", sampler)
    lfmc.save(chain, tmp_path / "chain.h5")
    again = lfmc.load(tmp_path / "chain.h5")
    assert np.array_equal(again.fields, chain.fields)
    assert lfmc.measure(again)["chi2"] == lfmc.measure(chain)["chi2"]


def test_models_of_a_run_sample_on(run):
    model = run.model("E1", "flow-70")
    assert model.target == 0.7
    assert model.settings.targets == (0.7,)
    same = lfmc.sample(model, 12_800, seed=5, replicas=4, progress=False)
    assert np.array_equal(same.log_weight, run.chain("E1", "flow-70").log_weight)
    loaded = lfmc.load(run.results / "train" / "E1" / "flow-70.safetensors")
    assert repr(loaded) == repr(model)


def test_unknown_names_name_the_choices(run, small_run, tmp_path):
    for call in (lambda: run.chain("E9", "hmc"), lambda: run.theory("E9")):
        with pytest.raises(lfmc.LfmcError, match="no ensemble 'E9'; there are E1"):
            call()
    with pytest.raises(lfmc.LfmcError, match=r"no sampler 'flow-50'.* there are flow-70"):
        run.model("E1", "flow-50")
    empty = lfmc.open_run(tmp_path, small_run / "config.yaml")
    with pytest.raises(lfmc.LfmcError, match="no such file; 'lfmc hmc' makes it"):
        empty.chain("E1", "hmc")
    assert empty.tables == {}
