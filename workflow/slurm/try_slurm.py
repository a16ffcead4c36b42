#!/usr/bin/env python3
"""A throw-away Slurm of several virtual nodes on this machine, for trying and testing.

    try_slurm.py up [--nodes 3]     start munged, slurmctld and one slurmd a node
    try_slurm.py status             what runs
    try_slurm.py down               end all of it, by pid files

Needs root and Debian's packages slurmctld, slurmd, slurm-client and munge; no systemd, no cgroups.
Everything lies in one folder (--folder); the only file outside it is the link
/etc/slurm/slurm.conf, without which jobs would not find the cluster. Standard library only.
"""

import argparse
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

PROGRAMS = ("munged", "slurmctld", "slurmd", "sbatch", "srun", "squeue", "scontrol")
INSTALL = "apt-get install --no-install-recommends slurmctld slurmd slurm-client munge"
FOLDER = Path("/tmp/lfmc-slurm")
LINK = Path("/etc/slurm/slurm.conf")
# Of the controller; node number i listens at PORT + i. Below the range from which the system takes
# ports for connections and MPI for its ranks: a daemon that restarts finds its own still free.
PORT = 16810
CPUS = 4  # of every node, whatever the machine has
MEMORY = 6000  # MiB of every node

# linuxproc and task/none: no cgroups. AuthInfo: a munged of its own beside the system's.
# Two partitions over the same nodes: a job in `urgent` requeues jobs in `batch`.
# OverMemoryKill polls every second: the memory limit without cgroups.
CONF = """\
ClusterName=lfmctry
SlurmctldHost={host}(127.0.0.1)
SlurmctldPort={port}
SlurmUser=root
SlurmdUser=root
AuthType=auth/munge
AuthInfo=socket={folder}/munge.socket
CredType=cred/munge
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool-%n
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd-%n.pid
SlurmctldLogFile={folder}/slurmctld.log
SlurmdLogFile={folder}/slurmd-%n.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SwitchType=switch/none
MpiDefault=none
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU_Memory
SlurmdParameters=config_overrides
JobAcctGatherType=jobacct_gather/linux
JobAcctGatherFrequency=task=1
JobAcctGatherParams=OverMemoryKill
AccountingStorageType=accounting_storage/none
ReturnToService=2
SlurmdTimeout=15
KillWait=15
MinJobAge=600
JobRequeue=1
PreemptType=preempt/partition_prio
PreemptMode=REQUEUE
SchedulerParameters=bf_interval=2,sched_interval=2,batch_sched_delay=0
{nodes}
PartitionName=batch Nodes=ALL Default=YES State=UP MaxTime=24:00:00 DefMemPerCPU=1000 \
PriorityTier=1 GraceTime=15
PartitionName=urgent Nodes=ALL State=UP MaxTime=1:00:00 DefMemPerCPU=1000 PriorityTier=10 \
PreemptMode=OFF
"""
NODE = "NodeName=n{i} NodeHostName={host} NodeAddr=127.0.0.1 Port={port} CPUs={cpus} \
RealMemory={memory} State=UNKNOWN"


class Refused(Exception):
    """What is missing or in the way, in one line."""


def main() -> None:
    """Parse the command line; a refusal is one line and exit code 2 (77: cannot run here)."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("command", choices=("up", "down", "status", "check"))
    parser.add_argument("--nodes", type=int, default=3)
    parser.add_argument("--folder", type=Path, default=FOLDER)
    chosen = parser.parse_args()
    missing = not_possible()
    if missing:
        sys.exit(print(f"try_slurm: {missing}", file=sys.stderr) or 77)
    try:
        if chosen.command == "up":
            up(chosen.folder, chosen.nodes)
        elif chosen.command == "down":
            down(chosen.folder)
        elif chosen.command == "status":
            status(chosen.folder)
    except Refused as error:
        sys.exit(print(f"try_slurm: {error}", file=sys.stderr) or 2)


def not_possible() -> str:
    """Why a cluster cannot be started here; empty if it can."""
    if os.geteuid() != 0:
        return "needs root: its daemons start jobs as their users (try sudo)"
    missing = [name for name in PROGRAMS if not shutil.which(name, path=search_path())]
    if missing:
        return f"{', '.join(missing)} not found; on Debian or Ubuntu: {INSTALL}"
    return ""


def up(folder: Path, nodes: int) -> None:
    """Start the cluster and wait until every node is idle.

    Raises:
        Refused: one runs already, another slurm.conf is in the way, or a daemon did not start.
    """
    if any(alive(path) for path in folder.glob("*.pid")):
        raise Refused(f"a cluster runs in {folder}; 'try_slurm.py down' ends it")
    if LINK.exists() and not LINK.is_symlink():
        raise Refused(f"{LINK} is there: this machine belongs to a cluster already")
    shutil.rmtree(folder, ignore_errors=True)
    for name in ("", "state", *(f"spool-n{i + 1}" for i in range(nodes))):
        (folder / name).mkdir(mode=0o755, parents=True)
    conf = folder / "slurm.conf"
    conf.write_text(configuration(folder, nodes))
    (folder / "cgroup.conf").write_text("CgroupAutomount=no\n")
    LINK.parent.mkdir(exist_ok=True)
    LINK.unlink(missing_ok=True)
    LINK.symlink_to(conf)
    start_munge(folder)
    start_controller(folder)
    for i in range(nodes):
        start_node(folder, f"n{i + 1}")
    wait(lambda: set(states()) == {"idle"} and len(states()) == nodes, 60, "all nodes idle", folder)


def configuration(folder: Path, nodes: int) -> str:
    """slurm.conf of this machine."""
    host = socket.gethostname().split(".")[0]
    lines = [
        NODE.format(i=i + 1, host=host, port=PORT + i + 1, cpus=CPUS, memory=MEMORY)
        for i in range(nodes)
    ]
    return CONF.format(host=host, port=PORT, folder=folder, nodes="\n".join(lines))


def start_munge(folder: Path) -> None:
    """munged with a key of its own."""
    key = folder / "munge.key"
    key.touch(mode=0o400)
    key.write_bytes(os.urandom(1024))
    options = ["--force", "--num-threads=4", f"--key-file={key}", f"--socket={folder}/munge.socket"]
    files = [f"--pid-file={folder}/munged.pid", f"--log-file={folder}/munged.log"]
    start("munged", *options, *files, f"--seed-file={folder}/munge.seed")
    wait((folder / "munge.socket").exists, 10, "munged", folder)


def start_controller(folder: Path) -> None:
    """slurmctld, in its saved state if there is one."""
    start("slurmctld", "-f", str(folder / "slurm.conf"))
    wait(controller_answers, 30, "slurmctld", folder)


def start_node(folder: Path, node: str) -> None:
    """slurmd of one virtual node."""
    start("slurmd", "-N", node, "-f", str(folder / "slurm.conf"))


def down(folder: Path) -> None:
    """Cancel all jobs, end all daemons by their pid files, remove the link; logs stay."""
    if alive(folder / "slurmctld.pid") and controller_answers():
        run("scancel", "--user=root")
        deadline = time.monotonic() + 40
        while time.monotonic() < deadline and run("squeue", "--noheader").stdout.strip():
            time.sleep(0.5)
    for pattern in ("slurmd-*.pid", "slurmctld.pid", "munged.pid"):
        for path in folder.glob(pattern):
            stop(path)
    for pid in left_by_jobs():
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    if LINK.is_symlink() and Path(os.readlink(LINK)).parent == folder:
        LINK.unlink()


def status(folder: Path) -> None:
    """Print daemons, nodes and jobs.

    Raises:
        Refused: no cluster runs.
    """
    if not alive(folder / "slurmctld.pid"):
        raise Refused(f"no cluster runs in {folder}; 'try_slurm.py up' starts one")
    print(run("sinfo", "--Node", "--long").stdout + run("squeue").stdout, end="")


def stop(pid_file: Path, number: signal.Signals = signal.SIGTERM) -> None:
    """Signal the daemon of a pid file and wait for its end; kill it after 15 s."""
    pid = alive(pid_file)
    if pid:
        os.kill(pid, number)
        deadline = time.monotonic() + 15
        while alive(pid_file) and time.monotonic() < deadline:
            time.sleep(0.1)
        if alive(pid_file):
            os.kill(pid, signal.SIGKILL)
    pid_file.unlink(missing_ok=True)


def alive(pid_file: Path) -> int:
    """Process id if the daemon of a pid file runs, else 0: the number may be another's by now."""
    try:
        pid = int(pid_file.read_text())
        command = Path(f"/proc/{pid}/stat").read_text().split()
    except (OSError, ValueError):
        return 0
    daemon = pid_file.stem.split("-")[0]
    return pid if command[1].strip("()") == daemon and command[2] != "Z" else 0


def left_by_jobs() -> list[int]:
    """Processes that belonged to a job of this cluster, by their environment."""
    found = []
    for path in Path("/proc").glob("[0-9]*/environ"):
        with suppress(OSError):
            if b"SLURM_CLUSTER_NAME=lfmctry" in path.read_bytes().split(b"\0"):
                found.append(int(path.parent.name))
    return [pid for pid in found if pid != os.getpid()]


def states() -> list[str]:
    """State of every node."""
    return run("sinfo", "--noheader", "--Node", "--partition=batch", "--format=%T").stdout.split()


def controller_answers() -> bool:
    """Whether slurmctld is up."""
    return run("scontrol", "ping").stdout.split()[-1:] == ["UP"]


def start(*command: str) -> None:
    """Start a daemon, which puts itself into the background."""
    done = run(*command)
    if done.returncode:
        raise Refused(f"{command[0]} does not start: {(done.stderr or done.stdout).strip()}")


def run(*command: str) -> subprocess.CompletedProcess[str]:
    """Run a program of Slurm; its daemons keep no pipe of ours open."""
    environment = {k: v for k, v in os.environ.items() if not k.startswith("SLURM_")}
    environment["PATH"] = search_path()
    return subprocess.run(
        command, capture_output=True, text=True, env=environment, stdin=subprocess.DEVNULL
    )


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


if __name__ == "__main__":
    main()
