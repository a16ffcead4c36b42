"""Commands that run on several MPI ranks: they end together."""

import sys
import traceback
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, NoReturn

import click

from lfmc.cli.progress import STOPPED, stopped
from lfmc.errors import LfmcError

expect_ranks_option = click.option(
    "--expect-ranks",
    type=click.IntRange(min=1),
    help="Refuse to run with another number of MPI ranks.",
)


@contextmanager
def all_or_none(mpi: Any) -> Iterator[None]:
    """What ends one rank early ends all: the others would wait for it for ever."""
    from lfmc.mpi.ranks import OfAllRanks

    try:
        yield
    except LfmcError as error:
        if mpi.comm is not None and not isinstance(error, OfAllRanks):
            click.echo(f"lfmc: error: rank {mpi.rank}: {error}", err=True)
            mpi.abort()
        raise
    except SystemExit:  # by SIGTERM, where nobody asks for it between two steps
        mpi.abort(STOPPED)
        raise
    except Exception:
        if mpi.comm is not None:
            traceback.print_exc()
            mpi.abort()
        raise


@contextmanager
def claimed_by_ranks(mpi: Any, path: Path, what: str, output: Path) -> Iterator[None]:
    """As `lfmc.claim.claimed`, for all ranks: the first one holds the claim."""
    from lfmc.claim import claimed
    from lfmc.mpi.ranks import OfAllRanks

    with ExitStack() as stack:
        refused = ""
        if mpi.rank == 0:
            try:
                stack.enter_context(claimed(path, what, output))
            except LfmcError as error:
                refused = str(error)
        refused = mpi.broadcast(refused)
        if refused:
            raise OfAllRanks(refused, mpi.rank == 0)
        yield


def leave(mpi: Any, what: str, kept: str) -> NoReturn:
    """End this rank of a stage that was stopped; rank 0 reports it."""
    if mpi.rank:
        sys.exit(STOPPED)
    stopped(what, kept)
