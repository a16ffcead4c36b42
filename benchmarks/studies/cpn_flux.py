"""What overrelaxation and driven flux cost per independent topological charge of CP^(N-1) models.

    python benchmarks/studies/cpn_flux.py 44 0.75 --reflections 6 --steps 16 --updates 75
    python benchmarks/studies/cpn_flux.py 44 0.75 --moves 8 --updates 150

Theory `cpn_auxiliary` on L x L. Chains start disordered, with `--open` updates of overrelaxation
and then `--burn-in` updates of the sampler; `--steps 0` is overrelaxation alone. With `--moves` the
sampler is `flux-tuned`, trained first unless `--program` names what was found. Prints averages, the
acceptance of moves, tau_int, CPU time, and 1/(1 - rho(1)) = 2 <Q^2> / <(change of Q)^2>, which
is tau_int + 1/2 of a charge whose autocorrelation is one exponential and shows for frozen charges.
"""

import argparse
from time import process_time

import numpy as np

from lfmc.analysis.gamma_method import integrated_time
from lfmc.analysis.unresolved import Unresolved
from lfmc.config.compact_sections import FluxTuned
from lfmc.samplers.cpn_flux import FluxParameters, sample_flux
from lfmc.samplers.cpn_flux_tuned import sample_flux_tuned
from lfmc.samplers.cpn_heatbath import HeatbathParameters, sample_heatbath
from lfmc.samplers.flux_training import parameters_of, trained
from lfmc.samplers.state import cold_start
from lfmc.theories.cpn.auxiliary import CPNAuxiliary

PROGRAM = ("radius", "steps", "density", "ease")
SHOWN = (*PROGRAM, "cost", "work", "acceptance", "acceptance_error")


def main() -> None:
    """Run the chains and print what they cost."""
    parser = argparse.ArgumentParser(description="Costs per independent topological charge.")
    parser.add_argument("extent", type=int)
    parser.add_argument("beta", type=float)
    parser.add_argument("--N", type=int, default=21)
    parser.add_argument("--reflections", type=int, default=4)
    parser.add_argument("--steps", type=int, default=16)
    parser.add_argument("--chains", type=int, default=32)
    parser.add_argument("--open", type=int, default=100)
    parser.add_argument("--burn-in", type=int, default=20)
    parser.add_argument("--updates", type=int, default=75)
    parser.add_argument("--moves", type=int, default=0)
    parser.add_argument("--scan-moves", type=int, default=80)
    parser.add_argument("--program", type=float, nargs=4, metavar=PROGRAM)
    given = parser.parse_args()
    theory = CPNAuxiliary((given.extent, given.extent), given.N, given.beta)
    over = HeatbathParameters(1, given.reflections)
    state = cold_start(theory, 9, range(given.chains), "overrelaxation")
    state, _ = sample_heatbath(state, theory, over, given.open, given.open)

    if given.moves:
        settings = FluxTuned(
            reflections=given.reflections,
            moves=given.moves,
            thermalisation=given.burn_in,
            scan_moves=given.scan_moves,
        )
        chosen = dict(zip(PROGRAM, given.program or (), strict=bool(given.program)))
        if not chosen:
            began = process_time()
            chosen = trained(settings, theory, state)
            print(f"training {process_time() - began:.1f} CPU s: { {k: chosen[k] for k in SHOWN} }")
        program = parameters_of(settings, *(chosen[key] for key in PROGRAM))

    def advance(state, updates):
        if given.moves:
            return sample_flux_tuned(state, theory, program, updates, updates)
        if not given.steps:
            return sample_heatbath(state, theory, over, updates, updates)
        flux = FluxParameters(1, given.reflections, 1, given.steps)
        return sample_flux(state, theory, flux, updates, updates)

    state, _ = advance(state, given.burn_in)
    began = process_time()
    _, info = advance(state, given.updates)
    each = 1e3 * (process_time() - began) / info.accepted.size
    charge = info.scalars["Q"].astype(np.float64)
    found = {"E": info.scalars["E"], "Q^2": charge**2, "change^2": np.diff(charge) ** 2}
    for name, series in found.items():
        means = series.mean(1)
        print(f"{name} = {means.mean():.6g} +- {means.std(ddof=1) / len(means) ** 0.5:.2g}")
    print(f"acceptance {info.accepted.mean():.3f}, {each:.3f} CPU ms per update")
    four = (charge[:, 4:] - charge[:, :-4]) ** 2
    print(f"<(change of Q in 4 updates)^2>/4 = {four.mean() / 4:.4g}")
    print(f"1/(1 - rho(1)) = {2 * found['Q^2'].mean() / found['change^2'].mean():.4g}")
    for name, series in (("Q", charge), ("Q^2", charge**2)):
        try:
            tau = integrated_time(series)
            print(f"tau_int of {name} {tau.value:.2f} +- {tau.error:.2f}")
        except Unresolved as error:
            print(f"tau_int of {name} above {error.bound:.1f}")


if __name__ == "__main__":
    main()
