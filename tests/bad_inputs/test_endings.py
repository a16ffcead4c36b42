"""Claims about how a real process ends: streams that close, signals, no permission, no folder."""

import ctypes
import os
import signal
import subprocess
import sys
import time

import pytest
from processes import default_signals

from bad_inputs.cases import changes, files_of
from lfmc.cli.ending import INTERNAL, INTERRUPTED, one_line

pytestmark = pytest.mark.unit

LFMC = [sys.executable, "-m", "lfmc.cli.main"]
SHOW = [*LFMC, "show", "results/tables/observables.csv"]
DROP_CAPABILITY, OVERRIDE, SEARCH = 24, 1, 2  # of linux/prctl.h and linux/capability.h


def shell(script: str, folder, **options) -> subprocess.CompletedProcess[str]:
    """A script in bash, with $LFMC, the command line."""
    environment = {**os.environ, "LFMC": " ".join(LFMC), **options}
    command = ["bash", "-o", "pipefail", "-c", script]
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True)


def test_a_full_device_is_one_line(run_folder):
    done = shell("$LFMC show results/tables/observables.csv > /dev/full", run_folder)
    assert done.returncode == 2
    assert done.stderr == "lfmc: error: input or output failed: No space left on device\n"


def test_a_reader_that_has_seen_enough_is_no_error(run_folder):
    done = shell("$LFMC show results/tables/observables.csv | head -n 1", run_folder)
    assert done.stdout == "results/tables/observables.csv\n"
    assert done.stderr == ""


@pytest.mark.parametrize("closed", [">&-", "2>&-", "<&-", ">&- 2>&- <&-"])
def test_a_closed_stream_is_no_traceback(closed, run_folder):
    done = shell(f"$LFMC show results/tables/observables.csv {closed}", run_folder)
    assert done.returncode == 0
    assert "Traceback" not in done.stderr + done.stdout


def test_an_error_with_nowhere_to_go_keeps_its_exit_code(run_folder):
    assert shell("$LFMC gates --results /gone 2> /dev/full", run_folder).returncode == 2
    assert shell("$LFMC gates --results /gone 2>&-", run_folder).returncode == 2


def test_a_working_directory_that_was_removed_is_one_line(run_folder):
    (run_folder / "gone").mkdir()
    done = shell("cd gone; rmdir ../gone; $LFMC config check", run_folder)
    assert done.returncode == 2
    assert done.stderr == (
        "lfmc: error: config.yaml: cannot be read (No such file or directory); "
        "'lfmc init' writes a config.yaml\n"
    )


def _no_privileges() -> None:
    """Permissions count for the superuser too, after exec."""
    library = ctypes.CDLL(None)
    for capability in (OVERRIDE, SEARCH):
        library.prctl(DROP_CAPABILITY, capability, 0, 0, 0)


FORBIDDEN = {
    "config.yaml": ["config", "check"],
    "results/tables/observables.csv": ["gates"],
    "results/hmc/T4.h5": ["show", "results/hmc/T4.h5"],
    "results/figures/greens.png": ["show", "results/figures/greens.png"],
    "results/tune/T4.json": ["hmc", "--ensemble", "T4"],
    "results/hmc": ["show", "results/hmc/T4.h5"],
}


@pytest.mark.parametrize("path", FORBIDDEN)
def test_a_forbidden_input_says_so(path, run_folder):
    mode = (run_folder / path).stat().st_mode
    before = files_of(run_folder)
    (run_folder / path).chmod(0)
    done = subprocess.run(
        [*LFMC, *FORBIDDEN[path]],
        cwd=run_folder,
        capture_output=True,
        text=True,
        preexec_fn=_no_privileges,
    )
    (run_folder / path).chmod(mode)
    assert done.returncode == 2
    assert done.stderr.startswith("lfmc: error: ")
    assert done.stderr.count("\n") == 1
    assert path in done.stderr
    assert "Permission denied" in done.stderr or "not readable" in done.stderr
    assert "delete" not in done.stderr
    assert not changes(before, files_of(run_folder))


def test_a_folder_that_cannot_be_written_is_one_line(run_folder):
    tables = run_folder / "results" / "tables"
    before = files_of(run_folder)
    tables.chmod(0o500)
    done = subprocess.run(
        [*LFMC, "fit"], cwd=run_folder, capture_output=True, text=True, preexec_fn=_no_privileges
    )
    tables.chmod(0o700)
    assert done.returncode == 2
    last = done.stderr.splitlines()[-1]
    assert last.startswith("lfmc: error: results/tables/")
    assert "cannot be written (Permission denied)" in last
    assert not changes(before, files_of(run_folder))


def test_an_interruption_is_one_line_and_the_shell_s_code(run_folder):
    os.mkfifo(run_folder / "wait.csv")
    script = "from pathlib import Path; from lfmc.cli import main, show; import sys, time; "
    script += "show.READERS['.csv'] = lambda path: (print('ready', flush=True), time.sleep(60)); "
    script += "sys.argv = ['lfmc', 'show', 'results/tables/costs.csv']; main.main()"
    with subprocess.Popen(
        [sys.executable, "-c", script],
        cwd=run_folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=default_signals,
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        assert process.stdout.readline() == "ready\n"
        time.sleep(0.1)
        process.send_signal(signal.SIGINT)
        assert process.stderr.read() == "lfmc: interrupted; run the same command to continue\n"
    assert process.returncode == INTERRUPTED


@pytest.mark.parametrize(
    ("raised", "code", "says"),
    [
        (ZeroDivisionError("division by zero"), INTERNAL, "internal: ZeroDivisionError: division"),
        (RecursionError("too deep"), INTERNAL, "internal: RecursionError"),
        (OSError("of a library"), INTERNAL, "internal: OSError"),
        (ImportError("no module x", name="lfmc.x"), INTERNAL, "internal: ImportError"),
        (ImportError("no module zuko", name="zuko"), 2, "a library is missing or damaged"),
        (MemoryError("Unable to allocate 3 TiB"), 2, "not enough memory (Unable to allocate"),
        (PermissionError(13, "no", "a.csv"), 2, "a.csv: Permission denied"),
    ],
)
def test_what_no_reader_expects_is_one_line_too(raised, code, says, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    monkeypatch.delenv("SLURM_JOB_ID", raising=False)
    with pytest.raises(SystemExit) as ended, one_line():
        raise raised
    assert ended.value.code == code
    message = capsys.readouterr().err
    assert message.startswith(f"lfmc: error: {says}")
    assert message.count("\n") == 1
    kept = list(tmp_path.iterdir())
    assert len(kept) == (code == INTERNAL)
    for path in kept:
        assert str(path) in message
        assert "Traceback" in path.read_text()


def test_a_batch_job_keeps_the_traceback_in_its_log(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    monkeypatch.setenv("SLURM_JOB_ID", "7")
    with pytest.raises(SystemExit), one_line():
        raise ZeroDivisionError("division by zero")
    message = capsys.readouterr().err
    assert "Traceback" in message
    assert message.splitlines()[-1].endswith("please report it with the lines above")
    assert not list(tmp_path.iterdir())
