"""Claims about limits: what no flow can do and no machine can hold is refused with the file."""

import hashlib
import json
from importlib.util import find_spec

import pytest
import yaml

from lfmc.config import Config, flow_sections, parse_config, read_config, stage_settings
from lfmc.errors import LfmcError

pytestmark = pytest.mark.unit

KINDS = ("heatbath", "realnvp", "convolutional", "continuous", "spline", "multiscale")
FROM_TO = {"heatbath": (2, 4), "convolutional": (1, 3), "spline": (1, 3), "multiscale": (1, 3)}


def lattice(name: str = "A", **more: object) -> dict:
    size = {} if "shape" in more else {"L": 4}
    return {"name": name, **size, "m2": -4.0, "lam": 8.0, **more}


def refused(raw: dict) -> str:
    """The message, which must be one line."""
    with pytest.raises(LfmcError) as caught:
        parse_config(raw)
    assert str(caught.value).isprintable()
    return str(caught.value)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("d", [1, 2, 3, 4])
def test_a_kind_of_flow_is_refused_exactly_in_the_dimensions_it_lacks(kind, d):
    first, last = FROM_TO.get(kind, (1, 4))
    raw = {"ensembles": [lattice(), lattice("B", d=d)], "flow": {"model": {"kind": kind}}}
    raw["ensembles"][0]["d"] = 2
    if first <= d <= last:
        assert parse_config(raw).flow.model.kind == kind
    else:
        message = refused(raw)
        assert f"ensemble B (shape {[4] * d}), flow.model of kind {kind}: exists in d = " in message
        assert "take " in message


def test_a_refused_dimension_names_the_flows_that_exist_for_the_theory():
    spins = {"name": "S", "L": 4, "d": 3, "theory": {"kind": "spheres", "N": 4, "beta": 0.5}}
    message = refused({"ensembles": [spins]})
    assert "flow.model of kind hierarchy: exists in d = 2; take sphere_couplings" in message
    assert "realnvp" not in message  # of real fields
    message = refused({"ensembles": [lattice(d=3)], "flow": {"model": {"kind": "hierarchy"}}})
    assert "take heatbath or realnvp or " in message
    assert "sphere_couplings" not in message


def test_a_sampler_that_exists_for_no_theory_of_the_file_is_refused():
    vectors = {"name": "C", "L": 4, "theory": {"kind": "cpn", "N": 2, "beta": 0.5}}
    raw = {"samplers": {"run": ["heatbath", "hmc"]}, "flow": {"targets": []}}
    message = refused(raw | {"ensembles": [vectors]})
    assert "samplers.run: no sampler of these theories 'hmc'; there are heatbath" in message
    both = parse_config(raw | {"ensembles": [vectors, lattice()]})
    assert both.chains == (("C", "heatbath"), ("A", "hmc"))


OTHERS = ["decimation", "quenched", "sphere_couplings"]


@pytest.mark.parametrize("kind", OTHERS)
def test_flows_of_other_fields_are_refused_for_a_scalar_field_in_any_dimension(kind):
    assert {*KINDS, *OTHERS, "hierarchy"} == set(flow_sections.KINDS)
    for d in (1, 2, 3, 4):
        message = refused({"ensembles": [lattice(d=d)], "flow": {"model": {"kind": kind}}})
        assert f"flow.model of kind {kind}: exists for " in message
        assert "not for theory phi4" in message


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("d", [1, 2, 3, 4])
def test_what_the_limits_say_is_what_the_flows_do(kind, d):
    """Every flow is built where it is allowed, and its own check refuses it elsewhere."""
    import torch

    from lfmc.flows.build import build_flow
    from lfmc.theories.phi4 import Phi4

    model = parse_config({"ensembles": [lattice()], "flow": {"model": {"kind": kind}}}).flow.model
    action = Phi4((2,) * d, -4.0, 8.0)
    if d in model.exists_in():
        draw = build_flow(action, model).double()
        assert sum(p.numel() for p in draw.parameters()) > 0
        assert torch.isfinite(draw.log_q(torch.zeros(1, 2**d, dtype=torch.float64))).all()
    else:
        with pytest.raises(LfmcError):
            build_flow(action, model)


def test_a_connected_spline_exists_in_four_dimensions():
    model = {"kind": "spline", "conditioner": "connected"}
    assert parse_config({"ensembles": [lattice(d=4)], "flow": {"model": model}}).flow


@pytest.mark.parametrize(("kernel", "extent", "fits"), [(5, 2, True), (7, 2, False), (9, 4, True)])
def test_a_kernel_may_wrap_around_the_lattice_once(kernel, extent, fits):
    model = {"kind": "convolutional", "kernel": kernel}
    raw = {"ensembles": [lattice(shape=[8, extent])], "flow": {"model": model}}
    if fits:
        assert parse_config(raw)
    else:
        assert f"kernel: {kernel} is wider than the lattice; at most 5" in refused(raw)


def test_a_missing_extra_is_named(monkeypatch):
    monkeypatch.setattr(flow_sections, "find_spec", lambda name: None)
    raw = {"ensembles": [lattice()], "flow": {"model": {"kind": "spline"}}}
    assert "pip install 'lfmc[spline]'" in refused(raw)
    assert find_spec("zuko"), "the lock file holds the extra, so that its tests run"


@pytest.mark.parametrize(
    ("path", "value", "says"),
    [
        ("ensembles", [lattice(L=10**9)], "ensembles[0].L: must be less than or equal to 65536"),
        ("ensembles", [lattice(L=1000)], "more than 65536 sites"),
        ("ensembles", [lattice(shape=[4] * 5)], "at most 4 items, not 5"),
        ("ensembles", [lattice(shape=[])], "at least 1 item"),
        ("ensembles", [lattice("a1"), lattice("A1")], "a1 and A1 differ in case only"),
        ("ensembles", [lattice(m2=1e300)], "m2: must be less than or equal to"),
        ("flow.model", {"kind": "heatbath", "table": 10**9}, "equal to 65536"),
        ("flow.model", {"kind": "heatbath", "layers": 2000}, "equal to 128"),
        ("flow.model", {"kind": "realnvp", "hidden": [4096] * 64}, "parameters; at most 200000000"),
        ("flow.model", {"kind": "realnvp", "hidden": [8] * 65}, "at most 64 items"),
        ("flow.training", {"natural": {"samples": 2048, "largest_samples": 1024}}, "larger than"),
        ("flow.training", {"batch": 10**7}, "batch: must be less"),
        ("flow.models", 10**6, "models: must be less"),
        ("statistics.configurations", 10**12, "configurations: must be less"),
        ("statistics", {"configurations": 10**9, "save_every": 1000}, "updates are more than"),
        ("statistics.replicas", 10**8, "replicas: must be less"),
        ("samplers", {"hmc": {"steps": 10**6}}, "steps: must be less"),
        ("samplers", {"cluster": {"clusters": 10**6}}, "clusters: must be less"),
        ("propose.block", 10**9, "block: must be less"),
        ("propose.ranks", 10**9, "ranks: must be less"),
        ("accept.burn_in", 10**9, "burn_in: must be less"),
        ("fit.L", [10**9, 4, 6], "no ensemble has L = 6"),
        ("seed", 2**63 - 1, "no space for the seeds"),
    ],
)
def test_sizes_that_no_machine_holds_are_refused_at_once(path, value, says):
    raw: dict = {"ensembles": [lattice()]}
    section, _, key = path.partition(".")
    raw[section] = {key: value} if key else value
    assert says in refused(raw)


def test_products_of_allowed_sizes_are_limited_too():
    big = {"ensembles": [lattice(L=256)], "flow": {"model": {"kind": "continuous"}}}
    message = refused({**big, "propose": {"block": 10**5}})
    assert "propose.block: 100000 fields of A (65536 sites) are too large; at most 4096" in message


def family(*extents: int, **more: object) -> list[dict]:
    return [lattice(f"A{n}", L=n, **more) for n in extents]


@pytest.mark.parametrize(
    ("ensembles", "chosen"),
    [
        (family(8, 4, 6), (4, 6, 8)),
        (family(4, 6), ()),
        (family(4, 6, 8) + family(10, d=3), (4, 6, 8)),
        (family(4, 6) + family(8, m2=-3.0), ()),
    ],
)
def test_scaling_fits_take_what_the_file_has(ensembles, chosen):
    config = parse_config({"ensembles": ensembles})
    assert chosen == config.fit.L
    assert parse_config(json.loads(config.model_dump_json())) == config
    assert parse_config({"ensembles": family(4, 6, 8), "fit": {"L": []}}).fit.L == ()


def test_what_the_default_configurations_stages_depend_on_keeps_its_bytes(root):
    """A run of config.yaml made by an earlier release must not recompute; trainings do, whose
    default changed, unless `fit_prior` is false.
    """
    raw = yaml.safe_load((root / "config.yaml").read_text())
    raw["flow"] |= {"training": {"fit_prior": False}, "targets": [0.5, 0.7]}
    assert digest(parse_config(raw)) == DIGEST
    config = read_config(root / "config.yaml")
    for stage in ("tune", "hmc", "local", "cluster"):
        assert stage_settings(config, stage, "E1") == stage_settings(parse_config(raw), stage, "E1")


def digest(config: Config) -> str:
    stages = ("tune", "train", "retrain", "hmc", "local", "cluster")
    chains = ("propose", "accept", "measure", "autocorrelation", "verify")
    found = [stage_settings(config, s, e) for s in stages for e in config.ensemble_names]
    found += [stage_settings(config, s, "E1", f) for s in chains for f in config.sampler_names]
    found += [stage_settings(config, s) for s in ("fit", "gates", "plot")]
    return hashlib.sha256(json.dumps(found, sort_keys=True).encode()).hexdigest()[:16]


DIGEST = "39b1fe0c98d1fb2d"
