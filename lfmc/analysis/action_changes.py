"""The action and the scalars at other couplings, from the recorded scalars of a configuration.

    S_p - S_0 = sum_k c_k s_k

with the scalars s_k of `Theory.scalars`, averages over the lattice of V sites. For phi^4 it is

    V (lam' - lam) <phi^4> + V (m2' - m2) <phi^2>.

For any theory the c_k are found from random fields, of which both actions and all scalars are
computed; what the scalars do not determine leaves a remainder, and is refused. Scalars that
themselves depend on the couplings, as U of most scalar theories, follow in the same way.
"""

from itertools import combinations

import numpy as np

from lfmc.errors import LfmcError
from lfmc.theories.base import Floats, Theory

FIELDS = 64
REMAINDER = 1e-8  # of the largest change, below which it is rounding
ROUNDED = 1e-6  # of what changes; differences below it are rounding of both sides
SINGLE = 2.0**-24  # relative rounding of scalars, which chains keep in float32
LARGEST_ROUNDING = 1e-2  # of S_p - S_0, that single precision may leave


def action_change(theory: Theory, target: Theory, scalars: dict[str, Floats]) -> Floats:
    """S of `target` less S of `theory` of every configuration, float64.

    Args:
        theory, target: of one kind, lattice and field, with other couplings.
        scalars: of configurations, name -> (...).

    Raises:
        LfmcError: another kind or lattice; a change that the scalars do not determine, or not as
            precisely as float32 would have to.
    """
    found = coefficients(theory, target)
    terms = [c * np.asarray(scalars[name], dtype=np.float64) for name, c in found.items()]
    rounding = SINGLE * float(sum(np.abs(term).mean() for term in terms))
    if rounding > LARGEST_ROUNDING:
        raise LfmcError(
            f"{_between(theory, target)}: scalars in single precision leave {rounding:.2g} of "
            "the change of the action; sample there instead"
        )
    return np.asarray(sum(terms, np.zeros(next(iter(scalars.values())).shape)))


def scalars_at(theory: Theory, target: Theory, scalars: dict[str, Floats]) -> dict[str, Floats]:
    """The scalars as `target` defines them, float64; arguments and errors of `action_change`."""
    fields = _fields(theory)
    before, after = theory.measure(fields), target.measure(fields)
    found: dict[str, Floats] = {}
    for name in theory.scalars:
        own = np.asarray(scalars[name], dtype=np.float64)
        change = after[name] - before[name]
        if change.any():
            linear = _linear(theory, target, change, before, float(np.abs(before[name]).max()))
            own = own + sum(c * np.asarray(scalars[k], np.float64) for k, c in linear.items())
        found[name] = own
    return found


def coefficients(theory: Theory, target: Theory) -> dict[str, float]:
    """c_k of the module's formula, name -> coefficient, of the fewest scalars.

    Raises:
        LfmcError: as `action_change`.
    """
    same = type(theory) is type(target) and theory.shape == target.shape
    if not same or theory.numbers != target.numbers:
        raise LfmcError(f"{_between(theory, target)}: reweighting keeps the theory and its lattice")
    fields = _fields(theory)
    own = theory.evaluate(fields)
    change = np.asarray(target.evaluate(fields) - own)
    return _linear(theory, target, change, theory.measure(fields), float(np.abs(own).max()))


def _linear(
    theory: Theory, target: Theory, change: Floats, scalars: dict[str, Floats], size: float
) -> dict[str, float]:
    """Coefficients of the fewest scalars whose sum a change is, (FIELDS,).

    Args:
        size: of the numbers that were subtracted from each other, whose rounding is in the change.
    """
    columns = np.stack([scalars[name] for name in theory.scalars], axis=1)
    scale = np.maximum(np.abs(columns).max(0), np.finfo(float).tiny)
    largest = max(float(np.abs(change).max()), ROUNDED * size)
    for count in range(len(theory.scalars) + 1):
        for chosen in map(list, combinations(range(len(theory.scalars)), count)):
            unit = columns[:, chosen] / scale[chosen]
            solved = np.linalg.lstsq(unit, change)[0]
            if np.abs(change - unit @ solved).max() <= REMAINDER * largest:
                names = (theory.scalars[k] for k in chosen)
                return dict(zip(names, map(float, solved / scale[chosen]), strict=True))
    raise LfmcError(
        f"{_between(theory, target)}: the recorded scalars {', '.join(theory.scalars)} do not "
        "determine the change of the action; sample there instead"
    )


def _fields(theory: Theory) -> Floats:
    """Random fields of many widths, so that no two powers of phi look alike, (FIELDS, numbers)."""
    rng = np.random.default_rng(0)
    width = np.geomspace(0.2, 2.0, FIELDS)
    normals = rng.standard_normal((theory.numbers, FIELDS)) + rng.standard_normal(FIELDS)
    return np.ascontiguousarray(theory.start((width * normals)[None])[0].T)


def _between(theory: Theory, target: Theory) -> str:
    return f"from {theory.label()} to {target.label()}"
