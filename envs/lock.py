"""Print the lock file: what pyproject.toml asks for, closed over dependencies, as installed here.

Run by `make lock` in an environment that passes the tests. Packages that are installed but that
nothing asks for stay out. Build tags (+cpu ...) are dropped, so that any build of a version fits.
"""

import platform
import tomllib
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parent.parent


def wanted() -> dict[str, list[Requirement]]:
    """Requirements of each group of pyproject.toml."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    groups = {"run time": project["dependencies"]} | project["optional-dependencies"]
    return {name: [Requirement(r) for r in lines] for name, lines in groups.items()}


def close(requirement: Requirement, root: str, via: dict[str, set[str]]) -> None:
    """Add a requirement and all that it needs here to `via`: name -> roots that brought it."""
    name = canonicalize_name(requirement.name)
    if root in via.setdefault(name, set()):
        return
    try:
        needs = distribution(name).requires or []
    except PackageNotFoundError:
        raise SystemExit(f"{name} is not installed; install all groups first") from None
    via[name].add(root)
    for line in needs:
        need = Requirement(line)
        extras = ["", *sorted(requirement.extras)]
        if need.marker is None or any(need.marker.evaluate({"extra": e}) for e in extras):
            close(need, root, via)


def main() -> None:
    print(f"# Pinned environment of lfmc: Python {platform.python_version()}, {platform.system()}.")
    print("# Written by `make lock`; after each package, who asks for it.")
    print("# docs/dependencies.md tells why each of the top-level ones was chosen.")
    via: dict[str, set[str]] = {}
    for requirements in wanted().values():
        for requirement in requirements:
            close(requirement, canonicalize_name(requirement.name), via)
    group_of = {
        canonicalize_name(r.name): group for group, rs in reversed(wanted().items()) for r in rs
    }
    for name in sorted(via):
        version = distribution(name).version.split("+")[0]
        reason = f"lfmc ({group_of[name]})" if name in group_of else ", ".join(sorted(via[name]))
        print(f"{name}=={version}".ljust(52) + f"# {reason}")


if __name__ == "__main__":
    main()
