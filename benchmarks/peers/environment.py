"""Make the peers' environment: python -m benchmarks.peers.environment FOLDER [PIP ARGUMENTS].

A virtual environment that sees this one's packages, and has the peers on top.
"""

import subprocess
import sys
import sysconfig
import venv
from pathlib import Path

from lfmc.errors import LfmcError
from lfmc.private_folder import private_folder

REQUIREMENTS = Path(__file__).resolve().parent.parent / "requirements-peers.txt"


def make(folder: Path, options: list[str]) -> None:
    """Create it anew and mark it as whole; an error of pip ends the program with its code.

    Raises:
        LfmcError: others can write to the folder, or it holds something else.
    """
    private_folder(folder, "PEERS")
    if any(folder.iterdir()) and not (folder / "pyvenv.cfg").exists():
        raise LfmcError(f"PEERS: {folder} is not empty and no environment; nothing is removed")
    venv.create(folder, clear=True, with_pip=True)
    python = folder / "bin" / "python"
    own = f"python{sys.version_info[0]}.{sys.version_info[1]}"
    beside = folder / "lib" / own / "site-packages" / "lfmc.pth"
    beside.write_text(sysconfig.get_path("purelib") + "\n")
    pip = [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    done = subprocess.run([*pip, *options, "-r", str(REQUIREMENTS)])
    if done.returncode:
        sys.exit(done.returncode)
    (folder / ".installed").touch()


if __name__ == "__main__":
    try:
        make(Path(sys.argv[1]), sys.argv[2:])
    except LfmcError as error:
        sys.exit(f"benchmarks: error: {error}")
