"""Claims about what Snakemake and make are given: quoted for a shell, or refused in one line."""

import os
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from lfmc.cli.workflow import require_space
from lfmc.config.configfile import given
from lfmc.config.results_folder import results_folder
from lfmc.errors import LfmcError

pytestmark = pytest.mark.unit

ONE = "ensembles: [{name: A, L: 4, m2: -4.0, lam: 9.0}]\n"


def snakemake(root: Path, folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "snakemake", "--snakefile", str(root / "Snakefile")]
    command += ["--cores", "1", "--dry-run", *arguments]
    return subprocess.run(command, capture_output=True, text=True, cwd=folder)


def lines(done: subprocess.CompletedProcess[str]) -> list[str]:
    """Its messages without the name of the profile."""
    return [line for line in done.stderr.splitlines() if not line.startswith("Using workflow")]


@pytest.mark.parametrize("name", ["other.yaml", None])
@pytest.mark.parametrize(
    ("content", "says"),
    [
        (None, "cannot be read (No such file or directory)"),
        (b"\x89PNG\xff", "line 1: not UTF-8 text"),
        (b"results: 2001-99-99\n" + ONE.encode(), "quote '2001-99-99'"),  # kills Snakemake's parser
        (ONE.encode() + b"results: 'x; touch PWNED; y'\n", "';' is not for the name"),
    ],
)
def test_snakemake_says_of_a_configuration_what_config_check_says(
    root, tmp_path, run_lfmc, name, content, says
):
    path = tmp_path / (name or "config.yaml")
    if content is not None:
        path.write_bytes(content)
    done = snakemake(root, tmp_path, *(("--configfile", name) if name else ()))
    assert done.returncode == 1
    checked = run_lfmc("config", "check", path.name)
    assert lines(done) == checked.stderr.splitlines()
    assert len(lines(done)) == 1
    assert says in lines(done)[0]
    assert not (tmp_path / "PWNED").exists()


def test_something_in_the_place_of_the_results_is_said_before_a_job_runs(root, tmp_path):
    (tmp_path / "config.yaml").write_text(f"{ONE}results: taken/deep\n")
    (tmp_path / "taken").write_text("")
    (line,) = lines(snakemake(root, tmp_path))
    assert line == "lfmc: error: config.yaml: results: taken is there and no folder"


def test_names_are_words_of_a_shell_command(root, tmp_path):
    folder = "my results, 1=+@ü"
    (tmp_path / "config.yaml").write_text(f"{ONE}results: {folder}\n")
    done = snakemake(root, tmp_path, "--printshellcmds")
    assert done.returncode == 0, done.stderr
    (line,) = [line for line in done.stdout.splitlines() if "lfmc hmc" in line]
    words = shlex.split(line)
    assert words[words.index(">") + 1] == f"{folder}/logs/hmc/A.log"
    assert words[words.index("--ensemble") + 1] == "A"


def test_no_rule_leaves_a_name_unquoted(root):
    for path in (root / "workflow" / "rules").glob("*.smk"):
        text = path.read_text()
        assert "{log}" not in text
        for command in (part for part in text.split("\n") if "lfmc(" in part or "ranks(" in part):
            assert "{wildcards." not in command or ":q}" in command, f"{path.name}: {command}"


@pytest.mark.parametrize(
    ("text", "path"),
    [("a/", "a"), ("./a//b", "a/b"), ("../a", "../a"), ("/x/y", "/x/y"), ("a b", "a b")],
)
def test_a_results_folder_is_used_in_its_plain_form(text, path):
    assert results_folder(text) == path


def test_the_home_folder_is_expanded(monkeypatch):
    monkeypatch.setenv("HOME", "/home/somebody")
    assert results_folder("~/runs") == "/home/somebody/runs"


@pytest.mark.parametrize(
    ("arguments", "files"),
    [
        ("--cores 2", []),
        ("--configfile a.yaml --cores 2", ["a.yaml"]),
        ("--cores 2 --configfile=a.yaml target", ["a.yaml"]),
        ("target --configfiles a.yaml b.yaml -n", ["a.yaml", "b.yaml"]),
    ],
)
def test_the_files_on_snakemakes_command_line_are_found(arguments, files):
    assert given(arguments.split()) == files


def make(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    environment = {k: v for k, v in os.environ.items() if not k.startswith("MAKE")}
    command = ["make", "--dry-run", *arguments]
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True)


def test_make_quotes_the_configuration_in_a_folder_with_a_space(root, tmp_path):
    folder = tmp_path / "a folder"
    folder.mkdir()
    shutil.copy(root / "Makefile", folder)
    name = "it's mine; touch PWNED.yaml"
    stamp = ("--assume-old", ".venv/.installed")
    for goal in ("figures", "report"):
        done = make(folder, *stamp, goal, f"CONFIG={name}")
        assert done.returncode in (0, 2), done.stderr  # 2: no lock file here for the second make
        quoted = '--configfile "$CONFIG"' if goal == "figures" else '--config "$CONFIG"'
        assert quoted in done.stdout
        assert "PWNED" not in done.stdout


@pytest.mark.parametrize(
    ("inside", "arguments", "says"),
    [
        ("plain", ("help", "VENV=a b"), 'VENV="a b" must be one path without spaces'),
        ("plain", ("help", "VENV="), "VENV="),
        ("a:b", ("help",), "holds a colon"),
    ],
)
def test_make_refuses_paths_that_it_cannot_have_in_one_line(
    root, tmp_path, inside, arguments, says
):
    folder = tmp_path / inside
    folder.mkdir()
    shutil.copy(root / "Makefile", folder)
    done = make(folder, *arguments)
    assert done.returncode == 2
    assert len(done.stderr.splitlines()) == 1
    assert says in done.stderr


def test_a_run_does_not_begin_on_a_full_disk(tmp_path, monkeypatch):
    """Snakemake alone would print a traceback for every line that it cannot log."""
    require_space(tmp_path, tmp_path / "not" / "there" / "yet")
    usage = shutil.disk_usage(tmp_path)._replace(free=100 * 1024)
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage)
    with pytest.raises(LfmcError, match="not/there: 100 KiB are left on its disk; make space"):
        require_space(tmp_path / "not" / "there")


# In the place of Snakemake: it starts a job and is killed, as where memory is short.
KILLED = """import os, signal, subprocess
job = subprocess.Popen(["sleep", "100"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
open("job", "w").write(str(job.pid))
os.kill(os.getpid(), signal.SIGKILL)
"""


def test_a_killed_snakemake_is_reported_and_its_jobs_end_with_it(root, tmp_path):
    """Otherwise the next run would be refused what the jobs hold."""
    code = "import sys; from lfmc.cli.workflow import _snakemake; _snakemake(sys.argv[1:], ())"
    done = subprocess.run(
        [sys.executable, "-c", code, sys.executable, "-c", KILLED],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(root)},
        capture_output=True,
        text=True,
    )
    job = Path("/proc", (tmp_path / "job").read_text(), "stat")
    assert not job.exists() or job.read_text().rpartition(")")[2].split()[0] == "Z"
    assert done.returncode == 128 + 9
    assert done.stderr.splitlines() == [
        "lfmc: error: Snakemake was ended by signal 9, and its jobs on this machine with it; the "
        "same command continues"
    ]
