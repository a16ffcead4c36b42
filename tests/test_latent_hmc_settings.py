"""Claims about latent HMC in a configuration: where it runs, and what is refused."""

import pytest

import lfmc
from lfmc.config import parse_config, stage_settings
from lfmc.errors import LfmcError
from lfmc.proposals.latent_hmc import latent_map_of

BASE = {"ensembles": [{"name": "E", "L": 4, "m2": -4.0, "lam": 6.0}]}


def test_latent_hmc_runs_only_where_it_is_named():
    assert "latent-hmc" not in parse_config(BASE).sampler_names
    named = parse_config(BASE | {"samplers": ["latent-hmc"]})
    assert named.samplers_of("E") == ("flow-50", "flow-70", "latent-hmc")
    assert "latent-hmc" in parse_config(BASE | {"samplers": {"latent-hmc": {}}}).classical("E")
    assert stage_settings(named, "tune", "E") == stage_settings(parse_config(BASE), "tune", "E")
    assert stage_settings(named, "latent-hmc", "E")["settings"]["flow"] == "flow-70"


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"samplers": ["latent-hmc"], "flow": {"targets": []}}, "needs one of flow.targets"),
        ({"samplers": {"latent-hmc": {"flow": 0.6}}}, "flow.targets, which are 0.5, 0.7"),
        ({"samplers": {"latent-hmc": {"steps": 0}}}, "steps"),
        (
            {"samplers": ["latent-hmc"], "flow": {"model": {"kind": "continuous"}}},
            "a flow of kind continuous has no inverse to base normals",
        ),
    ],
)
def test_what_latent_hmc_lacks_is_said_at_once(changes, message):
    with pytest.raises(LfmcError, match=message):
        parse_config(BASE | changes)


def test_uniform_base_variables_are_refused():
    flow = lfmc.build_flow(lfmc.theory("u1", (4, 4), beta=1.0))
    with pytest.raises(LfmcError, match="uniform"):
        latent_map_of(flow)
