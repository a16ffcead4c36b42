"""Variables of the environment that name what is not there, or say what is not so."""

import shutil
from collections.abc import Callable
from pathlib import Path

from bad_inputs.cases import Case
from bad_inputs.finished import FLOW
from bad_inputs.preparing import folder_instead, written
from lfmc.config.site import site_or_exit

ASCII: dict[str, str | None] = {
    "LC_ALL": "C",
    "PYTHONUTF8": "0",
    "PYTHONCOERCECLOCALE": "0",
    "PYTHONIOENCODING": None,
}

STARTUP = tuple(
    Case(
        f"start-up seconds {value!r}",
        f"propose {FLOW} --expect-ranks 2",
        ("LFMC_STARTUP_SECONDS is ", "give seconds from 1"),
        environment={"LFMC_STARTUP_SECONDS": value},
    )
    for value in ("x", "", "-1", "0", "nan", "inf", "1e99", "180 s")
)

SITE = tuple(
    Case(
        f"site settings: {what}",
        "",
        says,
        prepare,
        environment={"LFMC_SITE": "site.yaml"},
        entry=site_or_exit,
    )
    for what, prepare, says in (
        ("nowhere", lambda folder: None, ("site.yaml: ", "cannot be read")),
        ("a folder", folder_instead("site.yaml"), ("site.yaml: ",)),
        ("binary", written("site.yaml", bytes(range(256))), ("site.yaml: ",)),
        ("a list", written("site.yaml", "- a\n"), ("site.yaml: expected a mapping",)),
        ("no YAML", written("site.yaml", "a: [\n"), ("site.yaml: not valid YAML",)),
        ("an unknown key", written("site.yaml", "acount: x\n"), ("acount: unknown key",)),
        ("a key twice", written("site.yaml", "account: a\naccount: b\n"), ("account",)),
        ("a word for minutes", written("site.yaml", "max_runtime: long\n"), ("max_runtime: ",)),
        ("no minutes", written("site.yaml", "max_runtime: 0\n"), ("max_runtime: ",)),
        ("too little memory", written("site.yaml", "node_mem_mb: 1\n"), ("node_mem_mb: ",)),
        ("rules of a list", written("site.yaml", "rules: [a]\n"), ("rules: ",)),
    )
)


def _renamed(folder: Path) -> None:
    shutil.move(folder / "results", folder / "résultats")


def _comment(folder: Path) -> None:
    path = folder / "config.yaml"
    path.write_text(f"# größer als λ = 9\n{path.read_text()}", encoding="utf-8")


HERE: tuple[tuple[str, str, dict[str, str | None], Callable[[Path], object], str], ...] = (
    ("no home", "config check", {"HOME": None}, lambda folder: None, "valid; ensembles T4"),
    ("a home that is gone", "fit", {"HOME": "/gone"}, lambda folder: None, "tables in results"),
    ("no folder for temporary files", "fit", {"TMPDIR": "/gone"}, lambda folder: None, "tables in"),
    ("no path", "fit", {"PATH": ""}, lambda folder: None, "tables in"),
    ("a site for a command", "fit", {"LFMC_SITE": "/gone"}, lambda folder: None, "tables in"),
    (
        "start-up seconds without ranks",
        f"accept {FLOW}",
        {"LFMC_STARTUP_SECONDS": "x"},
        lambda folder: None,
        "acceptance 0",
    ),
)
RIGHT = tuple(
    Case(name, command, (says,), prepare, right=True, environment=environment)
    for name, command, environment, prepare, says in HERE
)
IN_PROCESSES = (
    Case(
        "a backend for windows that is none",
        "plot greens",
        ("greens.pdf",),
        right=True,
        environment={"MPLBACKEND": "nope"},
        process=True,
    ),
    Case(
        "an empty backend",
        "gates",
        ("gates passed",),
        right=True,
        environment={"MPLBACKEND": ""},
        process=True,
    ),
    Case(
        "ASCII, and a configuration of other letters",
        "config check",
        ("valid; ensembles T4",),
        _comment,
        right=True,
        environment=ASCII,
        process=True,
    ),
    Case(
        "ASCII, and results of other letters",
        "show résultats/tables/costs.csv",
        ("costs.csv", "ensemble +sampler +quantity"),
        _renamed,
        right=True,
        environment=ASCII,
        process=True,
    ),
    Case(
        "ASCII, and an error of other letters",
        "hmc --ensemble É1",
        ("no ensemble '", "there are T4"),
        environment=ASCII,
        process=True,
    ),
    Case(
        "a folder of kernels that cannot be made",
        "hmc --ensemble T4",
        ("NUMBA_CACHE_DIR: /proc/gone cannot be made",),
        environment={"NUMBA_CACHE_DIR": "/proc/gone"},
        process=True,
    ),
)

CASES = STARTUP + SITE + RIGHT + IN_PROCESSES
