"""Claims about bad inputs: one line and exit code 2, or right; nothing lost nor half-written."""

import pytest

from bad_inputs import (
    command_lines,
    configuration,
    environment,
    files_models,
    files_shown,
    files_tables,
    values,
    yaml_texts,
)
from bad_inputs.cases import Case, Outcome, faults
from bad_inputs.runner import run_case

pytestmark = pytest.mark.unit

FAMILIES = {
    "configuration": configuration.CASES,
    "values": values.CASES,
    "yaml_texts": yaml_texts.CASES,
    "command_lines": command_lines.CASES,
    "shown": files_shown.CASES,
    "tables": files_tables.CASES,
    "models": files_models.CASES,
    "environment": environment.CASES,
}
EVERY = [
    pytest.param(case, id=f"{family}: {case.name}")
    for family, cases in FAMILIES.items()
    for case in cases
]


@pytest.mark.parametrize("case", EVERY)
def test_a_bad_input_is_one_line_and_nothing_is_lost(case, run_folder):
    outcome = run_case(case, run_folder)
    found = faults(case, outcome)
    if found:
        message = f"{outcome.stdout}{outcome.stderr}"
        pytest.fail(f"lfmc {case.command}: {'; '.join(found)}\n{message}", pytrace=False)


@pytest.mark.parametrize("family", FAMILIES)
def test_names_of_cases_are_unique(family):
    names = [case.name for case in FAMILIES[family]]
    assert len(names) == len(set(names))


WRONG = Case("", "fit", ("three L",))
RIGHT = Case("", "fit", ("8 tables",), right=True)
ONE_LINE = "lfmc: error: fit.L: give three L\n"


@pytest.mark.parametrize(
    ("case", "outcome", "fault"),
    [
        (WRONG, Outcome(2, "", ONE_LINE, ()), None),
        (RIGHT, Outcome(0, "8 tables", "", ("results/tables/costs.csv",)), None),
        (WRONG, Outcome(1, "", "Traceback (most recent call last):\n three L", ()), "a traceback"),
        (WRONG, Outcome(70, "", ONE_LINE, ()), "exit code 70"),
        (WRONG, Outcome(0, "", ONE_LINE, ()), "exit code 0"),
        (WRONG, Outcome(2, "", ONE_LINE + "more\n", ()), "2 lines"),
        (WRONG, Outcome(2, "", "three L\n", ()), "no line"),
        (WRONG, Outcome(2, "", ONE_LINE + "x" * 400, ()), "characters"),
        (WRONG, Outcome(2, "", "lfmc: error: no\n", ()), "does not say"),
        (WRONG, Outcome(2, "8 tables", ONE_LINE, ()), "output beside"),
        (WRONG, Outcome(2, "", ONE_LINE, ("results/tables/costs.csv",)), "changed"),
        (RIGHT, Outcome(0, "8 tables", "", ("results/.costs.csv.7.part.csv",)), "half-written"),
        (RIGHT, Outcome(2, "8 tables", "", ()), "exit code 2"),
        (RIGHT, Outcome(0, "", "", ()), "does not say"),
    ],
)
def test_every_fault_is_found(case, outcome, fault):
    found = faults(case, outcome)
    assert bool(found) == bool(fault)
    assert fault is None or any(fault in one for one in found)
