"""`lfmc.open_run`: the tables, chains and models of a workflow's run."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from lfmc.analysis.columns import TABLES
from lfmc.api.chain import Chain
from lfmc.api.model import Model
from lfmc.api.model_files import model_of_file
from lfmc.api.surroundings import own_torch
from lfmc.chains import proposals_of_updates, read_chain_of
from lfmc.config import Config, read_config
from lfmc.errors import LfmcError, unknown
from lfmc.figures.rundata import RunData
from lfmc.store import open_hdf5
from lfmc.theories.ensembles import theory_of
from lfmc.weights import read_log_weights


@dataclass(frozen=True, eq=False, repr=False)
class Run:
    """One run: its configuration and what lies below its results.

    Attributes:
        config: the validated configuration.
        results: folder of the results.

    Example:
        >>> print(lfmc.open_run("results", config="config.yaml"))
        Run('results': E1; flow-70, hmc, local, cluster)
    """

    config: Config
    results: Path

    @property
    def ensembles(self) -> tuple[str, ...]:
        """Names of the ensembles."""
        return self.config.ensemble_names

    @property
    def samplers(self) -> tuple[str, ...]:
        """Names of the samplers: flow-50, flow-70, hmc ..."""
        return self.config.sampler_names

    def theory(self, ensemble: str) -> Any:
        """The theory of an ensemble."""
        return theory_of(self.config.ensemble(ensemble))

    def table(self, name: str) -> Any:
        """A table as pandas: observables, tau_int, exponents, acceptance, training, costs ...

        Raises:
            LfmcError: an unknown name, or a table that is missing or damaged; names the command
                that makes it.
        """
        if name not in TABLES:
            raise unknown("table", name, TABLES)
        return RunData(self.config, self.results).table(name)

    @property
    def tables(self) -> dict[str, Any]:
        """All tables that are there, by name."""
        there = [n for n in TABLES if (self.results / "tables" / f"{n}.csv").exists()]
        return {name: self.table(name) for name in there}

    def chain(self, ensemble: str, sampler: str) -> Chain:
        """A chain with its kept fields; of a flow, those proposals that are states of the chain.

        Raises:
            LfmcError: unknown names, a file that is missing, damaged or of other settings, or a
                flow whose target was not reached.
        """
        self._known(ensemble, sampler)
        theory = self.theory(ensemble)
        stage = self.config.chain_stage(sampler)
        path = self._there(self.results / self.config.chain_file(ensemble, sampler), stage)
        if stage != "accept":
            record = read_chain_of(self.config, ensemble, sampler, path)
            with open_hdf5(path) as file:
                found = [file[f"fields/{name}"][()] for name in ("phi", "replica", "update")]
            return Chain(theory, record, *found)
        made = self._there(self.results / "propose" / ensemble / f"{sampler}.h5", "propose")
        record = read_chain_of(self.config, ensemble, sampler, path, made)
        with open_hdf5(made) as file:
            phi, at = file["fields/phi"][()], file["fields/index"][()]
        states = record.extra
        replicas = record.replicas
        proposal = proposals_of_updates(states["index"], states["multiplicity"], replicas).ravel()
        first = np.searchsorted(proposal, at)
        seen = (first < len(proposal)) & (proposal[np.minimum(first, len(proposal) - 1)] == at)
        replica, update = np.divmod(first[seen], len(proposal) // replicas)
        return Chain(theory, record, phi[seen], replica, update, read_log_weights(made))

    def model(self, ensemble: str, flow: str) -> Model:
        """The model of a flow, e.g. ("E5", "flow-70").

        Raises:
            LfmcError: unknown names, a file that is missing or damaged, or a target that was not
                reached.
        """
        self._known(ensemble, flow)
        self.config.target(flow)
        path = self._there(self.results / "train" / ensemble / f"{flow}.safetensors", "train")
        with own_torch():
            return model_of_file(path, self.config.ensemble(ensemble))

    def _known(self, ensemble: str, sampler: str) -> None:
        known = self.config.samplers_of(ensemble)
        if sampler not in known:
            raise unknown("sampler", sampler, known)

    def _there(self, path: Path, stage: str) -> Path:
        if not path.exists():
            raise LfmcError(f"{path}: no such file; 'lfmc {stage}' makes it")
        return path

    def __repr__(self) -> str:
        return (
            f"Run({str(self.results)!r}: {', '.join(self.ensembles)}; {', '.join(self.samplers)})"
        )


def open_run(results: str | Path = "results", config: str | Path = "config.yaml") -> Run:
    """A run of the workflow, read only.

    Args:
        results: folder of the results.
        config: the configuration that made them.

    Raises:
        LfmcError: no such folder, or an invalid configuration.

    Example:
        >>> run = lfmc.open_run("results", config="config.yaml")
        >>> run.ensembles, run.samplers
        (('E1',), ('flow-70', 'hmc', 'local', 'cluster'))
        >>> tau_int = run.table("tau_int")  # pandas
        >>> chain, model = run.chain("E1", "hmc"), run.model("E1", "flow-70")
    """
    folder = Path(results)
    if not folder.is_dir():
        raise LfmcError(f"{folder}: no such folder; give the folder of a run's results")
    return Run(read_config(config), folder)
