"""Trainings side by side share the compilation of kernels."""

import pytest

from lfmc.config import parse_config
from lfmc.training import prepare

pytestmark = pytest.mark.unit

CONFIG = parse_config(
    {"ensembles": [{"name": name, "L": 4, "d": 2, "m2": -4.0, "lam": 6.0} for name in ("A", "B")]}
)


def order(monkeypatch, ensemble):
    """What the training of an ensemble compiles, in its order."""
    found = []

    class Recorded:
        def compile(self, **parts):
            found.extend(name for name, wanted in parts.items() if wanted)

    monkeypatch.setattr(prepare, "passes", lambda flow: Recorded())
    monkeypatch.setattr(prepare, "compile_target", lambda theory: found.append("target"))
    turn = prepare.turn_of(CONFIG, ensemble)
    prepare.compile_kernels(None, None, CONFIG.flow, turn)
    return found


def test_neighbours_of_a_run_compile_the_same_kernels_from_opposite_ends(monkeypatch):
    first, second = (order(monkeypatch, ensemble) for ensemble in CONFIG.ensembles)
    assert first == ["target", "weights", "scores"]
    assert second == ["scores", "target", "weights"]
