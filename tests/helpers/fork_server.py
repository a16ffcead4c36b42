"""The server of tests/forked for the tests of one process."""

import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

# Modules of tests that start many commands. Those about starting, importing, ending and killing are
# no part, nor are the smoke run and installed packages: there, every command is a process.
FORKED = frozenset(
    f"test_{name}"
    for name in (
        "analysis_commands", "cpn_run", "documented_commands", "exchange_export", "exchange_import",
        "exchange_logq", "forked_jobs", "proposals", "retrain", "samplers_run", "schwinger_run",
        "spheres_run", "training_run", "tuning_runs", "u1_run", "verify_elsewhere", "workflow_dag",
        "workflow_faults", "workflow_flux", "workflow_imported", "workflow_kinds",
        "workflow_refusals", "workflow_scan", "workflow_spheres", "workflow_theories",
        "workflow_writers",
    )
)  # fmt: skip
FOLDER = Path(__file__).resolve().parent.parent / "forked"


def running_server() -> Iterator[dict[str, str]]:
    """What a process needs in its environment to be forked; nothing where there is no fork."""
    if sys.platform != "linux":
        yield {}
        return
    path = os.pathsep.join(filter(None, (str(FOLDER), os.environ.get("PYTHONPATH"))))
    with tempfile.TemporaryDirectory() as folder:  # short: a socket's name has at most 107 bytes
        address = f"{folder}/s"
        command = [sys.executable, str(FOLDER / "server.py"), address]
        server = subprocess.Popen(
            command,
            env={**os.environ, "PYTHONPATH": path},
            start_new_session=True,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert server.stdout is not None
        assert server.stdout.readline() == "ready\n"
        try:
            yield {"PYTHONPATH": path, "LFMC_FORK_SERVER": address}
        finally:
            server.kill()
            server.wait()
            server.stdout.close()
