"""Half of a symmetric product, and the trace that tells how many parameters a fit leaves free."""

import numpy as np
import pytest
import torch

from lfmc.training import fisher
from lfmc.training.products import BLOCK, packed_products, unpacked

pytestmark = pytest.mark.unit


def rounding(rows: torch.Tensor) -> torch.Tensor:
    """By how much two products rows @ rows.T may differ, (n, n).

    A sum of k products, in any order and with or without fused multiply-add, is off by less than
    k u / (1 - k u) of the sum of their sizes, u = eps / 2 (Higham, Accuracy and Stability of
    Numerical Algorithms, section 3.1): two of them by less than (k + 1) eps of it.
    """
    sizes = rows.double().abs()
    return (rows.shape[1] + 1) * torch.finfo(rows.dtype).eps * (sizes @ sizes.T)


@pytest.mark.parametrize("n", [1, BLOCK - 1, BLOCK, BLOCK + 1, 2 * BLOCK + 7])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_packed_products_are_the_whole_product(n, dtype):
    rows = torch.randn(n, 40, generator=torch.Generator().manual_seed(n), dtype=dtype)
    packed = packed_products(rows)
    assert packed.size <= (n * (n + BLOCK)) // 2
    found = unpacked(packed, n)
    assert found.dtype == torch.float64
    assert torch.equal(found, found.T)
    wide = rows.double()
    assert ((found - wide @ wide.T).abs() <= rounding(rows)).all()


@pytest.mark.parametrize("n", [3, BLOCK + 2])
def test_one_triangle_decides(n):
    """A product that is not symmetric, here grossly so, makes a matrix that is."""
    rows = torch.randn(n, 16, dtype=torch.float64, generator=torch.Generator().manual_seed(2))
    packed, expected = packed_products(rows), unpacked(packed_products(rows), n)
    places = torch.from_numpy(np.arange(len(packed)))
    first = places[: min(n, BLOCK) * n].view(-1, n)
    packed[first[:, : len(first)].tril(-1)[1:].unique()[1:].numpy()] = np.nan
    assert torch.equal(unpacked(packed, n), expected)


def test_sums_of_packed_products_are_packed_sums():
    generator = torch.Generator().manual_seed(1)
    a, b = torch.randn(2, BLOCK + 5, 16, dtype=torch.float64, generator=generator)
    total = unpacked(packed_products(a) + packed_products(b), len(a))
    both = torch.cat([a, b], 1)
    assert ((total - both @ both.T).abs() <= rounding(both)).all()


def _noise(scores: torch.Tensor, log_weight: torch.Tensor, damping: float) -> tuple[float, float]:
    """The noise of a step as estimated, and with the exact trace."""
    rows = torch.cat([scores, log_weight[None], torch.ones_like(log_weight)[None]])
    fit, batch = fisher.fit_of(rows @ rows.T), float(len(log_weight))
    step = fisher.propose_step(fit, batch, damping, largest=1e9)
    added = damping * (torch.diagonal(fit.fisher) + fisher.UNIT)
    inverse = torch.linalg.inv(fit.fisher + torch.diag(added))
    free = float(torch.trace(fit.fisher @ inverse))
    left = (fit.variance - 2 * step.divergence) / (1 - free / batch) ** 2
    return step.noise, 0.5 * left * free / batch


@pytest.mark.parametrize("damping", [1e-6, 1e-2, 0.3])
def test_random_signs_find_how_many_parameters_are_free(damping, monkeypatch):
    """Scores of very different sizes that depend on each other, so that damping frees a part.

    The trace, 170 to 300, has an error below sqrt(600/32) = 4.3, in fact of 1: the bar of 9 per
    cent is at least 3.5 of the bound and fifteen of the error (fixed signs; false alarm of others
    below 1e-9). Who takes all parameters to be free is outside where damping matters.
    """
    random = np.random.default_rng(8)
    mixing = np.diag(np.geomspace(1e-2, 10, 300)) + 0.3 * random.standard_normal((300, 300))
    scores = torch.from_numpy(mixing @ random.standard_normal((300, 2000)))
    log_weight = torch.from_numpy(random.standard_normal(2000))
    estimated, exact = _noise(scores, log_weight, damping)
    assert estimated == pytest.approx(exact, rel=0.09)
    monkeypatch.setattr(fisher, "_damped_count", lambda added, factor: 0.0)
    if damping > 1e-3:
        assert _noise(scores, log_weight, damping)[0] != pytest.approx(exact, rel=0.09)
