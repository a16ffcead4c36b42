"""Claims about `lfmc import`: the numbers of the chain that was exported, whatever its file."""

import numpy as np
import pytest

import lfmc
from lfmc.analysis.autocorrelation import autocorrelation_rows
from lfmc.analysis.binned import bin_chain
from lfmc.analysis.measurement import COUNTED, measurement_rows
from lfmc.chains import read_chain
from lfmc.table_files import read_table

pytestmark = pytest.mark.unit

CONFIG = """
ensembles: [{ name: E1, L: 4, m2: -4.0, lam: 6.975 }]
statistics: { configurations: 3200, keep_fields: 20 }
"""


@pytest.fixture(scope="module")
def original(tmp_path_factory):
    """A chain of hmc of which every saved configuration is kept, and its file."""
    chain = lfmc.hmc(
        lfmc.Phi4((4, 4), m2=-4.0, lam=6.975), chains=8, updates=2000, save_every=5,
        keep_fields=3200, seed=3, progress=False,
    )  # fmt: skip
    path = tmp_path_factory.mktemp("original") / "hmc.h5"
    lfmc.save(chain, path)
    return chain, path


def numbers(folder, name):
    table = read_table(folder / "results" / "import" / "E1" / f"{name}.csv")
    return {row.observable: (row.value, row.error) for row in table.itertuples()}


@pytest.mark.parametrize("form", ["exported arrays", "an axis of replicas", "hdf5"])
def test_an_imported_chain_has_the_values_and_times_of_the_original(
    original, run_lfmc, tmp_path, form
):
    chain, path = original
    (tmp_path / "config.yaml").write_text(CONFIG)
    fields = tmp_path / "given.npy"
    if form == "hdf5":
        fields = path
    elif form == "exported arrays":
        assert run_lfmc("export", path, "arrays", "--to", "npy").returncode == 0
        fields = tmp_path / "arrays" / "fields.npy"
    else:
        order = np.lexsort((chain.update, chain.replica))
        np.save(fields, chain.fields[order].reshape(8, 400, 4, 4))
    done = run_lfmc("import", fields, "--ensemble", "E1", "--name", "elsewhere")
    assert done.returncode == 0, done.stderr
    found = numbers(tmp_path, "elsewhere")
    wanted = measurement_rows(chain.record, bin_chain(chain.record))
    compared = [row for row in wanted if row["observable"] not in (*COUNTED, "expdH", "bins_m")]
    assert len(compared) > 10
    for row in compared:
        pair = (row["value"], row["error"])
        assert found[row["observable"]] == pytest.approx(pair, rel=1e-6, abs=1e-8, nan_ok=True)
    times = read_table(tmp_path / "results" / "import" / "E1" / "elsewhere-tau_int.csv")
    gamma = times[(times.estimator == "gamma") & (times.unit == "saved")].set_index("observable")
    for row in autocorrelation_rows(chain.record):
        if (row["estimator"], row["unit"]) == ("gamma", "saved"):
            assert gamma.tau[row["observable"]] == pytest.approx(row["tau"], rel=1e-6)
    assert set(times.unit) == {"saved", "none"}  # neither updates nor seconds are known
    written = read_chain(tmp_path / "results" / "import" / "E1" / "elsewhere.h5")
    assert (written.sampler, written.replicas, written.save_every) == ("elsewhere", 8, 1)
    assert "chi2 = " in done.stdout


def test_fields_of_another_action_are_seen(original, run_lfmc, tmp_path):
    """The negative control: sd, which is 1 for the action of the ensemble, is far from it."""
    chain, _ = original
    (tmp_path / "config.yaml").write_text(CONFIG.replace("6.975", "9.0"))
    np.save(tmp_path / "f.npy", chain.fields.reshape(-1, 4, 4))
    done = run_lfmc("import", "f.npy", "--ensemble", "E1", "--name", "wrong")
    assert done.returncode == 0, done.stderr
    value, error = numbers(tmp_path, "wrong")["sd"]
    assert abs(value - 1) > 5 * error


BAD = {
    "nan": (lambda phi: np.where(np.arange(16) == 3, np.nan, phi), "not finite"),
    "shape": (lambda phi: phi[:, :15], "expected (fields, 16) or (fields, 4, 4)"),
    "zero": (np.zeros_like, "every field is zero"),
    "huge": (lambda phi: 1e160 * phi, "inf at update 0 of replica 0"),
    "one": (lambda phi: phi[0].reshape(4, 4), "an array of shape (4, 4)"),
    "replica": (lambda phi: phi, "replicas of 1599 to 1601"),
    "update": (lambda phi: phi, "expected equal distances"),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_configurations_are_one_line_and_nothing_is_written(original, run_lfmc, tmp_path, name):
    change, says = BAD[name]
    np.save(tmp_path / "f.npy", change(original[0].fields))
    if name in ("replica", "update"):
        replica = np.arange(3200) // (1600 if name == "update" else 1601)
        update = np.arange(3200) ** (2 if name == "update" else 1)
        np.save(tmp_path / "f_replica.npy", replica)
        np.save(tmp_path / "f_update.npy", update)
    _refused(run_lfmc, tmp_path, ["f.npy", "--ensemble", "E1", "--name", "x"], says)


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ("absent.npy --ensemble E1 --name x", "absent.npy: cannot be read"),
        ("config.yaml --ensemble E1 --name x", "not a whole .npy file"),
        ("f.npy --ensemble E9 --name x", "no ensemble 'E9'"),
        ("f.npy --ensemble E1 --name hmc", "--name hmc: give letters"),
        ("f.npy --ensemble E1 --name ../x", "--name ../x: give letters"),
        ("f.npy --ensemble E1", "--name"),
        ("--ensemble E1 --name x", "give FIELDS, or name them in the configuration"),
    ],
)
def test_bad_arguments_are_one_line_and_nothing_is_written(run_lfmc, tmp_path, arguments, says):
    np.save(tmp_path / "f.npy", np.zeros((10, 16)))
    _refused(run_lfmc, tmp_path, arguments.split(), says)


@pytest.fixture
def named(original, run_lfmc, tmp_path):
    """A folder whose configuration names a chain, imported."""
    chain, _ = original
    order = np.lexsort((chain.update, chain.replica))
    np.save(tmp_path / "f.npy", chain.fields[order].reshape(8, 400, 4, 4))
    (tmp_path / "config.yaml").write_text(f"{CONFIG}imported: {{ theirs: {{ E1: f.npy }} }}\n")
    done = run_lfmc("import", "--ensemble", "E1", "--sampler", "theirs")
    assert done.returncode == 0, done.stderr
    return tmp_path


def test_the_commands_of_a_sampler_are_those_of_an_imported_chain(named, run_lfmc):
    chosen = ("--ensemble", "E1", "--sampler", "theirs")
    for command in ("measure", "autocorrelation", "verify"):
        done = run_lfmc(command, *chosen)
        assert done.returncode == 0, done.stderr
    results = named / "results"
    assert sorted(path.name for path in (results / "import" / "E1").iterdir()) == ["theirs.h5"]
    assert read_table(results / "measure" / "E1" / "theirs.csv").sampler.unique() == ["theirs"]
    assert (results / "verify" / "E1" / "theirs.json").is_file()
    assert run_lfmc("export", *chosen, "--to", "npy", "arrays").returncode == 0
    found = lfmc.open_run(results, named / "config.yaml").chain("E1", "theirs")
    assert found.record.imported
    assert found.scalars["phi2"].shape == (8, 400)
    np.testing.assert_array_equal(
        found.fields, np.load(named / "arrays" / "fields.npy").reshape(20, 16)
    )


def test_a_chain_of_other_fields_than_the_file_has_now_is_seen(named, run_lfmc):
    np.save(named / "f.npy", np.load(named / "f.npy")[:, ::-1])
    done = run_lfmc("verify", "--ensemble", "E1", "--sampler", "theirs")
    assert done.returncode == 2
    assert "f.npy is another file than it was made of; run lfmc import again" in done.stderr
    changed = (named / "config.yaml").read_text().replace("f.npy", "g.npy")
    (named / "config.yaml").write_text(changed)
    done = run_lfmc("measure", "--ensemble", "E1", "--sampler", "theirs")
    assert done.returncode == 2
    assert "made with file = f.npy, the configuration has g.npy" in done.stderr
    assert run_lfmc("config", "check").stderr.count("g.npy: no such file") == 1


@pytest.mark.parametrize(
    ("section", "says"),
    [
        ("{ hmc: { E1: f.npy } }", "hmc is a sampler of lfmc"),
        ("{ Cluster: { E1: f.npy } }", "cluster is a sampler of lfmc"),
        ("{ flow-33: { E1: f.npy } }", "are the flows of lfmc"),
        ("{ a: { E1: f.npy }, A: { E1: f.npy } }", "differ in case only"),
        ("{ a: { E7: f.npy } }", "imported.a: no ensemble 'E7'"),
        ("{ a: { E1: f.txt } }", "name a file of configurations, .npy or .h5"),
        ("{ a: { E1: 'f{x}.npy' } }", "'{' is not for the name of this file"),
        ("{ a: {} }", "imported.a"),
        ("{ a/b: { E1: f.npy } }", "imported.a/b"),
    ],
)
def test_a_section_that_does_not_fit_is_one_line(run_lfmc, tmp_path, section, says):
    (tmp_path / "config.yaml").write_text(f"{CONFIG}imported: {section}\n")
    done = run_lfmc("config", "check")
    assert done.returncode == 2
    assert says in done.stderr
    assert done.stderr.count("\n") == 1


def test_vectors_of_another_length_are_no_field_of_unit_vectors(run_lfmc, tmp_path):
    model = "{ name: E1, L: 4, theory: { kind: spheres, N: 3, beta: 1.0 } }"
    (tmp_path / "config.yaml").write_text(f"ensembles: [{model}]\nflow: {{ targets: [] }}\n")
    vectors = np.random.default_rng(1).normal(size=(400, 4, 4, 3))
    unit = vectors / np.linalg.norm(vectors, axis=-1, keepdims=True)
    np.save(tmp_path / "unit.npy", unit.astype(np.float32))
    np.save(tmp_path / "other.npy", 1.001 * unit)
    done = run_lfmc("import", "unit.npy", "--ensemble", "E1", "--name", "x")
    assert done.returncode == 0, done.stderr
    done = run_lfmc("import", "other.npy", "--ensemble", "E1", "--name", "y")
    assert done.returncode == 2
    assert "field 0 has vectors that are not of unit length (400 of 400)" in done.stderr


def _refused(run_lfmc, folder, arguments, says):
    (folder / "config.yaml").write_text(CONFIG)
    before = sorted(path.name for path in folder.iterdir())
    done = run_lfmc("import", *arguments)
    assert done.returncode == 2, done.stderr
    assert done.stderr.startswith("lfmc: error: ")
    assert done.stderr.count("\n") == 1
    assert says in done.stderr
    assert sorted(path.name for path in folder.iterdir()) == before
