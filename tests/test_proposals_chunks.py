"""Claims about chunks of proposals: the bits of the whole, and not more memory."""

import tracemalloc

import numpy as np
import pytest
from flows_small import (
    small,
)

from lfmc.flows.build import build_flow
from lfmc.proposals import generate
from lfmc.proposals.blocks import slabs
from lfmc.theories.ensembles import theory_of
from lfmc.theories.phi4 import Phi4

pytestmark = pytest.mark.unit


@pytest.mark.parametrize("extent", [4, 20, 64])
def test_pieces_of_a_chunk_give_the_bits_of_the_whole(extent):
    theory = Phi4((extent, extent), -4.0, 5.0)
    phi = np.random.default_rng(1).normal(size=(270, theory.numbers))
    pieces = list(slabs(slice(10, 266), theory.numbers))
    assert [row for piece in pieces for row in range(266)[piece]] == list(range(10, 266))
    assert (len(pieces) == 1) == (extent == 4)
    action, seen = theory.evaluate(phi), theory.measure(phi)
    for piece in pieces:
        assert (theory.evaluate(phi[piece]) == action[piece]).all()
        few = theory.measure(phi[piece])
        assert all((few[name] == values[piece]).all() for name, values in seen.items())


def test_blocks_of_large_fields_are_measured_in_chunks():
    """24 x 24: correlators are those of the whole block, without its fields in memory.

    The negative control: 22 x 22, 484 sites, where the whole block is measured at once.
    """

    def task_and_peak(extent):
        ensemble = {"name": "T4", "L": extent, "m2": -4.0, "lam": 4.7}
        config = small(
            ensembles=[ensemble],
            flow={"model": {"kind": "heatbath", "layers": 2}, "targets": [0.5]},
            statistics={"configurations": 4096, "replicas": 4, "keep_fields": 4096},
            propose={"block": 4096},
        )
        theory = theory_of(config.ensemble("T4"))
        flow = build_flow(theory, config.flow.model).requires_grad_(False)
        draw = generate.drawing(flow)
        task = generate.ProposalTask(config, "T4", "flow-50", flow, draw, None, "", 1)
        tracemalloc.start()
        arrays = generate.make_block(task._replace(keep=512), 0)
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return theory, task, arrays, peak / (4096 * theory.numbers * 8)

    theory, task, arrays, peak = task_and_peak(24)
    assert peak < 0.8
    fields = generate.make_block(task, 0)["fields/phi"]
    assert np.array_equal(arrays["two_point"], theory.correlators(fields).astype(np.float32))
    assert task_and_peak(22)[3] > 2
