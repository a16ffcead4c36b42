"""Daemons of a throw-away cluster: started, found by their pid files, ended by them."""

import os
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path


class Refused(Exception):
    """What is missing or in the way, in one line."""


def start(*command: str, **environment: str) -> None:
    """Start a daemon, which puts itself into the background.

    Raises:
        Refused: it does not start.
    """
    done = run(*command, **environment)
    if done.returncode:
        raise Refused(f"{command[0]} does not start: {(done.stderr or done.stdout).strip()}")


def run(*command: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run a program without what a job around it has set; its daemons keep no pipe of ours open."""
    inherited = {k: v for k, v in os.environ.items() if not k.startswith("SLURM_")}
    return subprocess.run(
        command,
        capture_output=True,
        text=True,
        env={**inherited, "PATH": search_path(), **environment},
        stdin=subprocess.DEVNULL,
    )


def stop(pid_file: Path, number: signal.Signals = signal.SIGTERM) -> None:
    """Signal the daemon of a pid file and wait for its end; kill it after 15 s.

    It may remove the file long before it ends, so its process is what is watched.
    """
    pid, daemon = alive(pid_file), name_of(pid_file)
    if pid:
        os.kill(pid, number)
        deadline = time.monotonic() + 15
        while is_daemon(pid, daemon) and time.monotonic() < deadline:
            time.sleep(0.1)
        if is_daemon(pid, daemon):
            os.kill(pid, signal.SIGKILL)
    pid_file.unlink(missing_ok=True)


def alive(pid_file: Path) -> int:
    """Process id if the daemon of a pid file runs, else 0: the number may be another's by now."""
    try:
        pid = int(pid_file.read_text())
    except (OSError, ValueError):
        return 0
    return pid if is_daemon(pid, name_of(pid_file)) else 0


def is_daemon(pid: int, daemon: str) -> bool:
    """Whether the process runs and has that name."""
    try:
        command = Path(f"/proc/{pid}/stat").read_text().split()
    except OSError:
        return False
    return command[1].strip("()") == daemon and command[2] != "Z"


def name_of(pid_file: Path) -> str:
    """slurmd of slurmd-n1.pid."""
    return pid_file.stem.split("-")[0]


def wait(ready: Callable[[], bool], seconds: float, what: str, folder: Path) -> None:
    """Wait until ready.

    Raises:
        Refused: not within `seconds`.
    """
    deadline = time.monotonic() + seconds
    while not ready():
        if time.monotonic() > deadline:
            raise Refused(f"{what}: not after {seconds:.0f} s; see the logs in {folder}")
        time.sleep(0.2)


def search_path() -> str:
    """PATH with the folders of daemons."""
    return os.environ.get("PATH", "") + ":/usr/sbin:/sbin:/usr/bin"
