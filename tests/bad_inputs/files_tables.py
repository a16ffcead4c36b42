"""Tables that are not those of `measure`, `autocorrelation`, `train` and `fit`."""

from bad_inputs.cases import Case
from bad_inputs.preparing import copied, cut, folder_instead, table, written

MEASURED = "results/measure/T4/hmc.csv"
TIMES = "results/autocorrelation/T4/flow-60.csv"
TRAINED = "results/train/T4/training.csv"
OBSERVABLES = "results/tables/observables.csv"
TAU = "results/tables/tau_int.csv"
COSTS = "results/tables/costs.csv"
ACCEPTANCE = "results/tables/acceptance.csv"
READ_BY = {
    MEASURED: "fit",
    TIMES: "fit",
    TRAINED: "fit",
    OBSERVABLES: "gates",
    ACCEPTANCE: "gates",
    TAU: "plot tau_int",
    COSTS: "plot cost_per_sample",
    "results/tables/cheapest.csv": "plot cheapest",
    "results/tables/exponents.csv": "plot tau_int_update",
    "results/tables/published.csv": "plot effective_mass",
    "results/tables/training.csv": "plot training_cost",
}
CONTENTS = {
    "empty": b"",
    "binary": bytes(range(256)) * 20,
    "an empty line": b"\n",
    "no rows of columns": b"# provenance {}\na,b\n1,2\n",
    "half a quote": b'# provenance {}\nensemble,sampler\n"T4,hmc\n',
    "lines of unequal length": b"# provenance {}\na,b\n1,2\n1,2,3\n1,2,3,4\n",
    "another language": "# provenance {}\nénsemble,échantillon\n1,2\n".encode("latin-1"),
}
FOREIGN = tuple(
    Case(f"{path} {what}", READ_BY[path], (f"{path}: ",), written(path, content))
    for path in READ_BY
    for what, content in CONTENTS.items()
    if path in (MEASURED, OBSERVABLES, TAU) or what in ("empty", "binary", "no rows of columns")
)
FOLDERS = tuple(
    Case(f"{path} is a folder", READ_BY[path], (f"{path}: ",), folder_instead(path))
    for path in (MEASURED, OBSERVABLES, TAU)
)


def cell(column: str, value: object, row: int = 3):
    """A change of one cell, whose column may become one of words."""

    def change(found):
        found[column] = found[column].astype(object)
        found.loc[row, column] = value
        return found

    return change


CELLS = tuple(
    Case(f"{path}: {column} {value!r}", READ_BY[path], words, table(path, cell(column, value)))
    for path, column, value, words in (
        (MEASURED, "value", "big", (MEASURED, "'value' is not numbers")),
        (MEASURED, "error", -1.0, (MEASURED, "error = -1")),
        (MEASURED, "ensemble", "T5", (MEASURED, "T5")),
        (MEASURED, "sampler", "local", (MEASURED, "local")),
        (MEASURED, "n", "many", (MEASURED, "'n' is not numbers")),
        (TIMES, "tau", "long", (TIMES, "'tau' is not numbers")),
        (TIMES, "error", -0.1, (TIMES, "error = -0.1")),
        (TIMES, "sampler", "hmc", (TIMES, "hmc")),
        (OBSERVABLES, "value", "big", (OBSERVABLES, "'value' is not numbers")),
        (OBSERVABLES, "error", -1.0, (OBSERVABLES, "error = -1")),
        (TAU, "tau", "x", (TAU, "'tau' is not numbers")),
        (COSTS, "error", "x", (COSTS, "'error' is not numbers")),
    )
)
COLUMNS = tuple(
    Case(
        f"{path}: no column {column}",
        READ_BY[path],
        (path, f"no column '{column}'"),
        table(path, lambda found, column=column: found.drop(columns=column)),
    )
    for path, column in (
        (MEASURED, "error"),
        (MEASURED, "ensemble"),
        (TIMES, "unit"),
        (TRAINED, "steps"),
        (OBSERVABLES, "value"),
        (OBSERVABLES, "sampler"),
        (ACCEPTANCE, "acceptance"),
        (TAU, "tau"),
        (COSTS, "quantity"),
    )
)
ROWS = (
    *(
        Case(
            f"{path}: a row twice",
            READ_BY[path],
            (path, "is there twice"),
            table(path, lambda found: found.loc[[*found.index, 0]]),
        )
        for path in (MEASURED, TIMES, TRAINED, OBSERVABLES, TAU, COSTS)
    ),
    Case(
        "the table of another sampler",
        "fit",
        (MEASURED, "local"),
        copied("results/measure/T4/local.csv", MEASURED),
    ),
    Case(
        "the table of another stage",
        "fit",
        (MEASURED, "no column"),
        copied("results/autocorrelation/T4/hmc.csv", MEASURED),
    ),
    Case(
        "an observable is missing",
        "gates",
        ("no sd of hmc in T4", "lfmc measure"),
        table(
            OBSERVABLES,
            lambda found: found[~((found.sampler == "hmc") & (found.observable == "sd"))],
        ),
    ),
    Case(
        "a sampler is missing",
        "gates",
        ("of local in T4",),
        table(OBSERVABLES, lambda found: found[found.sampler != "local"]),
    ),
    Case(
        "no rows",
        "gates",
        ("observables.csv: no",),
        table(OBSERVABLES, lambda found: found[:0]),
    ),
    Case(
        "no rows for a figure",
        "plot chi2_energy",
        ("observables.csv: no",),
        table(OBSERVABLES, lambda found: found[:0]),
    ),
    Case("half a table", "gates", ("observables.csv",), cut(OBSERVABLES, 0.1)),
)

CASES = FOREIGN + FOLDERS + CELLS + COLUMNS + ROWS
