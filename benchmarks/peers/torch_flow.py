"""What the torch peers share: reverse KL with Adam, sampling, and the Jacobian of the map."""

from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor, nn

from benchmarks.numpy_samplers import Theory
from lfmc.flows.variational import variational_variance
from lfmc.lattice import parity
from lfmc.theories.phi4 import Phi4

DENSITY_TOLERANCE = 1e-3


def action(phi: Tensor, extent: int, theory: Theory) -> Tensor:
    """S of flat fields (n, V), by rolls: nothing of this package's own action."""
    field = phi.reshape(-1, extent, extent)
    hop = torch.roll(field, 1, 1) + torch.roll(field, 1, 2)
    square = field * field
    density = (4 + theory.m2) * square + theory.lam * square * square - 2 * field * hop
    return density.sum((1, 2))


def colours(extent: int) -> Tensor:
    """True on the odd sites of the checkerboard, (V,): a fairer mask than stripes."""
    return torch.tensor(parity((extent, extent)) == 1)


def standardised(z: Tensor, log_det: Tensor, extent: int, lam: float) -> tuple[Tensor, Tensor]:
    """Fields as wide as the variational Gaussian: splines want features of unit variance."""
    variance = variational_variance(Phi4((extent, extent), -4.0, lam)).mean()
    return z * float(variance**0.5), log_det + 0.5 * z.shape[1] * float(np.log(variance))


class TorchContestant:
    """A flow given by base normals -> (fields, log det), trained as the peers' examples do."""

    def __init__(
        self,
        network: nn.Module,
        transform: Callable[[Tensor], tuple[Tensor, Tensor]],
        extent: int,
        lam: float,
        seed: int,
        batch: int,
        rate: float,
    ) -> None:
        torch.set_num_threads(1)
        self.network, self.transform, self.extent = network, transform, extent
        self.theory, self.batch = Theory(-4.0, lam), batch
        self.adam = torch.optim.Adam(network.parameters(), lr=rate)
        self.random = torch.Generator().manual_seed(seed)

    def action(self, phi: np.ndarray) -> np.ndarray:
        return action(torch.from_numpy(phi), self.extent, self.theory).numpy()

    def step(self, progress: float) -> float:
        phi, log_q = self._draw(self.batch, self.random)
        loss = (log_q + action(phi, self.extent, self.theory)).mean()
        self.adam.zero_grad()
        loss.backward()
        self.adam.step()
        return loss.item()

    def sample(self, count: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
        random = torch.Generator().manual_seed(seed)
        with torch.no_grad():
            phi, log_q = self._draw(count, random)
        return phi.double().numpy(), log_q.double().numpy()

    def densities(self, count: int) -> tuple[np.ndarray, np.ndarray]:
        random, exact, drawn = torch.Generator().manual_seed(3), [], []
        for _ in range(count):
            z = torch.randn(1, self.extent**2, generator=random)
            jacobian = torch.autograd.functional.jacobian(lambda x: self.transform(x)[0][0], z)[
                :, 0
            ]
            base = -0.5 * (z * z).sum() - 0.5 * z.numel() * np.log(2 * np.pi)
            with torch.no_grad():
                drawn.append(float(base - self.transform(z)[1]))
            exact.append(float(base) - float(torch.linalg.slogdet(jacobian.double())[1]))
        return np.array(drawn), np.array(exact)

    def _draw(self, count: int, random: torch.Generator) -> tuple[Tensor, Tensor]:
        z = torch.randn(count, self.extent**2, generator=random)
        phi, log_det = self.transform(z)
        base = -0.5 * (z * z).sum(1) - 0.5 * z.shape[1] * np.log(2 * np.pi)
        return phi, base - log_det
