"""lfmc measure, autocorrelation, fit, gates: from chains to tables."""

import logging
from contextlib import suppress
from pathlib import Path
from typing import Any

import click

from lfmc.cli.markers import passed_on
from lfmc.cli.options import Run, ensemble_option, open_run, run_options, sampler_option
from lfmc.cli.progress import ended
from lfmc.config import stage_settings
from lfmc.errors import LfmcError

log = logging.getLogger(__name__)


@click.command()
@run_options
@ensemble_option
@sampler_option
def measure(config_path: Path, results: Path | None, ensemble: str, sampler: str) -> None:
    """Observables with jackknife errors: measure/E/X.csv, and their bins, measure/E/X.h5.

    Reads the chain (and a flow's proposals). Bins hold at least 100 saved configurations and 20
    autocorrelation times of the slowest observable. Chains with NaN or inf, or whose scalars and
    correlators contradict each other, are refused; frozen and too short ones give values without
    errors.
    """
    from lfmc.analysis import binned, measurement
    from lfmc.claim import Busy, claimed
    from lfmc.store import discard_progress
    from lfmc.theories.ensembles import theory_of

    run = open_run(config_path, results)
    outputs = (run.path("measure", ensemble, sampler, suffix) for suffix in (".csv", ".h5"))
    place, source = ("measure", ensemble, sampler), chain_files(run, ensemble, sampler)[0]
    if passed_on(run, place, source, *outputs, columns=measurement.COLUMNS):
        return
    chain, inputs = _read(run, ensemble, sampler)
    bins = binned.bin_chain(chain)
    rows = measurement.measurement_rows(chain, bins)
    stamp = _stamp(run, "measure", ensemble, sampler, inputs)
    binned.write_bins(run.path("measure", ensemble, sampler, ".h5"), chain, bins, stamp)
    _write(run.path("measure", ensemble, sampler, ".csv"), rows, measurement.COLUMNS, stamp)
    with suppress(Busy), claimed(run.claim(sampler, ensemble), sampler, source, wait=0):
        discard_progress(run.work(sampler, ensemble), accepted=True)  # unless a new run fills it
    slow = theory_of(run.ensemble(ensemble)).slowest
    value = next((_value(row, "value") for row in rows if row["observable"] == slow), "none")
    output = run.path("measure", ensemble, sampler, ".csv")
    ended(f"measure {ensemble} {sampler}", output, f"{slow} = {value}")


@click.command()
@run_options
@ensemble_option
@sampler_option
def autocorrelation(config_path: Path, results: Path | None, ensemble: str, sampler: str) -> None:
    """Integrated autocorrelation times in every unit: autocorrelation/E/X.csv.

    tau = 1/2 + sum rho, automatic window; for flows also from rejection runs and from importance
    weights. Split R-hat is checked. What a chain does not resolve is a row `bound` and a warning.
    """
    from lfmc.analysis.autocorrelation import COLUMNS, autocorrelation_rows
    from lfmc.theories.ensembles import theory_of
    from lfmc.weights import read_log_weights

    run = open_run(config_path, results)
    output = run.path("autocorrelation", ensemble, sampler, ".csv")
    place, source = ("autocorrelation", ensemble, sampler), chain_files(run, ensemble, sampler)[0]
    if passed_on(run, place, source, output, columns=COLUMNS):
        return
    chain, inputs = _read(run, ensemble, sampler)
    log_weight = read_log_weights(inputs[1]) if len(inputs) > 1 else None
    rows = autocorrelation_rows(chain, log_weight)
    stamp = _stamp(run, "autocorrelation", ensemble, sampler, inputs)
    _write(output, rows, COLUMNS, stamp)
    slow = theory_of(run.ensemble(ensemble)).slowest
    unit, words = ("saved", "configurations") if chain.imported else ("update", "updates")
    wanted = (slow, "gamma", unit)
    found = [r for r in rows if (r["observable"], r["estimator"], r["unit"]) == wanted]
    facts = f"tau_int({slow}) = {_value(found[0], 'tau')} {words}" if found else ""
    ended(f"autocorrelation {ensemble} {sampler}", output, facts)


@click.command()
@run_options
def fit(config_path: Path, results: Path | None) -> None:
    """Join all ensembles into tables/*.csv, with dynamical critical exponents and costs."""
    from lfmc.analysis import autocorrelation as tau
    from lfmc.analysis import measurement, tables
    from lfmc.analysis.digits import for_people
    from lfmc.provenance import stamp
    from lfmc.table_files import write_table

    run = open_run(config_path, results)
    measured = _every(run, "measure")
    times = _every(run, "autocorrelation")
    names = run.config.ensemble_names if run.config.flow_names else ()
    trained = [run.path("train", e, "training", ".csv") for e in names]
    again = _retrained(run, ".csv")
    trained += _retrained(run, "-training.csv")
    observables = tables.join_tables(measured, "observables", measurement.COLUMNS, "measure")
    tau_int = tables.join_tables(times, "tau_int", tau.COLUMNS, "autocorrelation")
    if again:
        models = tables.join_tables(again, "models", (*tau.COLUMNS, "model"), "retrain")
        tau_int = tables.with_models(tau_int, models)
    columns = (*tables.TRAINING, *(("layers",) if run.config.flow.layers_tried else ()))
    source, weighted = _weighted(run)
    made = tables.all_tables(
        run.config,
        observables,
        tau_int,
        tables.join_tables(trained, "training", columns, "train"),
        weighted,
    )
    settings = {"stage": "fit", "fit": run.config.fit.model_dump(mode="json")}
    origin = stamp(settings, (*measured, *times, *trained, *again, *source))
    for name, table in made.items():
        write_table(run.results / "tables" / f"{name}.csv", for_people(table, name), origin)
    click.echo(f"{len(made)} tables in {run.results / 'tables'}{tables.withheld_words(made)}")


@click.command()
@run_options
def gates(config_path: Path, results: Path | None) -> None:
    """Check exact identities, references and agreement: tables/gates.csv; fails if one fails.

    A gate whose number was withheld is not available: it is named, and neither passes nor fails.
    """
    import pandas

    from lfmc.analysis.columns import read_checked
    from lfmc.analysis.digits import for_people
    from lfmc.analysis.gate_words import describe_failures, describe_missing
    from lfmc.analysis.gates import gate_table
    from lfmc.analysis.tables import flows_not_reached
    from lfmc.analysis.weighted_table import gates_of
    from lfmc.provenance import stamp
    from lfmc.table_files import write_table
    from lfmc.theories.ensembles import theory_of

    run = open_run(config_path, results)
    source = run.results / "tables" / "observables.csv"
    observables = read_checked(source, "observables", "lfmc fit")
    rates = run.results / "tables" / "acceptance.csv"
    without = (
        flows_not_reached(read_checked(rates, "acceptance", "lfmc fit")) if rates.exists() else ()
    )
    table = gate_table(run.config, observables, without)
    by_weights, weighted = _weighted(run)
    if weighted is not None:
        compared = {e.name: theory_of(e).compared for e in run.config.ensembles}
        more = gates_of(weighted, compared)
        table = pandas.concat([table, more], ignore_index=True) if len(more) else table
    settings = {"stage": "gates", "ensembles": run.config.model_dump(mode="json")["ensembles"]}
    mark = stamp(settings, (source, *by_weights))
    write_table(run.results / "tables" / "gates.csv", for_people(table, "gates"), mark)
    failed = describe_failures(table)
    if failed:
        count = int((~table.passed & table.available).sum())
        raise LfmcError(f"{count} of {len(table)} gates failed: {failed}")
    missing = describe_missing(table)
    if not table.passed.any():
        raise LfmcError(f"none of {len(table)} gates could be evaluated: {missing}")
    if missing:
        passed, lost = int(table.passed.sum()), int((~table.available).sum())
        click.echo(f"{passed} of {len(table)} gates passed, {lost} not available: {missing}")
    else:
        click.echo(f"all {len(table)} gates passed")


def _value(row: dict[str, Any], name: str) -> str:
    from lfmc.figures.format import value_error

    return value_error(row[name], row["error"])


def chain_files(run: Run, ensemble: str, sampler: str) -> tuple[Path, ...]:
    """The chain of a sampler and, for a flow, its proposals."""
    stages = reversed(run.stages(ensemble, sampler))
    return tuple(run.made(stage, ensemble, sampler) for stage in stages if stage != "train")


def _read(run: Run, ensemble: str, sampler: str) -> tuple[Any, tuple[Path, ...]]:
    """The chain, which must be of this configuration."""
    from lfmc.chains import read_chain_of

    inputs = chain_files(run, ensemble, sampler)
    log.info("reading %s", inputs[0])
    return read_chain_of(run.config, ensemble, sampler, *inputs), inputs


def _retrained(run: Run, suffix: str) -> list[Path]:
    """Tables of the further models of every ensemble."""
    return [
        run.path("retrain", ensemble, f"model-{model}", suffix)
        for ensemble in run.config.ensemble_names
        for model in range(1, run.config.flow.models if run.config.flow_names else 1)
    ]


def _weighted(run: Run) -> tuple[tuple[Path, ...], Any]:
    """The table of `lfmc weighted` with its file; no file and None where it was not made."""
    from lfmc.analysis.columns import read_checked

    path = run.results / "tables" / "weighted.csv"
    if not (run.config.flow_names and path.exists()):
        return (), None
    table = read_checked(path, "weighted", "lfmc weighted")
    of_this_run = table.set_index(["ensemble", "sampler"]).index.isin(run.config.chains)
    return (path,), table[of_this_run]


def _every(run: Run, stage: str) -> list[Path]:
    return [run.path(stage, ensemble, sampler, ".csv") for ensemble, sampler in run.config.chains]


def _stamp(run: Run, stage: str, ensemble: str, sampler: str, inputs: tuple[Path, ...]) -> str:
    from lfmc.provenance import stamp

    return stamp(stage_settings(run.config, stage, ensemble, sampler), inputs)


def _write(path: Path, rows: list[dict[str, Any]], columns: tuple[str, ...], stamp: str) -> None:
    import pandas

    from lfmc.table_files import write_table

    write_table(path, pandas.DataFrame(rows, columns=list(columns)), stamp)
    log.info("wrote %s", path)
