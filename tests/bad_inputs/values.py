"""Values of the configuration that cannot be, each named by its path."""

from bad_inputs.cases import Case
from bad_inputs.preparing import configured

CHECK = "config check"


def lattice(**more: object) -> dict[str, object]:
    size = {} if "shape" in more else {"L": 4}
    return {"name": "A", **size, "m2": -4.0, "lam": 9.0, **more}


def lattices(*all_of_them: dict[str, object]) -> list[dict[str, object]]:
    return list(all_of_them)


ENSEMBLE = (
    ("ensembles.0.L", True, r"ensembles\[0\].L: must be a whole number \(got True\)"),
    ("ensembles.0.L", "4", r"ensembles\[0\].L: must be a whole number \(got '4'\)"),
    ("ensembles.0.L", 4.5, "must be a whole number"),
    ("ensembles.0.L", [4], "must be a whole number"),
    ("ensembles.0.L", {"a": 4}, "must be a whole number"),
    ("ensembles.0.L", 0, "greater than or equal to 2"),
    ("ensembles.0.L", -4, "greater than or equal to 2"),
    ("ensembles.0.L", 10**9, "less than or equal to 65536"),
    ("ensembles.0.L", 2**200, "number of 61 characters"),
    ("ensembles.0.L", 1024, "more than 65536 sites"),
    ("ensembles.0.d", 0, "greater than or equal to 1"),
    ("ensembles.0.d", 5, "less than or equal to 4"),
    ("ensembles.0.d", "two", "must be a whole number"),
    ("ensembles.0.d", 1, "ensemble T4 .shape .(4).., flow.model of kind heatbath: exists in d = 2"),
    ("ensembles.0.lam", -1, r"ensembles\[0\].lam: must be greater than 0"),
    ("ensembles.0.lam", float("nan"), "lam: must be a finite number"),
    ("ensembles.0.lam", float("inf"), "lam: must be a finite number"),
    ("ensembles.0.lam", "9", "lam: must be a number"),
    ("ensembles.0.lam", True, "lam: must be a number"),
    ("ensembles.0.lam", 1e300, "less than or equal to"),
    ("ensembles.0.m2", None, "m2: is empty"),
    ("ensembles.0.m2", [1], "m2: must be a number"),
    ("ensembles.0.normalisation", 0.7, "negative control"),
    ("ensembles.0.name", "", "letters, digits and underscores"),
    ("ensembles.0.name", "a/b", "letters, digits and underscores"),
    ("ensembles.0.name", "..", "letters, digits and underscores"),
    ("ensembles.0.name", "a b", "letters, digits and underscores"),
    ("ensembles.0.name", "{x}", "letters, digits and underscores"),
    ("ensembles.0.name", "a\nb", "letters, digits and underscores"),
    ("ensembles.0.name", "$(touch PWNED)", "letters, digits and underscores"),
    ("ensembles.0.name", "\u00fc", "letters, digits and underscores"),
    ("ensembles.0.name", "a" * 500, "at most 40 characters"),
    ("ensembles.0.name", 5, "must be text"),
    ("ensembles.0.mass", 1, r"ensembles\[0\].mass: unknown key"),
    ("ensembles", [], "at least 1 item"),
    ("ensembles", None, "ensembles: is empty"),
    ("ensembles", 3, "ensembles: must be a list"),
    ("ensembles", {"A": lattice()}, "ensembles: must be a list"),
    ("ensembles", [3], r"ensembles\[0\]: must be a section"),
    ("ensembles", lattices(lattice(), lattice()), "name A appears twice"),
    ("ensembles", lattices(lattice(), lattice(name="a")), "differ in case only"),
    ("ensembles", lattices(lattice(shape=[4] * 5)), "at most 4 items, not 5"),
    ("ensembles", lattices(lattice(shape=[])), "at least 1 item"),
    ("ensembles", lattices(lattice(shape=4)), "shape: must be a list"),
    ("ensembles", lattices(lattice(shape=[4, True])), r"shape\[1\]: must be a whole number"),
    ("ensembles", lattices(lattice(shape=[4, "4"])), r"shape\[1\]: must be a whole number"),
    ("ensembles", lattices(lattice(shape=[4, 5])), "extent 5 is odd"),
    ("ensembles", lattices(lattice(shape=[4, 4], L=6)), "give one of them"),
    ("ensembles", lattices(lattice(shape=[4, 4], d=3)), "has not d = 3 extents"),
    ("ensembles", lattices(lattice(shape=[65536, 65536])), "more than 65536 sites"),
    ("ensembles", lattices({"name": "A", "m2": 1, "lam": 1}), "give L .and d. or shape"),
)

SECTIONS = (
    ("seed", 1.5, "seed: must be a whole number"),
    ("seed", True, "seed: must be a whole number"),
    ("seed", "1", "seed: must be a whole number"),
    ("seed", 2**63, "seed: must be less than"),
    ("seeds", 1, "seeds: unknown key"),
    ("statistics", None, "statistics: is empty"),
    ("statistics", [], "statistics: must be a section"),
    ("statistics.configurations", 99, "greater than or equal to 100"),
    ("statistics.configurations", 10**12, "less than or equal to 1000000000"),
    ("statistics.configurations", 1e300, "must be a whole number"),
    ("statistics.replicas", 1, "greater than or equal to 2"),
    ("statistics.replicas", 10**6, "fewer than 10 per replica"),
    ("statistics.save_every", 0, "greater than or equal to 1"),
    ("statistics.keep_fields", -1, "greater than or equal to 1"),
    ("statistics.keep", 1, "statistics.keep: unknown key"),
    ("samplers.hmc.steps", 0, "greater than or equal to 1"),
    ("samplers.hmc.steps", 10**9, "less than or equal to 1000"),
    ("samplers.hmc.acceptance", 1.0, "less than 1"),
    ("samplers.hmc.acceptance", 0, "greater than 0"),
    ("samplers.hmc.length", "long", "samplers.hmc.length: "),
    ("samplers.local.acceptance", float("nan"), "finite"),
    ("samplers.cluster.clusters", 0, "greater than or equal to 1"),
    ("samplers.wolf", {}, "samplers.wolf: unknown key"),
    ("propose.block", 1, "greater than or equal to 16"),
    ("propose.block", 10**9, "less than or equal to"),
    ("propose.ranks", 0, "greater than or equal to 1"),
    ("propose.ranks", True, "must be a whole number"),
    ("accept.replicas", 0, "greater than or equal to 1"),
    ("accept.burn_in", -1, "greater than or equal to 0"),
    ("fit.L", [4], "at least three different L"),
    ("fit.L", [4, 4, 4], "at least three different L"),
    ("fit.L", [4, 6, "8"], r"fit.L\[2\]: must be a whole number"),
    ("fit.L", [400, 600, 800], "no ensemble has L = 400"),
    ("fit.L", 4, "fit.L: must be a list"),
    ("fit", [4, 6, 8], "fit: must be a section"),
)

FLOWS = (
    ("flow.model", {}, "flow.model: lacks its kind"),
    ("flow.model", 3, "flow.model: must be a section"),
    ("flow.model.kind", "glow", "no kind glow; there are heatbath, realnvp"),
    ("flow.model.kind", "Heatbath", "no kind Heatbath; there are heatbath"),
    ("flow.model.kind", None, "flow.model"),
    ("flow.model.kind", ["heatbath"], "flow.model"),
    ("flow.model", {"kind": "heatbath", "layers": 1}, "flow.model.layers: .*equal to 2"),
    ("flow.model", {"kind": "heatbath", "layers": 2000}, "flow.model.layers: .*equal to 128"),
    ("flow.model", {"kind": "heatbath", "table": 10**9}, "flow.model.table: .*equal to 65536"),
    ("flow.model", {"kind": "heatbath", "couplings": 8}, "flow.model.couplings: unknown key"),
    ("flow.model", {"kind": "realnvp", "hidden": []}, "flow.model.hidden: .*at least 1 item"),
    ("flow.model", {"kind": "realnvp", "hidden": 64}, "flow.model.hidden: must be a list"),
    ("flow.model", {"kind": "realnvp", "hidden": [4096] * 64}, "parameters; at most 200000000"),
    ("flow.model", {"kind": "realnvp", "prior": "uniform"}, "flow.model.prior: must be 'normal'"),
    ("flow.model", {"kind": "convolutional", "kernel": 4}, "must be odd"),
    ("flow.model", {"kind": "convolutional", "kernel": 15}, "wider than the lattice; at most 9"),
    ("flow.model", {"kind": "spline", "bins": 1}, "flow.model.bins: .*equal to 2"),
    ("flow.model", {"kind": "multiscale", "rounds": 10**6}, "flow.model.rounds: .*equal to 32"),
    ("flow.model", {"kind": "continuous", "steps": 10**6}, "flow.model.steps: .*equal to 1000"),
    ("flow.targets", 0.5, "flow.targets: must be a list"),
    ("flow.targets", [0.7, 0.5], "ascend"),
    ("flow.targets", [0.5, 0.5], "ascend"),
    ("flow.targets", [1.5], r"flow.targets\[0\]: must be at most 1"),
    ("flow.targets", ["half"], r"flow.targets\[0\]: must be a number"),
    ("flow.targets", [0.505], "whole per cents"),
    ("flow.models", 0, "greater than or equal to 1"),
    ("flow.models", 10**6, "less than or equal to 1000"),
    ("flow.start", ["T4"], "flow.start: must be a section"),
    ("flow.start", {"T4": "X9"}, "no ensemble 'X9'"),
    ("flow.start", {"T4": "T4"}, "in a circle"),
    ("flow.start", {"T4": 4}, "flow.start.T4: must be text"),
    ("flow.training", "fast", "flow.training: must be a section"),
    ("flow.training.optimiser", "sgd", "flow.training.optimiser: must be 'natural' or 'adam'"),
    ("flow.training.batch", 10**9, "less than or equal to"),
    ("flow.training.learning_rate", 0, "greater than 0"),
    ("flow.training.average", 1.0, "less than 1"),
    ("flow.training.max_seconds", float("inf"), "finite"),
    ("flow.training.natural", {"samples": 9000, "largest_samples": 900}, "larger than largest"),
    ("flow.training.natural", {"damping": "small"}, "damping: must be a number"),
    ("flow.training", {"optimiser": "adam", "ranks": 2}, "one rank"),
    ("flow.modle", {}, "flow.modle: unknown key"),
)

RESULTS = (
    ("", "name a folder of its own"),
    (".", "name a folder of its own"),
    ("..", "name a folder of its own"),
    ("a/..", "name a folder of its own"),
    ("/", "name a folder of its own"),
    ("x; touch PWNED; y", "';' is not for the name"),
    ("$(touch PWNED)", "'\\$' is not for the name"),
    ("`touch PWNED`", "is not for the name"),
    ("a\nb", "is not for the name"),
    ("a\0b", "control character|is not for the name"),
    ("{ensemble}", "'{' is not for the name"),
    ("<results>", "'<' is not for the name"),
    ("a*", "is not for the name"),
    ("a\\b", "is not for the name"),
    ("it's", "is not for the name"),
    ("~somebody/x", "'~' is not for the name"),
    ("-rf", "no folder may begin with '-'"),
    ("a/ b", "no folder may begin"),
    ("a" * 300, "at most 200 characters"),
    ("config.yaml", "config.yaml is there and no folder"),
    ("config.yaml/deep", "config.yaml is there and no folder"),
)


def named(path: str, value: object) -> str:
    """A name that is unique and can be read."""
    text = " ".join(repr(value).split())
    return f"{path} = {text if len(text) <= 120 else f'{text[:100]} {len(text)}'}"


CASES = (
    *(
        Case(named(path, value), CHECK, (says,), configured(path, value))
        for path, value, says in (*ENSEMBLE, *SECTIONS, *FLOWS)
    ),
    *(
        Case(named("results", value), CHECK, (says,), configured("results", value))
        for value, says in RESULTS
    ),
)
