"""The tests with the libraries held to other instruction sets: make test-portable.

    python tests/portable.py [--short] [--settings NAME ...] [--tiers unit stat workflow smoke]

Every setting makes the libraries believe in another processor, so that each product, transform
and elementary function rounds in another way; nothing that is tested may depend on it. `native`
leaves them their choice. The tier `smoke` makes the smoke run in each setting and compares its
tables with those of the first (`same_tables`). A table ends the output; exit code 1 if anything
failed.
"""

import argparse
import os
import subprocess
import sys
import time
import xml.etree.ElementTree as xml
from pathlib import Path
from typing import NamedTuple

from same_tables import compare_runs
from smoke_run import analyse_again, smoke_run

ROOT = Path(__file__).resolve().parent.parent
FOLDER = ROOT / ".portable"  # kernels, reports and smoke runs of every setting
TIERS = ("unit", "stat", "workflow", "smoke")
# Where rounding decides: products, transforms, elementary functions, roots, sums over chunks.
SHORT = (
    "test_training_products", "test_training_fisher", "test_training_path", "test_training_pool",
    "test_compiled", "test_flows_exactness", "test_flows_rings", "test_flows_site",
    "test_flows_sublattice", "test_odd_extents", "test_samplers_mathematics",
    "test_samplers_streams", "test_base_observables", "test_analysis_gamma",
    "test_analysis_scaling", "test_verify_elsewhere",
)  # fmt: skip


class Setting(NamedTuple):
    """A setting of the libraries.

    Attributes:
        variables: of the environment. MKL_CBWR because MKL_ENABLE_INSTRUCTIONS is for Intel's
            processors: on others MKL has one path, and a compatible one.
        flags: what the processor must have, as /proc/cpuinfo calls it.
    """

    variables: dict[str, str]
    flags: tuple[str, ...] = ()


AVX2 = ("avx2", "fma")
SETTINGS = {
    "native": Setting({}),
    "generic": Setting(
        {
            "MKL_ENABLE_INSTRUCTIONS": "SSE4_2", "MKL_CBWR": "COMPATIBLE",
            "ATEN_CPU_CAPABILITY": "default", "DNNL_MAX_CPU_ISA": "SSE41",
            "OPENBLAS_CORETYPE": "Prescott", "NUMBA_CPU_NAME": "generic", "NUMBA_CPU_FEATURES": "",
            "NPY_DISABLE_CPU_FEATURES": "X86_V3 X86_V4 AVX512_ICL AVX512_SPR",
        }
    ),
    "sse4": Setting(
        {
            "MKL_ENABLE_INSTRUCTIONS": "SSE4_2", "MKL_CBWR": "SSE4_2",
            "ATEN_CPU_CAPABILITY": "default", "DNNL_MAX_CPU_ISA": "SSE41",
            "OPENBLAS_CORETYPE": "Nehalem", "NUMBA_CPU_NAME": "nehalem", "NUMBA_CPU_FEATURES": "",
        }
    ),
    "haswell": Setting(
        {
            "MKL_ENABLE_INSTRUCTIONS": "AVX2", "MKL_CBWR": "AVX2",
            "ATEN_CPU_CAPABILITY": "avx2", "DNNL_MAX_CPU_ISA": "AVX2",
            "OPENBLAS_CORETYPE": "Haswell", "NUMBA_CPU_NAME": "haswell", "NUMBA_CPU_FEATURES": "",
            "NPY_DISABLE_CPU_FEATURES": "X86_V4 AVX512_ICL AVX512_SPR",
        },
        AVX2,
    ),
    "zen": Setting(
        {
            "MKL_ENABLE_INSTRUCTIONS": "AVX2", "MKL_CBWR": "COMPATIBLE",
            "ATEN_CPU_CAPABILITY": "avx2", "DNNL_MAX_CPU_ISA": "AVX",
            "OPENBLAS_CORETYPE": "Zen", "NUMBA_CPU_NAME": "znver2",
            "NPY_DISABLE_CPU_FEATURES": "X86_V4 AVX512_ICL AVX512_SPR",
        },
        AVX2,
    ),
    "skylakex": Setting(
        {
            "MKL_ENABLE_INSTRUCTIONS": "AVX512", "MKL_CBWR": "AVX512",
            "ATEN_CPU_CAPABILITY": "avx512", "DNNL_MAX_CPU_ISA": "AVX512_CORE",
            "OPENBLAS_CORETYPE": "SkylakeX", "NUMBA_CPU_NAME": "skylake-avx512",
            "NUMBA_CPU_FEATURES": "",
        },
        (*AVX2, "avx512f", "avx512dq", "avx512bw", "avx512vl", "avx512cd"),
    ),
}  # fmt: skip
# Haswell where it is less than the processor: what has AVX2 alone is as it in `make test`.
SHORT_SETTINGS = ("generic", "haswell")
MORE = "avx512f"
# A machine's own defaults, which `native` must not have either.
OTHERS = ("OPENBLAS_L2_SIZE", "ONEDNN_MAX_CPU_ISA", "MKL_DEBUG_CPU_TYPE", "NUMBA_CACHE_DIR")


class Row(NamedTuple):
    """Tests of one tier in one setting."""

    setting: str
    tier: str
    passed: int
    failed: int
    skipped: int
    seconds: float
    note: str = ""


def environment(name: str) -> dict[str, str]:
    """Of a process in a setting; kernels are kept in a folder of its own."""
    controlled = {key for setting in SETTINGS.values() for key in setting.variables} | set(OTHERS)
    cache = FOLDER / name / "kernels"
    cache.mkdir(mode=0o700, parents=True, exist_ok=True)
    inherited = {key: value for key, value in os.environ.items() if key not in controlled}
    own = {"NUMBA_CACHE_DIR": str(cache), "PYTHONPATH": str(ROOT)}
    return inherited | own | SETTINGS[name].variables


CPUINFO = Path("/proc/cpuinfo")


def flags_of(cpuinfo: Path) -> list[str] | None:
    """What the processor has; None where that is not known."""
    lines = cpuinfo.read_text().splitlines() if cpuinfo.exists() else []
    return next((line.split(":")[1].split() for line in lines if line.startswith("flags")), None)


def missing_flags(name: str, cpuinfo: Path = CPUINFO) -> list[str]:
    """What this processor lacks for a setting; without a list of flags, nothing is known to be."""
    flags = flags_of(cpuinfo)
    return [] if flags is None else [f for f in SETTINGS[name].flags if f not in flags]


def short_settings(cpuinfo: Path = CPUINFO) -> tuple[str, ...]:
    """Of `--short`: those that differ from the processor's own instructions."""
    flags = flags_of(cpuinfo)
    same = flags is not None and set(AVX2) <= set(flags) and MORE not in flags
    return SHORT_SETTINGS[:1] if same else SHORT_SETTINGS


def tests(name: str, tier: str, jobs: int, short: bool) -> Row:
    """Run pytest on a tier."""
    report = FOLDER / name / f"{tier}.xml"
    chosen = [f"tests/{file}.py" for file in SHORT] if short else []
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *chosen]
    command += ["--numprocesses", str(jobs), "--dist", "loadgroup", f"--junitxml={report}"]
    report.unlink(missing_ok=True)
    began = time.monotonic()
    subprocess.run([*command, "-m", f"{tier} and not slurm"], cwd=ROOT, env=environment(name))
    seconds = time.monotonic() - began
    if not report.exists():
        return Row(name, tier, 0, 1, 0, seconds, "pytest did not end")
    suite = xml.parse(report).getroot()[0]
    total, failed, errors, skipped = (
        int(suite.get(key, 0)) for key in ("tests", "failures", "errors", "skipped")
    )
    return Row(name, tier, total - failed - errors - skipped, failed + errors, skipped, seconds)


def smoke(name: str, first: str, jobs: int) -> Row:
    """Make the smoke run; compare it, and the first one's analysis made again, with the first."""
    began, folder = time.monotonic(), FOLDER / name / "smoke"
    wrong = smoke_run(ROOT, folder, environment(name), jobs)
    if not wrong and name != first:
        original = FOLDER / first / "smoke"
        wrong = compare_runs(original / "results-smoke", folder / "results-smoke", same=False)
        again = folder.with_name("smoke-again")
        wrong += analyse_again(original, again, environment(name), jobs)
        wrong += compare_runs(original / "results-smoke", again / "results-smoke", same=True)
    print("\n".join(wrong), file=sys.stderr)
    note = f"{len(wrong)} differences, the first: {wrong[0]}"[:200] if wrong else ""
    return Row(name, "smoke", not wrong, bool(wrong), 0, time.monotonic() - began, note)


def table(rows: list[Row]) -> str:
    """For people."""
    head = f"{'setting':10} {'tier':9} {'passed':>7} {'failed':>7} {'skipped':>8} {'seconds':>8}"
    lines = [
        f"{r.setting:10} {r.tier:9} {r.passed:7} {r.failed:7} {r.skipped:8} {r.seconds:8.0f}"
        + (f"  {r.note}" if r.note else "")
        for r in rows
    ]
    return "\n".join([head, *lines])


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--settings", nargs="+", choices=SETTINGS, default=None)
    parser.add_argument("--tiers", nargs="+", choices=TIERS, default=None)
    parser.add_argument("--short", action="store_true", help="what rounding decides, a few minutes")
    parser.add_argument("--jobs", type=int, default=2)
    chosen = parser.parse_args()
    names = chosen.settings or (short_settings() if chosen.short else tuple(SETTINGS))
    tiers = chosen.tiers or (("unit",) if chosen.short else TIERS)
    rows: list[Row] = []
    possible = [name for name in names if not missing_flags(name)]
    for name in names:
        if name not in possible:
            lacks = ", ".join(missing_flags(name))
            rows.append(Row(name, "-", 0, 0, 0, 0.0, f"left out: this processor lacks {lacks}"))
            continue
        for tier in tiers:
            is_smoke = tier == "smoke"
            row = (
                smoke(name, possible[0], chosen.jobs)
                if is_smoke
                else tests(name, tier, chosen.jobs, chosen.short)
            )
            rows.append(row)
            print(table([row]), flush=True)
    print("\n" + table(rows))
    empty = [row for row in rows if row.tier != "-" and not row.passed + row.failed]
    return int(bool(empty) or any(row.failed for row in rows))


if __name__ == "__main__":
    sys.exit(main())
