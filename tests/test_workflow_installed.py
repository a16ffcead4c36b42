"""Claims about the workflow in the package: from a wheel, in an empty folder, with `lfmc run`."""

import fcntl
import json
import os
import shutil
import signal
import subprocess
import sys
import time
import zipfile
from pathlib import Path

import pytest
import yaml
from processes import default_signals

pytestmark = [pytest.mark.workflow, pytest.mark.xdist_group("installed")]

TINY = {
    "results": "out",
    "ensembles": [{"name": "T4", "L": 4, "m2": 1.0, "lam": 4.0}],
    "statistics": {"configurations": 400, "save_every": 1, "replicas": 4, "keep_fields": 4},
    "flow": {"targets": [0.5], "models": 1},
    "fit": {"L": []},
}


@pytest.fixture(scope="module")
def wheel(root, tmp_path_factory) -> Path:
    """The wheel of this tree."""
    source, target = tmp_path_factory.mktemp("source"), tmp_path_factory.mktemp("dist")
    for name in ("pyproject.toml", "README.md", "LICENSE", "config.yaml"):  # a preset is a link
        shutil.copy(root / name, source)
    ignored = shutil.ignore_patterns("__pycache__")
    shutil.copytree(root / "workflow", source / "workflow", ignore=ignored)
    shutil.copytree(root / "lfmc", source / "lfmc", ignore=ignored, symlinks=True)
    code = "import sys; from setuptools import build_meta; build_meta.build_wheel(sys.argv[1])"
    command = [sys.executable, "-c", code, str(target)]
    done = subprocess.run(command, cwd=source, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    (path,) = target.glob("*.whl")
    return path


@pytest.fixture(scope="module")
def installed(wheel, tmp_path_factory) -> Path:
    """What the wheel installs, in a folder of its own; modes of files are those in the wheel."""
    folder = tmp_path_factory.mktemp("installed")
    with zipfile.ZipFile(wheel) as archive:
        for entry in archive.infolist():
            path = Path(archive.extract(entry, folder))
            path.chmod(path.stat().st_mode | (entry.external_attr >> 16 & 0o111))
    return folder


@pytest.fixture
def run(installed, tmp_path):
    """The command of the installed package in an empty folder."""

    def call(*arguments: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "lfmc.cli.main", *arguments]
        environment = {**os.environ, "PYTHONPATH": str(installed)}
        return subprocess.run(
            command, cwd=tmp_path, env=environment, capture_output=True, text=True
        )

    return call


def test_a_wheel_has_every_file_of_the_workflow_and_nothing_compiled(root, installed):
    skipped = {"__pycache__"}
    wanted = {
        path.relative_to(root / "workflow")
        for path in (root / "workflow").rglob("*")
        if path.is_file() and not skipped.intersection(path.parts)
    }
    folder = installed / "lfmc" / "workflow"
    assert {p.relative_to(folder) for p in folder.rglob("*") if p.is_file()} == wanted
    assert os.access(folder / "slurm" / "in_allocation", os.X_OK)


def test_files_made_by_a_wheel_name_the_code_that_a_clone_names(root, installed, tmp_path):
    code = "import lfmc.provenance as p; print(p.provenance()['code'], p.provenance()['commit'])"
    found = []
    for path in (root, installed):
        environment = {**os.environ, "PYTHONPATH": str(path)}
        command = [sys.executable, "-c", code]
        done = subprocess.run(
            command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=True
        )
        found.append(done.stdout.split(" "))
    assert found[0][0] == found[1][0]
    assert len(found[0][0]) == 64
    assert found[1][1] == "\n"  # no commit


def test_an_edited_source_is_other_code(installed, tmp_path):
    """The negative control of the claim before."""
    copy = tmp_path / "copy"
    shutil.copytree(installed, copy)
    with (copy / "lfmc" / "action.py").open("a") as stream:
        stream.write("# edited\n")
    code = "import lfmc.provenance as p; print(p.provenance()['code'])"
    found = [
        subprocess.run(
            [sys.executable, "-c", code],
            cwd=tmp_path,
            env={**os.environ, "PYTHONPATH": str(path)},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for path in (installed, copy)
    ]
    assert found[0] != found[1]


def test_an_installed_package_has_no_commit_of_the_repository_around_it(installed, tmp_path):
    """An environment often lies in a repository of its user's."""
    place = tmp_path / "project"
    shutil.copytree(installed / "lfmc", place / ".venv" / "lfmc")
    git = ["git", "-c", "user.name=A", "-c", "user.email=a@b.example", "-C", str(place)]
    (place / "README").write_text("")
    for words in (["init", "--quiet"], ["add", "README"], ["commit", "--quiet", "-m", "one"]):
        subprocess.run([*git, *words], check=True, capture_output=True)
    code = "import lfmc.provenance as p; print(repr(p.provenance()['commit']))"
    environment = {**os.environ, "PYTHONPATH": str(place / ".venv")}
    command = [sys.executable, "-c", code]
    done = subprocess.run(
        command, cwd=place, env=environment, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "''"


def test_init_writes_the_commented_default_and_nothing_over_it(run, root, tmp_path):
    assert run("init").returncode == 0
    path = tmp_path / "config.yaml"
    assert path.read_text() == (root / "config.yaml").read_text()
    assert "#" in path.read_text()
    assert run("config", "check").returncode == 0
    path.write_text("mine")
    done = run("init", "--preset", "smoke")
    assert (done.returncode, path.read_text()) == (2, "mine")
    assert done.stderr == ("lfmc: error: config.yaml is there already and is not overwritten\n")


def test_a_missing_configuration_hints_at_init(run):
    for command in (["run"], ["hmc", "--ensemble", "E1"], ["config", "check"]):
        done = run(*command)
        assert done.returncode == 2
        assert done.stderr == (
            "lfmc: error: config.yaml: cannot be read (No such file or directory); "
            "'lfmc init' writes a config.yaml\n"
        )


@pytest.mark.parametrize("profile", [(), ("--profile", "slurm")])
def test_a_preset_is_planned_to_its_figures(run, tmp_path, profile):
    done = run("run", "--preset", "smoke", "--cores", "1", *profile, "--", "--dry-run")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "results-smoke/figures/tau_int.pdf" in done.stdout
    assert not (tmp_path / "results-smoke").exists()


def test_jobs_of_a_run_from_a_wheel_are_those_of_the_wheel(run, tmp_path, installed):
    (tmp_path / "config.yaml").write_text(yaml.safe_dump(TINY))
    done = run("run", "--cores", "1", "--", "out/measure/T4/hmc.csv")
    assert done.returncode == 0, done.stdout + done.stderr
    assert not (tmp_path / "out/report.html").exists()  # there are no figures to report on
    shown = run("show", "--json", "out/measure/T4/hmc.csv")
    assert json.loads(shown.stdout)["commit"] == ""
    again = run("run", "--no-report", "--", "out/measure/T4/hmc.csv")
    assert "Nothing to be done" in again.stdout + again.stderr


def test_a_failed_run_has_the_exit_code_of_snakemake(run, tmp_path):
    (tmp_path / "config.yaml").write_text(yaml.safe_dump(TINY))
    done = run("run", "--", "out/no/such/file")
    assert done.returncode == 1
    assert "Traceback" not in done.stderr


def test_one_run_at_a_time_works_in_a_folder(run, tmp_path):
    (tmp_path / "config.yaml").write_text(yaml.safe_dump(TINY))
    with (tmp_path / ".make.lock").open("w") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        done = run("run", "--", "--dry-run")
    assert done.returncode == 2
    assert done.stderr == "lfmc: error: another run is at work in this folder\n"
    assert run("run", "--", "--dry-run").returncode == 0


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_a_signal_ends_all_jobs_of_a_run_and_the_folder_is_free(installed, run, tmp_path, number):
    """The job is far from its end when the signal comes, and is gone when the command has ended."""
    long = {"configurations": 10**7, "save_every": 50, "replicas": 4, "keep_fields": 4}
    (tmp_path / "config.yaml").write_text(yaml.safe_dump(TINY | {"statistics": long}))
    log = tmp_path / "out/logs/local/T4.log"
    command = [sys.executable, "-m", "lfmc.cli.main", "run", "--", "out/local/T4.h5"]
    environment = {**os.environ, "PYTHONPATH": str(installed)}
    with subprocess.Popen(
        command,
        cwd=tmp_path,
        env=environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        preexec_fn=default_signals,
    ) as process:
        while not log.exists():
            assert process.poll() is None
            time.sleep(0.1)
        time.sleep(2)
        process.send_signal(number)
        assert process.wait(timeout=300) == 128 + number
    assert not (tmp_path / "out/local/T4.h5").exists()
    with (tmp_path / ".make.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)  # nobody holds it
    found = [p for p in Path("/proc").glob("[0-9]*/cwd") if _same(p, tmp_path)]
    assert not found


def _same(link: Path, folder: Path) -> bool:
    """Whether a process works in that folder; those of other users do not tell."""
    try:
        return link.readlink() == folder
    except OSError:
        return False


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("--profile", "slum"), "--profile slum: none of default, slurm"),
        (("--preset", "smok"), "perhaps 'smoke'"),
        (("--preset", "smoke", "--config", "a.yaml"), "give --preset or --config, not both"),
        (("config.yaml",), "config.yaml: a configuration is given as --config config.yaml"),
    ],
)
def test_what_run_is_given_is_refused_in_one_line(run, tmp_path, arguments, says):
    (tmp_path / "config.yaml").write_text(yaml.safe_dump(TINY))
    done = run("run", *arguments)
    assert done.returncode == 2
    (line,) = done.stderr.splitlines()
    assert says in line
