"""What chains that a model takes part in lack, known before anything runs."""

from typing import Any

from lfmc.classical import WITH_MODEL
from lfmc.config.kinds import samplers_of


def models_refused(config: Any) -> list[str]:
    """Why a sampler that needs a model cannot run; empty if all can."""
    found = [one for sampler in WITH_MODEL if (one := _without_model(config, sampler))]
    kernel = config.samplers.hybrid.kernel
    return found + [
        f"samplers.hybrid.kernel: {e.name} has {', '.join(samplers_of(e))}, not {kernel}"
        for e in _ensembles(config, "hybrid")
        if kernel not in (None, *samplers_of(e))
    ]


def _ensembles(config: Any, sampler: str) -> list[Any]:
    return [e for e in config.ensembles if sampler in config.samplers.wanted(samplers_of(e))]


def _without_model(config: Any, sampler: str) -> str:
    if not _ensembles(config, sampler):
        return ""
    if not config.model_flow(sampler):
        known = ", ".join(f"{t:g}" for t in config.flow.targets) or "none"
        return f"samplers.{sampler}: needs one of flow.targets, which are {known}"
    if sampler == "latent-hmc" and not config.flow.model.inverts:
        kind = config.flow.model.kind
        return f"samplers.latent-hmc: a flow of kind {kind} has no inverse to base normals"
    return ""
