"""Runs of a sampler at one value of the coupling that is sought, with their reweighted sums."""

from collections.abc import Callable
from dataclasses import replace
from typing import NamedTuple

import numpy as np

from lfmc.clock import cpu_seconds
from lfmc.config import Config
from lfmc.config.problems import validated
from lfmc.config.sampler_sections import Samplers, tuned_samplers
from lfmc.config.search_section import CouplingSearch
from lfmc.config.sections import Ensemble
from lfmc.errors import LfmcError, unknown
from lfmc.samplers.method import Method, method
from lfmc.samplers.state import State, cold_start, require_finite
from lfmc.samplers.thermalise import thermalise
from lfmc.samplers.tune import tuned
from lfmc.theories.base import Floats, Theory
from lfmc.theories.ensembles import theory_of
from lfmc.theories.scalar import Scalar
from lfmc.tuning.reweighting import Curve, Sums, curve, observables_of, summed

CHAINS = 64
SMALL = 8  # extent of the lattice on which widths of proposals are tuned
PILOT = 50  # saved configurations of each chain that fix the window and are discarded
SAVE_EVERY = 6
POINTS = 7
EFFECTIVE = 0.7  # part of the configurations that count at the ends of the window, at least
CHUNK_VALUES = 2_000_000
LINEAR = 1e-9  # relative curvature of the action below which it is linear in the parameter


class Lattice(NamedTuple):
    """What is sought on one lattice, checked.

    Attributes:
        config: seed and settings of the samplers; the ensemble is one of many values.
        search: the section; extent: L.
    """

    config: Config
    search: CouplingSearch
    extent: int

    @property
    def name(self) -> str:
        """Of the ensemble that is found, and of the random streams."""
        return f"L{self.extent}"

    def ensemble(self, value: float) -> Ensemble:
        """The ensemble at a value of the parameter; raises LfmcError if it is not allowed."""
        search = self.search
        theory = {**search.theory, search.parameter: value}
        raw = {"name": self.name, "L": self.extent, "d": search.d, "theory": theory}
        return validated(Ensemble, raw, "couplings")

    def theory(self, value: float) -> Theory:
        """The theory at a value of the parameter."""
        return theory_of(self.ensemble(value))


class Run(NamedTuple):
    """A chain at one value, as long as it is by now.

    Attributes:
        value: of the parameter; at: the window, (P,), in whose middle it is.
        change: (fields) -> S_p - S_0 less a constant for each p, (..., P).
        names: of the averaged scalars; saved: configurations of each chain; seconds: CPU.
    """

    value: float
    theory: Theory
    method: Method
    state: State
    at: Floats
    change: Callable[[Floats], Floats]
    names: tuple[str, ...]
    sums: Sums | None
    seconds: float

    @property
    def saved(self) -> int:
        """Saved configurations of each chain."""
        return self.sums.number if self.sums else 0

    def extended(self, saved: int) -> "Run":
        """The same run with `saved` further configurations of each chain."""
        state, sums, began = self.state, self.sums, cpu_seconds()
        chunk = max(1, CHUNK_VALUES // (CHAINS * self.theory.numbers))
        for first in range(0, saved, chunk):
            n = min(chunk, saved - first)
            state, info = self.method.advance(state, self.theory, n * SAVE_EVERY, SAVE_EVERY)
            require_finite(state, f"{self.method.name} at {self.value:.6g}")
            scalars = {k: v[:, SAVE_EVERY - 1 :: SAVE_EVERY] for k, v in info.scalars.items()}
            flat = info.saved.reshape(CHAINS * n, -1)
            correlators = self.theory.correlators(flat).reshape(CHAINS, n, -1)
            piece = summed(self.theory, self.change(info.saved), scalars, correlators)
            sums = piece if sums is None else sums.plus(piece)
        return self._replace(state=state, sums=sums, seconds=self.seconds + cpu_seconds() - began)

    def curve(self, observable: str) -> Curve:
        """The observable against the parameter in the window."""
        assert self.sums is not None
        return curve(self.theory, self.names, self.at, self.sums, observable)


def lattice(search: CouplingSearch, extent: int, seed: int, samplers: Samplers) -> Lattice:
    """Check everything that can be checked before a run.

    Args:
        samplers: section `samplers` of the configuration.

    Raises:
        LfmcError: a theory, parameter, lattice or observable that there is not.
    """
    trial = search.between[0] if search.between else 1.0
    theory = {**search.theory, search.parameter: trial}
    raw = {"name": f"L{extent}", "L": extent, "d": search.d, "theory": theory}
    ensemble = validated(Ensemble, raw, "couplings")
    config = validated(
        Config,
        {
            "seed": seed,
            "ensembles": [ensemble.model_dump(mode="json", exclude={"L", "d"})],
            "samplers": samplers.model_dump(mode="json", exclude={"run"}, exclude_unset=True),
            "flow": {"targets": []},
        },
        "couplings",
    )
    known = observables_of(theory_of(ensemble))
    if search.observable not in known:
        raise unknown("observable", search.observable, known)
    return Lattice(config, search, extent)


def begun(lattice: Lattice, number: int, value: float, before: Run | None) -> Run:
    """Run `number` at a value, thermalised, with its window but without configurations that count.

    Args:
        before: the run whose last fields it starts from, and whose widths it takes.
    """
    theory = lattice.theory(value)
    began = cpu_seconds()
    chosen = _method(lattice, theory) if before is None else before.method
    streams = (lattice.config.seed, range(CHAINS), "tune", lattice.name, "couplings", number)
    state = cold_start(theory, *streams)
    if before is not None:
        state = state._replace(phi=before.state.phi)
    state = thermalise(state, theory, chosen)
    state, info = chosen.advance(state, theory, PILOT * SAVE_EVERY, SAVE_EVERY)
    at, change = _window(lattice, value, theory, info.saved)
    names = tuple(theory.averaged(theory.measure(info.saved[:, 0])))
    return Run(value, theory, chosen, state, at, change, names, None, cpu_seconds() - began)


def _method(lattice: Lattice, theory: Theory) -> Method:
    """The cluster algorithm if the theory has one, else its first sampler, tuned.

    Widths of single-site proposals hardly depend on the lattice and are tuned on a small one.
    """
    name = "cluster" if "cluster" in theory.samplers else theory.samplers[0]
    small = replace(theory, shape=tuple(min(n, SMALL) for n in theory.shape))
    needed = tuned_samplers(sorted({theory.opening, name}))
    parameters = {
        one: tuned(lattice.config, lattice.name, theory if one == "hmc" else small, one)
        for one in needed
    }
    return method(lattice.config, name, theory, parameters)


def _window(
    lattice: Lattice, value: float, theory: Theory, fields: Floats
) -> tuple[Floats, Callable[[Floats], Floats]]:
    """Values of the parameter that the run reaches, and S_p - S_0 there.

    Raises:
        LfmcError: the action does not depend on the parameter.
    """
    step = 0.01 * abs(value) or 0.01
    below, above = lattice.theory(value - step), lattice.theory(value + step)
    action = _action(theory, above)
    low, middle, high = (action(one, fields) for one in (below, theory, above))
    derivative = (high - low) / (2 * step)
    width = float(derivative.std())
    if not width > 0:
        raise LfmcError(
            f"couplings: the action does not depend on {lattice.search.parameter}; seek another"
        )
    at = value + _reach(derivative, width) * np.linspace(-1.0, 1.0, POINTS)
    curvature = np.abs(high - 2 * middle + low).max()
    if curvature < LINEAR * (np.abs(high) + np.abs(low)).max():
        mean = float(derivative.mean())

        def linear(phi: Floats) -> Floats:
            slope = (action(above, phi) - action(theory, phi)) / step
            return (slope - mean)[..., None] * (at - value)

        return at, linear
    others = [lattice.theory(p) for p in at]
    offset = np.array([(action(other, fields) - middle).mean() for other in others])

    def general(phi: Floats) -> Floats:
        own = action(theory, phi)
        return np.stack([action(other, phi) - own for other in others], axis=-1) - offset

    return at, general


def _reach(derivative: Floats, width: float) -> float:
    """The largest half-width, in steps of a tenth, with EFFECTIVE at both ends."""
    around, reach = derivative - derivative.mean(), 1.0 / width
    while True:
        weights = [np.exp(sign * reach * around) for sign in (-1, 1)]
        if min(w.mean() ** 2 / (w * w).mean() for w in weights) >= EFFECTIVE:
            return reach
        reach *= 0.9


def _action(one: Theory, other: Theory) -> Callable[[Theory, Floats], Floats]:
    """S of fields (..., sites), without the hopping term where it is common to both theories."""
    if isinstance(one, Scalar) and isinstance(other, Scalar) and one.hopping == other.hopping:
        return lambda theory, phi: theory.site_action(phi).sum(-1)  # type: ignore[attr-defined]
    return lambda theory, phi: theory.evaluate(phi)
