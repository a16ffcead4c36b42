"""Villain's law of plaquettes on a torus: its samples, its normalised density, and its width.

    q(Phi) = prod_p g(Phi_p) / N,   g(Phi) = sum_m exp(-b (Phi + 2 pi m)^2 / 2),
    N = (2 pi / b)^((V - 1)/2) V^(-1/2) sum_Q exp(-2 pi^2 b Q^2 / V)

as a density of V - 1 plaquettes in [-pi, pi]; the last one follows from the sum, a multiple of
2 pi (Villain, J. Phys. 36 (1975) 581). A sample is a charge Q of weight exp(-2 pi^2 b Q^2 / V), and
V normals of variance 1/b whose mean is replaced by 2 pi Q / V, wrapped.
"""

import math
from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor

from lfmc.lattice import FloatArray

TWO_PI = 2 * math.pi
NOTHING = 80.0  # exp(-NOTHING) of a sum is left out
SMALLEST = 2.0**-54  # of a uniform
POINTS = 4096  # on the circle


def draw(uniform: Tensor, b: Tensor) -> tuple[Tensor, Tensor]:
    """Plaquettes (batch, V) of uniforms (batch, V + 1), and their log density."""
    plaquettes = uniform.shape[1] - 1
    charge = _charges(uniform[:, 0], b.detach(), plaquettes)
    z = torch.special.ndtri(uniform[:, 1:].clamp(min=SMALLEST))
    normal = (z - z.mean(1, keepdim=True)) / b.sqrt()
    angle = normal + (TWO_PI / plaquettes) * charge[:, None]
    phi = angle - TWO_PI * torch.round(angle / TWO_PI)
    return phi, log_density(phi, b)


def log_density(phi: Tensor, b: Tensor) -> Tensor:
    """log q of plaquettes (batch, V) in [-pi, pi] whose sum is a multiple of 2 pi, (batch,)."""
    return _log_images(phi, b).sum(1) - log_norm(b, phi.shape[1])


def log_norm(b: Tensor, plaquettes: int) -> Tensor:
    """log N."""
    charge = _range(float(b.detach()), plaquettes, b)
    sums = torch.logsumexp(-0.5 * b * (TWO_PI * charge) ** 2 / plaquettes, 0)
    return 0.5 * (plaquettes - 1) * torch.log(TWO_PI / b) - 0.5 * math.log(plaquettes) + sums


def score(phi: Tensor, b: Tensor) -> Tensor:
    """d log q / d log b of given plaquettes, (batch,)."""
    images = _images(phi, b)
    share = torch.softmax(-0.5 * b * images**2, -1)
    of_images = -0.5 * (share * images**2).sum((-1, -2))
    charge = _range(float(b), phi.shape[1], b)
    energy = 0.5 * (TWO_PI * charge) ** 2 / phi.shape[1]
    mean = (torch.softmax(-b * energy, 0) * energy).sum()
    return b * (of_images + mean) + 0.5 * (phi.shape[1] - 1)


def best_width(log_weight: Callable[[FloatArray], FloatArray], guess: float) -> float:
    """b for which the variance of log u - log g of one plaquette of law g is smallest.

    Args:
        log_weight: log u of angles.
        guess: of b, to within a factor of eight.
    """
    angle = TWO_PI * (np.arange(POINTS) + 0.5) / POINTS - math.pi
    target = log_weight(angle)
    points = torch.from_numpy(angle)

    def variance(log_b: float) -> float:
        log_g = _log_images(points, torch.tensor(math.exp(log_b), dtype=torch.float64)).numpy()
        share = np.exp(log_g - log_g.max())
        share = share / share.sum()
        difference = target - log_g
        return float(share @ difference**2 - (share @ difference) ** 2)

    low, high = math.log(guess / 8), math.log(8 * guess)
    golden = 0.5 * (math.sqrt(5) - 1)
    while high - low > 1e-7:
        one, two = high - golden * (high - low), low + golden * (high - low)
        if variance(one) < variance(two):
            high = two
        else:
            low = one
    return math.exp(0.5 * (low + high))


def _charges(uniform: Tensor, b: Tensor, plaquettes: int) -> Tensor:
    charge = _range(float(b), plaquettes, b)
    weight = torch.softmax(-0.5 * b * (TWO_PI * charge) ** 2 / plaquettes, 0)
    below = torch.cumsum(weight, 0)[:-1]
    return charge[torch.searchsorted(below, uniform.contiguous(), right=True)]


def _range(b: float, plaquettes: int, like: Tensor) -> Tensor:
    largest = math.ceil(math.sqrt(2 * NOTHING * plaquettes / b) / TWO_PI)
    return torch.arange(-largest, largest + 1, dtype=like.dtype, device=like.device)


def _images(phi: Tensor, b: Tensor) -> Tensor:
    """Phi + 2 pi m, (..., images)."""
    most = math.ceil(0.5 + math.sqrt(2 * NOTHING / float(b.detach())) / TWO_PI)
    return phi[..., None] + TWO_PI * torch.arange(-most, most + 1, dtype=phi.dtype)


def _log_images(phi: Tensor, b: Tensor) -> Tensor:
    """log g."""
    return torch.logsumexp(-0.5 * b * _images(phi, b) ** 2, -1)
