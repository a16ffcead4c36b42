"""bijx: its convolutional continuous flow for lattice scalars (Gerdes et al., arXiv:2207.00283).

Set-up: `ConvVF.build` with its defaults (49 Fourier features, 20 kept), 5 x 5 kernels and a
free-theory prior of mass 1, the recipe that is public for small lattices; the solver of its
scalar-theory tutorial (Tsit5, dt = 0.1); Adam with warm-up and cosine decay to zero over the time
limit, norm clipped at 1, batch 128. The whole step is compiled. A kernel as large as the lattice
takes five times as long a step at L = 8 on one thread.
"""

import math
from typing import Any

import bijx
import jax
import jax.numpy as jnp
import numpy as np
import optax
from flax import nnx

VERSIONS = ("bijx", "jax", "jaxlib", "flax", "diffrax", "optax")
# log q is the integral of a divergence, the Jacobian that of the discretised map.
DENSITY_TOLERANCE = 0.05
KERNEL = (5, 5)
BATCH = 128
RATE = 3e-3
PRIOR_MASS2 = 1.0
WARM_UP = 20


class Contestant:
    """One training; see `benchmarks.peers.contest.Contestant`."""

    def __init__(self, extent: int, lam: float, seed: int) -> None:
        self.shape, self.lam = (extent, extent), lam
        field = bijx.ConvVF.build(KERNEL, (), rngs=nnx.Rngs(params=seed))
        prior = bijx.Transformed(
            bijx.IndependentNormal(self.shape, rngs=nnx.Rngs(sample=seed)),
            bijx.FreeTheoryScaling(PRIOR_MASS2, self.shape, half=False),
        )
        model = bijx.Transformed(prior, bijx.ContFlowDiffrax(field, bijx.DiffraxConfig(dt=0.1)))
        self.graph, self.parameters, self.rest = nnx.split(model, nnx.Param, ...)
        self.optimiser = optax.chain(optax.clip_by_global_norm(1.0), optax.scale_by_adam())
        self.state = self.optimiser.init(self.parameters)
        self.key = jax.random.key(seed)
        self.batch, self.steps = BATCH, 0
        self._update = jax.jit(self._step)
        self._draw = jax.jit(self._sample, static_argnums=2)

    def action(self, phi: np.ndarray) -> np.ndarray:
        """S of fields (n, V)."""
        return np.asarray(self._action(jnp.asarray(phi.reshape(-1, *self.shape))), float)

    def step(self, progress: float) -> float:
        """One update; the loss, when it is done."""
        self.key, key = jax.random.split(self.key)
        self.steps += 1
        rate = RATE * min(1.0, self.steps / WARM_UP) * 0.5 * (1 + math.cos(math.pi * progress))
        self.parameters, self.state, loss = self._update(self.parameters, self.state, key, rate)
        return float(loss)

    def sample(self, count: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
        """Fields (count, V) and their log q (count,)."""
        phi, log_q = self._draw(self.parameters, jax.random.key(seed), count)
        return np.asarray(phi, float).reshape(count, -1), np.asarray(log_q, float)

    def densities(self, count: int) -> tuple[np.ndarray, np.ndarray]:
        """log q of `count` samples, and the same by the Jacobian of the map, (count,) each."""
        model = nnx.merge(self.graph, self.parameters, self.rest)
        volume = int(np.prod(self.shape))

        def flow(z: Any) -> tuple[Any, Any]:
            base = -0.5 * (z * z).sum() - 0.5 * volume * jnp.log(2 * jnp.pi)
            x, log_q = model.prior.bijection.forward(z.reshape(self.shape), base)
            phi, log_q = model.bijection.forward(x, log_q)
            return phi.ravel(), (log_q, base)

        z = jax.random.normal(jax.random.key(3), (count, volume))
        jacobian, (log_q, base) = jax.lax.map(jax.jacrev(flow, has_aux=True), z)
        return np.asarray(log_q), np.asarray(base) - np.linalg.slogdet(np.asarray(jacobian, float))[
            1
        ]

    def _action(self, phi: Any) -> Any:
        each = jax.vmap(lambda one: bijx.lattice.scalar.phi4_term(one, -4.0, self.lam).sum())
        return each(phi)

    def _sample(self, parameters: Any, key: Any, count: int) -> Any:
        return nnx.merge(self.graph, parameters, self.rest).sample((count,), rng=key)

    def _step(self, parameters: Any, state: Any, key: Any, rate: Any) -> Any:
        def loss(parameters: Any) -> Any:
            phi, log_q = self._sample(parameters, key, BATCH)
            return (log_q + self._action(phi)).mean()

        value, gradient = jax.value_and_grad(loss)(parameters)
        update, state = self.optimiser.update(gradient, state, parameters)
        update = jax.tree.map(lambda change: -rate * change, update)
        return optax.apply_updates(parameters, update), state, value
