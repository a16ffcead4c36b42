"""Which netmod MPICH is told to use: OFI under Slurm's PMI, none of ours elsewhere."""

import importlib.metadata

import pytest

from lfmc.mpi import netmod
from lfmc.mpi.netmod import NETMOD, choose_netmod

SLURM = {"PMI_FD": "11", "PMI_RANK": "0", "PMI_SIZE": "3", "SLURM_STEP_ID": "0"}


@pytest.fixture
def wheel(monkeypatch):
    """An environment in which the wheel of MPICH is installed, in any version."""

    def install(version: str | None) -> None:
        def of(name: str) -> str:
            if version is None:
                raise importlib.metadata.PackageNotFoundError(name)
            return version

        monkeypatch.setattr(netmod, "version", of)

    install("5.0.2")
    return install


def told(**environment: str) -> str | None:
    choose_netmod(environment)
    return environment.get(NETMOD)


def test_the_wheel_under_slurm_is_told(wheel):
    assert told(**SLURM) == "ofi"


def test_what_the_user_set_stays(wheel):
    assert told(**SLURM, **{NETMOD: "ucx"}) == "ucx"


@pytest.mark.parametrize(
    "environment",
    [
        {},
        {"SLURM_STEP_ID": "0"},  # srun without PMI
        {"PMI_FD": "11", "PMI_RANK": "0"},  # mpiexec on a workstation
        {**SLURM, "MPI_LOCALNRANKS": "3"},  # mpiexec within a job step
        {**SLURM, "MPI4PY_LIBMPI": "/site/libmpi.so"},
    ],
)
def test_others_are_left_alone(wheel, environment):
    assert told(**environment) is None


@pytest.mark.parametrize("version", [None, "4.3.2", "unknown"])
def test_other_builds_of_mpich_are_left_alone(wheel, version):
    wheel(version)
    assert told(**SLURM) is None
