"""Typed, frozen, validated configuration: the one description of a run.

Every problem of a file is reported at once, with its path and what would be right.
"""

import hashlib
import json
from functools import cached_property
from pathlib import Path
from typing import Annotated, Any, Self

from pydantic import AfterValidator, Field, model_validator

from lfmc.classical import CLASSICAL as SUMMARIES
from lfmc.classical import WITH_MODEL
from lfmc.config import flow_limits
from lfmc.config.imported_section import Imported, import_settings, imported_refused
from lfmc.config.kinds import samplers_of
from lfmc.config.limits import names_refused, samplers_refused, sizes_refused
from lfmc.config.model_limits import models_refused
from lfmc.config.problems import validated
from lfmc.config.results_folder import results_folder
from lfmc.config.sampler_sections import Samplers
from lfmc.config.scan_section import Scans, with_scans
from lfmc.config.search_section import CouplingSearch
from lfmc.config.section import Section
from lfmc.config.sections import Accept, Ensemble, Fit, Propose, Statistics
from lfmc.config.targets import flow_name
from lfmc.config.training_sections import FlowSettings, with_own_flow
from lfmc.config.yaml_reader import NoSuchFile, read_yaml
from lfmc.errors import LfmcError, unknown

CLASSICAL = tuple(SUMMARIES)
# Stages by what one job of them is for: an ensemble, a chain of one, or the whole run.
OF_ENSEMBLES = ("tune", "train", "retrain", *CLASSICAL)
OF_CHAINS = ("propose", "accept", "import", "measure", "autocorrelation", "verify")
OF_RUNS = ("weighted", "fit", "gates", "logz", "critical", "plot", "summary")


class Config(Section):
    """A whole run."""

    seed: Annotated[int, Field(ge=0, lt=2**63)] = 1904
    results: Annotated[str, AfterValidator(results_folder)] = "results"
    ensembles: Annotated[tuple[Ensemble, ...], Field(min_length=1, max_length=10_000)] = ()
    scan: Scans = ()
    statistics: Statistics = Statistics()
    samplers: Samplers = Samplers()
    flow: FlowSettings = FlowSettings()
    propose: Propose = Propose()
    accept: Accept = Accept()
    fit: Fit = Fit()
    couplings: CouplingSearch | None = None
    imported: Imported = Field(default={})

    @model_validator(mode="after")
    def _check(self) -> Self:
        if not self.ensembles:
            raise ValueError("ensembles: missing")
        found = [*names_refused(self), *imported_refused(self), *sizes_refused(self)]
        found += samplers_refused(self)
        object.__setattr__(self, "flow", with_own_flow(self.flow, self.ensembles))
        if self.flow.targets:
            found += flow_limits.refusals(self.ensembles, self.flow.model)
        found += [
            f"ensemble {e.name}: no sampler runs; its theory has {', '.join(samplers_of(e))}"
            for e in self.ensembles
            if not (self.flow.targets or self._classical(e) or self._imported(e.name))
        ]
        found += models_refused(self)
        found += flow_limits.symmetrise_refused(self)
        found += flow_limits.of_normals_refused(self)
        missing = sorted(set(self.fit.L) - {e.extent for e in self.ensembles})
        if missing:
            found.append(f"fit.L: no ensemble has L = {missing[0]}")
        family = {e.extent for e in self.family}
        if not self.fit.model_fields_set and len(family) >= 3:
            object.__setattr__(self, "fit", Fit(L=tuple(sorted(family))))
        if found:
            raise ValueError("; ".join(found))
        return self

    def retraining(self, model: int) -> Self:
        """The configuration of model number `model` >= 1: the next seeds, short chains."""
        shorter = self.statistics.model_copy(
            update={"configurations": self.flow.retrain_configurations}
        )
        return self.model_copy(update={"seed": self.seed + model, "statistics": shorter})

    def restricted(self, ensembles: tuple[Ensemble, ...]) -> Self:
        """The configuration with some of its ensembles."""
        copy = self.model_copy(update={"ensembles": ensembles})
        for name in ("named", "family"):  # what was known of the others
            copy.__dict__.pop(name, None)
        return copy

    def ensemble(self, name: str) -> Ensemble:
        """The ensemble of that name; an unknown one names the choices."""
        try:
            return self.named[name]
        except KeyError:
            raise unknown("ensemble", name, self.ensemble_names) from None

    @cached_property
    def named(self) -> dict[str, Ensemble]:
        """The ensembles by name: a workflow looks them up several times per job."""
        return {e.name: e for e in self.ensembles}

    @cached_property
    def family(self) -> tuple[Ensemble, ...]:
        """The ensembles that the fits join: the line of most different L, of several the first."""
        lines: dict[Any, list[Ensemble]] = {}
        for ensemble in self.ensembles:
            lines.setdefault(ensemble.line, []).append(ensemble)
        return tuple(max(lines.values(), key=lambda line: len({e.extent for e in line})))

    @property
    def ensemble_names(self) -> tuple[str, ...]:
        return tuple(e.name for e in self.ensembles)

    @property
    def flow_names(self) -> tuple[str, ...]:
        """Flow samplers, one for each target: flow-50, flow-70, flow-best."""
        return tuple(map(flow_name, self.flow.targets))

    @property
    def sampler_names(self) -> tuple[str, ...]:
        """Every sampler of some ensemble: flows, the classical ones, imported chains."""
        some = {name for e in self.ensembles for name in self.classical(e.name)}
        return (*self.flow_names, *(name for name in CLASSICAL if name in some), *self.imported)

    def classical(self, ensemble: str) -> tuple[str, ...]:
        """The classical samplers that run for an ensemble: those of its theory that are wanted."""
        return self._classical(self.ensemble(ensemble))

    def _classical(self, ensemble: Ensemble) -> tuple[str, ...]:
        return self.samplers.wanted(samplers_of(ensemble))

    def model_flow(self, sampler: str) -> str:
        """The flow whose model a sampler of `WITH_MODEL` needs; empty if there is none."""
        target = getattr(self.samplers.section(sampler), "flow", None)
        names = dict(zip(self.flow.targets, self.flow_names, strict=True))
        return names.get(target, "") if target else (self.flow_names or ("",))[-1]

    def samplers_of(self, ensemble: str) -> tuple[str, ...]:
        """Flows, classical samplers and imported chains of an ensemble."""
        return (*self.flow_names, *self.classical(ensemble), *self._imported(ensemble))

    def _imported(self, ensemble: str) -> tuple[str, ...]:
        return tuple(name for name, files in self.imported.items() if ensemble in files)

    def chain_stage(self, sampler: str) -> str:
        """The stage that leaves a sampler's chain."""
        if sampler in self.imported:
            return "import"
        return "accept" if sampler in self.flow_names else sampler

    def chain_file(self, ensemble: str, sampler: str) -> str:
        """The file of a chain, below the results."""
        stage = self.chain_stage(sampler)
        return f"{stage}/{ensemble}.h5" if stage == sampler else f"{stage}/{ensemble}/{sampler}.h5"

    @property
    def chains(self) -> tuple[tuple[str, str], ...]:
        """Every (ensemble, sampler) of the run."""
        return tuple((e, s) for e in self.ensemble_names for s in self.samplers_of(e))

    @property
    def proposals(self) -> int:
        """Proposals of each flow: configurations of its chain plus burn-in of its replicas."""
        replicas = self.accept.replicas
        each = -(-self.statistics.configurations // replicas)
        return replicas * (each + self.accept.burn_in)

    def start(self, ensemble: str) -> str | None:
        """Model file below the results that an ensemble's trainings start from, if any."""
        source = self.flow.start.get(ensemble)
        return source and f"train/{source}/{self.flow_names[-1]}.safetensors"

    def target(self, flow: str) -> float:
        """Acceptance target of a flow sampler's name.

        Raises:
            LfmcError: no such flow, or none at all.
        """
        if not self.flow_names:
            raise LfmcError(f"no flow {flow!r}; flow.targets is empty: this run has no flow")
        for name, value in zip(self.flow_names, self.flow.targets, strict=True):
            if name == flow:
                return value
        raise unknown("flow", flow, self.flow_names)


def read_config(path: str | Path) -> Config:
    """Read and validate a YAML file.

    Raises:
        LfmcError: unreadable file, or every invalid key with its path and what would be right.
    """
    try:
        raw = read_yaml(path)
    except NoSuchFile as error:
        raise LfmcError(f"{error}; 'lfmc init' writes a config.yaml") from None
    if not isinstance(raw, dict):
        raise LfmcError(f"{path}: expected a mapping with 'ensembles: [...]' at the top")
    return parse_config(raw, str(path))


def parse_config(raw: dict[str, Any], origin: str = "configuration") -> Config:
    """Validate a mapping; see `read_config`."""
    return validated(Config, with_scans(raw), origin)


def stage_settings(
    config: Config, stage: str, ensemble: str | None = None, sampler: str | None = None
) -> dict[str, Any]:
    """The settings on which a stage's bits depend, and nothing else.

    The Snakefile passes them as params, so a change reruns exactly the rules that it touches;
    checkpoints and files carry their hash. Stages of the whole run (fit, gates, plot) name no
    ensemble and depend on the list of all.
    """
    if stage == "import":
        return import_settings(config, ensemble or "", sampler or "")
    settings: dict[str, Any] = {"stage": stage, "seed": config.seed}
    if ensemble is None:
        settings["ensembles"] = [e.model_dump(mode="json") for e in config.ensembles]
        settings["samplers"] = list(config.sampler_names)
    else:
        settings["ensemble"] = config.ensemble(ensemble).model_dump(mode="json")
    if sampler is not None:
        settings["sampler"] = sampler
    statistics = config.statistics.model_dump(mode="json")
    if stage in ("train", "retrain"):
        # Limits decide whether a training ends well, and ranks how soon; never what it yields.
        other: Any = {"training": {"max_steps", "max_seconds", "ranks"}, "start": True}
        if stage == "train":
            other |= {"models": True, "retrain_configurations": True}
            settings |= config.propose.signs  # models pass their targets with both signs
        else:
            settings["accept"] = config.accept.model_dump(mode="json")
            settings["block"] = config.propose.block
            settings |= _not_bare(config)
        settings["flow"] = config.flow.stage_settings(other)
        settings["start"] = config.flow.start.get(ensemble or "")
    elif stage == "propose":
        settings["block"] = config.propose.block
        settings["proposals"] = config.proposals
        settings["keep_fields"] = config.statistics.keep_fields
        settings |= _not_bare(config) | config.propose.recorded
    elif stage == "accept":
        settings["accept"] = config.accept.model_dump(mode="json")
        settings["configurations"] = config.statistics.configurations
    elif stage in CLASSICAL:
        settings["settings"] = config.samplers.section(stage).chain_settings()
        if stage in WITH_MODEL:
            settings["settings"]["flow"] = config.model_flow(stage)
        settings["statistics"] = statistics
    elif stage == "tune":
        samplers = config.samplers
        exist = samplers_of(config.ensemble(ensemble or ""))
        settings["settings"] = {
            name: samplers.section(name).chain_settings() for name in samplers.tunes(exist)
        }
    elif stage == "fit":
        settings["fit"] = config.fit.model_dump(mode="json")
    return settings


def _not_bare(config: Config) -> dict[str, Any]:
    """Nothing for bare proposals, as it was before others existed."""
    anneal = {} if config.propose.anneal == 1 else {"anneal": config.propose.anneal}
    return anneal | config.propose.signs | config.propose.drawn


def settings_hash(settings: Any) -> str:
    """sha256 (16 hex digits) of any JSON-like settings, key order ignored."""
    text = json.dumps(settings, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def json_schema() -> dict[str, Any]:
    """JSON schema of the configuration file, generated from these types."""
    dialect = "https://json-schema.org/draft/2020-12/schema"
    return {"$schema": dialect, **Config.model_json_schema()}
