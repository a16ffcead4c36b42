"""Launchers that docs/cluster.md calls tested, chosen by the site: three nodes, the same bits."""

import json
import shutil
from pathlib import Path

import pytest
import yaml
from same_results import contents, same
from slurm_workflow import RANKS, SITE, through_slurm

from lfmc.store import open_hdf5

pytestmark = [pytest.mark.slurm, pytest.mark.xdist_group("slurm")]

# Debian's openmpi-bin, and libpmix-dev, whose libpmix.so Slurm's plugin opens. No shared memory: it
# is called after the host, which the virtual nodes share.
OPENMPI = "env MPI4PY_MPIABI=openmpi OMPI_MCA_btl=self,tcp"
PMIX = Path("/usr/lib/x86_64-linux-gnu/libpmix.so")
LAUNCHERS = {
    "hydra": ("workflow/slurm/in_allocation mpiexec", "MPICH"),
    "openmpi-srun": (f"{OPENMPI} srun --mpi=pmix --kill-on-bad-exit=1", "Open MPI"),
    "openmpi-mpirun": (
        f"{OPENMPI} workflow/slurm/in_allocation mpirun.openmpi --allow-run-as-root",
        "Open MPI",
    ),
}


@pytest.mark.parametrize("name", LAUNCHERS)
def test_another_launcher_gives_the_same_bits(slurm_results, tmp_path, name):
    if name.startswith("openmpi") and not (shutil.which("mpirun.openmpi") and PMIX.exists()):
        pytest.skip("no Open MPI here: apt-get install openmpi-bin libpmix-dev")
    launcher, library = LAUNCHERS[name]
    folder = shutil.copytree(slurm_results[0].parent, tmp_path / "run", symlinks=True)
    (folder / "site.yaml").write_text(yaml.safe_dump({**SITE, "launcher": launcher}))
    made = folder / "results-smoke/propose/S4/flow-50.h5"
    made.unlink()
    shutil.rmtree(folder / "results-smoke/propose/S4/flow-50")
    code, output = through_slurm(folder, str(made.relative_to(folder)), "--retries", "0")
    assert code == 0, output[-4000:]
    with open_hdf5(made) as file:
        parallel = json.loads(file.attrs["provenance"])["parallel"]
    assert (parallel["ranks"], parallel["nodes"]) == (RANKS, ["n1", "n2", "n3"])
    assert library in parallel["mpi"]
    assert parallel["launcher"] == ("srun" if "srun" in launcher else "mpirun")
    one, two = contents(made), contents(slurm_results[1] / "propose/S4/flow-50.h5")
    assert all(same(one[key], two[key]) for key in one.keys() | two.keys())
