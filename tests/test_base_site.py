"""Site settings: read from outside the repository, every mistake one clear line."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from lfmc.config.site import Site, read_site
from lfmc.errors import LfmcError

pytestmark = pytest.mark.unit


def site(tmp_path, text: str) -> Site:
    path = tmp_path / "site.yaml"
    path.write_text(text)
    return read_site({"LFMC_SITE": str(path)})


def test_no_file_means_the_clusters_own_defaults(monkeypatch, tmp_path):
    monkeypatch.setenv("HOME", str(tmp_path))
    assert read_site({}) == Site()
    assert Site().resources() == {}


def test_a_named_file_that_is_not_there_is_refused(tmp_path):
    with pytest.raises(LfmcError, match="cannot be read"):
        read_site({"LFMC_SITE": str(tmp_path / "none.yaml")})


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("acount: me", "acount: unknown key"),
        ("max_runtime: 0", "max_runtime: .*greater than or equal to 1"),
        ("[a]", "expected a mapping"),
        ("a: [", "not valid YAML"),
    ],
)
def test_a_mistake_is_named(tmp_path, text, message):
    with pytest.raises(LfmcError, match=message) as caught:
        site(tmp_path, text)
    assert "\n" not in str(caught.value)


def test_time_grows_with_attempts_up_to_the_partitions_limit(tmp_path):
    chosen = site(tmp_path, "max_runtime: 100")
    expression = str(chosen.rule("hmc", 60, mem_mb=1000)["runtime"])
    assert [eval(expression, {"attempt": n}) for n in (1, 2, 3)] == [60, 100, 100]


def test_memory_grows_with_attempts_and_a_rule_may_be_overridden(tmp_path):
    chosen = site(tmp_path, "rules: {hmc: {runtime: 5, nodes: 2}}")
    requested = chosen.rule("hmc", 60, mem_mb=1000)
    assert [eval(str(requested["mem_mb"]), {"attempt": n}) for n in (1, 2, 9)] == [1000, 2000, 4000]
    assert (requested["runtime"], requested["nodes"]) == (5, 2)


def dry_run(root: Path, folder: Path) -> subprocess.CompletedProcess[str]:
    """Snakemake with the Slurm profile in a folder that may have site settings."""
    return subprocess.run(
        [sys.executable, "-m", "snakemake", "--snakefile", str(root / "Snakefile"), "--dry-run"]
        + ["--workflow-profile", str(root / "workflow/profiles/slurm")],
        cwd=folder,
        env={**os.environ, "LFMC_SITE": str(folder / "site.yaml")},
        capture_output=True,
        text=True,
    )


@pytest.mark.parametrize("text", [None, "acount: me"])
def test_snakemake_ends_with_one_line_where_the_site_file_is_wrong(root, tmp_path, text):
    if text:
        (tmp_path / "site.yaml").write_text(text)
    done = dry_run(root, tmp_path)
    assert done.returncode == 1
    *before, last = done.stderr.splitlines()
    assert all(line.startswith("Using workflow specific profile") for line in before)
    what = "acount: unknown key" if text else "cannot be read"
    assert last.startswith(f"lfmc: error: {tmp_path}/site.yaml: {what}")


def test_the_slurm_profile_knows_every_rule_that_is_submitted(root, tmp_path):
    """A dry run with the profile: account, launcher and memory of the site reach the jobs."""
    shutil.copy(root / "config.yaml", tmp_path / "config.yaml")
    (tmp_path / "site.yaml").write_text(
        yaml.safe_dump({"account": "lattice", "launcher": "srun --mpi=pmix"})
    )
    done = dry_run(root, tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "slurm_account=lattice" in done.stdout
    assert "launcher=srun --mpi=pmix" in done.stdout
    rules = {p.stem for p in (root / "workflow/rules").glob("*.smk")} - {
        "common",
        "fit",
        "gates",
        "logz",
        "summary",
        "samplers",
        "tune-couplings",
    }
    profile = (root / "workflow/profiles/slurm/config.yaml").read_text()
    assert all(f'("{rule}"' in profile for rule in rules)
    assert "?for sampler in CLASSICAL:" in profile
