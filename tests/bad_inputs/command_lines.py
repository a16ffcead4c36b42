"""Command lines with names, options and values that are not there."""

from bad_inputs.cases import Case
from bad_inputs.finished import FLOW
from bad_inputs.preparing import configured, removed

NAMES = (
    Case("unknown command", "brew", ("no command 'brew'; there are init, run, tune",)),
    Case("command nearly right", "cluter", ("no command 'cluter'; perhaps 'cluster'",)),
    Case("command in capitals", "Gates", ("perhaps 'gates'",)),
    Case("unknown subcommand", "config brew", ("No such command 'brew'", "lfmc config --help")),
    Case("unknown preset", "config preset nope", ("no preset 'nope'; there are cpn, default",)),
    Case("preset nearly right", "config preset realnpv", ("perhaps 'realnvp'",)),
    Case("unknown figure", "plot nope", ("no figure 'nope'; there are fields",)),
    Case("figure nearly right", "plot tau_itn", ("perhaps 'tau_int'",)),
    Case("no figure", "plot", ("name a figure or give --all",)),
    *(
        Case(f"{stage} of no ensemble", f"{stage} --ensemble E9", ("no ensemble 'E9'", "are T4"))
        for stage in ("tune", "train", "hmc", "local", "cluster", "retrain --model 1")
    ),
    *(
        Case(
            f"{stage} of no ensemble",
            f"{stage} --ensemble t4 --sampler flow-60",
            ("no ensemble 't4'; perhaps 'T4'",),
        )
        for stage in ("propose", "accept", "measure", "autocorrelation", "verify")
    ),
    *(
        Case(
            f"{stage} of no sampler",
            f"{stage} --ensemble T4 --sampler flow-61",
            ("no (flow|sampler) 'flow-61'; there are flow-60",),
        )
        for stage in ("propose", "accept", "measure", "autocorrelation", "verify")
    ),
    *(
        Case(f"{stage} of hmc", f"{stage} --ensemble T4 --sampler hmc", ("no flow 'hmc'",))
        for stage in ("propose", "accept")
    ),
)

OPTIONS = (
    Case("option without a value", "hmc --ensemble", ("requires an argument",)),
    Case("option missing", "hmc", ("Missing option '--ensemble'", "lfmc hmc --help")),
    Case("option unknown", "fit --tempo 3", ("No such option '--tempo'",)),
    Case("option nearly right", "hmc --ensembel T4", ("--ensemble",)),
    Case("argument too many", "fit everything", ("unexpected extra argument",)),
    Case("sampler missing", "measure --ensemble T4", ("Missing option '--sampler'",)),
    Case("model is a word", "retrain --ensemble T4 --model one", ("--model", "'one'")),
    Case("model 0", "retrain --ensemble T4 --model 0", ("--model", "x>=1")),
    Case("model 99", "retrain --ensemble T4 --model 99", ("flow.models",)),
    Case("ranks are a word", f"propose {FLOW} --expect-ranks many", ("--expect-ranks", "'many'")),
    Case("no ranks", f"propose {FLOW} --expect-ranks 0", ("--expect-ranks", "x>=1")),
    Case("ranks below zero", "train --ensemble T4 --expect-ranks -2", ("--expect-ranks", "x>=1")),
    Case("unknown device", f"propose {FLOW} --device tpu", ("--device", "'tpu'", "'cuda'")),
    Case("show of nothing", "show", ("Missing argument 'FILE'",)),
    Case("show of an absent file", "show absent.h5", ("absent.h5: no such file",)),
    Case("show of a folder", "show results", ("results: is a folder",)),
    Case("show of another kind", "show config.yaml", ("lfmc writes .h5, .csv",)),
    Case("settings of no stage", "config settings --stage nope", ("no stage 'nope'; there are",)),
    Case("settings nearly right", "config settings --stage propse", ("perhaps 'propose'",)),
    Case("settings of hmc alone", "config settings --stage hmc", ("needs --ensemble",)),
    Case(
        "settings without a sampler",
        "config settings --stage verify --ensemble T4",
        ("needs --sampler",),
    ),
    Case(
        "settings of fit of one",
        "config settings --stage fit --ensemble T4",
        ("has no --ensemble",),
    ),
    Case("settings of hmc of hmc", f"config settings --stage hmc {FLOW}", ("has no --sampler",)),
    Case(
        "settings of no sampler",
        "config settings --stage verify --ensemble T4 --sampler x",
        ("no sampler 'x'",),
    ),
    Case(
        "settings of no flow",
        "config settings --stage accept --ensemble T4 --sampler hmc",
        ("no flow 'hmc'",),
    ),
    Case("settings of fit", "config settings --stage fit", ('"stage": "fit"',), right=True),
    Case("settings of no ensemble", "config settings --stage hmc --ensemble X", ("are T4",)),
    Case(
        "settings of a stage nearly right",
        "config settings --stage gate",
        ("no stage 'gate'; perhaps 'gates'",),
    ),
    Case("check of an absent file", "config check absent.yaml", ("absent.yaml: cannot be read",)),
)

FOLDERS = tuple(
    Case(f"results {name}: {command.split()[0]}", f"{command} --results {given}", says)
    for name, given, says in (
        ("at a file", "config.yaml", ("config.yaml: ", "not a folder")),
        ("in a file", "config.yaml/deep", ("config.yaml: ", "not a folder")),
        ("empty", "''", ("--results", "empty")),
    )
    for command in ("fit", "hmc --ensemble T4", "plot greens", f"propose {FLOW}")
)

ORDER = (
    Case(
        "accept before propose",
        f"accept {FLOW}",
        ("propose/T4/flow-60.h5: ", f"'lfmc propose {FLOW}' makes it"),
        removed("results/propose/T4/flow-60.h5"),
    ),
    Case(
        "propose before train",
        f"propose {FLOW}",
        ("train/T4/flow-60.safetensors: ", "'lfmc train --ensemble T4' makes it"),
        removed("results/train/T4/flow-60.safetensors"),
    ),
    Case(
        "hmc before tune",
        "hmc --ensemble T4",
        ("tune/T4.json: ", "lfmc tune --ensemble T4"),
        removed("results/tune/T4.json"),
    ),
    *(
        Case(
            f"{stage} before {sampler}",
            f"{stage} --ensemble T4 --sampler {sampler}",
            (f"{file}: ", f"'lfmc {maker}' makes it"),
            removed(f"results/{file}"),
        )
        for stage in ("measure", "autocorrelation", "verify")
        for sampler, file, maker in (
            ("hmc", "hmc/T4.h5", "hmc --ensemble T4"),
            ("cluster", "cluster/T4.h5", "cluster --ensemble T4"),
            ("flow-60", "accept/T4/flow-60.h5", f"accept {FLOW}"),
        )
    ),
    Case(
        "fit before measure",
        "fit",
        ("measure/T4/hmc.csv: ", "lfmc measure --ensemble T4 --sampler hmc"),
        removed("results/measure/T4/hmc.csv"),
    ),
    Case(
        "fit before train",
        "fit",
        ("train/T4/training.csv: ", "lfmc train --ensemble T4"),
        removed("results/train/T4/training.csv"),
    ),
    Case(
        "gates before fit",
        "gates",
        ("tables/observables.csv: ", "lfmc fit"),
        removed("results/tables/observables.csv"),
    ),
    Case(
        "plot before fit",
        "plot tau_int",
        ("tables/.*csv: ", "'lfmc fit' makes it"),
        removed("results/tables/tau_int.csv"),
    ),
    Case(
        "plot before measure",
        "plot error_scaling",
        ("measure/T4/flow-60.h5: ", "'lfmc measure --ensemble T4 --sampler flow-60' makes it"),
        removed("results/measure/T4/flow-60.h5"),
    ),
    Case(
        "plot before hmc",
        "plot fields",
        ("hmc/T4.h5: ", "'lfmc hmc --ensemble T4' makes it"),
        removed("results/hmc/T4.h5"),
    ),
)

CONFIGURED = tuple(
    Case(
        f"the configuration's results are {what}: {command.split()[0]}",
        command,
        ("results",),
        configured("results", value),
    )
    for what, value in (("a file", "config.yaml"), ("in a file", "config.yaml/deep"))
    for command in ("fit", "tune --ensemble T4", "gates")
)

CASES = NAMES + CONFIGURED + OPTIONS + FOLDERS + ORDER
