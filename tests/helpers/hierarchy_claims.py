"""Claims about flows of kind hierarchy, whatever their field."""

import numpy as np
import torch

SIGMAS = 5


def uniforms(flow, count, seed=2):
    return flow.base.tensor(torch.Generator().manual_seed(seed), count, torch.float64)


def sample_in_any_batch(flow, vectors=lambda phi: phi):
    """A sample does not depend on its batch, a reduced one is the same up to the last half.

    vectors: of fields, as the flow's sites are counted; None: reduced samples are not compared.
    """
    z = uniforms(flow, 70)
    phi, log_q = flow(z)
    alone = flow(z[33:34])
    np.testing.assert_array_equal(alone.phi[0], phi[33])
    np.testing.assert_array_equal(alone.log_q[0], log_q[33])
    if vectors is None:
        return
    first = flow.terms.order[: len(flow.terms.begin) - 1]
    x, _ = flow.reduced(z[:, : flow.reduced_base.numbers])
    np.testing.assert_array_equal(vectors(x)[:, first], vectors(phi)[:, first])


def exact_weights(flow, count, off):
    """Z and E by weights agree with the exact ones; with log q off by `off`, Z does not."""
    phi, log_q = flow(uniforms(flow, count))
    theory = flow.action
    ratio = np.exp((-theory.evaluate(phi) - log_q).numpy() - theory.log_Z)
    error = ratio.std(ddof=1) / len(ratio) ** 0.5
    assert error < 0.02
    assert abs(ratio.mean() - 1) < SIGMAS * error
    assert abs(np.exp(off) * ratio.mean() - 1) > SIGMAS * error
    energy = ratio * (theory.measure(phi.numpy())["E"] - theory.known["E"])
    assert abs(energy.mean()) < SIGMAS * energy.std(ddof=1) / len(energy) ** 0.5


def slope_of(flow, x, p, step):
    """d log q / d k_p of fields whose last stage is left out, by differences."""
    log_q = []
    for sign in (1, -1):
        flow.k[p] += sign * step
        log_q.append(flow.reduced_log_q(x))
        flow.k[p] -= sign * step
    return (log_q[0] - log_q[1]) / (2 * step)
