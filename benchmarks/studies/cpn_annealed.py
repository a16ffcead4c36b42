"""What proposals of CP^(N-1) models cost that begin at a flow and are annealed in beta.

    python benchmarks/studies/cpn_annealed.py 8 0.6 --start 0.2 --updates 800

Theory `cpn_auxiliary` on L x L. The flow `hierarchy` is fitted to samples of p at beta `--start`; a
field drawn from it goes through `--updates` heat baths at equal steps of beta. Its work

    W = -S_0(z_0) - log q(z_0) - sum_k [S_(k+1)(z_k) - S_k(z_k)]

replaces log w (Neal, physics/9803008): the chain that accepts with min(1, exp(W' - W)) is exact.
Prints Var log w of the flow in p, from samples that the fit has not seen, and how often these would
accept its proposals; Var log w and Var W of proposals, acceptance of chains of them alone and ESS,
which are too high where log w is wide; CPU time per proposal; and weighted averages beside those of
overrelaxation. `--updates 0`: the flow alone.
"""

import argparse
from itertools import pairwise
from time import process_time

import numpy as np
import torch

from lfmc.config.flow_sections import HierarchySettings
from lfmc.flows.hierarchy.flow import HierarchyFlow
from lfmc.lattice import FloatArray
from lfmc.samplers.cpn_heatbath import HeatbathParameters, sample_heatbath
from lfmc.samplers.state import State, cold_start, fields, started_from
from lfmc.theories.cpn.auxiliary import CPNAuxiliary
from lfmc.training.acceptance import acceptance_from_target, effective_sample_size

BATCH = 64


def main() -> None:
    """Fit, draw, anneal and print."""
    parser = argparse.ArgumentParser(description="Costs of proposals annealed in beta.")
    parser.add_argument("extent", type=int)
    parser.add_argument("beta", type=float)
    parser.add_argument("--N", type=int, default=21)
    parser.add_argument("--start", type=float, default=0.2)
    parser.add_argument("--updates", type=int, default=400)
    parser.add_argument("--reflections", type=int, default=1)
    parser.add_argument("--proposals", type=int, default=256)
    parser.add_argument("--fit", type=int, default=1024)
    given = parser.parse_args()
    torch.set_num_threads(1)
    shape = (given.extent, given.extent)
    first, last = (CPNAuxiliary(shape, given.N, beta) for beta in (given.start, given.beta))
    flow = HierarchyFlow(first, HierarchySettings()).requires_grad_(False)
    samples = equilibrium(first, 2 * given.fit)
    flow.start_from(samples[: given.fit])
    unseen = flow.log_weight(torch.from_numpy(samples[given.fit :])).numpy()
    print(f"Var log w in p at beta {given.start:g}: {unseen.var():.3g}")
    z = flow.base.tensor(torch.Generator().manual_seed(1), given.proposals, torch.float64)
    began = process_time()
    phi, log_q = (a.numpy() for a in flow(z))
    work = -first.evaluate(phi) - log_q
    print(f"Var log w of proposals: {work.var():.3g}, {ratios(work)}")
    accepted = acceptance_from_target(unseen, work).value
    print(f"acceptance of proposals by samples of p: {accepted:.3g}")
    if not given.updates:
        return
    over = HeatbathParameters(1, given.reflections)
    state = started_from(cold_start(first, 2, range(given.proposals), "heatbath"), phi)
    betas = np.linspace(given.start, given.beta, given.updates + 1)
    state, change = annealed(state, first, betas, over)
    work = work + change
    each = 1e3 * (process_time() - began) / given.proposals
    print(f"Var W at beta {given.beta:g}: {work.var():.3g}, {ratios(work)}")
    print(f"{each:.3g} CPU ms per proposal")
    weight = np.exp(work - work.max())
    weight /= weight.sum()
    seen, other = last.measure(fields(state)), last.measure(equilibrium(last, 1024))
    for name, power in (("E", 1), ("m2", 1), ("Q", 2)):
        value = seen[name] ** power
        mean = weight @ value
        error = np.sqrt((weight**2) @ (value - mean) ** 2)
        print(f"{name}^{power} = {mean:.5f} +- {error:.5f}; {(other[name] ** power).mean():.5f}")


def equilibrium(theory: CPNAuxiliary, count: int) -> FloatArray:
    """Samples of p by overrelaxation, ten updates with twenty reflections apart."""
    state = cold_start(theory, 1, range(BATCH), "overrelaxation")
    over = HeatbathParameters(1, 20)
    state, _ = sample_heatbath(state, theory, over, 50, 50)
    _, found = sample_heatbath(state, theory, over, 10 * (count // BATCH), 10)
    return np.asarray(found.saved.reshape(-1, theory.numbers))


def annealed(
    state: State, theory: CPNAuxiliary, betas: FloatArray, over: HeatbathParameters
) -> tuple[State, FloatArray]:
    """Fields at the last beta, and the work on the way."""
    work = np.zeros(state.chains)
    for one, two in pairwise(betas):
        now = fields(state)
        later = CPNAuxiliary(theory.shape, theory.N, float(two))
        work += CPNAuxiliary(theory.shape, theory.N, float(one)).evaluate(now)
        work -= later.evaluate(now)
        state, _ = sample_heatbath(state, later, over, 1, 1)
    return state, work


def ratios(work: FloatArray) -> str:
    """Acceptance of independence Metropolis, of chains of all weights in turn, and ESS."""
    accepted, chains = 0.0, 64
    for seed in range(chains):
        random = np.random.default_rng(seed)
        order = random.permutation(len(work))
        now = order[0]
        for new in order[1:]:
            if np.log(random.random()) < work[new] - work[now]:
                accepted, now = accepted + 1, new
    ess = effective_sample_size(work)
    return f"acceptance {accepted / chains / (len(work) - 1):.3f}, ESS {ess:.3f}"


if __name__ == "__main__":
    main()
