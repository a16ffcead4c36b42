"""One thread per process, deterministic property tests, and fixtures that several tests share."""

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import settings

# Read when torch and numba are imported, which is after this file.
for _variable in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
    os.environ[_variable] = "1"

ROOT = Path(__file__).resolve().parent.parent

# Modules whose fixtures take long: their tests run in one process, which makes them once.
ONE_PROCESS = frozenset(
    f"test_{name}"
    for name in (
        "analysis_commands", "api_runs", "api_workflow", "benchmarks", "docs_site", "every_file",
        "exchange_export", "exchange_import", "exchange_logq", "figures_files", "hybrid",
        "latent_hmc", "plugin", "proposals", "proposals_longer", "report", "samplers_run",
        "summary", "training_depths", "training_ranks", "training_run", "verify_elsewhere",
        "weighted", "workflow_faults", "workflow_imported", "workflow_not_reached",
        "workflow_writers",
    )
)  # fmt: skip

settings.register_profile("lfmc", derandomize=True, deadline=None, max_examples=50, database=None)
settings.load_profile("lfmc")


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Group them for `--dist loadgroup`, which reads the marks next."""
    for item in items:
        name = item.path.stem
        if name in ONE_PROCESS and item.get_closest_marker("xdist_group") is None:
            item.add_marker(pytest.mark.xdist_group(name.removeprefix("test_")))


@pytest.fixture(scope="session")
def root() -> Path:
    """The repository."""
    return ROOT


@pytest.fixture
def run_lfmc(tmp_path: Path) -> Callable[..., subprocess.CompletedProcess[str]]:
    """Run the command line in a fresh process and folder, as a user does."""

    def run(*arguments: str | Path, **options) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "lfmc.cli.main", *map(str, arguments)]
        return subprocess.run(
            command, **{"cwd": tmp_path, "capture_output": True, "text": True, **options}
        )

    return run


@pytest.fixture(scope="session")
def fork_server() -> Iterator[dict[str, str]]:
    """Environment in which `lfmc` is a fork of a process that has its imports behind it."""
    from fork_server import running_server

    yield from running_server()


@pytest.fixture(scope="module", autouse=True)
def forked_jobs(request) -> Iterator[None]:
    """Commands of some modules are such forks: most of their time would be imports."""
    from fork_server import FORKED

    if request.module.__name__ not in FORKED:
        yield
        return
    with pytest.MonkeyPatch.context() as patch:
        for name, value in request.getfixturevalue("fork_server").items():
            patch.setenv(name, value)
        yield


@pytest.fixture(scope="session")
def small_run(tmp_path_factory) -> Path:
    """Folder of config.yaml and results/ of one small ensemble, up to the tables."""
    from api_run import make_run

    folder = tmp_path_factory.mktemp("small_run")
    make_run(folder)
    return folder


@pytest.fixture(scope="session")
def cluster() -> Iterator[Path]:
    """Folder of a Slurm of three virtual nodes, one for all tests marked slurm."""
    from slurm_cluster import running_cluster

    yield from running_cluster()


@pytest.fixture(scope="session")
def slurm_results(root, cluster, fork_server, tmp_path_factory) -> tuple[Path, Path]:
    """Results folders of a small run through Slurm and of the same run on this machine."""
    from slurm_workflow import both

    return both(root, tmp_path_factory.mktemp("workflow"), fork_server)
