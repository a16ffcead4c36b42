"""`lfmc show` of files that are torn, empty, of another kind or of another's making."""

import os

from bad_inputs.cases import Case
from bad_inputs.preparing import (
    attribute,
    copied,
    cut,
    folder_instead,
    in_json,
    replaced,
    several,
    written,
)

FILES = {
    "h5": "results/hmc/T4.h5",
    "csv": "results/tables/observables.csv",
    "json": "results/tune/T4.json",
    "safetensors": "results/train/T4/flow-60.safetensors",
    "png": "results/figures/tau_int.png",
    "pdf": "results/figures/tau_int.pdf",
}
CONTENTS = {
    "an empty": b"",
    "a binary": bytes(range(256)) * 20,
    "a text as": b"nothing of the kind\n",
    "zeros as": bytes(4096),
}
FOREIGN = tuple(
    Case(f"{what} {suffix}", f"show {path}", (path,), written(path, content))
    for suffix, path in FILES.items()
    for what, content in CONTENTS.items()
)
TORN = tuple(
    Case(f"half a {suffix}", f"show {FILES[suffix]}", (FILES[suffix],), cut(FILES[suffix], 0.5))
    for suffix in ("h5", "json", "safetensors")
)
FOLDERS = tuple(
    Case(
        f"a folder named .{suffix}", f"show {path}", (f"{path}: is a folder",), folder_instead(path)
    )
    for suffix, path in FILES.items()
)
PLAIN_PNG = bytes.fromhex(
    "89504e470d0a1a0a0000000d49484452000000010000000108060000001f15c489"
    "0000000d49444154789c6360000000000200012721bc330000000049454e44ae426082"
)
TABLE = "a,b\n1,2\n"
OTHERS = (
    Case(
        "a figure of another program",
        "show a.png",
        ("carries no provenance",),
        written("a.png", PLAIN_PNG),
    ),
    Case(
        "a document of another program",
        "show a.pdf",
        ("carries no provenance",),
        written("a.pdf", "%PDF-1.4\n%%EOF\n"),
    ),
    Case(
        "a table of another program",
        "show a.csv",
        ("carries no provenance",),
        written("a.csv", TABLE),
    ),
    Case(
        "JSON of another program",
        "show a.json",
        ("carries no provenance",),
        written("a.json", '{"a": 1}'),
    ),
    Case(
        "a list in JSON", "show a.json", ("a.json: not a JSON object",), written("a.json", "[1, 2]")
    ),
    Case(
        "a number in JSON", "show a.json", ("a.json: not a JSON object",), written("a.json", "17")
    ),
    Case(
        "brackets without end",
        "show a.json",
        ("a.json: not valid JSON",),
        written("a.json", "[" * 100_000),
    ),
    Case("no suffix", "show results/tables/observables", ("no such file",)),
    Case(
        "a figure with another's suffix",
        "show a.h5",
        ("a.h5: not a readable HDF5 file",),
        copied(FILES["png"], "a.h5"),
    ),
    Case(
        "a table with another's suffix",
        "show a.png",
        ("a.png: neither PDF nor PNG",),
        copied(FILES["csv"], "a.png"),
    ),
    Case(
        "a model with another's suffix",
        "show a.json",
        ("a.json: not valid JSON",),
        copied(FILES["safetensors"], "a.json"),
    ),
    Case(
        "an HDF5 file with another's suffix",
        "show a.csv",
        ("a.csv: not a table",),
        copied(FILES["h5"], "a.csv"),
    ),
    Case(
        "a PNG that ends in its header",
        "show a.png",
        ("carries no provenance",),
        written("a.png", PLAIN_PNG[:10]),
    ),
    Case(
        "a model whose header is longer than the file",
        "show a.safetensors",
        ("a.safetensors: not a readable model",),
        written("a.safetensors", (2**40).to_bytes(8, "little") + b"{}"),
    ),
    Case(
        "a link to nothing",
        "show a.h5",
        ("a.h5: no such file",),
        lambda folder: (folder / "a.h5").symlink_to("gone"),
    ),
    Case(
        "a loop of links",
        "show a.h5",
        ("a.h5: ",),
        lambda folder: (folder / "a.h5").symlink_to("a.h5"),
    ),
    Case(
        "a pipe",
        "show a.json",
        ("a.json: not a file",),
        lambda folder: os.mkfifo(folder / "a.json"),
    ),
    Case("the null device", "show /dev/null", ("/dev/null: not a file|unknown kind",)),
)
STAMPS = tuple(
    Case(
        f"the stamp is {what}",
        "show results/tune/T4.json",
        ("T4.json: its provenance stamp is damaged|carries no provenance",),
        in_json("results/tune/T4.json", "provenance", value),
    )
    for what, value in (
        ("a number", 7),
        ("a list", [1]),
        ("a word", "x"),
        ("nothing", None),
        ("true", True),
        ("a list in a word", "[1, 2]"),
        ("half an object", '{"lfmc": '),
    )
) + (
    Case(
        "the stamp of a table is a list",
        "show a.csv",
        ("a.csv: its provenance stamp is damaged",),
        written("a.csv", f"# provenance [1]\n{TABLE}"),
    ),
    Case(
        "the stamp of a chain is a word",
        f"show {FILES['h5']}",
        ("stamp is damaged",),
        attribute(FILES["h5"], "provenance", "word"),
    ),
    Case(
        "the stamp of a chain is missing",
        f"show {FILES['h5']}",
        ("carries no provenance",),
        attribute(FILES["h5"], "provenance", None),
    ),
)
DEEP: dict = {}
_inner = DEEP
for _ in range(400):
    _inner["a"] = _inner = {}
RIGHT = (
    Case(
        "a tree of 400 levels",
        "show --full results/tune/T4.json",
        (r"a: \{",),
        in_json("results/tune/T4.json", "hmc", DEEP),
        right=True,
    ),
    Case(
        "a list of 100000 numbers",
        "show results/tune/T4.json",
        (r"hmc: \[0, 1, .* \.\.\.",),
        in_json("results/tune/T4.json", "hmc", list(range(100_000))),
        right=True,
    ),
    Case(
        "words that a terminal obeys",
        "show results/tune/T4.json",
        (r"hmc: \?\[2J",),
        in_json("results/tune/T4.json", "hmc", "\x1b[2J"),
        right=True,
    ),
    Case(
        "numbers that are none",
        "show --json a.json",
        ("NaN",),
        written("a.json", '{"provenance": {"lfmc": NaN, "x": 1e999}}'),
        right=True,
    ),
    *(
        Case(f"a good {suffix}", f"show {path}", ("commit",), right=True)
        for suffix, path in FILES.items()
    ),
)
CHANGED = (
    Case(
        "a word of a table was changed",
        "gates",
        ("do not match its checksum",),
        replaced("results/tables/observables.csv", "hmc", "HMC", sealed=False),
    ),
    Case(
        "a digit of a tuning was changed",
        "hmc --ensemble T4",
        ("do not match its checksum",),
        several(replaced("results/tune/T4.json", '"target": 0.7', '"target": 0.8', sealed=False)),
    ),
)

CASES = FOREIGN + TORN + FOLDERS + OTHERS + STAMPS + RIGHT + CHANGED
