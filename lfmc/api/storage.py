"""`lfmc.save` and `lfmc.load`: models as safetensors, chains as HDF5, as the workflow has them."""

from pathlib import Path
from typing import Any

from torch import nn

from lfmc.api.chain import Chain
from lfmc.api.chain_files import load_chain, save_chain
from lfmc.api.model import Model
from lfmc.api.model_files import load_model, save_model
from lfmc.api.surroundings import own_torch
from lfmc.errors import LfmcError

MODEL, CHAIN = ".safetensors", ".h5"


def save(what: Model | Chain, path: str | Path) -> None:
    """Write a model (.safetensors) or a chain (.h5), with provenance and a checksum.

    What exists under that name is replaced, at once or not at all. Of a flow or a theory of your
    own, parameters and settings are saved, not the code: `load` needs it as an argument.

    Raises:
        LfmcError: another object or suffix, or a folder that cannot be written.

    Example:
        >>> theory = lfmc.Phi4((4, 4), m2=-4.0, lam=6.975)
        >>> chain = lfmc.hmc(theory, chains=32, updates=500, seed=1, progress=False)
        >>> lfmc.save(chain, "hmc.h5")
        >>> lfmc.save(chain, "hmc.csv")
        Traceback (most recent call last):
        lfmc.errors.LfmcError: hmc.csv: a chain needs a name that ends in .h5
    """
    suffix = {Model: MODEL, Chain: CHAIN}.get(type(what))
    if suffix is None:
        raise LfmcError(f"{type(what).__name__} cannot be saved; models and chains can")
    if Path(path).suffix != suffix:
        raise LfmcError(
            f"{path}: a {type(what).__name__.lower()} needs a name that ends in {suffix}"
        )
    if isinstance(what, Chain):
        save_chain(what, Path(path))
    else:
        save_model(what, Path(path))


def load(path: str | Path, *, theory: Any = None, flow: nn.Module | None = None) -> Model | Chain:
    """Read what `save` or the workflow wrote; a flow's chain of the workflow: `lfmc.open_run`.

    Args:
        path: .safetensors or .h5.
        theory: for files of a theory of your own; otherwise the file knows it.
        flow: a module of the same class, for the parameters of a flow of your own; it is copied.

    Raises:
        LfmcError: no such file, a damaged one, or one that needs a theory or flow.

    Example:
        >>> theory = lfmc.Phi4((4, 4), m2=8.0, lam=0.5)
        >>> model = lfmc.train(theory, target=0.5, seed=1, progress=False)
        >>> lfmc.save(model, "model.safetensors")
        >>> again = lfmc.load("model.safetensors")
        >>> phi = lfmc.draw(model, 10, seed=2).phi
        >>> bool((lfmc.log_prob(again, phi) == lfmc.log_prob(model, phi)).all())
        True
    """
    if Path(path).suffix == CHAIN:
        return load_chain(Path(path), theory)
    with own_torch():
        return load_model(Path(path), theory, flow)
