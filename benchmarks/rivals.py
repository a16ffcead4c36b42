"""The peers' runs: each a process of its own in the peers' environment, and the default flow.

Time to equal ESS is read from their checks: CPU seconds of one thread, compilation apart.
"""

import subprocess
import tempfile
from pathlib import Path
from typing import Any

import click

from benchmarks.plan import DEFAULT, Plan, configuration
from benchmarks.table import Table
from benchmarks.training import train_once
from lfmc.store import read_json

OWN = "lfmc"
OWN_TARGETS = (0.5, 0.7, 0.9)


def contestant(python: Path, name: str, extent: int, size: str, limit: float) -> dict[str, Any]:
    """What one peer's process reports; a crash or a missing package is a refusal, not an error."""
    with tempfile.TemporaryDirectory() as folder:
        output = Path(folder) / "found.json"
        command = [python, "-m", "benchmarks.peers", name, "--extent", extent, "--plan", size]
        command += ["--limit", limit]
        done = subprocess.run(
            [*map(str, command), "--output", str(output)],
            cwd=Path(__file__).resolve().parent.parent,
            capture_output=True,
            text=True,
        )
        if done.returncode or not output.exists():
            last = (done.stderr.strip().splitlines() or ["no output"])[-1]
            return {"refused": f"did not run: {last}"}
        return read_json(output)


def measure(folder: Path, plan: Plan, size: str, python: Path | None) -> None:
    """peers.csv, one row a peer and L, and peer-checks.csv; blackjax goes to samplers.csv."""
    samplers = Table(folder, "samplers", ("code_of", "L"))
    peers = Table(folder, "peers", ("peer", "L"))
    checks = Table(folder, "peer-checks", ("peer", "L"))
    for extent in plan.peer_extents:
        if not peers.has(OWN, extent):
            config = configuration(DEFAULT, extent, 1904, OWN_TARGETS)
            run = train_once(config, plan.peer_limit)
            checks.add(*({"peer": OWN, **row} for row in run.checks))
            peers.add({"peer": OWN, "L": extent, "gate": "tests; exactness.csv"})
        if python is None:
            continue
        if not samplers.has("blackjax", extent) and "bijx" in plan.peers:
            found = contestant(python, "blackjax", extent, size, plan.peer_limit)
            samplers.add(found.get("row") or _refusal("code_of", "blackjax", extent, found))
        for name in plan.peers:
            if peers.has(name, extent):
                continue
            found = contestant(python, name, extent, size, plan.peer_limit)
            if "refused" in found:
                click.echo(f"{name} L={extent}: refused, {found['refused']}", err=True)
                peers.add(_refusal("peer", name, extent, found))
                continue
            checks.add(*({"peer": name, "L": extent, **row} for row in found["checks"]))
            versions = " ".join(f"{k} {v}" for k, v in found["versions"].items())
            kept = {k: found[k] for k in ("compile_seconds", "gate", "setup")}
            peers.add({"peer": name, "L": extent, "versions": versions, **kept})
            last = found["checks"][-1]
            click.echo(f"{name} L={extent}: ESS {last['ess']:.3f} after {last['seconds']:.0f} s")


def _refusal(column: str, name: str, extent: int, found: dict[str, Any]) -> dict[str, Any]:
    return {column: name, "L": extent, "gate": f"refused: {found.get('refused')}"}
