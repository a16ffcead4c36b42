"""Provenance of files that are written from Python: the command is the user's program."""

import json
import shlex
import sys
from typing import Any

from lfmc.provenance import provenance


def mark(settings: dict[str, Any]) -> str:
    """As `lfmc.provenance.stamp`, with the program that runs as its command."""
    command = shlex.join(["python", *(word for word in sys.argv if word)])
    return json.dumps(provenance(settings) | {"command": command}, sort_keys=True)
