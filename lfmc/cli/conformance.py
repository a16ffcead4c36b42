"""`lfmc conformance`: what every theory and every flow must pass."""

import sys

import click

from lfmc.cli.pairs import pair_of
from lfmc.cli.progress import on_terminal


@click.command()
@click.argument("kind")
@click.option(
    "--set",
    "pairs",
    multiple=True,
    metavar="NAME=VALUE",
    help="A parameter, else that of the theory's example or the flow's default.",
)
@click.option(
    "--theory", default="", help="On which a flow is checked. [default: the first it exists for]"
)
@click.option("--seed", default=1, show_default=True, help="Of fields, chains and normals.")
def conformance(kind: str, pairs: tuple[str, ...], theory: str, seed: int) -> None:
    """Check a theory or a flow, lfmc's own or another package's, against what must hold.

    A theory: gradient against finite differences, symmetries, kernels against arrays, and every
    sampler against exact values on small lattices, exact identities and the other samplers; of
    scalar theories also reversibility of HMC. A flow: log q against the automatic Jacobian, the
    inverse, independence of the batch, and the normalisation. Exit code 1 if a check fails.
    """
    from lfmc.conformance.check import table
    from lfmc.conformance.run import conformance as checks_of

    parameters = dict(pair_of(pair) for pair in pairs)
    checks = []
    for check in checks_of(kind, parameters, seed, theory):
        checks.append(check)
        if on_terminal():
            click.echo(f"\r{len(checks)} checks: {check.name:<50.50}", nl=False, err=True)
    if on_terminal():
        click.echo(err=True)
    click.echo(table(checks))
    failed = [check.name for check in checks if not check.passed]
    if failed:
        click.echo(f"{kind} does NOT conform: {len(failed)} of {len(checks)} checks failed")
        sys.exit(1)
    click.echo(f"{kind} conforms: {len(checks)} checks passed")
