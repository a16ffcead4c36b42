"""One contestant in the peers' environment: python -m benchmarks.peers NAME --extent 8 ..."""

import json
import os
from pathlib import Path

# Read when JAX and torch are imported: one thread each; CPU seconds would count any other too.
os.environ["XLA_FLAGS"] = "--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1"
os.environ["OMP_NUM_THREADS"] = "1"
os.environ.setdefault("JAX_PLATFORMS", "cpu")

import click

from benchmarks.gates import Refused
from benchmarks.machine import load, versions
from benchmarks.plan import COUPLINGS, PLANS, Plan
from lfmc.store import write_json


@click.command()
@click.argument("name")
@click.option("--extent", required=True, type=int)
@click.option("--plan", "size", default="full", type=click.Choice([*PLANS]))
@click.option("--limit", type=float, help="CPU seconds; default: of the plan.")
@click.option("--seed", default=1904, show_default=True)
@click.option("--output", required=True, type=click.Path(path_type=Path))
def main(name: str, extent: int, size: str, limit: float | None, seed: int, output: Path) -> None:
    """Run NAME (blackjax, bijx, zuko-realnvp, ...) and write what it did as JSON."""
    try:
        found = run(name, extent, PLANS[size], seed, limit)
    except Refused as refusal:
        found = {"refused": str(refusal)}
    write_json(output, {"peer": name, "L": extent, "load": load(), **found})
    click.echo(json.dumps({k: v for k, v in found.items() if k != "checks"}))


def run(name: str, extent: int, plan: Plan, seed: int, limit: float | None) -> dict:
    lam, limit = COUPLINGS[extent], limit or plan.peer_limit
    if name == "blackjax":
        import jax

        jax.config.update("jax_enable_x64", True)
        from benchmarks.peers import blackjax_hmc

        row = blackjax_hmc.measure(extent, plan)
        return {"row": row, "versions": versions(blackjax_hmc.VERSIONS)}
    from benchmarks.peers.contest import contest

    package, _, kind = name.partition("-")
    if package == "bijx":
        from benchmarks.peers import bijx_flow as module

        peer = module.Contestant(extent, lam, seed)
    elif package == "zuko":
        from benchmarks.peers import zuko_flows as module

        peer = module.contestant(kind, extent, lam, seed)
    elif package == "normflows":
        from benchmarks.peers import normflows_flows as module

        peer = module.contestant(kind, extent, lam, seed)
    else:
        raise click.BadParameter(f"no peer {name!r}")
    found = contest(name, peer, extent, lam, limit, module.DENSITY_TOLERANCE)
    setup = " ".join((module.__doc__ or "").split("Set-up: ")[-1].split())
    return {**found, "setup": setup, "versions": versions(module.VERSIONS)}


if __name__ == "__main__":
    main()
