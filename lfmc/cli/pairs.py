"""Options of the form NAME=VALUE."""

from lfmc.config.yaml_reader import parse_yaml
from lfmc.errors import LfmcError


def pair_of(text: str) -> tuple[str, object]:
    """A name and its value, read as YAML.

    Raises:
        LfmcError: no NAME=VALUE.
    """
    name, equals, value = text.partition("=")
    if not equals or not name.strip():
        raise LfmcError(f"--set {text}: expected NAME=VALUE, e.g. --set beta=1.5")
    return name.strip(), parse_yaml(value, f"--set {name}")
