"""HMC of the Schwinger model against exact values on 2 x 2, and what must fail."""

import numpy as np
import pytest
from schwinger_small import exact_on_two

from lfmc.samplers.hmc import HmcParameters
from lfmc.samplers.schwinger_hmc import sample_schwinger_hmc
from lfmc.samplers.state import cold_start
from lfmc.theories.schwinger import Schwinger
from lfmc.theories.u1 import U1

CHAINS, UPDATES = 128, 500
PARAMETERS = HmcParameters(1.2, 6, 0.5)
BETA, KAPPA = 1.0, 0.35
# Six deviations below 5 sigma of Student's t with 127 degrees of freedom: a false alarm has a
# probability of 1e-5; the seed is fixed.
SIGMAS = 5.0


@pytest.fixture(scope="module")
def on_two():
    """Scalars and dH of every update on 2 x 2."""
    theory = Schwinger((2, 2), BETA, KAPPA)
    state = cold_start(theory, 3, range(CHAINS), "check", "schwinger")
    state, _ = sample_schwinger_hmc(state, theory, PARAMETERS, 100, 100)
    return sample_schwinger_hmc(state, theory, PARAMETERS, UPDATES, UPDATES)[1]


def sigmas(by_chain):
    return by_chain.mean() / (by_chain.std(ddof=1) / len(by_chain) ** 0.5)


def deviations(info, exact):
    mean = {name: values.mean(1) for name, values in info.scalars.items()}
    return {name: sigmas(mean[name] - exact[name]) for name in exact if name in mean}


@pytest.mark.stat
def test_hmc_gives_the_exact_values(on_two):
    off = deviations(on_two, exact_on_two(BETA, KAPPA))
    assert set(off) == {"plaquette", "condensate", "log_det"}
    mean = {name: values.mean(1) for name, values in on_two.scalars.items()}
    force = BETA * mean["force2"] + mean["force_product"]
    off["sd"] = sigmas(force - 2 * mean["plaquette"])
    off["Q"] = sigmas(mean["Q"])
    off["creutz"] = sigmas(np.exp(-on_two.extra["dH"]).mean(1) - 1)
    assert max(map(abs, off.values())) < SIGMAS, off


@pytest.mark.stat
def test_a_determinant_of_the_wrong_sign_or_boundary_is_noticed(on_two):
    """Negative controls: 1/|det D|^2, one flavour, and periodic fermions as the target."""
    theory, gauge = Schwinger((2, 2), BETA, KAPPA), U1((2, 2), BETA)

    def periodic(phi):
        last = np.zeros(8)
        last[[4, 6]] = np.pi  # links from the last to the first slice of the time
        return -theory.evaluate(phi + last)

    wrong = {
        "sign": lambda phi: -2 * gauge.evaluate(phi) + theory.evaluate(phi),
        "flavours": lambda phi: -0.5 * (gauge.evaluate(phi) + theory.evaluate(phi)),
        "boundary": periodic,
    }
    for name, weight in wrong.items():
        off = deviations(on_two, exact_on_two(BETA, KAPPA, 9, weight))
        assert max(map(abs, off.values())) > 4 * SIGMAS, (name, off)


@pytest.mark.unit
def test_a_chain_does_not_depend_on_the_chains_beside_it():
    theory = Schwinger((4, 4), 2.0, 0.25)
    together = cold_start(theory, 4, range(40), "check", "schwinger")
    alone = cold_start(theory, 4, range(35, 38), "check", "schwinger")
    _, one = sample_schwinger_hmc(together, theory, PARAMETERS, 10, 5)
    _, two = sample_schwinger_hmc(alone, theory, PARAMETERS, 10, 5)
    assert np.array_equal(one.saved[35:38], two.saved)
    for key in theory.scalars:
        assert np.array_equal(one.scalars[key][35:38], two.scalars[key])
    seen = theory.measure(one.saved.reshape(-1, theory.numbers))
    for key in theory.scalars:
        assert np.abs(seen[key].reshape(40, 2) - one.scalars[key][:, 4::5]).max() < 1e-11
    assert 0.3 < one.accepted.mean() < 1
