"""Latent HMC on a larger lattice, with a model that is carried there as it is.

    python benchmarks/studies/latent_volume.py MODEL L LAM --steps 12

MODEL: a model file of the default flow in two dimensions, m2 = -4; on the lattice L x L at LAM it
is not trained any further. Chains start from fields of the model and run `--burn-in` trajectories
first. Prints the acceptance, means, tau_int in trajectories, and CPU times; log w of independent
proposals has the variance that is printed first.
"""

import argparse
from time import process_time

import numpy as np
import torch

from lfmc.analysis.gamma_method import integrated_time
from lfmc.analysis.unresolved import Unresolved
from lfmc.flows.build import build_flow, read_model
from lfmc.flows.heatbath.transfer import transferred
from lfmc.proposals.latent_hmc import latent_map_of
from lfmc.samplers.latent_hmc import LatentParameters, sample_latent
from lfmc.samplers.state import cold_start, started_from
from lfmc.theories.phi4 import Phi4


def main() -> None:
    """Run the chains and print what they cost."""
    parser = argparse.ArgumentParser(description="Latent HMC with a model of a smaller lattice.")
    parser.add_argument("model")
    parser.add_argument("extent", type=int)
    parser.add_argument("lam", type=float)
    parser.add_argument("--steps", type=int, required=True)
    parser.add_argument("--chains", type=int, default=32)
    parser.add_argument("--burn-in", type=int, default=8)
    parser.add_argument("--updates", type=int, default=24)
    given = parser.parse_args()
    torch.set_num_threads(1)
    source = read_model(given.model)
    theory = Phi4((given.extent, given.extent), m2=-4.0, lam=given.lam)
    flow = build_flow(theory, source.settings.model)
    flow.load_state_dict(transferred(source.flow, flow))
    latent = latent_map_of(flow.requires_grad_(False))
    z = np.random.default_rng(1).standard_normal((given.chains, latent.numbers))
    phi, log_q = latent.draw(z)
    weight = -theory.evaluate(phi) - log_q
    print(f"Var log w of {given.chains} proposals: {weight.var(ddof=1):.1f}", flush=True)
    state = started_from(cold_start(theory, 1, range(given.chains), "latent-hmc", "V"), phi)
    parameters = LatentParameters(given.steps, "")
    state, _ = sample_latent(latent, state, theory, parameters, given.burn_in, given.burn_in)
    began = process_time()
    state, info = sample_latent(latent, state, theory, parameters, given.updates, given.updates)
    each = 1e3 * (process_time() - began) / info.accepted.size
    print(f"acceptance {info.accepted.mean():.3f}, {each:.2f} CPU ms per trajectory", flush=True)
    chi2 = theory.numbers * info.scalars["m"] ** 2
    for name, series in (("chi2", chi2), ("E", info.scalars["E"])):
        error_of_mean = series.mean(1).std(ddof=1) / len(series) ** 0.5
        halves = [part.mean() for part in np.array_split(series, 2, axis=1)]
        both = " ".join(f"{half:.5g}" for half in halves)
        print(f"{name} = {series.mean():.5g} +- {error_of_mean:.2g}, halves {both}")
        try:
            tau = integrated_time(series)
            print(f"    tau_int {tau.value:.2f} +- {tau.error:.2f}", flush=True)
        except Unresolved as error:
            print(f"    tau_int above {error.bound:.1f}", flush=True)


if __name__ == "__main__":
    main()
