"""What the sections of a configuration must agree on: names, and sizes that multiply."""

from collections.abc import Iterator
from typing import Any

from lfmc.classical import WITH_MODEL
from lfmc.config.kinds import samplers_of, theory_class
from lfmc.config.sections import Ensemble
from lfmc.errors import unknown

LARGEST_ARRAY = 2**28  # numbers of one array in memory: 2 GiB
MOST_UPDATES = 10**10  # scalars are kept of every update: 32 bytes each
MOST_FIELD_VALUES = 2 * 10**9  # of the fields in one chain's file: 16 GB


def names_refused(config: Any) -> Iterator[str]:
    """Names of ensembles that are not unique on every file system, or that do not exist."""
    names: list[str] = [e.name for e in config.ensembles]
    seen: dict[str, str] = {}
    for name in names:
        other = seen.setdefault(name.lower(), name)
        if names.count(name) > 1:
            yield f"ensembles: name {name} appears twice"
            break
        if other != name:
            yield (
                f"ensembles: {other} and {name} differ in case only, which file systems of macOS "
                "do not tell apart"
            )
    for name in sorted({*config.flow.start, *config.flow.start.values()} - set(names)):
        yield f"flow.start: {unknown('ensemble', name, names)}"


def samplers_refused(config: Any) -> Iterator[str]:
    """Samplers that are to run, but that exist for the theory of no ensemble."""
    exist = {name: None for e in config.ensembles for name in (*samplers_of(e), *WITH_MODEL)}
    for name in config.samplers.run or ():
        if name not in exist:
            yield f"samplers.run: {unknown('sampler of these theories', name, tuple(exist))}"


def sizes_refused(config: Any) -> Iterator[str]:
    """Products of numbers that are each allowed, but would fill memory or disk."""
    largest: Ensemble = max(config.ensembles, key=_numbers)
    numbers = _numbers(largest)
    statistics, training = config.statistics, config.flow.training
    of_flows = (
        ("propose.block", config.propose.block, LARGEST_ARRAY),
        ("flow.training.batch", training.batch, LARGEST_ARRAY),
        ("flow.training.check_samples", training.check_samples, MOST_FIELD_VALUES),
        ("flow.training.decide_samples", training.decide_samples, MOST_FIELD_VALUES),
        ("flow.training.natural.samples", training.natural.samples, LARGEST_ARRAY),
        ("flow.training.natural.largest_samples", training.natural.largest_samples, LARGEST_ARRAY),
    )
    of_all = (
        ("statistics.replicas", statistics.replicas, LARGEST_ARRAY),
        ("statistics.keep_fields", statistics.keep_fields, MOST_FIELD_VALUES),
    )
    for key, number, most in (*of_all, *(of_flows if config.flow.targets else ())):
        if number * numbers > most:
            yield (
                f"{key}: {number} fields of {largest.name} ({largest.volume} sites) are too large; "
                f"at most {most // numbers}"
            )
    for key, every in (
        ("statistics.save_every", statistics.save_every),
        ("samplers.cluster.save_every", config.samplers.cluster.save_every),
    ):
        if statistics.configurations * every > MOST_UPDATES:
            yield (
                f"{key}: {statistics.configurations} configurations x {every} updates are more "
                f"than {MOST_UPDATES}"
            )
    if training.natural.samples > training.natural.largest_samples:
        yield "flow.training.natural: samples is larger than largest_samples"
    if config.seed + config.flow.models > 2**63:
        yield "seed: leaves no space for the seeds of flow.models"


def _numbers(ensemble: Ensemble) -> int:
    """Of one field of an ensemble's theory."""
    return int(theory_class(ensemble.kind).field.numbers(ensemble.sites))
