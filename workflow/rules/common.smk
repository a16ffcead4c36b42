"""What all stages share: the validated configuration, its names, and functions of wildcards."""

import inspect
import json
import math
import os
import shlex
import sys
from pathlib import Path

from lfmc.classical import WITH_MODEL
from lfmc.cli.lines import FRONT_END, shorten, wanted
from lfmc.config import CLASSICAL, stage_settings
from lfmc.config.configfile import config_or_exit, kept_for_jobs
from lfmc.config.imported_section import files_beside
from lfmc.config.scanned import reweighted_scan, sampler_of_scan
from lfmc.config.search_section import settings_of_search
from lfmc.errors import LfmcError
from lfmc.figures.registry import figures_of, inputs

# Rules call the lfmc and the mpiexec that are installed beside the snakemake that runs them, unless
# Snakemake is to provide them (--software-deployment-method).
if not workflow.deployment_settings.deployment_method:
    shell.prefix(f"export PATH={shlex.quote(str(Path(sys.executable).parent))}:$PATH; ")

if wanted(os.environ):
    shorten(logger)

# One file describes a run and is passed on to every command, so that a command repeated by hand
# does the same; overrides that only Snakemake would see are refused. What is wrong with it ends
# Snakemake in one line, as it ends every command. A module gets a section of the configuration of
# the workflow that uses it, which is written to a file of that kind.
IN_MODULE = workflow.modifier.parent_modifier is not None and workflow.modifier.skip_configfile

if IN_MODULE:
    CONFIG_FILE = kept_for_jobs(config)
elif len(workflow.configfiles) > 1 or workflow.config_settings.config:
    sys.exit(
        "lfmc: error: give one configuration file (--configfile FILE) and no --config KEY=VALUE"
    )
else:
    CONFIG_FILE = str(workflow.configfiles[0]) if workflow.configfiles else "config.yaml"
CONFIG = config_or_exit(CONFIG_FILE)
if workflow.modifier.path_modifier.replace_prefix(CONFIG.results) != CONFIG.results:
    # Snakemake would look for files where no command writes them.
    sys.exit("lfmc: error: a module of lfmc takes no prefix; set `results` in its configuration")

ENSEMBLES = CONFIG.ensemble_names
FLOWS = CONFIG.flow_names
SAMPLERS = CONFIG.sampler_names
FIGURES = figures_of(CONFIG)
# Not every sampler runs for every ensemble: a theory may have no cluster algorithm.
CHAINS = dict(zip(("ensemble", "sampler"), zip(*CONFIG.chains)))
TABLES = (
    "observables",
    "tau_int",
    "exponents",
    "acceptance",
    "training",
    "costs",
    "cheapest",
    "published",
)


wildcard_constraints:
    ensemble="[^/]+",  # not their names: every file name would be held against all of them
    sampler="|".join(SAMPLERS),


def asked_often(function):
    """Keep a function's signature: Snakemake inspects it anew several times for every job."""
    function.__signature__ = inspect.signature(function)
    return function


def lfmc(stage, options=""):
    """Shell command of a stage.

    The configuration's path is put in here: as a param it would be a rerun trigger, and for every
    one of 10^4 jobs a function to call. From the working directory, where jobs start, it is the same
    on every machine, and so is the report.
    """
    path = shlex.quote(os.path.relpath(CONFIG_FILE)).replace("{", "{{").replace("}", "}}")
    return f"lfmc {stage} --config {path} {options} > {{log:q}} 2>&1"


def lfmc_on_ranks(stage, options):
    """The same for a stage of MPI ranks: one thread each, and their number is checked."""
    checked = f"{options} --expect-ranks {{resources.tasks}} --device {{resources.device:q}}"
    return f"export OMP_NUM_THREADS=1 MKL_NUM_THREADS=1; {{params.launcher}} {lfmc(stage, checked)}"


def settings(stage):
    """A params function: the settings on which the stage's result depends, and no others."""

    @asked_often
    def of_job(wildcards):
        names = (wildcards.get("ensemble"), wildcards.get("sampler"))
        return json.dumps(stage_settings(CONFIG, stage, *names), sort_keys=True)

    return of_job


@asked_often
def search_settings(wildcards):
    """The settings on which the coupling of one lattice depends."""
    extent = int(wildcards.extent)
    found = settings_of_search(CONFIG.couplings, extent, CONFIG.seed, CONFIG.samplers)
    return json.dumps(found, sort_keys=True)


def volume(wildcards):
    """Number of sites of the job's ensemble."""
    return math.prod(CONFIG.ensemble(wildcards.ensemble).sites)


def first(stage_priority):
    """A priority function: stages in the given order, the largest (longest) lattices first."""

    @asked_often
    def of_job(wildcards):
        return stage_priority + volume(wildcards)

    return of_job


def memory(mebibytes):
    """A mem_mb function that asks for more at each attempt."""

    @asked_often
    def of_job(wildcards, attempt):
        return mebibytes * attempt

    return of_job


def minutes(runtime):
    """A runtime function that asks for more at each attempt."""

    @asked_often
    def of_job(wildcards, attempt):
        return runtime * attempt

    return of_job


@asked_often
def chain_files(wildcards):
    """The chain of (ensemble, sampler); a flow's refers to its proposals."""
    ensemble, sampler = wildcards.ensemble, wildcards.sampler
    files = {"chain": f"<results>/{CONFIG.chain_file(ensemble, sampler)}"}
    if sampler in FLOWS:
        files["proposals"] = f"<results>/propose/{ensemble}/{sampler}.h5"
    return files


@asked_often
def imported_files(wildcards):
    """The configurations of an imported chain, and where each belongs if a file says so."""
    path = Path(CONFIG.imported[wildcards.sampler][wildcards.ensemble])
    return [str(file) for file in (path, *files_beside(path))]


@asked_often
def scan_files(wildcards):
    """The chains of a scan that are joined by reweighting; nothing of another run."""
    if reweighted_scan(CONFIG) is None:
        return {}
    sampler = sampler_of_scan(CONFIG)
    files = {"chains": [f"<results>/{CONFIG.chain_file(e, sampler)}" for e in ENSEMBLES]}
    if sampler in FLOWS:
        files["proposals"] = [f"<results>/propose/{e}/{sampler}.h5" for e in ENSEMBLES]
    return files


@asked_often
def start_file(wildcards):
    """The model that flow.start lets an ensemble's training start from; nothing for the others."""
    name = CONFIG.start(wildcards.ensemble)
    return f"<results>/{name}" if name else []


@asked_often
def model_file(wildcards):
    """The model behind a chain; nothing for the classical samplers."""
    if wildcards.sampler in FLOWS:
        return f"<results>/train/{wildcards.ensemble}/{wildcards.sampler}.safetensors"
    if wildcards.sampler in WITH_MODEL:
        flow = CONFIG.model_flow(wildcards.sampler)
        return f"<results>/train/{wildcards.ensemble}/{flow}.safetensors"
    return []


def print_summary():
    """The head of the summary that this run made, for a run of plain Snakemake."""
    from lfmc.figures.summary_text import closing

    made = {str(file) for job in workflow.dag.finished_jobs for file in job.output}
    if f"{CONFIG.results}/summary.md" in made and not os.environ.get(FRONT_END):
        print(*closing(Path(CONFIG.results)), sep="\n", flush=True)


@asked_often
def launcher(wildcards, resources):
    """Nothing for one rank; otherwise the profile's MPI launcher."""
    return f"{resources.launcher} -n {resources.tasks}" if resources.tasks > 1 else ""
