"""Claims about theories that a user writes in a notebook: a class, and every call knows it."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import pytest

import lfmc

pytestmark = pytest.mark.unit


@dataclass(frozen=True)
class Sextic(lfmc.Scalar):
    """U = 2d phi^2 + g phi^6, with powers."""

    kind: ClassVar[str] = "test_sextic"

    g: float

    def constants(self):
        return (2.0 * self.dimension, self.g)

    @staticmethod
    def potential(phi, a, g):
        return a * phi**2 + g * phi**6

    @staticmethod
    def slope(phi, a, g):
        return 2.0 * a * phi + 6.0 * g * phi**5


@dataclass(frozen=True)
class Products(Sextic):
    """The same with products."""

    kind: ClassVar[str] = "test_products"

    @staticmethod
    def potential(phi, a, g):
        return a * (phi * phi) + g * (phi * phi * phi * phi * phi * phi)

    @staticmethod
    def slope(phi, a, g):
        return 2.0 * a * phi + 6.0 * g * (phi * phi * phi * phi * phi)


def chain(theory, updates=400):
    return lfmc.hmc(theory, chains=32, updates=updates, seed=1, keep_fields=32, progress=False)


def test_powers_in_kernels_are_products():
    """The same bits; another coupling gives others."""
    one, two = chain(Sextic((4, 4), 1.0)), chain(Products((4, 4), 1.0))
    assert np.array_equal(one.fields, two.fields)
    assert not np.array_equal(one.fields, chain(Sextic((4, 4), 1.1)).fields)


def test_scalars_of_the_kernels_are_those_of_the_arrays():
    found = chain(Sextic((4, 4), 1.0), updates=10)
    fresh = found.theory.measure(found.fields)
    for name, values in fresh.items():
        kept = found.scalars[name][found.replica, found.update]
        assert np.allclose(values, kept, rtol=1e-6, atol=1e-6), name


def test_a_chain_is_saved_and_read(tmp_path):
    found = chain(Sextic((4, 4), 1.0))
    lfmc.save(found, tmp_path / "chain.h5")
    again = lfmc.load(tmp_path / "chain.h5", theory=found.theory)
    assert repr(lfmc.measure(again)).splitlines()[1:] == repr(lfmc.measure(found)).splitlines()[1:]


def test_a_kind_that_is_taken_is_refused():
    @dataclass(frozen=True)
    class Other(Sextic):
        kind: ClassVar[str] = "free"

    with pytest.raises(lfmc.LfmcError, match="kind 'free' is that of Free; choose another"):
        chain(Other((4, 4), 1.0))


def test_a_sampler_that_does_not_exist_names_those_that_do():
    theory = lfmc.theory("phi4_in_field", (4, 4), m2=1.0, lam=1.0, J=0.1)
    with pytest.raises(lfmc.LfmcError, match="Phi4InField has no cluster; it has hmc, local"):
        lfmc.cluster(theory, chains=2, updates=10, seed=1, progress=False)


@pytest.mark.parametrize(
    ("kind", "parameters", "message"),
    [
        ("sine_gordn", {}, "perhaps 'sine_gordon'"),
        ("free", {}, "m2: missing"),
        ("free", {"m2": -1.0}, "m2: must be greater than 0"),
        ("free", {"m2": 1.0, "g": 2.0}, "g: unknown key"),
    ],
)
def test_a_theory_by_its_kind_says_what_is_wrong(kind, parameters, message):
    with pytest.raises(lfmc.LfmcError, match=message):
        lfmc.theory(kind, (4, 4), **parameters)
