"""Scalars against correlators and against each other, configuration by configuration.

One flipped bit or one value of 1e30 among 10^7 hides in a mean behind the error that it makes. The
scalars of a saved configuration follow from its correlators (arXiv:1904.12072, eq. 22-28),

    phi2 = G(0),    E = 1/d sum_mu G(mu),    V m^2 = sum_x G(x),

and those of every update obey, by Cauchy and Schwarz,

    m^2 <= phi2,    |E| <= phi2,    phi2^2 <= phi4 <= V phi2^2

as far as a theory records them. Fields of several numbers per site, or on links, have none of this.
"""

import numpy as np
from numpy.typing import NDArray

from lfmc.analysis.convergence import require_finite
from lfmc.chains import Chain
from lfmc.errors import LfmcError
from lfmc.lattice import separation_orbits, volume
from lfmc.theories.base import Field
from lfmc.theories.two_point import ising_energy, susceptibility

Floats = NDArray[np.floating]

# Both sides are float64 sums rounded to float32: one unit each way, and two for a square. Across
# 15 chains of three lattices the largest difference was 2.6 units.
ROUNDING = 32 * 2.0**-24


def require_sound(chain: Chain) -> None:
    """Refuse a chain of which every number would be wrong, naming sampler and ensemble.

    Raises:
        LfmcError: NaN or inf in a scalar, or scalars that contradict each other or the correlators.
    """
    try:
        for name, series in chain.scalars.items():
            require_finite(series, name)
        require_consistent(chain)
    except LfmcError as error:
        raise LfmcError(f"{chain.sampler} in {chain.ensemble['name']}: {error}") from None


def require_consistent(chain: Chain) -> None:
    """All relations above, within float32 rounding.

    Raises:
        LfmcError: the first configuration that contradicts itself, with both numbers.
    """
    theory = chain.theory
    saved = chain.saved[theory.scalars[0]].shape
    if chain.two_point.shape[:2] != saved:
        raise LfmcError(
            f"correlators of {chain.two_point.shape[:2]} configurations, scalars of {saved}; the "
            "file is damaged, sample again"
        )
    if theory.field != Field():
        return
    for replica in range(chain.replicas):
        scalars = {k: v[replica].astype(np.float64) for k, v in chain.scalars.items()}
        with np.errstate(over="ignore"):  # the square of an outlier may be infinite
            _require_bounds(scalars, volume(chain.shape), replica)
            every = slice(chain.save_every - 1, None, chain.save_every)
            _require_correlators({k: v[every] for k, v in scalars.items()}, chain, replica)


def _require_bounds(scalars: dict[str, Floats], sites: int, replica: int) -> None:
    m, phi2, energy = (scalars[k] for k in ("m", "phi2", "E"))
    slack = 1 + ROUNDING
    statements = {
        "m^2 <= phi2": (m * m, phi2 * slack),
        "|E| <= phi2": (np.abs(energy), phi2 * slack),
    }
    if "phi4" in scalars:
        phi4 = scalars["phi4"]
        statements |= {
            "phi2^2 <= phi4": (phi2 * phi2, phi4 * slack),
            "phi4 <= V phi2^2": (phi4, sites * phi2 * phi2 * slack),
        }
    for statement, (low, high) in statements.items():
        wrong = np.flatnonzero(~(low <= high))
        if len(wrong):
            place = wrong[0]
            raise LfmcError(
                f"update {place} of replica {replica} violates {statement} ({low[place]:.6g} "
                f"against {high[place]:.6g}), which holds for every field: the file is damaged, "
                "sample again"
            )


def _require_correlators(saved: dict[str, Floats], chain: Chain, replica: int) -> None:
    two_point = chain.two_point[replica].astype(np.float64)
    whole = np.abs(two_point) @ separation_orbits(chain.shape).size
    m2 = volume(chain.shape) * saved["m"] ** 2
    statements = {
        "phi2 = G(0)": (saved["phi2"], two_point[:, 0], saved["phi2"]),
        "E": (saved["E"], ising_energy(two_point, chain.shape), saved["phi2"]),
        "chi2 = V m^2": (m2, susceptibility(two_point, chain.shape), whole),
    }
    for name, (scalar, correlator, scale) in statements.items():
        wrong = np.flatnonzero(~(np.abs(scalar - correlator) <= ROUNDING * scale))
        if len(wrong):
            place = wrong[0]
            raise LfmcError(
                f"saved configuration {place} of replica {replica}: {name} is "
                f"{scalar[place]:.8g} from the scalars and {correlator[place]:.8g} from the "
                "correlators; they belong to different configurations, sample again"
            )
