"""Python imports this at its start where the folder is on its path: then `lfmc` is forked.

A job of the workflow takes up to four seconds to import PyTorch and numba, and often less to work.
The process that was started waits here for its fork of a server that has its imports behind it,
passes signals on, and ends as the fork does. A process that differs from the server in anything
that counts goes on by itself; so do `lfmc run`, whose jobs are its children, and ranks of MPI.
"""

import json
import os
import signal
import socket
import struct
import sys

from same_process import settings

ADDRESS = os.environ.get("LFMC_FORK_SERVER", "")
PASSED_ON = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
MPI = ("PMI_", "PMIX_", "OMPI_", "HYDRA_", "HYDI_", "SLURM_JOB")


def arguments(command: list[str]) -> list[str] | None:
    """Those of lfmc in a command line of Python, or None if it is another or not to be forked."""
    if command[1:3] in (["-m", "lfmc.cli.main"], ["-m", "lfmc"]):
        if os.path.exists("lfmc"):
            return None  # it may be another than the server's
        found = command[3:]
    elif len(command) > 1 and os.path.basename(command[1]) == "lfmc":
        found = command[2:]
    else:
        return None
    if found[:1] in ([], ["run"]) or any(name.startswith(MPI) for name in os.environ):
        return None
    return found


def forked(address: str, command: list[str]) -> int | None:
    """The exit status of a fork that runs the command, or None where the server is another."""
    about = {"arguments": command, "cwd": os.getcwd(), "environment": dict(os.environ)}
    text = json.dumps({**about, "settings": settings()}).encode()
    with socket.socket(socket.AF_UNIX) as server:
        server.connect(address)
        before = {number: signal.getsignal(number) for number in PASSED_ON}
        for number in PASSED_ON:
            signal.signal(number, lambda number, _: server.send(bytes([number])))
        socket.send_fds(server, [struct.pack("!I", len(text))], [0, 1, 2])
        server.sendall(text)
        answer = server.recv(4)
    for number, handler in before.items():
        signal.signal(number, handler)
    return struct.unpack("!i", answer)[0] if answer else None


if ADDRESS:
    found = arguments(sys.orig_argv)
    if found is not None:
        status = forked(ADDRESS, found)
        if status is not None:
            if status < 0:
                os.kill(os.getpid(), -status)
            os._exit(status)
