"""Settings of a cluster, read from outside the repository and used by the Slurm profile.

The file is $LFMC_SITE, else ~/.config/lfmc/site.yaml if there is one. docs/cluster.md explains it.
"""

import os
import sys
from pathlib import Path
from typing import Annotated, Any

from pydantic import Field

from lfmc.config.problems import validated
from lfmc.config.section import Section
from lfmc.config.yaml_reader import read_yaml
from lfmc.errors import LfmcError

DEFAULT = Path("~/.config/lfmc/site.yaml")


class Site(Section):
    """Settings of one cluster and one user's account there; all optional.

    Attributes:
        account, partition, qos, constraint, extra: as of sbatch.
        accounting: whether `sacct` works; without it `squeue` is used.
        launcher: what starts MPI ranks; " -n RANKS" is appended.
        max_runtime: longest time limit of the partition, in minutes; longer work is continued by
            the next attempt.
        node_mem_mb: memory of the smallest node: no job requests more.
        check_seconds: between two questions for the state of jobs.
        rules: resources of single rules, e.g. {train: {slurm_partition: gpu, gpu: 1}}.
    """

    account: str | None = None
    partition: str | None = None
    qos: str | None = None
    constraint: str | None = None
    extra: str | None = None
    accounting: bool = True
    launcher: str = "srun --mpi=pmi2 --kill-on-bad-exit=1"
    max_runtime: Annotated[int, Field(ge=1)] = 1440
    node_mem_mb: Annotated[int, Field(ge=4000)] = 16000
    check_seconds: Annotated[int, Field(ge=1)] = 30
    rules: dict[str, dict[str, int | str]] = Field(default_factory=dict)

    def resources(self) -> dict[str, str]:
        """default-resources of Snakemake: quoted, for Snakemake evaluates them as expressions."""
        given = {
            "slurm_account": self.account,
            "slurm_partition": self.partition,
            "qos": self.qos,
            "constraint": self.constraint,
            "slurm_extra": self.extra,
        }
        return {name: repr(value) for name, value in given.items() if value is not None}

    def rule(self, name: str, minutes: int, **resources: int | str) -> dict[str, int | str]:
        """set-resources of a rule: time and memory grow with each attempt, time to the limit."""
        requested: dict[str, int | str] = {
            "runtime": f"min({minutes} * attempt, {self.max_runtime})",
        }
        for key, value in resources.items():
            requested[key] = f"{value} * min(attempt, 4)" if key.startswith("mem_mb") else value
        return {**requested, **self.rules.get(name, {})}

    def light(self, name: str, **resources: int | str) -> dict[str, int | str]:
        """set-resources of a rule of seconds: a minute, the same at each attempt.

        The time of a job that groups many of them is the sum: it would exceed every limit if it
        grew with each attempt.
        """
        return {"runtime": 1, **resources, **self.rules.get(name, {})}

    def groups(self) -> dict[str, str]:
        """Which rules of seconds share jobs; none, where a limit is too short for four minutes."""
        if self.max_runtime < 6:
            return {}
        light = dict.fromkeys(("accept", "measure", "autocorrelation", "verify"), "light")
        return {"tune": "tune", **light}

    def components(self) -> dict[str, int]:
        """How many pieces of the DAG a group holds at most."""
        return {"tune": self.together(10), "light": self.together(50)}

    def together(self, most: int) -> int:
        """How many pieces of the DAG share a job of light rules: these run one after another.

        A piece, rules that hang together, has at most four of them, a minute each.
        """
        return max(1, min(most, (self.max_runtime - 2) // 4))


def read_site(environment: dict[str, str] | None = None) -> Site:
    """The site's settings.

    Raises:
        LfmcError: the file that $LFMC_SITE names cannot be read, or what in it is wrong.
    """
    named = (os.environ if environment is None else environment).get("LFMC_SITE")
    path = Path(named or DEFAULT).expanduser()
    if not named and not path.exists():
        return Site()
    raw: Any = read_yaml(path)
    if raw is not None and not isinstance(raw, dict):
        raise LfmcError(f"{path}: expected a mapping, e.g. 'account: name'")
    return validated(Site, raw or {}, str(path))


def site_or_exit() -> Site:
    """The same for a profile: what is wrong ends Snakemake with one line, not with its usage."""
    try:
        return read_site()
    except LfmcError as error:
        sys.exit(f"lfmc: error: {error}")
