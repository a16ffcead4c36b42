"""`lfmc init` and `lfmc run`: from an empty folder to the figures, without a clone.

The workflow is part of the package (`lfmc/workflow`; in a clone a link to `workflow/`). Snakemake
runs it as a program of its own: what it prints, its options and its exit code are its own.
"""

import fcntl
import importlib.util
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

import click

import lfmc
from lfmc.cli import completion
from lfmc.cli.lines import FRONT_END
from lfmc.cli.options import Run
from lfmc.cli.presets import preset_file, preset_names
from lfmc.cli.report import has_figures, write_report
from lfmc.errors import LfmcError

WORKFLOW = Path(lfmc.__file__).parent / "workflow"
CONFIG = Path("config.yaml")
LEAST_SPACE = 2**20  # bytes; the smallest run takes some MB
LOCK = Path(".make.lock")  # the Makefile's: `make figures` and `lfmc run` exclude each other
# Options with which Snakemake makes nothing, so that there is nothing to report on.
NO_RUN = {"-n", "--dry-run", "--dryrun", "-h", "--help", "--lint", "--list-rules", "--unlock"}
NO_RUN |= {"--dag", "--rulegraph", "--filegraph", "--summary", "-S", "--report", "--touch", "-t"}


@click.command()
@click.option(
    "--preset",
    default="default",
    show_default=True,
    help=f"Configuration to start from: {', '.join(preset_names())}.",
    shell_complete=completion.presets,
)
def init(preset: str) -> None:
    """Write a commented config.yaml into this folder; one that is there stays as it is."""
    text = preset_file(preset).read_text(encoding="utf-8")
    try:
        with CONFIG.open("x", encoding="utf-8") as stream:
            stream.write(text)
    except FileExistsError:
        raise LfmcError(f"{CONFIG} is there already and is not overwritten") from None
    click.echo(f"{CONFIG} written; edit it, then 'lfmc run' makes all figures")


@click.command()
@click.option(
    "--preset",
    help=f"A preset instead of a file: {', '.join(preset_names())}.",
    shell_complete=completion.presets,
)
@click.option(
    "--config",
    "config_path",
    type=click.Path(path_type=Path),
    help="Configuration file.  [default: config.yaml]",
)
@click.option("--cores", help="Number of cores, or all.  [default: all; none with a profile]")
@click.option(
    "--profile", help="Where jobs run: slurm, or the folder of a Snakemake profile of your own."
)
@click.option("--no-report", is_flag=True, help="Leave out report.html.")
@click.argument("options", nargs=-1, metavar="[-- SNAKEMAKE OPTIONS]", type=click.UNPROCESSED)
def run(
    preset: str | None,
    config_path: Path | None,
    cores: str | None,
    profile: str | None,
    no_report: bool,
    options: tuple[str, ...],
) -> None:
    """Make all figures, tables and the report, as far as they are not made yet.

    Interrupted, the same command continues. Every job is one line; VERBOSE=1 in the environment
    prints all that Snakemake says. What follows -- goes to Snakemake as it is, for example
    lfmc run -- --dry-run.
    """
    from lfmc.config.configfile import checked

    if preset is not None and config_path is not None:
        raise LfmcError("give --preset or --config, not both")
    first = Path(options[0]) if options else None
    # A target of Snakemake is a file of the results; a configuration is none.
    if first and first.suffix in {".yaml", ".yml"} and config_path is preset is None:
        raise LfmcError(f"{first}: a configuration is given as --config {first}")
    config = preset_file(preset) if preset is not None else config_path or CONFIG
    results = Path(checked(config).results)
    if importlib.util.find_spec("snakemake") is None:
        raise LfmcError("'lfmc run' needs Snakemake; pip install 'lfmc[workflow]'")
    command = [
        *(sys.executable, "-m", "snakemake", "--snakefile", str(WORKFLOW / "Snakefile")),
        *("--workflow-profile", str(profile_folder(profile or "default"))),
        *("--configfile", str(config)),
    ]
    if cores is not None or profile is None:
        command += ["--cores", cores or "all"]
    if not NO_RUN.intersection(options):
        require_space(Path(), results)
    with alone() as kept:
        command += ["--nolock"] if kept else []
        _snakemake([*command, *options], kept)
        made = Run(checked(config), results)
        # The options after -- may have named other files only.
        if not no_report and not NO_RUN.intersection(options) and has_figures(made):
            write_report(made)
    if not NO_RUN.intersection(options) and (results / "summary.md").exists():
        from lfmc.figures.summary_text import closing

        click.echo("\n".join(closing(results)))


def require_space(*folders: Path) -> None:
    """Refuse to begin on a full disk, where Snakemake could not even log what is wrong.

    Raises:
        LfmcError: less than `LEAST_SPACE` is left where one of the folders is, or will be.
    """
    for folder in folders:
        there = next(path for path in (folder, *folder.absolute().parents) if path.is_dir())
        free = shutil.disk_usage(there).free
        if free < LEAST_SPACE:
            raise LfmcError(
                f"{folder.absolute()}: {free // 1024} KiB are left on its disk; make space"
            )


def profile_folder(name: str) -> Path:
    """The folder of a profile: one of the package's by its name, or any other.

    Raises:
        LfmcError: no such profile.
    """
    own = {path.name: path for path in (WORKFLOW / "profiles").iterdir() if path.is_dir()}
    folder = own.get(name, Path(name))
    if not (folder / "config.yaml").is_file():
        known = ", ".join(sorted(own))
        raise LfmcError(f"--profile {name}: none of {known}, and no folder with a config.yaml")
    return folder


@contextmanager
def alone() -> Iterator[tuple[int, ...]]:
    """One run per folder: the descriptor of a lock that dies with its processes, if there is one.

    Snakemake's own lock stays behind after a power cut; it is used only where a file system knows
    no other.

    Raises:
        LfmcError: another run is at work in this folder.
    """
    with LOCK.open("a") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise LfmcError("another run is at work in this folder") from None
        except OSError:
            yield ()
        else:
            yield (file.fileno(),)


def _snakemake(command: Sequence[str], kept: tuple[int, ...]) -> None:
    """Run it to its end, which is awaited whatever ends this process.

    It and its jobs are a process group: a signal reaches all of them, so that jobs save their
    progress. Snakemake alone would wait until they have finished.

    Killed itself, as where memory is short, it says nothing and leaves its jobs at work: they are
    ended here, or the next run would be refused what they hold.

    Raises:
        SystemExit: with its exit code, if that is not 0; it has printed what is wrong.
    """
    if signal.getsignal(signal.SIGHUP) != signal.SIG_IGN:  # as nohup sets it
        signal.signal(signal.SIGHUP, lambda number, frame: sys.exit(128 + number))
    plain = NO_RUN.intersection(command) - {"--report"}
    here = {**os.environ} if plain else {**os.environ, FRONT_END: "1"}
    with subprocess.Popen(command, pass_fds=kept, process_group=0, env=here) as process:
        try:
            code = process.wait()
        except BaseException as ending:
            interrupted = isinstance(ending, KeyboardInterrupt)
            _signal_all(process, signal.SIGINT if interrupted else signal.SIGTERM)
            while process.poll() is None:
                try:
                    process.wait()
                except KeyboardInterrupt:
                    _signal_all(process, signal.SIGINT)
            _await_all(process)
            raise
        if code < 0:
            _signal_all(process, signal.SIGTERM)
            _await_all(process)
    if code < 0:
        click.echo(
            f"lfmc: error: Snakemake was ended by signal {-code}, and its jobs on this machine "
            "with it; the same command continues",
            err=True,
        )
    if code:
        sys.exit(code if code > 0 else 128 - code)


def _await_all(process: subprocess.Popen[bytes], limit: float = 60.0) -> None:
    """Wait for jobs that outlive Snakemake: they finish a call of a kernel and save what they have.

    There is a limit, since where nobody collects ended processes they seem to live on.
    """
    end = time.monotonic() + limit
    with suppress(ProcessLookupError, PermissionError):
        while time.monotonic() < end:
            os.killpg(process.pid, 0)
            time.sleep(0.05)


def _signal_all(process: subprocess.Popen[bytes], number: int) -> None:
    with suppress(ProcessLookupError):
        os.killpg(process.pid, number)
