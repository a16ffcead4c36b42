"""Claims about `scan:`: deterministic names, the same bytes as written out, clear refusals."""

import pytest

from lfmc.config import parse_config, stage_settings
from lfmc.config.scanned import reweighted_scan, sampler_of_scan, scanned
from lfmc.errors import LfmcError

pytestmark = pytest.mark.unit

SCAN = {"L": [8, 16], "m2": -4.0, "lam": [4.2, 4.25, 5.0]}


def test_names_hold_the_values_and_follow_the_order_of_the_lists():
    config = parse_config({"scan": SCAN})
    assert config.ensemble_names == (
        *("L8_lam4p2", "L8_lam4p25", "L8_lam5", "L16_lam4p2", "L16_lam4p25", "L16_lam5"),
    )
    other = parse_config({"scan": {"L": 8, "theory": {"kind": "free", "m2": [0.5, 1e-5]}}})
    assert other.ensemble_names == ("L8_m20p5", "L8_m21em05")


def test_ensembles_of_a_scan_are_those_written_out():
    config = parse_config({"scan": SCAN})
    written = [
        {"name": e.name, "L": e.L, "m2": -4.0, "lam": e.lam} for e in config.ensembles
    ]  # fmt: skip
    plain = parse_config({"ensembles": written})
    assert plain.ensembles == config.ensembles
    for stage in ("tune", "hmc", "train"):
        one, other = (stage_settings(c, stage, "L16_lam5") for c in (config, plain))
        assert one == other
    assert stage_settings(config, "fit") == stage_settings(plain, "fit")


def test_a_further_point_leaves_the_others_as_they_are():
    more = parse_config({"scan": {**SCAN, "lam": [4.1, *SCAN["lam"]]}})
    few = parse_config({"scan": SCAN})
    assert set(few.ensemble_names) < set(more.ensemble_names)
    assert more.ensemble("L8_lam5") == few.ensemble("L8_lam5")


def test_several_scans_follow_the_ensembles_that_are_written_out():
    scans = [{"L": [8, 10], "m2": -4.0, "lam": 5.0}, {"L": 12, "m2": [-4.5, -4.0], "lam": 5.0}]
    config = parse_config({"ensembles": [{"name": "A", "L": 4, "m2": 1, "lam": 5}], "scan": scans})
    assert config.ensemble_names == ("A", "L8", "L10", "L12_m2m4p5", "L12_m2m4")


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"m2": [-4.0, -5.0]}, r"scan\[0\]: m2 and lam have several values; scan one of them"),
        ({"lam": [4.2, 4.2]}, r"scan\[0\]: lam: a value stands there twice"),
        ({"L": [8, 8]}, r"scan\[0\]: L: a value stands there twice"),
        ({"lam": [4.2, "x"]}, r"scan\[0\]\.lam\[1\]: must be a number"),
        ({"lam": []}, r"scan\[0\]\.lam: must have at least 1"),
        ({"L": 7}, "extent 7 is odd"),
        ({"lam": [4.2, -1.0]}, r"lam: must be greater than 0 \(got -1"),
        ({"mass": 1}, r"scan\[0\]\.mass: unknown key"),
        ({"theory": {"kind": "free", "m2": 1}}, "put the parameters of theory into it"),
    ],
)
def test_scans_that_are_none_are_refused(changed, message):
    with pytest.raises(LfmcError, match=message):
        parse_config({"scan": {**SCAN, **changed}})


def test_a_run_needs_ensembles_or_a_scan():
    for raw in ({}, {"scan": []}):
        with pytest.raises(LfmcError, match="ensembles: missing"):
            parse_config(raw)
    with pytest.raises(LfmcError, match="scan: must be a list"):
        parse_config({"scan": 3})


def test_a_scan_is_seen_in_ensembles_however_they_were_written():
    found = scanned(parse_config({"scan": SCAN}).ensembles)
    assert found.coupling == "lam"
    assert found.lattices == (8, 16)
    assert found.line(16) == ("L16_lam4p2", "L16_lam4p25", "L16_lam5")
    lines = {"L": [8, 10], "m2": -4.0, "lam": 5.0}
    assert scanned(parse_config({"scan": lines}).ensembles) is None
    default = [(6, 6.975), (8, 6.008), (10, 5.55)]
    paper = [{"name": f"E{n}", "L": n, "m2": -4, "lam": lam} for n, lam in default]
    assert scanned(parse_config({"ensembles": paper}).ensembles) is None


def test_chains_of_even_scalar_theories_are_joined():
    config = parse_config({"scan": SCAN})
    assert reweighted_scan(config) is not None
    assert sampler_of_scan(config) == "cluster"
    two = parse_config({"scan": {**SCAN, "lam": [4.2, 4.3]}})
    assert reweighted_scan(two) is None
    field = {"kind": "phi4_in_field", "m2": -4.0, "lam": 5.0, "J": [0.1, 0.2, 0.3]}
    assert reweighted_scan(parse_config({"scan": {"L": 8, "theory": field}})) is None
