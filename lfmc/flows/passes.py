"""One way to evaluate any flow: compiled where there are kernels, else by the torch flow itself."""

from typing import NamedTuple, Protocol

import torch
from torch import Tensor

from lfmc.flows.base import Flow
from lfmc.flows.density_gradient import gradient_at
from lfmc.flows.heatbath.arrays import has_kernels
from lfmc.lattice import FloatArray


class Scores(NamedTuple):
    """Of single samples: log_weight -S - log q, (batch,); d log q(x) / d theta at fixed x,
    (parameters, batch)."""

    log_weight: Tensor
    scores: Tensor


class Passes(Protocol):
    """Evaluations of a flow for proposals and trainings, at fixed parameters."""

    compiled: bool

    def draw(self, z: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Base normals (batch, sites), float64 -> fields and log q."""
        ...

    def model_log_weight(self, z: Tensor) -> Tensor:
        """Base normals (batch, reduced sites) -> -S - log q of the reduced variables, float64."""
        ...

    def field_log_weight(self, phi: Tensor) -> Tensor:
        """The same of given fields (batch, sites), by the inverse map."""
        ...

    def log_q(self, phi: FloatArray) -> FloatArray:
        """Fields (batch, sites), float64 -> log q by the inverse map, what `draw` gives, (batch,).

        NaN for a field that is not finite.
        """
        ...

    def normals(self, phi: FloatArray) -> FloatArray:
        """Fields (batch, sites), float64 -> base normals that lead to them, as of `draw`.

        Raises:
            LfmcError: a kind of flow without an exact inverse to normals.
        """
        ...

    def gradient(self, z: FloatArray) -> FloatArray:
        """d log w / dz, w that of `model_log_weight`, of base normals (batch, reduced sites)."""
        ...

    def scores(self, z: Tensor) -> Scores:
        """Of base normals (batch, reduced sites); parameters in the order of the flow."""
        ...

    def compile(
        self,
        draw: bool = False,
        weights: bool = False,
        scores: bool = False,
        inverse: bool = False,
        gradient: bool = False,
    ) -> None:
        """Compile the kernels that will be called, outside the loop that SIGTERM ends."""
        ...


class TorchPasses:
    """Evaluations by the flow's own modules, on the device and in the precision of the flow."""

    compiled = False

    def __init__(self, flow: Flow) -> None:
        self.flow = flow
        self.device = next(flow.parameters()).device

    @torch.no_grad()
    def draw(self, z: FloatArray) -> tuple[FloatArray, FloatArray]:
        """As of `Passes`."""
        # A copy, aligned to a cache line: the rounding of some libraries depends on the alignment.
        phi, log_q = self.flow(torch.tensor(z).to(self.device))
        return phi.cpu().numpy(), log_q.cpu().numpy()

    @torch.no_grad()
    def model_log_weight(self, z: Tensor) -> Tensor:
        """As of `Passes`."""
        x, log_q = self.flow.reduced(z.to(self.device))
        return (-self.flow.reduced_action(x) - log_q).double().cpu()

    @torch.no_grad()
    def field_log_weight(self, phi: Tensor) -> Tensor:
        """As of `Passes`."""
        return self.flow.log_weight(phi).double().cpu()

    @torch.no_grad()
    def log_q(self, phi: FloatArray) -> FloatArray:
        """As of `Passes`."""
        log_q: FloatArray = self.flow.log_q(torch.tensor(phi).to(self.device)).cpu().numpy()
        return log_q

    @torch.no_grad()
    def normals(self, phi: FloatArray) -> FloatArray:
        """As of `Passes`."""
        z: FloatArray = self.flow.normals(torch.tensor(phi).to(self.device)).cpu().numpy()
        return z

    def gradient(self, z: FloatArray) -> FloatArray:
        """As of `Passes`."""

        def log_weight(at: Tensor) -> Tensor:
            x, log_q = self.flow.reduced(at)
            return -self.flow.reduced_action(x) - log_q

        found: FloatArray = (
            gradient_at(log_weight, torch.tensor(z).to(self.device))[1].cpu().numpy()
        )
        return found

    def scores(self, z: Tensor) -> Scores:
        """As of `Passes`."""
        found = self.flow.scores(z.to(self.device))
        return Scores(found.log_weight, found.scores.T)

    def compile(
        self,
        draw: bool = False,
        weights: bool = False,
        scores: bool = False,
        inverse: bool = False,
        gradient: bool = False,
    ) -> None:
        """What the flow compiles itself."""
        self.flow.compile_kernels()


def passes(flow: Flow) -> Passes:
    """The fastest passes that there are for a flow where it is."""
    if has_kernels(flow):
        from lfmc.flows.heatbath.passes import CompiledPasses

        return CompiledPasses(flow)
    return TorchPasses(flow)
