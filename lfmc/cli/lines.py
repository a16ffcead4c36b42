"""One line per job: what Snakemake prints of a run that `make` or `lfmc run` started.

Snakemake's own option `quiet` would drop errors together with the jobs. VERBOSE=1 in the
environment leaves everything as it is.
"""

import logging
import time
from collections.abc import Mapping
from typing import Any

FRONT_END = (
    "LFMC_FRONT_END"  # set by the Makefile and `lfmc run`, which print the summary at the end
)
DROPPED = frozenset({"job_started", "job_finished", "resources_info", "shellcmd"})
DROPPED_WORDS = (
    *("Select jobs to execute...", "Assuming unrestricted shared", "Conda environments: ignored"),
    *("Using shell: ", "Adding "),
)


def wanted(environment: Mapping[str, str]) -> bool:
    """Whether this run prints one line per job."""
    return bool(environment.get(FRONT_END)) and environment.get("VERBOSE", "") in ("", "0")


def shorten(logger: logging.Logger) -> None:
    """Make what a logger prints of jobs short; errors and warnings stay, and so does its file."""
    for handler in logger.handlers:
        if isinstance(handler, logging.FileHandler) or isinstance(handler.formatter, OneLine):
            continue  # the rules of a module may be read twice
        short = OneLine(handler.formatter)
        handler.addFilter(short.filter)
        handler.setFormatter(short)


class OneLine(logging.Formatter):
    """Jobs as "12:03:05 [3 of 79] train S6" when they start, and all else as it was.

    Attributes:
        usual: the formatter of everything but jobs.
    """

    def __init__(self, usual: logging.Formatter | None) -> None:
        super().__init__()
        self.usual = usual or logging.Formatter()
        self.done = ""

    def filter(self, record: logging.LogRecord) -> bool:
        """Whether to print a record; progress is remembered for the next job's line."""
        if record.levelno > logging.INFO:
            return True
        event, words = _event(record), str(record.msg or "")
        if event == "progress":
            done, total = vars(record)["done"], vars(record)["total"]
            self.done = f" [{done} of {total} done]"
            return bool(done == total)
        return event not in DROPPED and not words.startswith(DROPPED_WORDS)

    def format(self, record: logging.LogRecord) -> str:
        if _event(record) == "progress":
            return f"{_clock(record)}{self.done}"
        if _event(record) != "job_info":
            return self.usual.format(record)
        job: dict[str, Any] = vars(record)
        names = [str(value) for value in dict(job.get("wildcards") or {}).values()]
        return " ".join([f"{_clock(record)}{self.done}", str(job.get("rule_name")), *names])


def _event(record: logging.LogRecord) -> str:
    event = getattr(record, "event", None)
    return str(getattr(event, "value", event) or "")


def _clock(record: logging.LogRecord) -> str:
    return time.strftime("%H:%M:%S", time.localtime(record.created))
