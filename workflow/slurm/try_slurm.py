#!/usr/bin/env python3
"""A throw-away Slurm of several virtual nodes on this machine, for trying and testing.

    try_slurm.py up [--nodes 3] [--accounting]   munged, slurmctld, one slurmd per node, slurmdbd
    try_slurm.py status                          what runs
    try_slurm.py down                            end all of it, by pid files

Needs root and Debian's packages slurmctld, slurmd, slurm-client and munge, for accounting slurmdbd
and mariadb-server too; no systemd, no cgroups.
Everything lies in one folder (--folder); the only file outside it is the link
/etc/slurm/slurm.conf, without which jobs would not find the cluster. Standard library only.
"""

import argparse
import ipaddress
import os
import shutil
import signal
import socket
import sys
import time
from contextlib import suppress
from pathlib import Path

import accounting
import own_folder
from daemons import Refused, alive, run, search_path, start, stop, wait

PROGRAMS = ("munged", "slurmctld", "slurmd", "sbatch", "srun", "squeue", "scontrol")
INSTALL = "apt-get install --no-install-recommends slurmctld slurmd slurm-client munge"
FOLDER = Path("/var/lib/lfmc-slurm")  # where only root can put something in its place
LINK = Path("/etc/slurm/slurm.conf")
# Of the controller; node number i listens at PORT + i. Below the range from which the system takes
# ports for connections and MPI for its ranks: a daemon that restarts finds its own still free.
PORT = 16810
CPUS = 4  # of every node, whatever the machine has
MEMORY = 6000  # MiB of every node

# linuxproc and task/none: no cgroups. AuthInfo: a munged of its own beside the system's.
# Two partitions over the same nodes: a job in `urgent` requeues jobs in `batch`.
# NoInAddrAny: daemons listen at the address of the machine's name only, a loopback one
# (`not_possible`).
# OverMemoryKill polls every second: the memory limit without cgroups.
CONF = """\
ClusterName={cluster}
SlurmctldHost={host}({address})
SlurmctldPort={port}
FirstJobId={first}
SlurmUser=root
SlurmdUser=root
AuthType=auth/munge
AuthInfo=socket={folder}/munge.socket
CredType=cred/munge
CommunicationParameters=NoInAddrAny,NoCtldInAddrAny
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool-%n
SlurmctldPidFile={folder}/slurmctld.pid
TmpFS={folder}/tmp-%n
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
{accounting}
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
NODE = "NodeName=n{i} NodeHostName={host} NodeAddr={address} Port={port} CPUs={cpus} \
RealMemory={memory} State=UNKNOWN"


def main() -> None:
    """Parse the command line; a refusal is one line and exit code 2 (77: cannot run here)."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("command", choices=("up", "down", "status", "check"))
    parser.add_argument("--nodes", type=int, default=3)
    parser.add_argument("--accounting", action="store_true", help="with slurmdbd and a database")
    parser.add_argument("--folder", type=Path, default=FOLDER)
    chosen = parser.parse_args()
    folder = chosen.folder.absolute()
    missing = not_possible(chosen.accounting)
    if missing:
        sys.exit(print(f"try_slurm: {missing}", file=sys.stderr) or 77)
    try:
        if chosen.command == "up":
            up(folder, chosen.nodes, chosen.accounting)
        elif chosen.command == "down":
            down(folder)
        elif chosen.command == "status":
            status(folder)
    except Refused as error:
        sys.exit(print(f"try_slurm: {error}", file=sys.stderr) or 2)


def not_possible(with_accounting: bool = False) -> str:
    """Why a cluster cannot be started here; empty if it can."""
    if os.geteuid() != 0:
        return "needs root: its daemons start jobs as their users (try sudo)"
    address = own_folder.address_of_host()
    if not ipaddress.ip_address(address).is_loopback:
        return (
            f"its daemons would listen at {address}, this machine's address, not on the loopback "
            f"only: give {socket.gethostname()} the address 127.0.0.1 in /etc/hosts"
        )
    needed = (*PROGRAMS, *accounting.PROGRAMS) if with_accounting else PROGRAMS
    missing = [name for name in needed if not shutil.which(name, path=search_path())]
    if missing:
        packages = f" {accounting.PACKAGES}" if with_accounting else ""
        return f"{', '.join(missing)} not found; on Debian or Ubuntu: {INSTALL}{packages}"
    return ""


def up(folder: Path, nodes: int, with_accounting: bool = False) -> None:
    """Start the cluster and wait until every node is idle.

    Raises:
        Refused: one runs already, the folder or slurm.conf is not ours, or a daemon did not start.
    """
    if any(alive(path) for path in folder.glob("*.pid")):
        raise Refused(f"a cluster runs in {folder}; 'try_slurm.py down' ends it")
    own_folder.require_free(LINK, folder)
    own_folder.wipe(folder)
    of_nodes = [f"{name}-n{i + 1}" for i in range(nodes) for name in ("spool", "tmp")]
    folder.mkdir(mode=0o755, parents=True, exist_ok=True)
    (folder / "slurm.conf").write_text(configuration(folder, nodes, with_accounting))
    for name in ("state", *of_nodes):
        (folder / name).mkdir(mode=0o755)
    (folder / "cgroup.conf").write_text("CgroupAutomount=no\n")
    own_folder.point(LINK, folder)
    start_munge(folder)
    if with_accounting:
        accounting.start_accounting(folder, PORT - 1)
    start_controller(folder)
    for i in range(nodes):
        start_node(folder, f"n{i + 1}")
    wait(lambda: set(states()) == {"idle"} and len(states()) == nodes, 60, "all nodes idle", folder)


def configuration(folder: Path, nodes: int, with_accounting: bool = False) -> str:
    """slurm.conf of this machine."""
    host, address = socket.gethostname().split(".")[0], own_folder.address_of_host()
    lines = [
        NODE.format(
            i=i + 1, host=host, address=address, port=PORT + i + 1, cpus=CPUS, memory=MEMORY
        )
        for i in range(nodes)
    ]
    storage = "AccountingStorageType=accounting_storage/none"
    if with_accounting:
        storage = accounting.OF_CLUSTER.format(folder=folder, port=PORT - 1, address=address)
    # Numbers no earlier cluster here had: MPICH names shared memory after them.
    first = int(time.time()) % 10_000_000
    return CONF.format(
        cluster=own_folder.CLUSTER,
        address=address,
        host=host,
        port=PORT,
        folder=folder,
        nodes="\n".join(lines),
        accounting=storage,
        first=first,
    )


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
    """Cancel all jobs, end all daemons by their pid files, remove the link; logs stay.

    Raises:
        Refused: the folder is not ours.
    """
    own_folder.require_own(folder)
    if alive(folder / "slurmctld.pid") and controller_answers():
        run("scancel", "--user=root")
        deadline = time.monotonic() + 40
        while time.monotonic() < deadline and run("squeue", "--noheader").stdout.strip():
            time.sleep(0.5)
    for pattern in ("slurmd-*.pid", "slurmctld.pid"):
        for path in folder.glob(pattern):
            stop(path)
    accounting.stop_accounting(folder)
    stop(folder / "munged.pid")
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


def left_by_jobs() -> list[int]:
    """Processes that belonged to a job of this cluster, by their environment."""
    found = []
    for path in Path("/proc").glob("[0-9]*/environ"):
        with suppress(OSError):
            if f"SLURM_CLUSTER_NAME={own_folder.CLUSTER}".encode() in path.read_bytes().split(
                b"\0"
            ):
                found.append(int(path.parent.name))
    return [pid for pid in found if pid != os.getpid()]


def states() -> list[str]:
    """State of every node."""
    return run("sinfo", "--noheader", "--Node", "--partition=batch", "--format=%T").stdout.split()


def controller_answers() -> bool:
    """Whether slurmctld is up."""
    return run("scontrol", "ping").stdout.split()[-1:] == ["UP"]


if __name__ == "__main__":
    main()
