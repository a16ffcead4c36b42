"""Snakemake that asks Slurm for the state of jobs at a steady pace, for workflows of minutes.

The plugin waits ten seconds longer at each question that finds nothing finished, which spares a
scheduler in work of hours, and would be half the time of these tests. Nothing else is different;
jobs start Snakemake themselves, without this file.
"""

import sys

from snakemake.cli import main
from snakemake_interface_executor_plugins.executors.remote import RemoteExecutor

SECONDS = 2.0

if __name__ == "__main__":
    steady = property(lambda executor: SECONDS, lambda executor, proposed: None)
    RemoteExecutor.next_seconds_between_status_checks = steady  # type: ignore[assignment]
    main(sys.argv[1:])
