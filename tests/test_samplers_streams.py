"""A chain's bits depend on its own stream only: not on company, chunks or saving."""

import numpy as np
import pytest

from lfmc.kernels.lanes import LANES
from lfmc.samplers.cluster import ClusterParameters, sample_cluster
from lfmc.samplers.hmc import HmcParameters, sample_hmc
from lfmc.samplers.local import LocalParameters, sample_local
from lfmc.samplers.state import cold_start, fields
from lfmc.theories.phi4 import Phi4
from lfmc.theories.two_point import averages

pytestmark = pytest.mark.unit

SAMPLERS = {
    "hmc": (sample_hmc, HmcParameters(1.0, 5)),
    "hmc-random": (sample_hmc, HmcParameters(1.0, 5, 0.5)),
    "local": (sample_local, LocalParameters(0.5)),
    "cluster": (sample_cluster, ClusterParameters(0.5, 2, 1)),
}
every_sampler = pytest.mark.parametrize("name", SAMPLERS)
ACTION = Phi4((4, 6), -4.0, 5.5)


def advanced(name, chains, pieces=(12,), save_every=3, action=ACTION):
    sample, parameters = SAMPLERS[name]
    state = cold_start(action, 4, chains, name.split("-")[0], "E1")
    infos = []
    for updates in pieces:
        state, info = sample(state, action, parameters, updates, save_every)
        infos.append(info)
    return state, infos


def together(infos):
    values = {k: [i.scalars[k] for i in infos] for k in infos[0].scalars}
    values |= {k: [i.extra[k] for i in infos] for k in infos[0].extra}
    values |= {"accepted": [i.accepted for i in infos], "saved": [i.saved for i in infos]}
    return {k: np.concatenate(v, axis=1) for k, v in values.items()}


@every_sampler
@pytest.mark.parametrize("parts", [((0, 4), (4, 8)), ((0, 3), (3, 40)), ((0, 33), (33, 34))])
def test_results_are_independent_of_grouping(name, parts):
    _, whole = advanced(name, range(parts[-1][1]))
    pieces = [together(advanced(name, range(*part))[1]) for part in parts]
    for key, values in together(whole).items():
        assert np.array_equal(values, np.concatenate([p[key] for p in pieces])), key


@every_sampler
def test_results_are_independent_of_chunks(name):
    end, whole = advanced(name, range(5))
    other_end, pieces = advanced(name, range(5), (3, 6, 3))
    assert np.array_equal(end.phi, other_end.phi)
    assert np.array_equal(end.streams, other_end.streams)
    for key, values in together(whole).items():
        assert np.array_equal(values, together(pieces)[key]), key


@every_sampler
def test_chains_differ_and_seeds_matter(name):
    state, _ = advanced(name, range(LANES + 4))
    assert len(np.unique(fields(state)[:, 0])) == LANES + 4


@every_sampler
def test_a_kernel_does_not_touch_the_state_it_is_given(name):
    sample, parameters = SAMPLERS[name]
    state = cold_start(ACTION, 4, range(5), "check", "E1")
    phi, streams = state.phi.copy(), state.streams.copy()
    sample(state, ACTION, parameters, 5, 5)
    assert np.array_equal(phi, state.phi)
    assert np.array_equal(streams, state.streams)


@every_sampler
@pytest.mark.parametrize("shape", [(2, 2), (4, 6), (2, 4, 2), (6,)])
def test_recorded_scalars_are_those_of_the_fields(name, shape):
    action = Phi4(shape, -2.0, 3.0)
    state, (info,) = advanced(name, range(7), (12,), 4, action)
    assert info.saved.shape == (7, 3, int(np.prod(shape)))
    assert np.array_equal(info.saved[:, -1], fields(state))
    for i in range(3):
        expected = averages(info.saved[:, i], shape)
        assert info.scalars.keys() == expected.keys()
        for key, want in expected.items():
            assert np.allclose(info.scalars[key][:, 4 * i + 3], want, rtol=1e-13, atol=1e-14)
