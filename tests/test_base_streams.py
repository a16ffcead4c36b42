"""Claims about random streams: named, independent, stable, and indifferent to chunking."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lfmc.streams import STAGES, chain_words, generator, spawn_key

pytestmark = pytest.mark.unit


def test_first_numbers_of_a_stream_are_pinned():
    """A change of these bits changes every stored result: it needs a new major version."""
    numbers = generator(1904, "propose", "E1", "flow-70", 3).standard_normal(3)
    pinned = [-2.2902779764942203, -0.3415229764463532, 0.2674485220261173]
    assert numbers.tolist() == pinned
    words = chain_words(1904, range(2), "hmc", "E1")
    assert words[0].tolist() == [7967390331070170164, 3683317038136306337]
    assert spawn_key("propose", "E1", "flow-70", 3) == (1, 2634656133, 1643992082, 3)


def test_stage_numbers_are_pinned():
    assert STAGES[:7] == ("train", "propose", "accept", "tune", "hmc", "local", "cluster")


def test_every_part_of_the_name_makes_another_stream():
    names = [
        (1, "propose", "E1", "flow-70", 0),
        (2, "propose", "E1", "flow-70", 0),
        (1, "accept", "E1", "flow-70", 0),
        (1, "propose", "E2", "flow-70", 0),
        (1, "propose", "E1", "flow-50", 0),
        (1, "propose", "E1", "flow-70", 1),
        (1, "propose", "E1", "flow-70"),
    ]
    first = {generator(*name).random() for name in names}
    assert len(first) == len(names)


@given(st.lists(st.integers(1, 50), min_size=1, max_size=6))
def test_normals_do_not_depend_on_how_they_are_chunked(chunks):
    whole = generator(3, "propose", "A", 0).standard_normal(sum(chunks))
    pieces = generator(3, "propose", "A", 0)
    assert np.concatenate([pieces.standard_normal(n) for n in chunks]).tolist() == whole.tolist()


@given(st.integers(1, 12), st.integers(1, 12))
def test_a_chain_has_its_words_whoever_it_is_grouped_with(first, second):
    together = chain_words(5, range(first + second), "local", "A")
    apart = [chain_words(5, r, "local", "A") for r in (range(first), range(first, first + second))]
    assert (together == np.concatenate(apart, axis=1)).all()
    assert together.dtype == np.uint64
    assert together.any(axis=0).all()  # xoshiro must not start from four zeros


def test_streams_are_uncorrelated():
    """Pearson correlation of 2000 neighbouring pairs: 5 sigma on 20 numbers, false alarms 1e-5."""
    draws = np.stack([generator(7, "propose", "A", b).standard_normal(2000) for b in range(21)])
    correlation = (draws[1:] * draws[:-1]).mean(1) * np.sqrt(2000)
    assert np.abs(correlation).max() < 5


def test_an_unknown_stage_is_refused():
    with pytest.raises(ValueError, match="no stage 'brew'"):
        generator(1, "brew", "A")
