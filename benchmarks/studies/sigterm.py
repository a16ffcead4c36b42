"""From SIGTERM to the end of a stage, at random moments, at full problem size; and the bits then.

    python -m benchmarks.studies.sigterm --config FILE --ensemble E5 --folder DIR [--stage NAME ...]

Each stage runs once undisturbed (below DIR/whole; kept from an earlier call) and once with signals:
a long one is cut off MOMENTS times and continues each time, a short one starts MOMENTS times from
nothing. Then it runs to its end, and every number in its files must be that of the undisturbed run.
One row per stage in DIR/sigterm.csv.
"""

import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from statistics import median

import click
import pandas

from lfmc.provenance import stamp
from lfmc.table_files import write_table

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "tests"))
from same_results import contents, same

MOMENTS = 5
LONG = 15.0  # seconds; a shorter stage is not worth continuing

# In the order of the pipeline: options beside --ensemble, and the files of the stage.
STAGES = {
    "tune": ("", "tune/{e}.json"),
    "train": ("", "train/{e}/*.*"),
    "retrain": ("--model 1", "retrain/{e}/model-1*.csv"),
    "propose": ("--sampler {f}", "propose/{e}/{f}.h5"),
    "accept": ("--sampler {f}", "accept/{e}/{f}.h5"),
    "hmc": ("", "hmc/{e}.h5"),
    "local": ("", "local/{e}.h5"),
    "cluster": ("", "cluster/{e}.h5"),
    "measure": ("--sampler {f}", "measure/{e}/{f}.*"),
    "autocorrelation": ("--sampler {f}", "autocorrelation/{e}/{f}.csv"),
    "verify": ("--sampler {f}", "verify/{e}/{f}.json"),
}


def command(stage: str, config: str, names: dict[str, str], results: Path) -> list[str]:
    """The stage by its command line."""
    start = [sys.executable, "-m", "lfmc.cli.main", stage, "--config", config]
    options = STAGES[stage][0].format(**names).split()
    return [*start, "--results", str(results), "--ensemble", names["e"], *options]


def start(line: list[str]) -> subprocess.Popen[bytes]:
    variables = {**os.environ, "OMP_NUM_THREADS": "1"}
    return subprocess.Popen(line, env=variables, stderr=subprocess.DEVNULL)


def cut_off(line: list[str], after: float) -> tuple[float, int] | None:
    """Seconds from SIGTERM to the end, and the exit code; None if the stage was faster."""
    process = start(line)
    try:
        process.wait(after)
    except subprocess.TimeoutExpired:
        process.send_signal(signal.SIGTERM)
        began = time.monotonic()
        code = process.wait()
        return time.monotonic() - began, code
    assert process.returncode == 0, line
    return None


def files(stage: str, names: dict[str, str], results: Path) -> list[Path]:
    return sorted(results.glob(STAGES[stage][1].format(**names)))


def undisturbed(stage: str, config: str, names: dict[str, str], whole: Path) -> float:
    """Wall time of the whole stage; of an earlier call if that left its files."""
    note = whole / "seconds.json"
    seconds = json.loads(note.read_text()) if note.exists() else {}
    if stage not in seconds or not files(stage, names, whole):
        began = time.monotonic()
        assert start(command(stage, config, names, whole)).wait() == 0, stage
        seconds[stage] = time.monotonic() - began
        note.write_text(json.dumps(seconds))
    return float(seconds[stage])


def disturbed(stage: str, config: str, names: dict[str, str], folder: Path) -> dict[str, object]:
    """One row: how long the stage takes to stop, and whether the rerun has the same bits."""
    whole, cut = folder / "whole", folder / "cut"
    seconds = undisturbed(stage, config, names, whole)
    shutil.rmtree(cut, ignore_errors=True)
    cut.mkdir()
    for path in whole.iterdir():  # earlier stages as they are, not this one's files
        if path.is_dir() and path.name not in (stage, "work"):
            (cut / path.name).symlink_to(path)
    line, moments = command(stage, config, names, cut), random.Random(stage)
    share = 1 / (MOMENTS + 1) if seconds > LONG else 1.0
    found: list[tuple[float, int]] = []
    while len(found) < MOMENTS:
        stopped = cut_off(line, moments.uniform(0.1, share * seconds))
        assert not list(cut.rglob("*.part*")), "something is half-written"
        if stopped is not None:
            found.append(stopped)
        if stopped is None or seconds <= LONG:
            for path in files(stage, names, cut):
                path.unlink()
    assert start(line).wait() == 0, stage
    pairs = zip(files(stage, names, whole), files(stage, names, cut), strict=True)
    equal = all(agree(one, two) for one, two in pairs)
    times = [t for t, _ in found]
    return {
        "ensemble": names["e"],
        "stage": stage,
        "whole_seconds": round(seconds, 1),
        "signals": len(found),
        "median_seconds": round(median(times), 2),
        "longest_seconds": round(max(times), 2),
        "exit_codes": " ".join(sorted({str(code) for _, code in found})),
        "same_bits": equal,
        "load": round(os.getloadavg()[0], 1),
    }


def agree(one: Path, two: Path) -> bool:
    a, b = contents(one), contents(two)
    return a.keys() == b.keys() and all(same(a[key], b[key]) for key in a)


@click.command()
@click.option("--config", default="config.yaml", show_default=True)
@click.option("--ensemble", default="E5", show_default=True)
@click.option("--sampler", default="flow-50", show_default=True)
@click.option("--folder", type=click.Path(path_type=Path), required=True)
@click.option("--stage", "stages", multiple=True, type=click.Choice(list(STAGES)))
def main(config: str, ensemble: str, sampler: str, folder: Path, stages: tuple[str, ...]) -> None:
    """Cut off every stage, or the named ones, and print the table."""
    (folder / "whole").mkdir(parents=True, exist_ok=True)
    names = {"e": ensemble, "f": sampler}
    output, rows = folder / "sigterm.csv", []
    for stage in stages or STAGES:
        rows.append(disturbed(stage, config, names, folder))
        click.echo(rows[-1])
        write_table(output, pandas.DataFrame(rows), stamp(names))
    if not all(row["same_bits"] for row in rows):
        raise SystemExit("a rerun has other bits")


if __name__ == "__main__":
    main()
