"""The tidy tables below results/tables, joined from every ensemble and sampler (`lfmc fit`)."""

import logging
from math import nan
from pathlib import Path
from typing import Any

import pandas

from lfmc.analysis import cheapest, costs, exponents, published, spread
from lfmc.analysis.columns import checked, read_checked
from lfmc.classical import WITH_MODEL
from lfmc.config import Config
from lfmc.errors import LfmcError
from lfmc.theories.ensembles import theory_of

log = logging.getLogger(__name__)

ACCEPTANCE = ("ensemble", "sampler", "acceptance", "error", "longest_rejection_run", "reached")
TRAINING = (
    *("ensemble", "flow", "target", "seed", "steps", "samples", "seconds"),
    *("acceptance_q", "acceptance_p", "ess", "reached"),
)


def join_tables(paths: list[Path], kind: str, columns: tuple[str, ...], stage: str) -> Any:
    """The tables of single ensembles and samplers under each other.

    A table without rows is that of a flow without a chain. Each must be about the ensemble (and
    sampler) that its name says, and no row may be there twice. No path makes an empty table.

    Args:
        kind: of `columns.TABLES`.

    Raises:
        LfmcError: a file that is missing or wrong; names it and the command to run.
    """
    parts = [read_checked(path, kind, command_of(path, stage)) for path in paths]
    for path, part in zip(paths, parts, strict=True):
        _require_place(part, "ensemble", path.parent.name, path)
        if stage in ("measure", "autocorrelation"):
            _require_place(part, "sampler", path.stem, path)
    if not parts:
        return pandas.DataFrame(columns=list(columns))
    filled = [part[list(columns)] for part in parts if len(part)]  # others make objects of numbers
    whole = pandas.concat(filled or [parts[0][list(columns)]], ignore_index=True)
    return checked(whole, kind, paths[0].parent.parent, f"lfmc {stage}")


def _require_place(table: Any, column: str, name: str, path: Path) -> None:
    other = table[column][table[column] != name]
    if len(other):
        raise LfmcError(
            f"{path}: a row of {column} {other.iloc[0]}; its place says {name}, was it copied?"
        )


def command_of(path: Path, stage: str) -> str:
    """The command that makes a table, results/STAGE/ENSEMBLE/NAME.csv."""
    if stage == "fit":
        return "lfmc fit"
    ensemble = f"--ensemble {path.parent.name}"
    if path.name.startswith("model-"):
        model = path.stem.removesuffix("-training").removeprefix("model-")
        return f"lfmc retrain {ensemble} --model {model}"
    return f"lfmc {stage} {ensemble}" + (f" --sampler {path.stem}" if stage != "train" else "")


def with_models(tau_int: Any, retrained: Any) -> Any:
    """tau_int with the rows of `spread.model_rows` at its end, of flows that have a chain."""
    pair = ["ensemble", "sampler"]
    chains = tau_int.set_index(pair).index.unique()
    retrained = retrained[retrained.set_index(pair).index.isin(chains)]
    if not len(retrained):
        return tau_int
    return pandas.concat([tau_int, spread.model_rows(tau_int, retrained)], ignore_index=True)


def acceptance_table(config: Config, observables: Any) -> Any:
    """One row per ensemble and sampler, from the rows of `measure`; none of a flow: not reached."""
    value = observables.set_index(["ensemble", "sampler", "observable"])
    chains = set(observables[["ensemble", "sampler"]].itertuples(index=False, name=None))
    rows: list[tuple[Any, ...]] = []
    for pair in config.chains:
        if pair in chains:
            accepted = value.loc[(*pair, "acceptance")]
            longest = value.loc[(*pair, "longest_rejection_run")]
            rows.append((*pair, accepted.value, accepted.error, longest.value, True))
        elif pair[1] in (*config.flow_names, *WITH_MODEL):
            rows.append((*pair, nan, nan, nan, False))
    return pandas.DataFrame(rows, columns=list(ACCEPTANCE)).astype(
        {"longest_rejection_run": "Int64"}
    )


def flows_not_reached(acceptance: Any) -> set[tuple[str, str]]:
    """(ensemble, sampler) of the flows without a chain, from the table of acceptances."""
    lost = acceptance[acceptance.acceptance.isna()]
    return set(lost[["ensemble", "sampler"]].itertuples(index=False, name=None))


def scaling_ensembles(config: Config) -> dict[str, int]:
    """Ensembles that one power law may join, name -> L (`Config.family`)."""
    chosen = {e.name: e.extent for e in config.family}
    first = config.family[0]
    for e in config.ensembles:
        if e.name not in chosen:
            log.warning(
                "%s is left out of the scaling fits: other theory, dimension or couplings than %s",
                e.name,
                first.name,
            )
    return chosen


def all_tables(
    config: Config, observables: Any, tau_int: Any, training: Any, weighted: Any = None
) -> dict[str, Any]:
    """Every table, name -> pandas table, in the order of writing.

    Args:
        weighted: of `lfmc weighted`; None if there is none.
    """
    extents = scaling_ensembles(config)
    ranges = {
        " ".join(map(str, sorted(config.fit.L))): config.fit.L,
        "all": tuple(sorted(set(extents.values()))),
    }
    slowest = {e.name: theory_of(e).slowest for e in config.ensembles}
    shared_by = config.flow.training.shared_by
    rows = {
        "exponents": (exponents.exponent_rows(tau_int, extents, ranges), exponents.COLUMNS),
        "costs": (
            costs.cost_rows(
                observables,
                tau_int,
                training,
                config.statistics.configurations,
                slowest,
            ),
            costs.COLUMNS,
        ),
        "cheapest": (
            cheapest.cheapest_rows(observables, tau_int, training, slowest, shared_by, weighted),
            cheapest.COLUMNS,
        ),
        "published": (published.published_rows(observables, config.ensembles), published.COLUMNS),
    }
    made = {
        name: pandas.DataFrame(data, columns=list(columns))
        for name, (data, columns) in rows.items()
    }
    return {
        "observables": observables,
        "tau_int": tau_int,
        "acceptance": acceptance_table(config, observables),
        "training": training,
    } | made


def withheld_words(made: dict[str, Any]) -> str:
    """For the line that `lfmc fit` prints: how many numbers the chains do not give."""
    times, values = made["tau_int"], made["observables"]
    bounds = int(((times.estimator == "bound") & (times.unit == "update")).sum())
    errors = int((values["error"].isna() & (values.note != "")).sum())
    parts = [f"{bounds} autocorrelation times are bounds"] if bounds else []
    parts += [f"{errors} errors are withheld"] if errors else []
    return f"; {' and '.join(parts)}, see the column note" if parts else ""
