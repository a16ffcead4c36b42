"""`lfmc.hmc`, `lfmc.local` and `lfmc.cluster`: tuned, thermalised and checked chains."""

from typing import Any, NamedTuple, Self

import numpy as np

from lfmc.api.arguments import fields_of, seed_of, settings_of, whole
from lfmc.api.chain import Chain
from lfmc.api.surroundings import counted
from lfmc.chains import Chain as Record
from lfmc.clock import CPU, Spent, cpu_seconds
from lfmc.config import Config
from lfmc.config.problems import validated
from lfmc.config.sampler_sections import tuned_samplers
from lfmc.errors import LfmcError
from lfmc.samplers.method import Method, method
from lfmc.samplers.plan import plan
from lfmc.samplers.run import sample_segment
from lfmc.samplers.state import cold_start, started_from
from lfmc.samplers.task import ChainTask
from lfmc.samplers.thermalise import thermalise
from lfmc.samplers.tune import tuned


def hmc(
    theory: Any,
    *,
    chains: int = 64,
    updates: int,
    seed: int,
    save_every: int = 10,
    keep_fields: int = 1000,
    start: Any = None,
    name: str = "theory",
    progress: bool = True,
    **settings: Any,
) -> Chain:
    """Hybrid Monte Carlo, the length of its trajectories tuned to an acceptance.

    Chains start from small Gaussian fields and are thermalised; that every chain moves, that
    <exp(-dH)> = 1 and that nothing drifts is checked. `chain.extra["dH"]` has every dH.

    Args:
        theory: lfmc.Phi4, `lfmc.theory(kind, ...)`, or a subclass of lfmc.Scalar.
        chains: independent chains.
        updates: of each chain after its thermalisation, a multiple of save_every.
        seed: of everything random.
        save_every: updates from one saved configuration (with its correlators) to the next.
        keep_fields: whole fields kept of all chains, at most one per saved configuration.
        start: fields where chains start, (n, sites) or (n, *shape), e.g. of `lfmc.draw`; chain c
            starts from field c modulo n. It is thermalised and checked too.
        name: of the random streams; with the name of an ensemble and the seed of a run, and its
            settings, the chain is that of the workflow.
        progress: a bar on a terminal, lines in a log.
        settings: keys of `samplers.hmc`: steps, length, acceptance, thermalisation.

    Raises:
        LfmcError: arguments that do not fit, an acceptance that cannot be reached, or a
            thermalisation that fails its checks; the message says what to change.

    Example:
        >>> theory = lfmc.Phi4((4, 4), m2=-4.0, lam=6.975)
        >>> chain = lfmc.hmc(theory, chains=32, updates=500, seed=1, progress=False)
        >>> chain.scalars["phi2"].shape, chain.two_point.shape[:2]
        ((32, 500), (32, 50))
        >>> sd = lfmc.measure(chain).sd  # the Schwinger-Dyson identity: 1
        >>> abs(sd.value - 1) < 5 * sd.error
        True
    """
    wanted = Wanted(chains, updates, seed, save_every, keep_fields, start, name, progress)
    return run_classical("hmc", theory, wanted, settings)


def local(
    theory: Any,
    *,
    chains: int = 64,
    updates: int,
    seed: int,
    save_every: int = 10,
    keep_fields: int = 1000,
    start: Any = None,
    name: str = "theory",
    progress: bool = True,
    **settings: Any,
) -> Chain:
    """Local Metropolis, one sweep per update; arguments as of `lfmc.hmc`.

    Args:
        settings: keys of `samplers.local`: acceptance, thermalisation.

    Example:
        >>> theory = lfmc.Phi4((4, 4), m2=-4.0, lam=6.975)
        >>> chain = lfmc.local(theory, chains=32, updates=500, seed=1, progress=False)
        >>> chain.fields.shape
        (1000, 16)
    """
    wanted = Wanted(chains, updates, seed, save_every, keep_fields, start, name, progress)
    return run_classical("local", theory, wanted, settings)


def cluster(
    theory: Any,
    *,
    chains: int = 64,
    updates: int,
    seed: int,
    save_every: int = 2,
    keep_fields: int = 1000,
    start: Any = None,
    name: str = "theory",
    progress: bool = True,
    **settings: Any,
) -> Chain:
    """Embedded Wolff clusters with Metropolis sweeps; arguments as of `lfmc.hmc`.

    Args:
        settings: keys of `samplers.cluster`: clusters, sweeps, acceptance, thermalisation.

    Example:
        >>> theory = lfmc.Phi4((4, 4), m2=-4.0, lam=6.975)
        >>> chain = lfmc.cluster(theory, chains=32, updates=200, seed=1, progress=False)
        >>> chain.save_every, chain.two_point.shape[:2]
        (2, (32, 100))
    """
    settings = {**settings, "save_every": save_every}
    wanted = Wanted(chains, updates, seed, 10, keep_fields, start, name, progress)
    return run_classical("cluster", theory, wanted, settings)


def hmc_tuned(
    theory: Any,
    *,
    chains: int = 64,
    updates: int,
    seed: int,
    save_every: int = 1,
    keep_fields: int = 1000,
    start: Any = None,
    name: str = "theory",
    progress: bool = True,
    **settings: Any,
) -> Chain:
    """HMC whose length and number of steps a scan chooses; arguments as of `lfmc.hmc`.

    They are those with the fewest forces per independent value of the slowest observable;
    `chain.record.attributes["parameters"]` has them, and seconds_setup includes the scan.

    Args:
        settings: keys of `samplers.hmc-tuned`: acceptance, scan_forces, thermalisation.

    Example:
        >>> theory = lfmc.Phi4((4, 4), m2=-4.0, lam=6.975)
        >>> chain = lfmc.hmc_tuned(
        ...     theory, chains=32, updates=200, seed=1, scan_forces=1000, progress=False)
        >>> chain.sampler, chain.extra["dH"].shape
        ('hmc-tuned', (32, 200))
    """
    settings = {**settings, "save_every": save_every}
    wanted = Wanted(chains, updates, seed, 10, keep_fields, start, name, progress)
    return run_classical("hmc-tuned", theory, wanted, settings)


class Wanted(NamedTuple):
    """Arguments that all samplers share."""

    chains: int
    updates: int
    seed: int
    save_every: int
    keep_fields: int
    start: Any
    name: str
    progress: bool

    def checked(self, theory: Any) -> Self:
        """The same, checked.

        Raises:
            LfmcError: what does not fit.
        """
        start = None if self.start is None else fields_of(theory, self.start, "start")
        return self._replace(
            chains=whole("chains", self.chains, 1, 10**6),
            updates=whole("updates", self.updates, 1, 10**9),
            seed=seed_of(self.seed),
            keep_fields=whole("keep_fields", self.keep_fields, 0, 10**9),
            start=start,
        )


def run_classical(sampler: str, theory: Any, wanted: Wanted, settings: dict[str, Any]) -> Chain:
    """A chain of a sampler with settings of its section.

    Raises:
        LfmcError: what does not fit; see `hmc`.
    """
    name = wanted.name
    ensemble = settings_of(theory, name, sampler)
    wanted = wanted.checked(theory)
    if sampler not in theory.samplers:
        raise LfmcError(
            f"{type(theory).__name__} has no {sampler}; it has {', '.join(theory.samplers)}"
        )
    raw = {
        "seed": wanted.seed,
        "ensembles": [ensemble.model_dump(mode="json", exclude={"L", "d"})],
        "samplers": {sampler: settings},
        "flow": {"targets": []},
        "statistics": {"save_every": whole("save_every", wanted.save_every, 1, 1000)},
    }
    config = validated(Config, raw, sampler)
    began = cpu_seconds()
    needed = tuned_samplers(sorted({theory.opening, sampler}))
    parameters = {one: tuned(config, name, theory, one) for one in needed}
    return sampled(config, theory, method(config, sampler, theory, parameters), wanted, began)


def sampled(config: Config, theory: Any, chosen: Method, wanted: Wanted, began: float) -> Chain:
    """The chain of a sampler that is ready to run; `began`: CPU seconds when its set-up began."""
    sampler, every, updates, chains = chosen.name, chosen.save_every, wanted.updates, wanted.chains
    name, seed, ensemble = wanted.name, wanted.seed, config.ensembles[0]
    if updates % every:
        raise LfmcError(f"updates = {updates}; give a multiple of save_every = {every}")
    division = plan(
        config.samplers.section(sampler).cost,
        chains * (updates // every),
        chains,
        every,
        wanted.keep_fields,
        theory.numbers,
        chosen.forces_per_update,
    )
    task = ChainTask(config, name, theory, chosen, division, key="", stamp="")
    state = cold_start(theory, seed, range(chains), sampler, name)
    if wanted.start is not None:
        state = started_from(state, wanted.start)
    state = thermalise(state, theory, chosen)
    setup = cpu_seconds() - began
    pieces, spent, accepted = [], Spent(0.0, 0.0), 0.0
    with counted(f"{sampler} {name}", wanted.progress, "updates") as report:
        for index in range(division.segments):
            segment = sample_segment(task, index, state, report, lambda: False)
            state = segment.state
            pieces.append(segment.records)
            spent += segment.spent
            accepted += segment.accepted
    arrays = {
        key: np.concatenate([one[key] for one in pieces], axis=0 if key == "fields/phi" else 1)
        for key in pieces[0]
    }
    replica, saved = division.kept_fields()
    record = Record(
        ensemble=ensemble.model_dump(mode="json"),
        sampler=sampler,
        shape=theory.shape,
        scalars=_below(arrays, "scalars/"),
        two_point=arrays["saved/two_point"],
        save_every=every,
        acceptance=accepted / (division.updates * chains),
        forces_per_update=chosen.forces_per_update,
        seconds=spent.sampling,
        extra=_below(arrays, "extra/"),
        attributes={
            "clock": CPU,
            "seed": seed,
            "parameters": chosen.known(),
            "thermalisation": chosen.thermalisation,
            "seconds_measure": spent.measure,
            "seconds_setup": setup,
        },
    )
    return Chain(theory, record, arrays["fields/phi"], replica, (saved + 1) * every - 1)


def _below(arrays: dict[str, Any], prefix: str) -> dict[str, Any]:
    return {k.removeprefix(prefix): v for k, v in arrays.items() if k.startswith(prefix)}
