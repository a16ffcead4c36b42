"""The commands of chains that a trained model takes part in: `lfmc hybrid`, `lfmc latent-hmc`."""

from pathlib import Path
from typing import Any

import click

from lfmc.classical import CLASSICAL
from lfmc.cli.markers import passed_on
from lfmc.cli.options import Run, ensemble_option, open_run, run_options
from lfmc.cli.progress import announce_compilation, say
from lfmc.errors import unknown

# What short runs choose unless the configuration does, and by what.
CHOSEN = {
    "hybrid": "Unless samplers.hybrid.between is a number, short runs choose the updates between "
    "proposals for which tau_int times the cost of a step is smallest; "
    "work/hybrid/ENSEMBLE-updates.json records them.",
    "latent-hmc": "Unless samplers.latent-hmc.steps is a number, short runs choose the steps of a "
    "trajectory for which tau_int times the cost of an update is smallest; "
    "work/latent-hmc/ENSEMBLE-steps.json records them.",
}
RECORDS = {"hybrid": "updates", "latent-hmc": "steps"}


def command_of(sampler: str) -> click.Command:
    """The command of one sampler."""
    reads = f"Reads tune/ENSEMBLE.json and a trained model, writes {sampler}/ENSEMBLE.h5."

    @click.command(name=sampler, help=f"{CLASSICAL[sampler]}\n\n{reads} {CHOSEN[sampler]}")
    @run_options
    @ensemble_option
    def command(config_path: Path, results: Path | None, ensemble: str) -> None:
        run = open_run(config_path, results)
        run.ensemble(ensemble)
        known = run.config.samplers_of(ensemble)
        if sampler not in known:
            raise unknown(f"sampler of {ensemble}", sampler, known)
        model = run.made("train", ensemble, run.config.model_flow(sampler))
        output = run.path(sampler, ensemble, suffix=".h5")
        if passed_on(run, (sampler, ensemble, sampler), model, output):
            return
        announce_compilation()
        from lfmc.cli.samplers import sample
        from lfmc.proposals.model_chains import ModelChain, number_of

        tuning = run.path("tune", ensemble, suffix=".json")
        found = ModelChain(run.config, sampler, ensemble, tuning, model)
        number = number_of(run.config, sampler)
        if number == "auto":
            number, seconds = _chosen(run, found)
            sample(run, found.task(number, seconds))
        else:
            sample(run, found.task(number))

    return command


def _chosen(run: Run, found: Any) -> tuple[int, float]:
    """The last parameter and the CPU seconds of its choice, of an earlier start or of short runs
    that are recorded."""
    from lfmc.analysis.hybrid_updates import record_of
    from lfmc.analysis.model_chains import chosen_number
    from lfmc.clock import cpu_seconds
    from lfmc.proposals.model_chains import MODEL_SAMPLERS
    from lfmc.provenance import provenance
    from lfmc.store import read_json, write_json

    sampler, number = found.method.name, MODEL_SAMPLERS[found.method.name].number
    record = run.work(sampler, found.ensemble)
    record = record.with_name(f"{record.name}-{RECORDS[sampler]}.json")
    if record.exists():
        earlier = read_json(record)
        if earlier.get("key") == found.key:
            return earlier[number], earlier["seconds"]
    began = cpu_seconds()
    best, tried = chosen_number(run.config, found.ensemble, found.theory, found.method)
    seconds = cpu_seconds() - began
    made = {"key": found.key, number: best, "seconds": seconds, "tried": record_of(tried)}
    write_json(record, {**made, "provenance": provenance({"key": found.key}, found.sources)})
    say(f"{sampler} {found.ensemble}: {best} {MODEL_SAMPLERS[sampler].words}")
    return best, seconds
