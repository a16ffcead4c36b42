"""Chains of another kind of processor are verified to rounding, and the summary states this."""

import numpy as np
import pytest
from flows_small import small
from test_proposals import output, reference, trained  # noqa: F401 (fixtures)

from lfmc.errors import LfmcError
from lfmc.proposals import generate
from lfmc.proposals.accept import accept_proposals
from lfmc.proposals.verify import OTHER_MACHINE, verify_flow

pytestmark = pytest.mark.unit


@pytest.fixture(scope="module")
def chain(reference, tmp_path_factory):  # noqa: F811
    path = tmp_path_factory.mktemp("chain") / "chain.h5"
    accept_proposals(small(), "T4", "flow-50", output(reference), path)
    return path


@pytest.mark.parametrize(
    ("name", "change", "summary"),
    [
        ("log_q", 0.0, "reproduced bit for bit"),
        ("log_q", 1e-12, OTHER_MACHINE),
        ("log_q", 1e-7, None),
        ("S", 1e-7, None),
        ("scalars/m", 1e-7, OTHER_MACHINE),
        ("scalars/m", 1e-4, None),
    ],
)
def test_other_rounding_is_told_from_other_numbers(
    reference,  # noqa: F811
    chain,
    monkeypatch,
    name,
    change,
    summary,
):
    made = generate.make_block

    def elsewhere(task, index):
        arrays = made(task, index)
        value = arrays[name].astype(np.float64)
        return {**arrays, name: (value + change * (1 + abs(value))).astype(arrays[name].dtype)}

    monkeypatch.setattr(generate, "make_block", elsewhere)
    model = reference / "results/train/T4/flow-50.safetensors"
    arguments = (small(), "T4", "flow-50", model, output(reference), chain)
    if summary:
        assert verify_flow(*arguments)["summary"].endswith(summary)
    else:
        with pytest.raises(LfmcError, match=f"block 0, {name} is not reproduced"):
            verify_flow(*arguments)
