"""How a command ends when something is wrong: one line on stderr, and an exit code."""

import os
import sys
import tempfile
import traceback
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import NoReturn

import click
from click.exceptions import NoArgsIsHelpError

from lfmc.errors import LfmcError

WRONG = 2  # what was given is wrong, or a check failed
INTERNAL = 70  # a fault of lfmc itself: EX_SOFTWARE of sysexits.h
INTERRUPTED = 130  # as a shell says of SIGINT


@contextmanager
def one_line() -> Iterator[None]:
    """Whatever the block raises becomes one line and an exit code.

    An exception that no reader turned into an LfmcError is a fault of lfmc: its traceback goes to
    a file, or to stderr in a batch job, whose log outlives the node.
    """
    try:
        yield
    except LfmcError as error:
        end(str(error) if error.printed else "", WRONG)
    except NoArgsIsHelpError as error:
        error.show()
        sys.exit(WRONG)
    except click.UsageError as error:
        command = error.ctx.command_path if error.ctx else "lfmc"
        end(f"{error.format_message().rstrip('.')} (see '{command} --help')", WRONG)
    except click.ClickException as error:
        end(error.format_message(), WRONG)
    except (KeyboardInterrupt, click.Abort):
        click.echo("lfmc: interrupted; run the same command to continue", err=True)
        sys.exit(INTERRUPTED)
    except MemoryError as error:
        end(f"not enough memory ({error or 'none left'})", WRONG)
    except OSError as error:
        if error.errno is None:
            _internal(error)
        named = isinstance(error.filename, str | bytes)
        what = os.fsdecode(error.filename) if named else "input or output failed"
        end(f"{what}: {os.strerror(error.errno)}", WRONG)
    except ImportError as error:
        if (error.name or "").split(".")[0] == "lfmc":
            _internal(error)
        end(f"a library is missing or damaged ({error}); install the environment anew", WRONG)
    except Exception as error:
        _internal(error)


def end(message: str, code: int) -> NoReturn:
    """Print `message`, if there is one, as one line of printable characters; leave."""
    if message:
        with suppress(OSError):  # with nowhere to say it, the exit code says it
            click.echo(f"lfmc: error: {printable(' '.join(message.split()))}", err=True)
    sys.exit(code)


def printable(text: str) -> str:
    """Without what a terminal would obey: names and values come from files."""
    return "".join(c if c.isprintable() else "?" for c in text)


def _internal(error: BaseException) -> NoReturn:
    described = traceback.format_exception_only(error)[-1].strip()
    end(f"internal: {described}; please report it with {_kept()}", INTERNAL)


def _kept() -> str:
    """Where the traceback of the exception at work is."""
    text = traceback.format_exc()
    if "SLURM_JOB_ID" not in os.environ:
        try:
            with tempfile.NamedTemporaryFile(
                "w", prefix="lfmc-", suffix=".log", delete=False, encoding="utf-8"
            ) as file:
                file.write(f"{sys.argv}\n{text}")
            return file.name
        except OSError:
            pass
    click.echo(text, err=True, nl=False)
    return "the lines above"
