"""Latent HMC on a larger lattice, with a model that is carried there as it is.

    python benchmarks/studies/latent_volume.py MODEL L LAM --steps 12

MODEL: a model file of the default flow in two dimensions, m2 = -4; on the lattice L x L at LAM it
is not trained any further. Prints the acceptance, tau_int of chi2 and of E, chi2 and E with errors,
and the CPU time per trajectory and per independent chi2; the set-up is the thermalisation.
"""

import argparse

import numpy as np
import torch

import lfmc
from lfmc.figures.format import value_error
from lfmc.flows.build import read_model
from lfmc.flows.heatbath.transfer import transferred


def carried(path: str, extent: int, lam: float) -> lfmc.Model:
    """The model of a file on another lattice."""
    source = read_model(path)
    theory = lfmc.Phi4((extent, extent), m2=-4.0, lam=lam)
    flow = lfmc.build_flow(theory, source.settings.model.model_dump())
    flow.load_state_dict(transferred(source.flow, flow))
    return lfmc.as_model(flow.requires_grad_(False), theory)


def main() -> None:
    """Run one chain and print what it cost."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("model")
    parser.add_argument("extent", type=int)
    parser.add_argument("lam", type=float)
    parser.add_argument("--steps", type=int, required=True)
    parser.add_argument("--chains", type=int, default=32)
    parser.add_argument("--updates", type=int, default=64)
    parser.add_argument("--thermalisation", type=int, default=50)
    given = parser.parse_args()
    torch.set_num_threads(1)
    chain = lfmc.latent_hmc(
        carried(given.model, given.extent, given.lam),
        chains=given.chains, updates=given.updates, steps=given.steps, seed=1,
        thermalisation=given.thermalisation, keep_fields=100,
    )  # fmt: skip
    found = lfmc.measure(chain)
    each = 1e3 * chain.seconds / (given.chains * given.updates)
    weight = chain.extra["log_weight"][:, -1]
    print(f"acceptance {chain.acceptance:.3f}, <exp(-dH)> {np.exp(-chain.extra['dH']).mean():.3f}")
    print(f"Var log w {weight.var(ddof=1):.1f} in the chain")
    for name in ("chi2", "E"):
        value = getattr(found, name)
        print(f"{name} = {value}, tau_int {value_error(value.tau, value.tau_error)}")
    independent = 2 * found.chi2.tau * each
    print(f"{each:.2f} CPU ms per trajectory, {independent:.1f} per independent chi2")
    print(f"set-up {chain.record.attributes['seconds_setup']:.0f} CPU s")


if __name__ == "__main__":
    main()
