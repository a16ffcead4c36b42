"""Forks a process for every `lfmc` that requests one: python server.py SOCKET.

It imports once what commands import. A fork takes the arguments, the folder, the environment and
the open files of the process that requests it, and its exit status goes back there. If that process
is killed, so is its fork.
"""

import contextlib
import gc
import importlib
import io
import json
import os
import pkgutil
import selectors
import signal
import socket
import struct
import sys
import time
from typing import Any

from same_process import settings

import lfmc
from lfmc.cli import progress
from lfmc.cli.main import main

LIBRARIES = ("h5py", "matplotlib.backends.backend_pdf", "matplotlib.figure", "pandas")
ENTRIES = ("lfmc.__main__",)


def import_all() -> None:
    """Everything that a command needs but MPI, which counts ranks when it is imported."""
    for module in pkgutil.walk_packages(lfmc.__path__, "lfmc."):
        if module.name not in ENTRIES:
            importlib.import_module(module.name)
    for name in LIBRARIES:
        importlib.import_module(name)
    assert "mpi4py.MPI" not in sys.modules
    gc.collect()
    gc.freeze()


class Request:
    """A process that requests a fork, and the fork that works for it."""

    def __init__(self, connection: socket.socket) -> None:
        head, self.files, _, _ = socket.recv_fds(connection, 4, 3)
        text = b""
        while len(text) < struct.unpack("!I", head)[0]:
            text += connection.recv(1 << 20)
        self.connection = connection
        self.about: dict[str, Any] = json.loads(text)

    def close_files(self) -> None:
        for number in self.files:
            os.close(number)

    def take_over(self) -> None:
        """In the fork: be the process that requested it."""
        for number, file in enumerate(self.files):
            os.dup2(file, number)
        self.close_files()
        os.chdir(self.about["cwd"])
        os.environ.clear()
        os.environ.update(self.about["environment"])
        sys.argv = ["lfmc", *self.about["arguments"]]
        sys.stdin = self._text(0, "strict")
        sys.stdout = self._text(1, "strict")
        sys.stderr = self._text(2, "backslashreplace")
        sys.__stdin__, sys.__stdout__, sys.__stderr__ = sys.stdin, sys.stdout, sys.stderr
        progress.STARTED = time.monotonic()

    @staticmethod
    def _text(number: int, errors: str) -> io.TextIOWrapper:
        mode = "wb" if number else "rb"
        raw = open(number, mode, closefd=False)  # noqa: SIM115 - open as long as the process
        lines = number == 2 or os.isatty(number)
        return io.TextIOWrapper(raw, encoding="utf-8", errors=errors, line_buffering=lines)


def serve(address: str) -> Request:
    """Fork on request, until the server is stopped; return in a fork."""
    own = json.loads(json.dumps(settings()))
    working: dict[int, Request] = {}
    wake, woken = socket.socketpair()
    for end in (wake, woken):
        end.setblocking(False)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    signal.set_wakeup_fd(woken.fileno(), warn_on_full_buffer=False)
    with socket.socket(socket.AF_UNIX) as listener, selectors.DefaultSelector() as selector:
        listener.bind(address)
        listener.listen(64)
        print("ready", flush=True)
        selector.register(listener, selectors.EVENT_READ)
        selector.register(wake, selectors.EVENT_READ)
        while True:
            for key, _ in selector.select():
                if key.fileobj is listener:
                    request = Request(listener.accept()[0])
                    if request.about["settings"] != own:
                        request.close_files()
                        request.connection.close()
                        continue
                    pid = os.fork()
                    if pid == 0:
                        signal.set_wakeup_fd(-1)
                        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
                        for other in (wake, woken, request.connection):
                            other.close()
                        for other_request in working.values():
                            other_request.connection.close()
                        return request
                    request.close_files()
                    working[pid] = request
                    selector.register(request.connection, selectors.EVENT_READ, pid)
                elif key.fileobj is wake:
                    wake.recv(4096)
                    _answer(working, selector)
                elif key.data in working:
                    _pass_on(key.data, key.fileobj, selector)


def _answer(working: dict[int, Request], selector: selectors.BaseSelector) -> None:
    """Tell those whose forks have ended how."""
    while working:
        pid, status = os.waitpid(-1, os.WNOHANG)
        if pid == 0:
            break
        connection = working.pop(pid).connection
        if connection in selector.get_map():
            selector.unregister(connection)
        with contextlib.suppress(OSError):  # it was killed meanwhile
            connection.sendall(struct.pack("!i", os.waitstatus_to_exitcode(status)))
        connection.close()


def _pass_on(pid: int, connection: Any, selector: selectors.BaseSelector) -> None:
    """Signals of the process that requested a fork; its end, which is to be that of the fork."""
    try:
        sent = connection.recv(16)
    except OSError:
        sent = b""
    for number in sent or [signal.SIGKILL]:
        os.kill(pid, number)
    if not sent:
        selector.unregister(connection)


if __name__ == "__main__":
    import_all()
    request = serve(sys.argv[1])
    request.take_over()
    sys.exit(main())
