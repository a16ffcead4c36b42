"""Ranks of an MPI job: work is dealt out whole."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lfmc.mpi.ranks import share_of

pytestmark = pytest.mark.unit


@given(st.integers(0, 300), st.integers(1, 100))
def test_every_block_falls_to_one_rank_evenly_and_the_first_to_rank_0(count, size):
    shares = [list(share_of(count, rank, size)) for rank in range(size)]
    assert [block for mine in shares for block in mine] == list(range(count))
    assert max(map(len, shares)) - min(map(len, shares)) <= 1
    assert count == 0 or 0 in shares[0]
