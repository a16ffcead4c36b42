"""`lfmc.hybrid` and `lfmc.latent_hmc`: chains that a model takes part in."""

from typing import Any

from lfmc.analysis.model_chains import chosen_number
from lfmc.api.arguments import settings_of, whole
from lfmc.api.chain import Chain
from lfmc.api.classical import Wanted, sampled
from lfmc.api.model import Model, require_model
from lfmc.api.surroundings import own_torch
from lfmc.clock import cpu_seconds
from lfmc.config import Config
from lfmc.config.problems import validated
from lfmc.config.sampler_sections import tuned_samplers
from lfmc.proposals.model_chains import MODEL_SAMPLERS, number_of, with_number
from lfmc.samplers.tune import tuned
from lfmc.store import checksum

# The model is there: no limit of a training bounds the lattice.
NO_TRAINING = {"training": {"natural": {"samples": 512, "largest_samples": 512}}}


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
    require_model(model, "hybrid")
    wanted = Wanted(chains, updates, seed, save_every, keep_fields, None, model.name, progress)
    return _chain("hybrid", model, wanted, {**settings, "kernel": kernel, "between": between})


def latent_hmc(
    model: Model,
    *,
    chains: int = 64,
    updates: int,
    seed: int,
    steps: int | str = "auto",
    save_every: int = 1,
    keep_fields: int = 1000,
    progress: bool = True,
    **settings: Any,
) -> Chain:
    """Hybrid Monte Carlo in the base normals of a model; exact whatever the model.

    One update is a trajectory of `steps` kicks by the gradient of log w, accepted with
    min(1, exp(-dH)). `chain.extra` has dH, and log_weight after each.

    Args:
        model: as of `lfmc.hybrid`, of a flow with normal base variables and an exact inverse.
        chains, updates, seed, save_every, keep_fields, progress: as of `lfmc.hmc`.
        steps: of a trajectory; auto: of 1, 2, 3, 4, 6, 8 ... 96 the number with the smallest
            tau_int times cost of an update in short runs.
        settings: keys of `samplers.latent-hmc`: thermalisation.

    Raises:
        LfmcError: arguments that do not fit, or a thermalisation that fails its checks.

    Example:
        >>> theory = lfmc.Phi4((4, 4), m2=-4.0, lam=6.975)
        >>> model = lfmc.as_model(lfmc.build_flow(theory), theory)
        >>> chain = lfmc.latent_hmc(model, chains=32, updates=200, seed=1, steps=2, progress=False)
        >>> chain.sampler, chain.extra["dH"].shape
        ('latent-hmc', (32, 200))
    """
    require_model(model, "latent_hmc")
    wanted = Wanted(chains, updates, seed, save_every, keep_fields, None, model.name, progress)
    return _chain("latent-hmc", model, wanted, {**settings, "steps": steps})


def _chain(sampler: str, model: Model, wanted: Wanted, section: dict[str, Any]) -> Chain:
    theory, name = model.theory, model.name
    ensemble, wanted = settings_of(theory, name, sampler), wanted.checked(theory)
    section["save_every"] = whole("save_every", wanted.save_every, 1, 1000)
    raw = {
        "seed": wanted.seed,
        "ensembles": [ensemble.model_dump(mode="json", exclude={"L", "d"})],
        "samplers": {sampler: section},
        "flow": NO_TRAINING,
    }
    config: Config = validated(Config, raw, sampler)
    began = cpu_seconds()
    with own_torch():
        kernel = getattr(config.samplers.section(sampler), "kernel", None) or theory.opening
        needed = tuned_samplers(sorted({theory.opening, kernel}))
        parameters = {one: tuned(config, name, theory, one) for one in needed}
        state = {key: value.numpy() for key, value in model.flow.state_dict().items()}
        digest = checksum(model.sampler, state)
        chosen = MODEL_SAMPLERS[sampler].of(config, theory, parameters, model.flow, digest)
        number = number_of(config, sampler)
        if number == "auto":
            number = chosen_number(config, name, theory, chosen)[0]
        return sampled(config, theory, with_number(chosen, number), wanted, began)
