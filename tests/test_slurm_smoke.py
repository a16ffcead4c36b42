"""A small configuration through a real Slurm, against a run on this machine: the same bits.

Every rule runs, with one flow and least statistics; LFMC_SLURM_PRESET=1 takes the preset `smoke`
as it is, in three times the time.
"""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from same_results import contents, differences, files
from slurm_cluster import environment

from lfmc.store import open_hdf5

pytestmark = [pytest.mark.slurm, pytest.mark.xdist_group("slurm")]

SITE = {
    "accounting": False,
    "check_seconds": 2,
    "node_mem_mb": 5000,
    "rules": {"propose": {"nodes": 3}},
}


RANKS = 3


def configuration(root: Path, ranks: int) -> str:
    """The preset `smoke`, made smaller unless it is asked for as it is."""
    chosen = yaml.safe_load((root / "lfmc" / "data" / "presets" / "smoke.yaml").read_text())
    chosen["propose"]["ranks"] = ranks
    if "LFMC_SLURM_PRESET" not in os.environ:
        chosen["statistics"] |= {"configurations": 6400, "keep_fields": 50}
        chosen["flow"] |= {"targets": [0.5], "retrain_configurations": 3200}
        chosen["flow"]["model"] |= {"layers": 2, "table": 128}
    return yaml.safe_dump(chosen)


def workflow(root: Path, folder: Path, ranks: int, **site: object) -> Path:
    """A folder with its own copy of the workflow, the small configuration and site settings."""
    folder.mkdir(exist_ok=True)
    shutil.copy(root / "Snakefile", folder)
    shutil.copytree(root / "workflow", folder / "workflow")
    (folder / "profiles").symlink_to("workflow/profiles")
    (folder / "smoke.yaml").write_text(configuration(root, ranks))
    (folder / "site.yaml").write_text(yaml.safe_dump({**SITE, **site}))
    return folder


def snakemake(folder: Path, *arguments: str, **extra: str) -> subprocess.CompletedProcess[str]:
    """Snakemake in that folder."""
    command = [sys.executable, "-m", "snakemake", *arguments, "--configfile", "smoke.yaml"]
    settings = {"LFMC_SITE": str(folder / "site.yaml"), **extra}
    return subprocess.run(
        command, cwd=folder, env=environment(**settings), capture_output=True, text=True
    )


def through_slurm(folder: Path, *targets: str, **extra: str) -> subprocess.CompletedProcess[str]:
    return snakemake(folder, *targets, "--workflow-profile", "workflow/profiles/slurm", **extra)


@pytest.fixture(scope="module")
def results(root, cluster, tmp_path_factory) -> tuple[Path, Path]:
    """Results of the run through Slurm, ranks on three nodes, and of the run beside it."""
    there = workflow(root, tmp_path_factory.mktemp("slurm") / "run", RANKS)
    done = through_slurm(there)
    assert done.returncode == 0, (done.stdout + done.stderr)[-8000:]
    here = workflow(root, tmp_path_factory.mktemp("local") / "run", 1)
    done = snakemake(here, "--cores", "2")
    assert done.returncode == 0, (done.stdout + done.stderr)[-8000:]
    return there / "results-smoke", here / "results-smoke"


def test_a_run_through_slurm_has_the_bits_of_a_local_run(results):
    there, here = results
    assert len(files(there)) > 60
    assert differences(there, here) == []


def test_the_comparison_sees_one_flipped_bit(results, tmp_path):
    """The twin of the claim above: a single changed number is reported, and where."""
    copy = shutil.copytree(results[0], tmp_path / "copy")
    with open_hdf5(copy / "hmc" / "S4.h5") as file:
        value = file["scalars/m"][0, 0]
    import h5py

    with h5py.File(copy / "hmc" / "S4.h5", "r+") as file:
        file["scalars/m"][0, 0] = -value
    assert differences(copy, results[0]) == ["hmc/S4.h5: scalars/m"]


def test_proposals_came_from_three_nodes_and_say_so(results):
    for path in (results[0] / "propose").rglob("*.h5"):
        with open_hdf5(path) as file:
            made = json.loads(file.attrs["provenance"])
        assert made["parallel"]["nodes"] == ["n1", "n2", "n3"]
        assert made["parallel"]["ranks"] == RANKS
        assert made["parallel"]["launcher"] == "srun"
        assert "MPICH" in made["parallel"]["mpi"]
        assert int(made["job"]["id"]) > 0


def test_every_file_of_a_job_names_it(results):
    for stage in ("train", "hmc"):
        path = next((results[0] / stage).rglob("*.csv" if stage == "train" else "*.h5"))
        if path.suffix == ".csv":
            text = path.read_text().splitlines()[0].removeprefix("# provenance ")
        else:
            with open_hdf5(path) as file:
                text = file.attrs["provenance"]
        assert json.loads(text)["job"]["node"] in ("n1", "n2", "n3")


def test_nothing_is_left_in_the_queue_or_half_written(results, cluster):
    assert not list(results[0].rglob("*.part*"))
    assert contents(results[0] / "tables" / "gates.csv")["passed"].tolist().count("False") == 0


def test_an_unknown_partition_is_one_clear_refusal(root, cluster, tmp_path):
    folder = workflow(root, tmp_path / "run", 1, partition="nowhere")
    done = through_slurm(folder, "results-smoke/train/S4/history.csv", "--retries", "0")
    assert done.returncode != 0
    assert "invalid partition specified: nowhere" in done.stdout + done.stderr
