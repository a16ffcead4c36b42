"""blackjax: its HMC, compiled, 128 chains by `vmap`, in float64 on one thread.

Set-up: `blackjax.hmc` with identity mass matrix, ten leapfrog steps of the same length as the
other samplers; trajectories in one `lax.scan`; its action by `jnp.roll`.
"""

from time import process_time
from typing import Any

import blackjax
import jax
import jax.numpy as jnp
import numpy as np

from benchmarks.clock import rate
from benchmarks.gates import require_action
from benchmarks.plan import COUPLINGS, Plan
from benchmarks.samplers import CHAINS, LENGTH, STEPS, gate_phi2, start

VERSIONS = ("blackjax", "jax", "jaxlib")


def action(phi: Any, lam: float) -> Any:
    """S at m2 = -4 of one field (L, L)."""
    square = phi * phi
    hop = jnp.roll(phi, 1, 0) + jnp.roll(phi, 1, 1)
    return (lam * square * square - 2 * phi * hop).sum()


def measure(extent: int, plan: Plan) -> dict[str, Any]:
    """A row of samplers.csv.

    A trajectory of n steps takes n gradients here (the first is remembered from the last one).
    """
    lam = COUPLINGS[extent]
    target, state = start(extent, plan.gate_updates)
    phi = jnp.asarray(np.moveaxis(state.phi, 2, 1).reshape(CHAINS, extent, extent))
    assert phi.dtype == jnp.float64
    each = jax.vmap(lambda one: action(one, lam))(phi)
    require_action(
        "blackjax", np.asarray(each), target.evaluate(np.asarray(phi).reshape(CHAINS, -1))
    )
    sampler = blackjax.hmc(
        lambda one: -action(one.reshape(extent, extent), lam),
        step_size=LENGTH[extent] / STEPS,
        inverse_mass_matrix=jnp.ones(extent**2),
        num_integration_steps=STEPS,
    )

    def trajectories(states: Any, key: Any, count: int) -> Any:
        def one(states: Any, key: Any) -> Any:
            keys = jax.random.split(key, CHAINS)
            states, info = jax.vmap(sampler.step)(keys, states)
            return states, (info.acceptance_rate, (states.position**2).mean(1))

        return jax.lax.scan(one, states, jax.random.split(key, count))

    run = jax.jit(trajectories, static_argnums=2)
    states = jax.vmap(sampler.init)(phi.reshape(CHAINS, -1))
    few = max(plan.updates // 4, 2)
    began = process_time()
    jax.block_until_ready(run(states, jax.random.key(1), few))
    compiled = process_time() - began
    many = max(plan.gate_updates // 4, 20)
    _, (_, square) = run(states, jax.random.key(2), many)
    message = gate_phi2(f"blackjax hmc at L = {extent}", np.asarray(square).mean(0), extent)
    updates = rate(
        lambda: jax.block_until_ready(run(states, jax.random.key(3), few)),
        CHAINS * few,
        plan.repeats,
    )
    return {
        "code_of": "blackjax",
        "sampler": "hmc",
        "L": extent,
        "updates_per_second": updates,
        "sites_per_second": updates * extent**2 * STEPS,
        "compile_seconds": compiled,
        "gate": message,
    }
