"""The planes of a coupling: no two features share a row, and every row belongs to one."""

from itertools import pairwise

import pytest

from lfmc.flows.heatbath.coupling_planes import PLANES, Counts, rows_of

pytestmark = pytest.mark.unit


@pytest.mark.parametrize("terms", [0, 2])
def test_features_fill_their_array_one_after_another(terms):
    counts = Counts(half=49, integrated=98, frequencies=2, pairs=3, smooth=5, terms=terms)
    rows, number = rows_of(counts), counts._asdict()
    for array, (sites, features) in PLANES.items():
        first = [getattr(rows, name) for name in features] + [getattr(rows, array)]
        lengths = [number[count] * number[sites] for count in features.values()]
        assert first[0] == 0
        assert [b - a for a, b in pairwise(first)] == lengths
    assert rows.outputs == (4 + 5) * 49
    assert rows.integrated == (3 + terms) * 98
