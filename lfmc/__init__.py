"""lfmc: flow-based Markov chain Monte Carlo for lattice field theory.

The names below are the public Python interface (docs/python.md). They are imported when they are
first used: `import lfmc` itself loads neither torch nor NumPy.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from lfmc.api.any_sampler import markov_chain
    from lfmc.api.chain import Chain
    from lfmc.api.classical import cluster, hmc, hmc_tuned, local
    from lfmc.api.couplings import TunedCouplings, tune_couplings
    from lfmc.api.density import LogZ, draw, log_prob, log_Z
    from lfmc.api.flows import as_model, build_flow
    from lfmc.api.independence import sample
    from lfmc.api.measurement import Measured, Measurement, measure
    from lfmc.api.model import Model, TargetNotReached
    from lfmc.api.model_chains import hybrid, latent_hmc
    from lfmc.api.proposals import Proposals
    from lfmc.api.propose import propose
    from lfmc.api.reweighting import reweight
    from lfmc.api.runs import Run, open_run
    from lfmc.api.storage import load, save
    from lfmc.api.theories import theory
    from lfmc.api.training import train
    from lfmc.errors import LfmcError
    from lfmc.theories.phi4 import Phi4
    from lfmc.theories.scalar import Scalar

__version__ = "0.2.0"

_WHERE = {
    "lfmc.theories.phi4": ("Phi4",),
    "lfmc.theories.scalar": ("Scalar",),
    "lfmc.api.theories": ("theory",),
    "lfmc.api.any_sampler": ("markov_chain",),
    "lfmc.api.chain": ("Chain",),
    "lfmc.api.classical": ("cluster", "hmc", "hmc_tuned", "local"),
    "lfmc.api.couplings": ("TunedCouplings", "tune_couplings"),
    "lfmc.api.density": ("LogZ", "draw", "log_Z", "log_prob"),
    "lfmc.api.flows": ("as_model", "build_flow"),
    "lfmc.api.independence": ("sample",),
    "lfmc.api.measurement": ("Measured", "Measurement", "measure"),
    "lfmc.api.model": ("Model", "TargetNotReached"),
    "lfmc.api.model_chains": ("hybrid", "latent_hmc"),
    "lfmc.api.proposals": ("Proposals",),
    "lfmc.api.propose": ("propose",),
    "lfmc.api.reweighting": ("reweight",),
    "lfmc.api.runs": ("Run", "open_run"),
    "lfmc.api.storage": ("load", "save"),
    "lfmc.api.training": ("train",),
    "lfmc.errors": ("LfmcError",),
}
_HOME = {name: module for module, names in _WHERE.items() for name in names}

__all__ = [  # noqa: RUF022 (in the order of use)
    "Phi4",
    "theory",
    "Scalar",
    "train",
    "sample",
    "propose",
    "hmc",
    "local",
    "cluster",
    "hmc_tuned",
    "markov_chain",
    "hybrid",
    "latent_hmc",
    "measure",
    "reweight",
    "log_prob",
    "log_Z",
    "draw",
    "build_flow",
    "as_model",
    "save",
    "load",
    "open_run",
    "tune_couplings",
    "Model",
    "Chain",
    "Proposals",
    "Measurement",
    "Measured",
    "LogZ",
    "Run",
    "TunedCouplings",
    "LfmcError",
    "TargetNotReached",
]


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module 'lfmc' has no attribute {name!r}")
    value = getattr(import_module(_HOME[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
