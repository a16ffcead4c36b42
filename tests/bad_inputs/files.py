"""Result files that are torn, empty, of another kind or of other content."""

from bad_inputs.cases import Case
from bad_inputs.preparing import written

KINDS = (
    "results/hmc/T4.h5",
    "results/tables/observables.csv",
    "results/tune/T4.json",
    "results/train/T4/flow-60.safetensors",
    "results/figures/tau_int.png",
    "results/figures/tau_int.pdf",
)
SHOWN = tuple(
    Case(f"show of {what} {path.rpartition('.')[2]}", f"show {path}", (path,), prepare(path))
    for path in KINDS
    for what, prepare in (
        ("an empty", lambda path: written(path, b"")),
        ("a binary", lambda path: written(path, bytes(range(256)) * 20)),
        ("a text as", lambda path: written(path, "nothing of the kind\n")),
    )
)

CASES = SHOWN
