"""Latent HMC on a larger lattice, with a model that is carried there and trained a little.

    python benchmarks/studies/latent_volume.py MODEL L LAM --kicks 12 --train 4

MODEL: a model file of the default flow in two dimensions, m2 = -4. On the lattice L x L at LAM its
prior is fitted to fields of cluster chains; `--train` natural steps follow, each of at most 4096
samples, and another fit. Chains start from such fields and have to stay in equilibrium. Prints chi2
of the cluster fields, Var log w of each model, and of latent HMC the acceptance, means, tau_int in
trajectories, and CPU times.
"""

import argparse
from copy import deepcopy
from functools import partial
from time import process_time

import numpy as np
import torch

from lfmc.analysis.gamma_method import integrated_time
from lfmc.analysis.unresolved import Unresolved
from lfmc.config.training_sections import NaturalSettings
from lfmc.flows.build import build_flow, read_model, save_flow
from lfmc.flows.heatbath.flow import HeatbathFlow
from lfmc.flows.heatbath.transfer import transferred
from lfmc.lattice import FloatArray
from lfmc.proposals.latent_hmc import latent_map_of
from lfmc.samplers.latent_hmc import LatentParameters, sample_latent
from lfmc.samplers.state import cold_start, started_from
from lfmc.theories.ensembles import ensemble_of
from lfmc.theories.phi4 import Phi4
from lfmc.training.fisher import score_sums
from lfmc.training.natural import NaturalGradient
from lfmc.training.optimiser import parameters_of
from lfmc.training.prior_fit import PriorFit
from lfmc.training.step import model_log_weight
from lfmc.training.target import target_fields

FIELDS, CHECKED = 2048, 512


def mean_and_error(values: FloatArray) -> str:
    """Of independent values."""
    return f"{values.mean():.5g} +- {values.std(ddof=1) / len(values) ** 0.5:.2g}"


def variance(flow: HeatbathFlow) -> float:
    """Var log w of the same proposals for every model."""
    return float(model_log_weight(flow, CHECKED, torch.Generator().manual_seed(7)).var())


def trained(flow: HeatbathFlow, fields: FloatArray, steps: int) -> HeatbathFlow:
    """The flow after a fit of the prior, natural steps, and another fit."""
    fit, began = PriorFit(flow, fields), process_time()
    work = deepcopy(flow).float()
    fitted = deepcopy(flow)

    def report(what: str) -> None:
        double = {name: value.double() for name, value in parameters_of(work).items()}
        fitted.load_state_dict(double)
        spent = process_time() - began
        print(f"{what}: Var log w {variance(fitted):.1f}, {spent:.0f} CPU s", flush=True)

    report("as it is")
    work.load_state_dict(fit(parameters_of(work)))
    report("prior fitted")
    settings = NaturalSettings(samples=2048, largest_samples=4096)
    natural = NaturalGradient(work, settings, 1, partial(score_sums, work))
    for step in range(1, steps + 1):
        natural.advance(step)
        report(f"step {step}")
    if steps:
        work.load_state_dict(fit(parameters_of(work)))
        report("prior fitted again")
    return fitted


def main() -> None:
    """Fit and train the model, run the chains and print what they cost."""
    parser = argparse.ArgumentParser(description="Latent HMC with a model of a smaller lattice.")
    parser.add_argument("model")
    parser.add_argument("extent", type=int)
    parser.add_argument("lam", type=float)
    parser.add_argument("--kicks", type=int, nargs="+", required=True, help="of a trajectory")
    parser.add_argument("--train", type=int, default=0, help="natural steps after the fit")
    parser.add_argument("--infrared", type=int, default=4, help="of the model, see docs/method.md")
    parser.add_argument("--save", help="file of the trained model")
    parser.add_argument("--chains", type=int, default=32)
    parser.add_argument("--updates", type=int, default=40)
    given = parser.parse_args()
    torch.set_num_threads(1)
    source = read_model(given.model)
    theory = Phi4((given.extent, given.extent), m2=-4.0, lam=given.lam)
    model = source.settings.model.model_copy(update={"infrared": given.infrared})
    settings = source.settings.model_copy(update={"model": model})
    flow = build_flow(theory, model)
    flow.load_state_dict(transferred(source.flow, flow))
    began = process_time()
    fields = target_fields(theory, FIELDS, 1, "V")
    chi2 = (theory.numbers * fields.mean(1) ** 2).reshape(-1, 128).mean(0)
    spent = process_time() - began
    print(f"chi2 of clusters = {mean_and_error(chi2)}, {spent:.0f} CPU s", flush=True)
    flow = trained(flow.requires_grad_(False), fields, given.train)
    if given.save:
        save_flow(given.save, parameters_of(flow), settings, ensemble_of(theory, "V"))
    latent = latent_map_of(flow)
    cold = cold_start(theory, 1, range(given.chains), "latent-hmc", "V")
    for kicks in given.kicks:
        state = started_from(cold, fields[-given.chains :])
        began = process_time()
        parameters = LatentParameters(kicks, "")
        _, info = sample_latent(latent, state, theory, parameters, given.updates, given.updates)
        each = 1e3 * (process_time() - began) / info.accepted.size
        print(f"{kicks} kicks: acceptance {info.accepted.mean():.3f}, {each:.1f} CPU ms each")
        chi2 = theory.numbers * info.scalars["m"] ** 2
        for name, series in (("chi2", chi2), ("E", info.scalars["E"])):
            quarters = [f"{part.mean():.5g}" for part in np.array_split(series, 4, axis=1)]
            print(f"{name} = {mean_and_error(series.mean(1))}, quarters {' '.join(quarters)}")
            try:
                tau = integrated_time(series)
                print(f"    tau_int {tau.value:.2f} +- {tau.error:.2f}", flush=True)
            except Unresolved as error:
                print(f"    tau_int above {error.bound:.1f}", flush=True)


if __name__ == "__main__":
    main()
