"""Parameters of one lattice as the start on another.

A coefficient of a radial kernel is the weight of a whole shell (`heatbath.radial`), so that a
constant field means the same on every lattice: it is kept, not the kernel at a distance, whose sum
would grow with the shells that a larger lattice completes. Shells that the other lattice has not
are left out, new ones start at zero. The prior's widths are functions of the momentum in units
that every lattice shares; all else is as it is. A flow of more layers than its start keeps the
further ones as it has them: new, they are the identity. So does a prior with more functions of the
momentum.

The zero mode of one well is in units of its width, that of two in units of their distance from
zero, and of their width where the variational Gaussian is about zero
(`lfmc.flows.heatbath.mode_prior`). The parameters have equal shapes, but another meaning: a start
between these is refused.
"""

import torch
from torch import Tensor
from torch.nn.functional import pad

from lfmc.errors import LfmcError
from lfmc.flows.base import Flow
from lfmc.flows.heatbath.flow import HeatbathFlow
from lfmc.flows.heatbath.radial import RadialConvolution, Shells


def transferred(source: Flow, target: Flow) -> dict[str, Tensor]:
    """Return parameters of `target` from those of `source`.

    Args:
        source: a flow of the same settings, or of fewer layers or infrared functions.

    Raises:
        LfmcError: the architectures or the wells differ, or their parameters do not fit any
            lattice.
    """
    if not (isinstance(source, HeatbathFlow) and isinstance(target, HeatbathFlow)):
        raise LfmcError("a warm start from another lattice needs flow.model.kind: heatbath")
    theirs, ours = _wells(source), _wells(target)
    if theirs != ours:
        raise LfmcError(
            f"a warm start needs the same wells: that model has {theirs}, this flow {ours}; start "
            "from a model of the same flow.model.wells and phase, or without one"
        )
    found = {name: value.clone() for name, value in source.state_dict().items()}
    for name, module in target.named_modules():
        if isinstance(module, RadialConvolution) and f"{name}.kernel" in found:
            old = source.get_submodule(name)
            assert isinstance(old, RadialConvolution)
            found[f"{name}.kernel"] = _kernel(old, module.shells)
    more = len(target.prior.cosines) - len(source.prior.cosines)
    for name in ("prior.log_width", "prior.breathing"):
        found[name] = pad(found[name], (0, max(more, 0)))
    further = tuple(f"couplings.{k}." for k in range(len(source.couplings), len(target.couplings)))
    own = target.state_dict()
    found |= {name: value.clone() for name, value in own.items() if name.startswith(further)}
    shapes = {name: value.shape for name, value in own.items()}
    wrong = [name for name in shapes if name not in found or found[name].shape != shapes[name]]
    if wrong or len(found) != len(shapes):
        raise LfmcError(
            "a warm start needs the same flow.model or more layers; "
            f"{wrong[0] if wrong else 'layers'} does not fit"
        )
    return found


def _wells(flow: HeatbathFlow) -> str:
    """What the zero mode of a flow has, and thereby its units."""
    start = flow.prior.start
    if start is None:
        return "one well"
    return "two wells apart" if start[1] else "two wells that start as one"


def _kernel(old: RadialConvolution, new: Shells) -> Tensor:
    """Parameters of the shells that both have, (F, C, shells)."""
    known = {round(float(radius), 9): j for j, radius in enumerate(old.shells.radius)}
    places = [known.get(round(float(radius), 9)) for radius in new.radius]
    zero = torch.zeros_like(old.kernel[..., 0].detach())
    columns = [zero if j is None else old.kernel[..., j].detach() for j in places]
    return torch.stack(columns, -1)
