"""Everything that determines the chain of one sampler for one ensemble, before any work is done."""

from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from lfmc.config import Config, settings_hash, stage_settings
from lfmc.config.problems import shortened
from lfmc.errors import LfmcError, unknown
from lfmc.lattice import FloatArray
from lfmc.provenance import stamp
from lfmc.samplers.method import Method, method
from lfmc.samplers.plan import Plan, plan
from lfmc.store import read_json
from lfmc.theories.base import Theory
from lfmc.theories.ensembles import theory_of


class Start(NamedTuple):
    """Given fields where chains start, chain c at field c modulo their number.

    Attributes:
        fields: (fields, numbers).
        path, digest: the file that they are from, and its sha256.
    """

    fields: FloatArray
    path: Path
    digest: str


class ChainTask(NamedTuple):
    """The chain of one sampler for one ensemble: its parameters, division and key."""

    config: Config
    ensemble: str
    theory: Theory
    method: Method
    plan: Plan
    key: str
    stamp: str
    tuning_seconds: float = 0.0
    start: Start | None = None

    @property
    def name(self) -> str:
        return self.method.name

    def settings(self) -> dict[str, Any]:
        """The settings of the stage with the tuned parameters, and the start if it is given."""
        return _settings(self.config, self.ensemble, self.method, self.start)


def _settings(config: Config, ensemble: str, chosen: Method, start: Start | None) -> dict[str, Any]:
    known = {"parameters": chosen.known() | chosen.opening.known()}
    given = {} if start is None else {"start": start.digest}
    return stage_settings(config, chosen.name, ensemble) | known | given


def read_tuning(path: Path, config: Config, ensemble: str) -> dict[str, Any]:
    """The tuned parameters of an ensemble.

    Raises:
        LfmcError: no such file, or one of other settings.
    """
    again = f"run 'lfmc tune --ensemble {ensemble}'"
    if not path.exists():
        raise LfmcError(f"{path}: not there; {again} first")
    tuned = read_json(path)
    wanted = settings_hash(stage_settings(config, "tune", ensemble))
    if tuned.get("settings_hash") != wanted:
        raise LfmcError(f"{path}: tuned for other settings than the configuration's; {again}")
    exist = theory_of(config.ensemble(ensemble)).samplers
    for name in config.samplers.tunes(exist):
        key = config.samplers.section(name).tuned
        part = tuned.get(name)
        value = part.get(key) if isinstance(part, dict) else None
        if type(value) not in (int, float) or not 0 < float(value or 0) < np.inf:
            shown = shortened(repr(value))
            raise LfmcError(f"{path}: {name}.{key} is {shown}, not a positive number; {again}")
    return tuned


def chain_task(
    config: Config, name: str, ensemble: str, tuning: Path, start: Start | None = None
) -> ChainTask:
    """Everything that determines a run, before any work is done.

    Args:
        start: fields where chains start; left out: small normals (`Theory.start`).

    Raises:
        LfmcError: a sampler that does not run for this ensemble; what `read_tuning` raises.
    """
    if name not in config.classical(ensemble):
        raise unknown(f"sampler of {ensemble}", name, config.samplers_of(ensemble))
    tuned = read_tuning(tuning, config, ensemble)
    chosen = method(config, name, theory_of(config.ensemble(ensemble)), tuned)
    seconds = float(tuned.get(name, {}).get("seconds", 0.0))
    sources = (tuning,) if start is None else (tuning, start.path)
    return task_of(config, ensemble, chosen, sources, seconds, start)


def task_of(
    config: Config,
    ensemble: str,
    chosen: Method,
    sources: tuple[Path, ...],
    seconds: float,
    start: Start | None = None,
) -> ChainTask:
    """The chain of a sampler that is ready to run.

    Args:
        sources: files that its parameters come from.
        seconds: CPU time that was spent on these.
    """
    theory, statistics = theory_of(config.ensemble(ensemble)), config.statistics
    division = plan(
        config.samplers.section(chosen.name).cost,
        statistics.configurations,
        statistics.replicas,
        chosen.save_every,
        statistics.keep_fields,
        theory.numbers,
        chosen.forces_per_update,
    )
    settings = _settings(config, ensemble, chosen, start)
    key = settings_hash({**settings, "plan": division._asdict()})
    mark = stamp(settings, sources)
    return ChainTask(config, ensemble, theory, chosen, division, key, mark, seconds, start)
