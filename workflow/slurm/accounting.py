"""Accounting of a throw-away cluster: a MariaDB of its own, and slurmdbd.

The database listens on a socket in the cluster's folder only, and its only user is root; slurmdbd
listens on the loopback only, as the other daemons.
"""

from pathlib import Path

import own_folder
from daemons import alive, run, start, stop, wait

PROGRAMS = ("slurmdbd", "sacctmgr", "mariadbd", "mariadb-install-db", "mariadb")
PACKAGES = "slurmdbd mariadb-server"
ACCOUNT = "lattice"  # the one in which root may compute

CONF = """\
AuthType=auth/munge
AuthInfo=socket={folder}/munge.socket
DbdHost=localhost
DbdAddr={address}
CommunicationParameters=NoInAddrAny
DbdPort={port}
SlurmUser=root
StorageType=accounting_storage/mysql
StorageHost=localhost
StorageUser=root
StorageLoc=lfmctry
LogFile={folder}/slurmdbd.log
PidFile={folder}/slurmdbd.pid
"""
# Jobs without an account, or with one that their user does not have, are refused.
OF_CLUSTER = """\
AccountingStorageType=accounting_storage/slurmdbd
AccountingStorageHost={address}
AccountingStoragePort={port}
AccountingStoragePass={folder}/munge.socket
AccountingStorageEnforce=associations"""


def start_accounting(folder: Path, port: int) -> None:
    """Start the database and slurmdbd, with one account.

    Raises:
        Refused: a daemon did not start.
    """
    data, socket = folder / "database", folder / "mariadb.socket"
    options = ["--no-defaults", f"--datadir={data}", "--user=root"]
    start(
        "mariadb-install-db", *options, "--skip-test-db", "--auth-root-authentication-method=socket"
    )
    files = [f"--socket={socket}", f"--pid-file={folder}/mariadbd.pid"]
    log = f"--log-error={folder}/mariadbd.log"
    run(
        "sh",
        "-c",
        'mariadbd "$@" > /dev/null 2>&1 &',
        "sh",
        *options,
        *files,
        log,
        "--skip-networking",
    )
    wait(lambda: alive(folder / "mariadbd.pid") > 0 and socket.exists(), 30, "mariadbd", folder)
    conf = folder / "slurmdbd.conf"
    conf.touch(mode=0o600)
    conf.write_text(CONF.format(folder=folder, port=port, address=own_folder.address_of_host()))
    where = {"SLURM_CONF": str(folder / "slurm.conf"), "MYSQL_UNIX_PORT": str(socket)}
    start("slurmdbd", **where)
    wait(
        lambda: run("sacctmgr", "--noheader", "show", "cluster").returncode == 0,
        30,
        "slurmdbd",
        folder,
    )
    for added in (
        ("cluster", "lfmctry"),
        ("account", ACCOUNT),
        ("user", "root", f"account={ACCOUNT}"),
    ):
        run("sacctmgr", "--immediate", "add", *added)


def stop_accounting(folder: Path) -> None:
    """End both by their pid files."""
    stop(folder / "slurmdbd.pid")
    stop(folder / "mariadbd.pid")
