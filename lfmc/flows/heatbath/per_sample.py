"""Scores of single samples, d log q(x) / d theta at fixed x, for all parameters in one backward
pass.

Kernels of convolutions are shared by many sites: their scores are put together from what every
convolution saw and the gradient of its output. All other parameters are given to each sample as a
copy of its own, so that the ordinary gradient is that of each sample.
"""

import torch
from torch import Tensor, nn

from lfmc.flows.heatbath.radial import Record


class PerSample:
    """Copies of a flow's parameters for each of `batch` samples."""

    def __init__(self, flow: nn.Module, batch: int) -> None:
        self.flow, self.batch = flow, batch
        self.names = {id(parameter): name for name, parameter in flow.named_parameters()}
        self.leaves: dict[str, Tensor] = {}

    def of(self, module: nn.Module) -> dict[str, Tensor]:
        """Copies of a module's own parameters, (..., batch) each."""
        copies = {}
        for name, parameter in module.named_parameters(recurse=False):
            repeated = parameter.detach()[..., None].expand(*parameter.shape, self.batch)
            copies[name] = repeated.clone().requires_grad_()
            self.leaves[self.names[id(parameter)]] = copies[name]
        return copies

    def gradients(self, log_density: Tensor, tape: list[Record]) -> Tensor:
        """Scores of all parameters, (batch, parameters).

        Args:
            log_density: log q of each sample as a function of the copies, (batch,).
            tape: of every convolution that it used.
        """
        outputs = [record.output for record in tape]
        leaves = list(self.leaves.values())
        # Samples do not mix, so the gradient of the sum is the gradient of each.
        found = torch.autograd.grad(
            log_density.sum(), leaves + outputs, allow_unused=True, materialize_grads=True
        )
        scores = dict(zip(self.leaves, found[: len(leaves)], strict=True))
        for record, gradient in zip(tape, found[len(leaves) :], strict=True):
            name = self.names[id(record.convolution.kernel)]
            scores[name] = record.convolution.score(record.features, gradient)
        order = [scores[name] for name, _ in self.flow.named_parameters()]
        return torch.cat([score.reshape(-1, self.batch) for score in order]).T
