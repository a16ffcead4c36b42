"""Latent HMC of an ensemble: a trained flow, and what `lfmc.samplers.latent_hmc` needs of it."""

from typing import Any

import numpy as np

from lfmc.config import Config
from lfmc.errors import LfmcError
from lfmc.flows.base import Flow
from lfmc.flows.passes import passes
from lfmc.samplers.latent_hmc import LatentMap, LatentParameters, latent_kind
from lfmc.samplers.method import Method, method
from lfmc.theories.base import Theory


def latent_map_of(flow: Flow) -> LatentMap:
    """What latent HMC needs of a flow in float64, compiled where there are kernels.

    Raises:
        LfmcError: a flow whose base variables are not normal, or are not known of a field.
    """
    if flow.base.law != "normal":
        raise LfmcError("latent-hmc: moves normals, but this flow's base variables are uniform")
    found = passes(flow)
    found.compile(draw=True, inverse=True, gradient=True)
    found.normals(np.zeros((1, flow.numbers)))
    return LatentMap(
        flow.base.numbers,
        flow.reduced_base.numbers,
        found.draw,
        found.normals,
        found.gradient,
        found.compiled,
    )


def latent_method(
    config: Config, theory: Theory, tuned: dict[str, Any], latent: LatentMap, model: str
) -> Method:
    """Latent HMC with one step per trajectory.

    Args:
        tuned: of `lfmc.samplers.tune`.
        model: sha256 of the flow.
    """
    section = config.samplers.latent_hmc
    opening = method(config, theory.opening, theory, tuned).opening
    kind, parameters = latent_kind(latent), LatentParameters(1, model)
    saves, updates = section.save_every, section.thermalisation
    return Method("latent-hmc", kind, parameters, saves, updates, opening)


def latent_of(
    config: Config, theory: Theory, tuned: dict[str, Any], flow: Flow, model: str
) -> Method:
    """`latent_method` of a flow."""
    return latent_method(config, theory, tuned, latent_map_of(flow), model)
