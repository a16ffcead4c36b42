"""What figures read: tables, bins and fields of one run, each checked and remembered.

Every problem names the file and the command that makes it.
"""

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, NamedTuple, Self

import numpy as np
from numpy.typing import NDArray

from lfmc.analysis.columns import TABLES, checked
from lfmc.chains import Chain, read_chain_of
from lfmc.config import CLASSICAL, Config
from lfmc.errors import LfmcError
from lfmc.figures.drawable import NotDrawable
from lfmc.figures.registry import shown
from lfmc.made_for import require_same
from lfmc.store import open_hdf5
from lfmc.table_files import read_table
from lfmc.theories.base import Theory
from lfmc.theories.ensembles import theory_of

Floats = NDArray[np.floating]

UNKNOWN = "updates of imported chains and their cost are not known"


class Line(NamedTuple):
    """Values with errors against an abscissa, each (points,)."""

    x: NDArray
    value: Floats
    error: Floats


class Bins(NamedTuple):
    """Bin averages of one chain.

    Attributes:
        two_point: orbit-averaged G(x), (bins, orbits).
        counts: saved configurations in each bin, (bins,).
        rejection_runs: number of runs of 0, 1, 2 ... rejections in a row, (longest + 1,).
        withheld: why the bins give no error; empty if they do.
        m: <phi>, (bins,); empty of a theory that does not record it.
    """

    two_point: Floats
    counts: NDArray[np.integer]
    rejection_runs: NDArray[np.integer]
    withheld: str
    m: Floats


@dataclass
class RunData:
    """One run's results; `inputs` collects every file that was read."""

    config: Config
    results: Path
    inputs: list[Path] = field(default_factory=list)
    _tables: dict[str, Any] = field(default_factory=dict, repr=False)
    _bins: dict[tuple[str, str], Bins] = field(default_factory=dict, repr=False)

    def of_figure(self, name: str) -> Self:
        """The same results, with the ensembles that a figure shows."""
        config = shown(self.config, name)
        return self if config is self.config else replace(self, config=config)

    def table(self, name: str) -> Any:
        """results/tables/NAME.csv as a pandas table.

        Raises:
            LfmcError: missing, torn, or not what `columns.TABLES` says of it.
        """
        if name not in self._tables:
            command = TABLES[name].command
            path = self._existing(self.results / "tables" / f"{name}.csv", command)
            self._tables[name] = checked(read_table(path), name, path, command)
        return self._tables[name]

    def reached(self, ensemble: str, sampler: str) -> bool:
        """Whether the sampler has a chain: that it runs there, and a flow's target was reached."""
        if not self.runs(ensemble, sampler):
            return False
        table = self.table("acceptance")
        rows = table[(table.ensemble == ensemble) & (table.sampler == sampler)]
        return not (len(rows) and rows.acceptance.isna().all())

    def runs(self, ensemble: str, sampler: str) -> bool:
        """Whether the sampler is one of the ensemble's."""
        return sampler in self.config.samplers_of(ensemble)

    def reference(self, ensemble: str) -> str:
        """The sampler that others are drawn against: hmc, or the first that has a chain."""
        names = self.samplers(ensemble)
        classical = [name for name in names if name in CLASSICAL]
        return next((name for name in ("hmc", *classical, *names) if name in names), "hmc")

    def require_flows(self, name: str) -> None:
        """Leave a figure of flows out of a run that has none.

        Raises:
            NotDrawable: flow.targets is empty.
        """
        if not self.config.flow_names:
            raise NotDrawable(f"{name}: this run has no flows")

    @property
    def one_theory(self) -> bool:
        """Whether all ensembles are of one kind of theory, so that lines may join them."""
        return len({e.kind for e in self.config.ensembles}) == 1

    def theory(self, ensemble: str) -> Theory:
        """The theory of an ensemble."""
        return theory_of(self.config.ensemble(ensemble))

    def theories(self) -> str:
        """A sentence for captions, with a blank before it: what theories there are but phi^4."""
        names: dict[str, list[str]] = {}
        for e in self.config.ensembles:
            if e.kind != "phi4" or not self.one_theory:
                theory = f"{e.kind}, {self.theory(e.name).label()}"
                names.setdefault(theory, []).append(e.name)
        words = [f"{', '.join(those)}: {theory}" for theory, those in names.items()]
        return f" Theories: {'; '.join(words)}." if words else ""

    def samplers(self, ensemble: str) -> tuple[str, ...]:
        """Samplers that have a chain of an ensemble, in the configuration's order."""
        return tuple(s for s in self.config.samplers_of(ensemble) if self.reached(ensemble, s))

    def absent(self) -> tuple[str, ...]:
        """Flows whose target no ensemble has reached."""
        seen = {s for e in self.config.ensemble_names for s in self.samplers(e)}
        return tuple(s for s in self.config.sampler_names if s not in seen)

    def own(self, figure: str) -> tuple[str, ...]:
        """The samplers whose updates are known: all but imported chains.

        Raises:
            NotDrawable: there are none.
        """
        names = tuple(s for s in self.config.sampler_names if s not in self.config.imported)
        if not names:
            raise NotDrawable(f"{figure}: {UNKNOWN}, and there are no others")
        return names

    def without_imported(self) -> str:
        """A sentence for captions, with a blank before it: the chains that `own` leaves out."""
        lost = ", ".join(self.config.imported)
        return f" Left out, {UNKNOWN}: {lost}." if lost else ""

    def not_reached(self) -> str:
        """A sentence for captions, with a blank before it: which flows have no chain where."""
        lost = [
            f"{sampler} in {', '.join(missing)}"
            for sampler in self.config.flow_names
            if (missing := [e for e in self.config.ensemble_names if not self.reached(e, sampler)])
        ]
        return f" Targets not reached, hence no chain: {'; '.join(lost)}." if lost else ""

    def bins(self, ensemble: str, sampler: str) -> Bins:
        """results/measure/E/X.h5."""
        key = ensemble, sampler
        if key not in self._bins:
            command = f"lfmc measure --ensemble {ensemble} --sampler {sampler}"
            path = self._existing(self.results / "measure" / ensemble / f"{sampler}.h5", command)
            with open_hdf5(path) as file:
                try:
                    self._bins[key] = Bins(
                        file["two_point"][()],
                        file["count"][()],
                        file["rejection_runs"][()],
                        str(file.attrs.get("withheld", "")),
                        file["m"][()] if "m" in file else np.empty(0),
                    )
                except KeyError as error:
                    raise LfmcError(f"{path}: no {error.args[0]}; run {command} again") from None
        return self._bins[key]

    def chain(self, ensemble: str, sampler: str) -> Chain:
        """The chain of a sampler, with the scalars of every update."""
        proposals = None
        if sampler in self.config.flow_names:
            command = f"lfmc accept --ensemble {ensemble} --sampler {sampler}"
            path = self._existing(self.results / "accept" / ensemble / f"{sampler}.h5", command)
            file = self.results / "propose" / ensemble / f"{sampler}.h5"
            proposals = self._existing(file, command.replace("accept", "propose"))
        else:
            command = f"lfmc {sampler} --ensemble {ensemble}"
            path = self._existing(self.results / sampler / f"{ensemble}.h5", command)
        return read_chain_of(self.config, ensemble, sampler, path, proposals)

    def fields(self, stage: str, ensemble: str, sampler: str = "") -> dict[str, Floats]:
        """Whole fields of results/STAGE/E[/X].h5: name -> (fields, volume)."""
        inner = f"{ensemble}/{sampler}.h5" if sampler else f"{ensemble}.h5"
        option = f" --sampler {sampler}" if sampler else ""
        command = f"lfmc {stage} --ensemble {ensemble}{option}"
        path = self._existing(self.results / stage / inner, command)
        with open_hdf5(path) as file:
            require_same(path, file, self.config, stage, ensemble, sampler or stage)
            group = file.get("fields", {})
            found = {n: group[n][()] for n in ("phi", "prior") if n in group}
        if "phi" not in found:
            raise NotDrawable(
                f"{path}: holds no fields; set statistics.keep_fields and run {command} again"
            )
        return found

    def observable(self, ensemble: str, sampler: str, name: str) -> tuple[float, float] | None:
        """(value, error) of observables.csv, None where absent or not a number."""
        table = self.table("observables")
        rows = table[(table.sampler == sampler) & (table.observable == name)]
        return _pair(rows[rows.ensemble == ensemble])

    def statistics(self, *names: str) -> str:
        """Saved configurations behind observables, for captions: "n = 1000064", "n = 4 to 5"."""
        table = self.table("observables")
        chosen = table[table.observable.isin(names)].n
        n = (chosen if len(chosen) else table.n).dropna()  # exact values have none
        if not len(n):
            return "an unknown number of"
        low, high = int(n.min()), int(n.max())
        return f"n = {low}" if low == high else f"n = {low} to {high}"

    def published(self, ensemble: str, name: str) -> tuple[float, float] | None:
        """(value, error) of published.csv, None for ensembles that the paper has not."""
        table = self.table("published")
        return _pair(table[(table.ensemble == ensemble) & (table.observable == name)])

    def required(self, ensemble: str, sampler: str, name: str) -> tuple[float, float]:
        """As `observable`, NaN where the number is withheld; a row that is absent is an error."""
        table = self.table("observables")
        rows = table[(table.sampler == sampler) & (table.observable == name)]
        if not (rows.ensemble == ensemble).any():
            path = self.results / "tables" / "observables.csv"
            raise LfmcError(f"{path}: no {name} of {sampler} in {ensemble}; run lfmc fit again")
        return self.observable(ensemble, sampler, name) or (np.nan, np.nan)

    def withheld(self, *names: str) -> str:
        """A sentence for captions, with a blank before it: what has no error, and why."""
        table = self.table("observables")
        table = table[
            table.observable.isin(names) & table.ensemble.isin(self.config.ensemble_names)
        ]
        table = table[(table.note != "") & table["error"].isna()]
        parts = []
        for (name, note), rows in table.groupby(["observable", "note"], sort=False):
            where = ", ".join(f"{r.sampler} in {r.ensemble}" for r in rows.itertuples())
            parts.append(f"{name} of {where} ({note})")
        return f" Left out, no error is known: {'; '.join(parts)}." if parts else ""

    def against_time(self, ensemble: str, sampler: str, name: str) -> Line:
        """NAME_0, NAME_1 ... of observables.csv against t, without what is not a number."""
        table = self.table("observables")
        rows = table[(table.ensemble == ensemble) & (table.sampler == sampler)]
        rows = rows[rows.observable.str.fullmatch(rf"{name}_\d+")]
        if not len(rows):
            path = self.results / "tables" / "observables.csv"
            raise LfmcError(f"{path}: no {name}_t of {sampler} in {ensemble}; run lfmc fit again")
        t = rows.observable.str.rpartition("_")[2].to_numpy(int)
        order = np.argsort(t)
        line = Line(
            t[order], rows.value.to_numpy(float)[order], rows["error"].to_numpy(float)[order]
        )
        seen = np.isfinite(line.value) & np.isfinite(line.error)
        return Line(*(column[seen] for column in line))

    def _existing(self, path: Path, command: str) -> Path:
        if not path.is_file():
            raise LfmcError(f"{path}: no such file; '{command}' makes it")
        if path not in self.inputs:
            self.inputs.append(path)
        return path


def _pair(rows: Any) -> tuple[float, float] | None:
    for row in rows.itertuples():
        if np.isfinite(row.value) and np.isfinite(row.error):
            return float(row.value), float(row.error)
    return None
