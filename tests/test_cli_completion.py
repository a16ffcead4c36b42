"""Completion in the shell: commands, and names of the configuration, figures and presets."""

import os
import subprocess
import sys

import pytest
from flows_small import write_small

pytestmark = pytest.mark.unit


@pytest.fixture
def completed(tmp_path):
    """The words that bash would offer for the last word of a command line."""

    def complete(line: str) -> list[str]:
        words = line.split(" ")
        variables = {"COMP_WORDS": line, "COMP_CWORD": str(len(words) - 1)}
        done = subprocess.run(
            [sys.executable, "-m", "lfmc.cli.main"],
            cwd=tmp_path,
            env={**os.environ, **variables, "_LFMC_COMPLETE": "bash_complete"},
            capture_output=True,
            text=True,
        )
        assert done.stderr == ""
        return [entry.partition(",")[2] for entry in done.stdout.split()]

    return complete


def test_commands_and_options_are_completed(completed):
    assert completed("lfmc pro") == ["propose"]
    assert completed("lfmc hmc --ens") == ["--ensemble"]


def test_names_of_the_configuration_are_completed(completed, tmp_path):
    write_small(tmp_path)
    assert completed("lfmc hmc --config small.yaml --ensemble T") == ["T4"]
    found = completed("lfmc measure --config small.yaml --ensemble T4 --sampler ")
    assert {"hmc", "flow-70"} <= set(found)
    assert completed("lfmc measure --config small.yaml --ensemble T4 --sampler h") == ["hmc"]


def test_without_a_configuration_nothing_is_offered_and_nothing_said(completed):
    assert completed("lfmc hmc --ensemble ") == []


def test_figures_and_presets_are_completed(completed):
    assert completed("lfmc plot tau_int_") == ["tau_int_update"]
    assert completed("lfmc run --preset s") == ["scan", "schwinger", "smoke"]
    assert completed("lfmc config preset re") == ["realnvp"]


def test_the_documented_line_is_understood_by_bash(root, tmp_path):
    """The function that click prints is defined and registered for the command."""
    line = 'eval "$(_LFMC_COMPLETE=bash_source lfmc)"'
    assert f"    {line}\n" in (root / "docs" / "install.md").read_text()
    (tmp_path / "lfmc").write_text(f'#!/bin/sh\nexec "{sys.executable}" -m lfmc.cli.main "$@"\n')
    (tmp_path / "lfmc").chmod(0o755)
    environment = {**os.environ, "PATH": f"{tmp_path}:{os.environ['PATH']}"}
    done = subprocess.run(
        ["bash", "-euc", f"{line}; complete -p lfmc"],
        env=environment,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    assert "_lfmc_completion" in done.stdout
