"""A small configuration through a real Slurm, against a run on this machine: the same bits."""

import json
import shutil

import pytest
from same_reports import report_differences
from same_results import contents, differences, files
from slurm_workflow import RANKS, TARGETS, snakemake, through_slurm, workflow

from lfmc.store import open_hdf5
from lfmc.table_files import table_stamp

pytestmark = [pytest.mark.slurm, pytest.mark.xdist_group("slurm")]


def test_a_run_through_slurm_has_the_bits_of_a_local_run(slurm_results):
    there, here = slurm_results
    assert len(files(there)) > 50
    assert differences(there, here) == []


def test_the_comparison_sees_one_flipped_bit(slurm_results, tmp_path):
    """The negative control of the claim above: a single changed number is reported, and where."""
    copy = shutil.copytree(slurm_results[0], tmp_path / "copy")
    with open_hdf5(copy / "hmc" / "S4.h5") as file:
        value = file["scalars/m"][0, 0]
    import h5py

    with h5py.File(copy / "hmc" / "S4.h5", "r+") as file:
        file["scalars/m"][0, 0] = -value
    assert differences(copy, slurm_results[0]) == ["hmc/S4.h5: scalars/m"]


def test_proposals_came_from_three_nodes_and_say_so(slurm_results):
    for path in (slurm_results[0] / "propose").rglob("*.h5"):
        with open_hdf5(path) as file:
            made = json.loads(file.attrs["provenance"])
        assert made["parallel"]["nodes"] == ["n1", "n2", "n3"]
        assert made["parallel"]["ranks"] == RANKS
        assert made["parallel"]["launcher"] == "srun"
        assert "MPICH" in made["parallel"]["mpi"]
        assert int(made["job"]["id"]) > 0


def test_every_file_of_a_job_names_it(slurm_results):
    for stage in ("train", "hmc"):
        path = next((slurm_results[0] / stage).rglob("*.csv" if stage == "train" else "*.h5"))
        if path.suffix == ".csv":
            text = table_stamp(path)
        else:
            with open_hdf5(path) as file:
                text = file.attrs["provenance"]
        assert json.loads(text)["job"]["node"] in ("n1", "n2", "n3")


@pytest.fixture(scope="module")
def reports(slurm_results):
    """Snakemake's reports of both runs."""
    for results in slurm_results:
        code, output = snakemake(results.parent, *TARGETS, "--report", "report.html")
        assert code == 0, output
    return tuple(results.parent / "report.html" for results in slurm_results)


def test_the_report_of_a_run_through_slurm_is_that_of_a_local_run(reports):
    assert report_differences(*reports) == []


def test_the_comparison_of_reports_sees_a_changed_caption(reports, tmp_path):
    page = reports[0].read_text()
    assert "Two-point susceptibility" in page
    (tmp_path / "report.html").write_text(page.replace("Two-point susceptibility", "Mass"))
    assert report_differences(tmp_path / "report.html", reports[1]) != []


def test_nothing_is_left_in_the_queue_or_half_written(slurm_results, cluster):
    assert not list(slurm_results[0].rglob("*.part*"))
    assert (
        contents(slurm_results[0] / "tables" / "gates.csv")["passed"].tolist().count("False") == 0
    )


def test_an_unknown_partition_is_one_clear_refusal(root, cluster, tmp_path):
    folder = workflow(root, tmp_path / "run", 1, partition="nowhere")
    code, output = through_slurm(folder, "results-smoke/train/S4/history.csv", "--retries", "0")
    assert code != 0
    assert "invalid partition specified: nowhere" in output
