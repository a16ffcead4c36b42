"""Claims about what `evaluate` and `gradient` of a theory take: real numbers of any precision."""

import numpy as np
import pytest
import torch

import lfmc

pytestmark = pytest.mark.unit

THEORIES = {
    "phi4": {"m2": -1.0, "lam": 1.0},
    "free": {"m2": 1.0},
    "spheres": {"N": 3, "beta": 1.0},
    "u1": {"beta": 1.0},
    "schwinger": {"beta": 1.0, "kappa": 0.2},
    "cpn": {"N": 3, "beta": 0.8},
    "cpn_auxiliary": {"N": 3, "beta": 0.8},
}


def made(kind):
    theory = lfmc.theory(kind, (4, 4), **THEORIES[kind])
    fields = np.random.default_rng(1).standard_normal((3, theory.numbers))
    return theory, fields


@pytest.mark.parametrize("kind", THEORIES)
def test_fields_of_single_precision_have_an_action(kind):
    """To the rounding of the fields: 24 bits, of a sum of some hundred terms."""
    theory, fields = made(kind)
    single = fields.astype(np.float32)
    exact = theory.evaluate(single.astype(np.float64))
    scale = np.abs(exact).max() + theory.numbers
    assert np.abs(theory.evaluate(single) - exact).max() < 1e-6 * scale
    assert np.abs(theory.evaluate(torch.tensor(single)).numpy() - exact).max() < 1e-6 * scale


@pytest.mark.parametrize("kind", THEORIES)
@pytest.mark.parametrize("library", ["numpy", "torch"])
def test_complex_fields_are_refused(kind, library):
    theory, fields = made(kind)
    given = fields + 0j if library == "numpy" else torch.tensor(fields + 0j)
    with pytest.raises(lfmc.LfmcError, match=r"fields of (torch\.)?complex128; give real numbers"):
        theory.evaluate(given)
