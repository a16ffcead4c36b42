"""The folder of a throw-away cluster and the link to its configuration: only ours are touched."""

import os
import shutil
import socket
import stat
from pathlib import Path

from daemons import Refused, alive

CLUSTER = "lfmctry"  # ClusterName in slurm.conf: what marks a folder as made here
MADE = (
    "slurm.conf", "cgroup.conf", "slurmdbd.conf", "munge.*", "munged.*", "*.pid", "*.log",
    "slurmctld.*", "slurmd-*.*", "slurmdbd.*", "mariadb*.*", "state", "spool-*", "tmp-*",
    "database",
)  # fmt: skip


def address_of_host() -> str:
    """The address of Slurm's daemons: that of this machine's name, or "0.0.0.0"."""
    try:
        return socket.gethostbyname(socket.gethostname())
    except OSError:
        return "0.0.0.0"


def is_own_conf(conf: Path) -> bool:
    """Whether a slurm.conf is one of ours."""
    try:
        return f"ClusterName={CLUSTER}" in conf.read_text().splitlines()
    except (OSError, UnicodeDecodeError):
        return False


def require_own(folder: Path) -> None:
    """Nothing, an empty folder, or an earlier cluster's, that nobody else can write to.

    Raises:
        Refused: it is a link, another user's, open to others, or holds something else.
    """
    if any(c.isspace() for c in str(folder)):
        raise Refused(f"{folder}: Slurm's configuration takes no folder with a space in its name")
    try:
        found = folder.lstat()
    except FileNotFoundError:
        return
    if not stat.S_ISDIR(found.st_mode):
        raise Refused(f"{folder} is no folder; give another --folder")
    if found.st_uid != os.geteuid() or found.st_mode & 0o022:
        raise Refused(f"{folder} belongs to or can be written by others; give another --folder")
    if any(folder.iterdir()) and not is_own_conf(folder / "slurm.conf"):
        raise Refused(
            f"{folder} is not empty and holds no cluster of try_slurm.py; nothing removed"
        )


def wipe(folder: Path) -> None:
    """Remove what an earlier cluster left in its folder, and nothing else.

    Raises:
        Refused: the folder is not ours.
    """
    require_own(folder)
    conf = folder / "slurm.conf"
    made = {path for pattern in MADE for path in folder.glob(pattern)} - {conf}
    for path in sorted(made):
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink()
    # Last, since it marks the folder: a wipe that is interrupted can be repeated.
    conf.unlink(missing_ok=True)


def require_free(link: Path, folder: Path) -> None:
    """The place of the link is empty, or the link is of a cluster of ours that has ended.

    Raises:
        Refused: a file, a link that points elsewhere, or another cluster of ours that runs.
    """
    if not os.path.lexists(link):
        return
    if not link.is_symlink():
        raise Refused(f"{link} is there: this machine belongs to a cluster already")
    target = link.parent / os.readlink(link)
    if target == folder / "slurm.conf":
        return
    if not is_own_conf(target):
        raise Refused(f"{link} points to {target}, no cluster of try_slurm.py; it is left alone")
    if any(alive(path) for path in target.parent.glob("*.pid")):
        raise Refused(f"a cluster runs in {target.parent}; 'down --folder {target.parent}' ends it")


def point(link: Path, folder: Path) -> None:
    """Make the link, in place of one that `require_free` allows."""
    require_free(link, folder)
    link.parent.mkdir(exist_ok=True)
    link.unlink(missing_ok=True)
    link.symlink_to(folder / "slurm.conf")
