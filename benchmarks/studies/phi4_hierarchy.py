"""The flow `hierarchy` of phi^4 beside the default flow: acceptance, training, time of a proposal.

    python benchmarks/studies/phi4_hierarchy.py L LAM [--samples 4096] [--layers 4 12]

fits the flow to samples of p from cluster updates, then regresses log w on scores, as a step of a
training does; acceptance, ESS and Var log w of samples that the fit has not seen, and the tau_int
that rejections give an observable which is independent of log w. CPU microseconds per proposal are
medians of turns in one process; a default flow of --layers takes the same time trained or not.
"""

import argparse
from statistics import median
from time import process_time

import numpy as np
import torch

from lfmc.config.flow_sections import HeatbathSettings, HierarchySettings
from lfmc.flows.base import Flow
from lfmc.flows.build import build_flow
from lfmc.flows.hierarchy.staged import Staged
from lfmc.flows.passes import passes
from lfmc.lattice import FloatArray
from lfmc.theories.phi4 import Phi4
from lfmc.training.target import compile_target, target_fields

UNSEEN, TURNS, BATCH = 4096, 5, 256
RIDGE = 1e-3


def main() -> None:
    """Fit, improve, time and print."""
    parser = argparse.ArgumentParser(description="phi^4 drawn from coarse to fine.")
    parser.add_argument("L", type=int)
    parser.add_argument("lam", type=float)
    parser.add_argument("--samples", type=int, default=4096)
    parser.add_argument("--regressions", type=int, default=2)
    parser.add_argument("--no-products", action="store_true")
    parser.add_argument("--layers", type=int, nargs="*", default=[])
    given = parser.parse_args()
    torch.set_num_threads(1)
    theory = Phi4((given.L, given.L), m2=-4.0, lam=given.lam)
    flow = build_flow(theory, HierarchySettings(products=not given.no_products))
    assert isinstance(flow, Staged)
    flow.requires_grad_(False).compile_kernels()
    compile_target(theory)
    began = process_time()
    fields = target_fields(theory, given.samples, 1, "study")
    print(f"{given.samples} samples of p: {process_time() - began:.1f} CPU s")
    unseen = target_fields(theory, UNSEEN, 2, "study")
    began = process_time()
    flow.start_from(fields)
    report(flow, unseen, f"fit of {flow.terms.parameters} parameters", process_time() - began)
    generator = torch.Generator().manual_seed(3)
    for number in range(given.regressions):
        began = process_time()
        improve(flow, given.samples, generator)
        report(flow, unseen, f"regression {number + 1}", process_time() - began)
    flows = {"hierarchy": flow} | {
        f"heatbath, {layers} layers": build_flow(theory, HeatbathSettings(layers=layers))
        for layers in given.layers
    }
    for name, time in times(flows).items():
        print(f"{name}: {time:.0f} us per proposal")


def improve(flow: Staged, samples: int, generator: torch.Generator) -> None:
    """Add to the parameters the regression of log w of proposals on their scores."""
    found = flow.scores(flow.reduced_base.tensor(generator, samples, torch.float64))
    scores = (found.scores - found.scores.mean(0)).numpy()
    log_weight = (found.log_weight - found.log_weight.mean()).numpy()
    matrix = scores.T @ scores
    matrix[np.diag_indices(len(matrix))] *= 1 + RIDGE
    matrix[np.diag_indices(len(matrix))] += 1e-6 * samples
    flow.k.add_(torch.from_numpy(np.linalg.solve(matrix, scores.T @ log_weight)))


def report(flow: Flow, unseen: FloatArray, what: str, seconds: float) -> None:
    """Variances, ESS, and the acceptance of proposals from samples of p."""
    z = flow.base.tensor(torch.Generator().manual_seed(4), UNSEEN, torch.float64)
    phi, log_q = flow(z)
    of_model = (-flow.action.evaluate(phi) - log_q).numpy()
    of_p = flow.log_weight(torch.from_numpy(unseen)).numpy()
    ratio = np.exp(of_model - of_model.max())
    ess = ratio.mean() ** 2 / (ratio * ratio).mean()
    accepted = np.minimum(1, np.exp(of_model[:, None] - of_p[None])).mean(0)  # from each field
    tau_int = (1 / accepted).mean() - 0.5
    print(
        f"{what}, {seconds:.1f} CPU s: acceptance from p {accepted.mean():.3f}, ESS {ess:.3f}, "
        f"tau_int {tau_int:.2f}, "
        f"Var log w {of_model.var():.3f} of the model, {of_p.var():.3f} of p",
        flush=True,
    )


def times(flows: dict[str, Flow]) -> dict[str, float]:
    """CPU microseconds per proposal with log q, flows in turns."""
    random = np.random.default_rng(5)
    found: dict[str, list[float]] = {name: [] for name in flows}
    for turn in range(TURNS + 1):
        for name, flow in flows.items():
            draw, z = passes(flow), flow.base.draw(random, BATCH)
            began = process_time()
            draw.draw(z)
            if turn:  # the first one compiles
                found[name].append((process_time() - began) / BATCH * 1e6)
    return {name: median(values) for name, values in found.items()}


if __name__ == "__main__":
    main()
