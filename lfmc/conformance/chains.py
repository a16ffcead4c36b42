"""Every classical sampler of a theory against exact values on small lattices."""

from collections.abc import Iterator
from typing import Any

from lfmc.classical import WITH_DH
from lfmc.conformance.check import SIGMAS, Check, sigmas
from lfmc.conformance.exact import exact_averages
from lfmc.samplers.cluster import ClusterParameters, sample_cluster
from lfmc.samplers.creutz import creutz_factor
from lfmc.samplers.hmc import WINDOW, HmcParameters, sample_hmc
from lfmc.samplers.local import LocalParameters, sample_local
from lfmc.samplers.state import cold_start
from lfmc.samplers.tune import approach
from lfmc.theories.scalar import Scalar

CHAINS, UPDATES = 128, 3000


def chain_checks(theory: Scalar, seed: int) -> Iterator[Check]:
    """Scalars and chi2 of every sampler, on a ring or on L x 2."""
    where = f"on {'x'.join(map(str, theory.shape))}"
    wanted = exact_averages(theory)
    error = wanted["sd_error"]
    yield Check(f"Schwinger-Dyson identity of exact values {where}", error, 1e-5)
    for sampler in theory.samplers:
        scalars, creutz = _sampled(theory, sampler, seed)
        if creutz is not None:
            yield Check(f"{sampler}: <exp(-dH)> = 1 {where}", sigmas(creutz, 1.0), SIGMAS)
        for name in (n for n in theory.scalars if n in wanted):
            off = sigmas(scalars[name].mean(1), wanted[name])
            yield Check(f"{sampler}: {name} {where}", off, SIGMAS, f"exact {wanted[name]:.8g}")
        chi2 = theory.numbers * (scalars["m"] ** 2).mean(1)
        off = sigmas(chi2, wanted["chi2"])
        yield Check(f"{sampler}: chi2 {where}", off, SIGMAS, f"exact {wanted['chi2']:.8g}")


def _sampled(theory: Scalar, sampler: str, seed: int) -> tuple[dict[str, Any], Any]:
    """Chains of one sampler: their scalars, and exp(-dH) per chain for hmc."""
    state = cold_start(theory, seed, range(CHAINS), "check", theory.kind, sampler)
    local = LocalParameters(0.25 * theory.largest_field())
    state, _ = sample_local(state, theory, local, 500, 500)
    if sampler in WITH_DH:
        steps = {"hmc": 10, "hmc-tuned": 40}[sampler]
        length, _ = approach(
            lambda s, step, n: sample_hmc(s, theory, HmcParameters(step, 10, WINDOW), n, n),
            state, 0.8, "hmc",
        )  # fmt: skip
        hmc = HmcParameters(length * steps / 10, steps, WINDOW)
        state, _ = sample_hmc(state, theory, hmc, 300, 300)
        _, info = sample_hmc(state, theory, hmc, UPDATES, UPDATES)
        return info.scalars, creutz_factor(info.extra["dH"]).mean(1)
    if sampler == "local":
        _, info = sample_local(state, theory, local, UPDATES, UPDATES)
    else:
        cluster = ClusterParameters(local.delta, 1, 1)
        state, _ = sample_cluster(state, theory, cluster, 300, 300)
        _, info = sample_cluster(state, theory, cluster, UPDATES, UPDATES)
    return info.scalars, None
