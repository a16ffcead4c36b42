"""What control variates that need no flow explain of chi2: those of the Schwinger-Dyson equations.

    python -m benchmarks.studies.zero_variance --folder DIR

For any function psi of the fields the mean over p of div grad psi - grad S . grad psi is zero
(zero-variance principle: Assaraf and Caffarel, Phys. Rev. Lett. 83 (1999) 4682; Mira, Solgi and
Imparato, Stat. Comput. 23 (2013) 653), so that any sampler of p has such control variates. Here
psi = M^2, M^4, M^6 of the total field M, and |phi_k|^2 of the two smallest momenta. A row of
DIR/zero_variance.csv per lattice of m_p L = 4: the part of the variance of chi2, of independent
fields of p, that is left by regression, beside the same of E.
"""

from pathlib import Path

import click
import numpy as np

from benchmarks.table import Table
from lfmc.lattice import FloatArray
from lfmc.theories.phi4 import Phi4
from lfmc.training.target import target_fields

LATTICES = {8: 6.008, 14: 5.113, 20: 4.807, 32: 4.572}
M2, FIELDS, SEED = -4.0, 16384, 1904


def control_variates(theory: Phi4, phi: FloatArray) -> FloatArray:
    """Functions of mean zero over p, (n, K)."""
    volume, slope = phi.shape[1], theory.gradient(phi)
    total, force = phi.sum(1), slope.sum(1)
    found = [
        k * (k - 1) * volume * total ** (k - 2) - k * total ** (k - 1) * force for k in (2, 4, 6)
    ]
    shape = (len(phi), *theory.shape)
    waves, forces = (np.fft.rfftn(x.reshape(shape), axes=(1, 2)) for x in (phi, slope))
    for at in ((0, 1), (1, 0), (1, 1), (-1, 1)):
        here = (slice(None), *at)
        found.append(volume - (waves[here] * forces[here].conj()).real)
    return np.stack(found, axis=1)


def left(values: FloatArray, controls: FloatArray) -> float:
    """The part of the variance of values (n,) that a regression leaves."""
    scaled = controls / controls.std(0)
    matrix = np.concatenate([scaled, np.ones((len(values), 1))], axis=1)
    best = np.linalg.lstsq(matrix, values, rcond=None)[0]
    return float((values - matrix @ best).var() / values.var())


@click.command()
@click.option("--folder", required=True, type=click.Path(path_type=Path))
def main(folder: Path) -> None:
    """Variance that control variates of the Schwinger-Dyson equations leave."""
    done = Table(folder, "zero_variance", ("L",))
    for extent, lam in LATTICES.items():
        theory = Phi4((extent, extent), m2=M2, lam=lam)
        phi = target_fields(theory, FIELDS, SEED, f"V{extent}")
        controls = control_variates(theory, phi)
        means = controls.mean(0) / controls.std(0) * FIELDS**0.5
        energy = theory.measure(phi)["E"]
        row = {"L": extent, "chi2": left(phi.mean(1) ** 2, controls), "E": left(energy, controls)}
        done.add(row | {"largest_mean": float(np.abs(means).max())})
        click.echo(row | {"largest mean, in errors": float(np.abs(means).max())})


if __name__ == "__main__":
    main()
