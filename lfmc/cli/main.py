"""The `lfmc` command: subcommands are imported only when they run."""

import atexit
import gc
import importlib
import logging
import os
import signal
import sys
from typing import Any

import click

from lfmc import __version__
from lfmc.classical import CLASSICAL
from lfmc.cli.ending import INTERRUPTED, one_line
from lfmc.errors import unknown

COMMANDS = {
    "init": "lfmc.cli.workflow:init",
    "run": "lfmc.cli.workflow:run",
    "tune": "lfmc.cli.samplers:tune",
    "tune-couplings": "lfmc.cli.couplings:tune_couplings",
    "train": "lfmc.cli.training:train",
    "retrain": "lfmc.cli.training:retrain",
    "propose": "lfmc.cli.flows:propose",
    "accept": "lfmc.cli.flows:accept",
    **{name: f"lfmc.cli.samplers:{name}" for name in CLASSICAL},
    "measure": "lfmc.cli.analysis:measure",
    "autocorrelation": "lfmc.cli.analysis:autocorrelation",
    "fit": "lfmc.cli.analysis:fit",
    "gates": "lfmc.cli.analysis:gates",
    "logz": "lfmc.cli.logz:logz",
    "weighted": "lfmc.cli.weighted:weighted",
    "reweight": "lfmc.cli.reweighting:reweight",
    "critical": "lfmc.cli.critical:critical",
    "summary": "lfmc.cli.summary:summary",
    "verify": "lfmc.cli.flows:verify",
    "plot": "lfmc.cli.figures:plot",
    "report": "lfmc.cli.report:report",
    "export": "lfmc.cli.exchange:export",
    "import": "lfmc.cli.incoming:bring_in",
    "logq": "lfmc.cli.comparison:logq",
    "compare": "lfmc.cli.comparison:compare",
    "show": "lfmc.cli.show:show",
    "config": "lfmc.cli.configuration:config",
    "conformance": "lfmc.cli.conformance:conformance",
}

SUMMARY = {
    "init": "Write a commented config.yaml into this folder.",
    "run": "Make all figures of a configuration (or of a preset) with Snakemake.",
    "tune": "Tune step sizes and widths to their acceptance.",
    "tune-couplings": "Find the coupling at which m_p L (or another observable) has a given value.",
    "train": "Train a flow until its acceptances pass every target (mpirun -n N lfmc train ...).",
    "retrain": "Train a further model; how much does tau_int depend on the training?",
    "propose": "Generate proposals in parallel blocks (mpirun -n N lfmc propose ...).",
    "accept": "Turn proposals into an exact Markov chain.",
    **CLASSICAL,
    "measure": "Observables with errors from a chain.",
    "autocorrelation": "Integrated autocorrelation times of a chain.",
    "fit": "Tables, dynamical critical exponents and costs of all ensembles.",
    "gates": "Exact identities, references and agreement of samplers; fails if one fails.",
    "logz": "log Z of every ensemble from the weights of its flows.",
    "weighted": "Observables of every ensemble from the weights of its flows, without a chain.",
    "reweight": "Observables of a chain at nearby couplings.",
    "critical": "Pseudo-critical points, crossings and exponents of a scan.",
    "summary": "The main numbers as value(error), for people and for LaTeX.",
    "verify": "Recompute S, log q and observables of stored fields and compare.",
    "plot": "Draw one figure (or all).",
    "report": "Main numbers, figures and tables of a run in one HTML file.",
    "export": "Write a chain for other programs: NumPy arrays, one HDF5 file, pyerrors.",
    "import": "Measure configurations from elsewhere like a chain.",
    "logq": "log q and log weights of given fields under a trained model.",
    "compare": "Two results folders: values, errors, sigmas and costs; fails if they differ.",
    "show": "Print what is in any file that lfmc wrote, and where it came from.",
    "config": "Check a configuration, print its schema or a preset.",
    "conformance": "Check a theory or a flow, own or of another package, against what must hold.",
}


class LazyGroup(click.Group):
    """A group of names and summaries that imports a subcommand only when it runs."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        module, name = COMMANDS[cmd_name].split(":")
        command = getattr(importlib.import_module(module), name)
        assert isinstance(command, click.Command)
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        if args and not args[0].startswith("-") and args[0] not in COMMANDS:
            raise unknown("command", args[0], COMMANDS)
        return super().resolve_command(ctx, args)

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt:  # click itself would print an empty line first
            click.echo("lfmc: interrupted; run the same command to continue", err=True)
            sys.exit(INTERRUPTED)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands, in the order of the pipeline"):
            formatter.write_dl(list(SUMMARY.items()))


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__)
@click.option("-v", "--verbose", is_flag=True, help="Log what is done, not only progress.")
def lfmc(verbose: bool) -> None:
    """Flow-based Markov chain Monte Carlo for lattice field theory."""
    logging.basicConfig(
        level=logging.INFO if verbose else logging.WARNING,
        format="%(asctime)s %(name)s: %(message)s",
        stream=sys.stderr,
    )


def main() -> None:
    """Run the command line; an error is one line and exit code 2.

    SIGTERM (preemption, a time limit) becomes an exception, so that nothing half-written stays;
    stages that save their progress first answer it themselves.
    """
    signal.signal(signal.SIGTERM, _stopped)
    # Imports make half a million objects that stay. To look for cycles among them, as by default
    # after every 700 and again at the end, takes up to half of the time of a short command.
    gc.set_threshold(100_000, 20, 20)
    atexit.register(gc.freeze)
    # No command opens a window, and matplotlib cannot be imported with an unknown backend.
    os.environ.pop("MPLBACKEND", None)
    with one_line():
        lfmc.main(prog_name="lfmc", standalone_mode=False)


def _stopped(number: int, frame: Any) -> None:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)  # once is enough
    from lfmc.cli.progress import say

    say("lfmc: stopped on SIGTERM; run the same command to continue")
    sys.exit(128 + number)


if __name__ == "__main__":
    main()
