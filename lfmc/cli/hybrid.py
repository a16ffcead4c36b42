"""`lfmc hybrid`: the chain that alternates a flow's proposals with another sampler's updates."""

from pathlib import Path
from typing import Any

import click

from lfmc.cli.markers import passed_on
from lfmc.cli.options import Run, ensemble_option, open_run, run_options
from lfmc.cli.progress import announce_compilation, say
from lfmc.errors import unknown


@click.command()
@run_options
@ensemble_option
def hybrid(config_path: Path, results: Path | None, ensemble: str) -> None:
    """Sample with proposals of a flow, alternated with updates of another sampler.

    Reads tune/ENSEMBLE.json and a trained model, writes hybrid/ENSEMBLE.h5. Unless
    samplers.hybrid.between is a number, short runs choose the updates between proposals for which
    tau_int times the cost of a step is smallest; work/hybrid/ENSEMBLE-updates.json records them.
    """
    run = open_run(config_path, results)
    run.ensemble(ensemble)
    known = run.config.samplers_of(ensemble)
    if "hybrid" not in known:
        raise unknown(f"sampler of {ensemble}", "hybrid", known)
    model = run.made("train", ensemble, run.config.hybrid_flow)
    output = run.path("hybrid", ensemble, suffix=".h5")
    if passed_on(run, ("hybrid", ensemble, "hybrid"), model, output):
        return
    announce_compilation()
    from lfmc.cli.samplers import sample
    from lfmc.proposals.hybrid import HybridSetUp

    tuning = run.path("tune", ensemble, suffix=".json")
    found = HybridSetUp(run.config, ensemble, tuning, model)
    between = run.config.samplers.hybrid.between
    if between == "auto":
        chosen = _chosen(run, found)
        sample(run, found.task(chosen["between"], chosen["seconds"]))
    else:
        sample(run, found.task(between))


def _chosen(run: Run, found: Any) -> dict[str, Any]:
    """The updates between proposals, of an earlier start or from short runs; recorded."""
    from lfmc.analysis.hybrid_updates import chosen_updates, record_of
    from lfmc.clock import cpu_seconds
    from lfmc.provenance import provenance
    from lfmc.store import read_json, write_json

    record = run.work("hybrid", found.ensemble)
    record = record.with_name(f"{record.name}-updates.json")
    if record.exists():
        earlier = read_json(record)
        if earlier.get("key") == found.key:
            return earlier
    began = cpu_seconds()
    between, tried = chosen_updates(run.config, found.ensemble, found.theory, found.method)
    made = {"key": found.key, "between": between, "seconds": cpu_seconds() - began}
    rows, mark = record_of(tried), provenance({"key": found.key}, found.sources)
    write_json(record, {**made, "tried": rows, "provenance": mark})
    say(f"hybrid {found.ensemble}: {between} updates between proposals")
    return made
