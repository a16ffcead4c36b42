"""Errors of the acceptance of samplers with several decisions per update."""

import numpy as np
import pytest
from helpers.analysis_synthetic import chain_of_fields
from scipy.stats import chi2

import lfmc
from lfmc.analysis.binned import bin_chain
from lfmc.analysis.measurement import measurement_rows
from lfmc.errors import LfmcError

DECISIONS, REPLICAS, UPDATES = 8, 10, 1500
SLOW = 0.8  # correlation of one update with the next
FALSE_ALARM = 1e-4


def chain_of(seed, slow=SLOW):
    """Decisions that are accepted with 0.8 where the mean field is positive, 0.2 where negative.

    The mean field is a Gaussian process of correlation slow^t, the other modes are noise.
    """
    rng = np.random.default_rng(seed)
    mean = rng.normal(size=(REPLICAS, UPDATES))
    for k in range(1, UPDATES):
        mean[:, k] = slow * mean[:, k - 1] + np.sqrt(1 - slow**2) * mean[:, k]
    fields = rng.normal(size=(REPLICAS, UPDATES, 4))
    fields += mean[..., None] - fields.mean(-1, keepdims=True)
    counts = rng.binomial(DECISIONS, 0.5 + 0.3 * np.sign(mean)).astype(np.uint8)
    share = counts.mean() / DECISIONS
    return chain_of_fields(fields, (2, 2), 1.0, extra={"accepted": counts}, acceptance=share)


def exact_variance(slow=SLOW):
    """Of the acceptance of a whole chain: signs have the correlation 2/pi asin(slow^t)."""
    time = 1 + 2 * (2 / np.pi * np.arcsin(slow ** np.arange(1, 400))).sum()
    return ((0.25 - 0.09) / DECISIONS + 0.09 * time) / (REPLICAS * UPDATES)


def row_of(chain):
    rows = measurement_rows(chain, bin_chain(chain))
    return next(row for row in rows if row["observable"] == "acceptance")


def independent(chain):
    """The error as if no update knew of the last one."""
    counts = chain.extra["accepted"] / DECISIONS
    return counts.std() / np.sqrt(counts.size)


def inside(pulls):
    """Whether the sum of squares of pulls is between the two bounds of FALSE_ALARM."""
    low, high = chi2.ppf((FALSE_ALARM / 2, 1 - FALSE_ALARM / 2), len(pulls))
    return low < (np.array(pulls) ** 2).sum() < high


def test_error_of_acceptance_is_its_spread():
    """Against the exact variance within 10 % (six sigma beside a bias of 3 %), and over seeds."""
    chains = [chain_of(seed) for seed in range(60)]
    rows = [row_of(chain) for chain in chains]
    mean_square = np.mean([row["error"] ** 2 for row in rows])
    assert abs(mean_square / exact_variance() - 1) < 0.1
    assert inside([(row["value"] - 0.5) / row["error"] for row in rows])
    # Negative control: errors as if updates were independent are too small.
    assert not inside([(chain.acceptance - 0.5) / independent(chain) for chain in chains])


def test_error_of_local_agrees_with_its_replicas():
    """Error from bins against the spread of 64 replicas; false alarm 1e-4 of an F of (63, ~600)."""
    theory = lfmc.Phi4((4, 4), m2=-4.0, lam=6.975)
    chain = lfmc.local(theory, chains=64, updates=5000, save_every=5, seed=1, progress=False)
    counts = chain.extra["accepted"]
    assert counts.mean() / 16 == pytest.approx(chain.acceptance, rel=1e-12)
    found = lfmc.measure(chain)["acceptance"]
    between = counts.mean(1).std(ddof=1) / 16 / 8
    low, high = np.sqrt(chi2.ppf((FALSE_ALARM / 4, 1 - FALSE_ALARM / 4), 63) / 63)
    assert 0.93 * low < between / found.error < 1.07 * high
    assert not low < between / (2.5 * found.error) < high


def test_total_alone_has_no_error():
    """Files of earlier versions: an exact acceptance of 1 has the error 0, any other none."""
    chain = chain_of(1)
    row = row_of(chain._replace(extra={}))
    assert np.isnan(row["error"])
    assert "sample again" in row["note"]
    assert row_of(chain._replace(extra={}, acceptance=1.0))["error"] == 0


def test_accepted_of_another_length_is_refused():
    chain = chain_of(1)
    short = chain._replace(extra={"accepted": chain.extra["accepted"][:, :7]})
    with pytest.raises(LfmcError, match=r"extra/accepted of shape \(10, 7\) does not fit"):
        bin_chain(short)
