"""Claims about files that changed at random: whatever reads them, they end as bad inputs do."""

import numpy as np
import pytest

from bad_inputs.cases import Case, faults
from bad_inputs.mutations import mutate
from bad_inputs.runner import run_case

pytestmark = pytest.mark.unit

SEEDS = range(60)


@pytest.mark.parametrize("seed", SEEDS)
def test_a_random_change_is_one_line_or_no_matter(seed, run_folder):
    changed, command = mutate(run_folder, np.random.default_rng(seed))
    outcome = run_case(Case(changed, command, ()), run_folder)
    if outcome.code == 0:
        found = faults(Case(changed, command, (), right=True), outcome)
    else:
        found = faults(Case(changed, command, ()), outcome)
    if command == "gates":  # writes its table also where a gate fails
        found = [fault for fault in found if not fault.startswith("changed results/tables/gates")]
    if found:
        pytest.fail(f"{changed}\nlfmc {command}: {'; '.join(found)}\n{outcome.stderr}", False)
