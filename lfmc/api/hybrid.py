"""`lfmc.hybrid`: a chain that alternates a model's proposals with another sampler's updates."""

from typing import Any

from lfmc.analysis.hybrid_updates import chosen_updates
from lfmc.api.arguments import settings_of, whole
from lfmc.api.chain import Chain
from lfmc.api.classical import Wanted, sampled
from lfmc.api.model import Model
from lfmc.api.surroundings import own_torch
from lfmc.clock import cpu_seconds
from lfmc.config import Config
from lfmc.config.problems import validated
from lfmc.config.sampler_sections import tuned_samplers
from lfmc.proposals.hybrid import hybrid_method, proposals_of, with_updates
from lfmc.samplers.tune import tuned
from lfmc.store import checksum


def hybrid(
    model: Model,
    *,
    chains: int = 64,
    updates: int,
    seed: int,
    kernel: str | None = None,
    between: int | str = "auto",
    save_every: int = 1,
    keep_fields: int = 1000,
    progress: bool = True,
    **settings: Any,
) -> Chain:
    """Proposals of a model, alternated with updates of another sampler; both steps are exact.

    One update of the chain is a proposal, accepted with min(1, w'/w), and `between` updates of the
    kernel. `chain.extra["log_weight"]` has log w after each.

    Args:
        model: of `lfmc.train`, `lfmc.load` or `lfmc.as_model`.
        chains, updates, seed, save_every, keep_fields, progress: as of `lfmc.hmc`.
        kernel: hmc, local ...; None: the sampler that opens the theory's chains.
        between: updates of the kernel after each proposal; auto: of 1, 2, 4 ... 64 the one with the
            smallest tau_int times cost of a step in short runs.
        settings: keys of `samplers.hybrid`: thermalisation.

    Raises:
        LfmcError: arguments that do not fit, or a thermalisation that fails its checks.

    Example:
        >>> theory = lfmc.Phi4((4, 4), m2=-4.0, lam=6.975)
        >>> model = lfmc.as_model(lfmc.build_flow(theory), theory)
        >>> chain = lfmc.hybrid(model, chains=32, updates=300, seed=1, between=4, progress=False)
        >>> chain.sampler, chain.scalars["phi2"].shape, chain.extra["log_weight"].shape
        ('hybrid', (32, 300), (32, 300))
    """
    theory, name = model.theory, model.name
    ensemble = settings_of(theory, name, "hybrid")
    wanted = Wanted(chains, updates, seed, save_every, keep_fields, None, name, progress)
    wanted, section = wanted.checked(theory), {**settings, "kernel": kernel, "between": between}
    section["save_every"] = whole("save_every", save_every, 1, 1000)
    raw = {
        "seed": wanted.seed,
        "ensembles": [ensemble.model_dump(mode="json", exclude={"L", "d"})],
        "samplers": {"hybrid": section},
    }
    config: Config = validated(Config, raw, "hybrid")
    began = cpu_seconds()
    with own_torch():
        chosen_kernel = config.samplers.hybrid.kernel or theory.opening
        needed = tuned_samplers(sorted({theory.opening, chosen_kernel}))
        parameters = {one: tuned(config, name, theory, one) for one in needed}
        state = {key: value.numpy() for key, value in model.flow.state_dict().items()}
        digest = checksum(model.sampler, state)
        chosen = hybrid_method(config, theory, parameters, proposals_of(model.flow), digest)
        between = config.samplers.hybrid.between
        if between == "auto":
            between = chosen_updates(config, name, theory, chosen)[0]
        return sampled(config, theory, with_updates(chosen, int(between)), wanted, began)
