"""`lfmc tune`, `lfmc hmc`, `lfmc local` and `lfmc cluster`."""

import signal
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click

from lfmc.cli.options import ensemble_option, open_run, run_options

LINE_EVERY = 15.0  # seconds between progress lines in a log


@click.command()
@run_options
@ensemble_option
def tune(config_path: Path, results: Path | None, ensemble: str) -> None:
    """Tune step sizes and widths of hmc, local and cluster to their acceptance.

    Writes tune/ENSEMBLE.json.
    """
    run = open_run(config_path, results)
    run.ensemble(ensemble)
    from lfmc.provenance import provenance
    from lfmc.samplers.tune import tune as tuned_parameters
    from lfmc.store import write_json

    found = tuned_parameters(run.config, ensemble)
    output = run.path("tune", ensemble, suffix=".json")
    write_json(output, {**found, "provenance": provenance(found["settings"])})
    for name, key in (("hmc", "trajectory_length"), ("local", "delta"), ("cluster", "delta")):
        part = found[name]
        click.echo(
            f"{ensemble} {name}: {key} {part[key]:.4f}, acceptance {part['acceptance']:.4f} "
            f"+- {part['acceptance_error']:.4f}",
            err=True,
        )


def _sampler(name: str, summary: str) -> click.Command:
    """The command of one sampler."""

    @click.command(
        name=name, help=f"{summary}\n\nReads tune/ENSEMBLE.json, writes {name}/ENSEMBLE.h5."
    )
    @run_options
    @ensemble_option
    def command(config_path: Path, results: Path | None, ensemble: str) -> None:
        run = open_run(config_path, results)
        run.ensemble(ensemble)
        from lfmc.samplers import run as sampling

        job = sampling.task(run.config, name, ensemble, run.path("tune", ensemble, suffix=".json"))
        output = run.path(name, ensemble, suffix=".h5")
        try:
            with _progress(f"{name} {ensemble}") as report, _termination() as stop:
                sampling.run(job, output, run.work(name, ensemble), report, stop)
        except sampling.Interrupted:
            click.echo(
                f"lfmc: {name} {ensemble} stopped on SIGTERM; finished segments are kept, "
                "run the same command to continue",
                err=True,
            )
            sys.exit(143)

    return command


hmc = _sampler("hmc", "Sample with hybrid Monte Carlo.")
local = _sampler("local", "Sample with local Metropolis, sites in a fixed order.")
cluster = _sampler("cluster", "Sample with the embedded Wolff cluster and Metropolis sweeps.")


@contextmanager
def _termination() -> Iterator[Callable[[], bool]]:
    """A question whether SIGTERM has come; the old handler is put back afterwards."""
    asked: list[int] = []

    def note(number: int, frame: Any) -> None:
        asked.append(number)

    before = signal.signal(signal.SIGTERM, note)
    try:
        yield lambda: bool(asked)
    finally:
        signal.signal(signal.SIGTERM, before)


@contextmanager
def _progress(label: str) -> Iterator[Callable[[int, int], None]]:
    """A bar with ETA on a terminal, a plain line every LINE_EVERY seconds in a log."""
    from tqdm import tqdm

    started = time.monotonic()
    first: list[int] = []
    last = [started]
    with tqdm(desc=label, unit="updates", disable=None, leave=False) as bar:

        def report(done: int, total: int) -> None:
            first.append(done) if not first else None
            now = time.monotonic()
            bar.total = total
            bar.update(done - bar.n)
            if bar.disable and now - last[0] >= LINE_EVERY and done > first[0]:
                left = (now - started) * (total - done) / (done - first[0])
                click.echo(f"{label}: {done}/{total} updates, {left:.0f} s left", err=True)
                last[0] = now

        yield report
