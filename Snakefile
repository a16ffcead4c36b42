# From a configuration to the figures: `snakemake --cores all [--configfile FILE]`.
# The stages, their order and their files are described in docs/architecture.md.
from snakemake.utils import min_version

min_version("9.12")


include: "workflow/rules/common.smk"


if not workflow.configfiles:

    configfile: CONFIG_FILE


pathvars:
    results=CONFIG.results,
    logs=f"{CONFIG.results}/logs",
    benchmarks=f"{CONFIG.results}/benchmarks",


report: "workflow/report/workflow.rst"


include: "workflow/rules/tune.smk"
include: "workflow/rules/train.smk"
include: "workflow/rules/retrain.smk"
include: "workflow/rules/propose.smk"
include: "workflow/rules/accept.smk"
include: "workflow/rules/hmc.smk"
include: "workflow/rules/local.smk"
include: "workflow/rules/cluster.smk"
include: "workflow/rules/measure.smk"
include: "workflow/rules/autocorrelation.smk"
include: "workflow/rules/fit.smk"
include: "workflow/rules/gates.smk"
include: "workflow/rules/verify.smk"
include: "workflow/rules/plot.smk"


localrules:
    all,
    fit,
    gates,


rule all:
    default_target: True
    input:
        rules.plot.output,
        expand("<results>/verify/{ensemble}/{sampler}.json", ensemble=ENSEMBLES, sampler=SAMPLERS),
