"""Claims about the configuration: typed, frozen, every problem at once, exact stage settings."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lfmc.config import (
    Config,
    parse_config,
    read_config,
    settings_hash,
    stage_settings,
)
from lfmc.config.flow_sections import RealNvpSettings
from lfmc.config.sections import Ensemble
from lfmc.errors import LfmcError

pytestmark = pytest.mark.unit

PAPER = {
    "E1": (6, 6.975),
    "E2": (8, 6.008),
    "E3": (10, 5.550),
    "E4": (12, 5.276),
    "E5": (14, 5.113),
}
ONE = {"ensembles": [{"name": "A", "L": 4, "m2": -4.0, "lam": 8.0}]}
WHOLE = {
    "ensembles": [{"name": f"A{n}", "L": n, "m2": -4.0, "lam": 8.0} for n in (4, 6, 8)],
    "fit": {"L": [4, 6, 8]},
}


def changed(base: dict, path: str, value: object) -> Config:
    """The configuration with one key, given as a.b.c, set."""
    raw = json.loads(json.dumps(base))
    *sections, key = path.split(".")
    place = raw
    for section in sections:
        place = place.setdefault(section, {})
    place[key] = value
    return parse_config(raw)


@pytest.mark.parametrize("name", PAPER)
def test_named_constructor_is_table_one_of_the_paper(name, root):
    extent, lam = PAPER[name]
    ensemble = Ensemble.from_albergo2019(name)
    assert (ensemble.sites, ensemble.m2, ensemble.lam) == ((extent, extent), -4.0, lam)
    assert ensemble.normalisation == 1.0
    assert read_config(root / "config.yaml").ensemble(name).lam == lam


def test_e4_is_not_the_common_misprint():
    assert Ensemble.from_albergo2019("E4").lam == 5.276 != 5.267


def test_default_configuration_is_the_papers_statistics(root):
    config = read_config(root / "config.yaml")
    assert config.statistics.configurations == 10**6
    assert config.statistics.save_every == 10
    assert config.samplers.hmc.steps == 10
    assert (config.samplers.hmc.acceptance, config.samplers.local.acceptance) == (0.7, 0.7)
    assert config.fit.L == (10, 12, 14)
    assert config.sampler_names == ("flow-50", "flow-70", "flow-best", "hmc", "local", "cluster")


def test_all_problems_are_reported_at_once_each_with_its_path(tmp_path):
    path = tmp_path / "bad.yaml"
    path.write_text(
        """
seed: -1
ensembles:
  - { name: A, L: 7, m2: -4.0, lam: 8.0 }
  - { name: B, L: 8, m2: -4.0, lam: 0 }
  - { name: C, m2: -4.0, lam: 1 }
flow: { targets: [0.5, 1.7], modle: {} }
fit: { L: [4, 6] }
statistics: { replicas: 1 }
"""
    )
    with pytest.raises(LfmcError) as error:
        read_config(path)
    message = str(error.value)
    assert "\n" not in message
    assert message.startswith(str(path))
    for fragment in (
        "seed: ",
        "ensembles[0]: extent 7 is odd",
        "ensembles[1].lam: ",
        "ensembles[2]: give L (and d) or shape",
        "flow.targets[1]: ",
        "flow.modle: unknown key",
        "fit.L: needs at least three different L",
        "statistics.replicas: ",
    ):
        assert fragment in message
    assert "Tuple should have at least" not in message


@pytest.mark.parametrize(
    ("path", "value", "says"),
    [
        ("flow.targets", [0.7, 0.5], "ascend"),
        ("flow.targets", [0.5, 0.5], "ascend"),
        ("flow.targets", [0.505], "whole per cents"),
        ("statistics.configurations", 100, "fewer than 10 per replica"),
        ("ensembles", [], "at least 1 item"),
        ("ensembles", ONE["ensembles"] * 2, "appears twice"),
        ("fit.L", [4, 6, 10], "no ensemble has L = 10"),
        ("flow.model", {"kind": "glow"}, "heatbath"),
        ("propose.ranks", 0, "greater than or equal to 1"),
        ("samplers.hmc.acceptance", float("nan"), "finite"),
        ("seed", 2**63, "less than"),
    ],
)
def test_impossible_values_say_what_would_be_right(path, value, says):
    with pytest.raises(LfmcError, match=path.split(".")[0]) as error:
        changed(WHOLE, path, value)
    assert says in str(error.value)


@pytest.mark.parametrize(
    ("ensemble", "says"),
    [
        ({"shape": [4, 6, 8], "d": 2}, "has not d = 2 extents"),
        ({"shape": [4, 6], "L": 4}, "give one of them"),
        ({"shape": [4, 5]}, "extent 5 is odd"),
        ({"L": 4, "normalisation": 0.7}, "negative control"),
        ({"L": 4, "name": "a/b"}, "pattern"),
        ({}, "give L"),
    ],
)
def test_impossible_ensembles_are_refused(ensemble, says):
    with pytest.raises(LfmcError, match="ensembles") as error:
        parse_config({"ensembles": [{"name": "A", "m2": -4.0, "lam": 8.0, **ensemble}]})
    assert says in str(error.value)


@given(half=st.lists(st.integers(1, 8), min_size=1, max_size=4))
def test_any_even_shape_in_any_dimension_is_an_ensemble(half):
    shape = tuple(2 * n for n in half)
    ensemble = Ensemble(name="A", shape=shape, m2=0.5, lam=1.0)
    assert (ensemble.sites, ensemble.d, ensemble.extent) == (shape, len(shape), shape[0])


def test_length_and_dimension_make_a_shape():
    assert Ensemble(name="A", L=8, d=3, m2=-6, lam=14.59).sites == (8, 8, 8)


@pytest.mark.parametrize("sites", [{"L": 8, "d": 3}, {"shape": [4, 6]}])
def test_a_written_ensemble_reads_back_the_same(sites):
    ensemble = Ensemble(name="A", m2=-6, lam=14.59, **sites)
    assert Ensemble.model_validate_json(ensemble.model_dump_json()) == ensemble
    config = parse_config(WHOLE)
    assert parse_config(json.loads(config.model_dump_json())) == config


def test_a_configuration_never_changes():
    config = parse_config(ONE)
    with pytest.raises(ValueError, match="frozen"):
        config.seed = 2  # type: ignore[misc]
    with pytest.raises(ValueError, match="frozen"):
        config.ensembles[0].lam = 2.0


def test_unknown_names_list_the_choices():
    config = parse_config(WHOLE)
    with pytest.raises(LfmcError, match=r"no ensemble 'E9'; there are A4, A6, A8"):
        config.ensemble("E9")
    with pytest.raises(LfmcError, match=r"no flow 'flow-60'; there are flow-50, flow-70"):
        config.target("flow-60")
    assert config.target("flow-70") == 0.7


@pytest.mark.parametrize("text", ["", "- 1", "a: [", "7"])
def test_what_is_no_mapping_is_one_clear_line(tmp_path, text):
    path = tmp_path / "c.yaml"
    path.write_text(text)
    with pytest.raises(LfmcError, match=r"c\.yaml: ") as error:
        read_config(path)
    assert "\n" not in str(error.value)


def test_missing_file_is_named(tmp_path):
    with pytest.raises(LfmcError, match="No such file"):
        read_config(tmp_path / "absent.yaml")


def test_published_networks_are_enforced_by_their_constructor():
    assert RealNvpSettings.from_albergo2019().hidden == (256, 256)
    for wrong in ({"couplings": 7}, {"layers": 7}, {"width": 99}):
        with pytest.raises(ValueError, match="published"):
            RealNvpSettings.from_albergo2019(**wrong)


STAGES = {
    "tune": ("A4", None),
    "train": ("A4", None),
    "propose": ("A4", "flow-70"),
    "accept": ("A4", "flow-70"),
    "hmc": ("A4", None),
    "local": ("A4", None),
    "cluster": ("A4", None),
    "measure": ("A4", "hmc"),
    "autocorrelation": ("A4", "hmc"),
    "verify": ("A4", "hmc"),
    "fit": (None, None),
    "gates": (None, None),
    "plot": (None, None),
    "summary": (None, None),
}


@pytest.mark.parametrize(
    ("path", "value", "touched"),
    [
        ("results", "elsewhere", set()),
        ("propose.ranks", 3, set()),
        ("propose.block", 512, {"propose"}),
        ("flow.training.batch", 64, {"train"}),
        ("flow.training.ranks", 2, set()),
        ("flow.model", {"kind": "realnvp"}, {"train"}),
        ("accept.burn_in", 7, {"propose", "accept"}),  # more proposals, to drop them
        ("samplers.hmc.steps", 12, {"tune", "hmc"}),
        ("samplers.local.thermalisation", 12, {"tune", "local"}),
        ("samplers.cluster.sweeps", 2, {"tune", "cluster"}),
        ("statistics.configurations", 10_000, {"propose", "accept", "hmc", "local", "cluster"}),
        ("statistics.save_every", 5, {"hmc", "local", "cluster"}),
        ("fit.L", [8, 6, 4], {"fit"}),
        ("seed", 1, set(STAGES)),
    ],
)
def test_a_changed_setting_touches_exactly_the_stages_that_depend_on_it(path, value, touched):
    before, after = parse_config(WHOLE), changed(WHOLE, path, value)
    found = {
        stage
        for stage, names in STAGES.items()
        if stage_settings(before, stage, *names) != stage_settings(after, stage, *names)
    }
    assert found == touched


def test_another_ensemble_touches_only_its_own_stages_and_the_whole_runs():
    after = changed(
        WHOLE, "ensembles", [*WHOLE["ensembles"][:2], {**WHOLE["ensembles"][2], "m2": -3}]
    )
    for stage, names in STAGES.items():
        same = stage_settings(parse_config(WHOLE), stage, *names) == stage_settings(
            after, stage, *names
        )
        assert same == (names[0] is not None), stage


@given(st.dictionaries(st.text(max_size=5), st.integers() | st.floats(allow_nan=False), max_size=6))
def test_settings_hash_ignores_order_and_nothing_else(content):
    backwards = dict(reversed(content.items()))
    assert settings_hash(content) == settings_hash(backwards)
    assert settings_hash(content) != settings_hash({**content, "another": 1})


def test_settings_hash_is_stable_from_release_to_release():
    assert settings_hash({"a": 1, "b": [0.5, "x"]}) == "d9dda6d0c61c7433"
