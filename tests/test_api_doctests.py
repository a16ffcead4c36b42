"""Claims about the examples in docstrings: every public name has one, and each runs as printed.

Examples with a statistical outcome leave at least four errors: one in 10^4 fails with other seeds.
"""

import doctest
import inspect

import numpy as np
import pytest

import lfmc

pytestmark = pytest.mark.unit

FLAGS = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE


def failures(docstring, name):
    """Number of lines of a docstring's example that fail, and of those that were tried."""
    names = {"lfmc": lfmc, "np": np}
    example = doctest.DocTestParser().get_doctest(docstring, names, name, None, 0)
    printed: list[str] = []
    done = doctest.DocTestRunner(optionflags=FLAGS).run(example, out=printed.append)
    print("".join(printed))
    return done.failed, done.attempted


@pytest.mark.parametrize("name", lfmc.__all__)
def test_the_example_of_a_public_name_runs(name, small_run, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for part in ("config.yaml", "results"):
        (tmp_path / part).symlink_to(small_run / part)
    failed, tried = failures(inspect.getdoc(getattr(lfmc, name)), name)
    assert failed == 0
    assert tried > 0


@pytest.mark.parametrize("text", [">>> 1 + 1\n3", ">>> lfmc.brew()", ">>> lfmc.Phi4((4, 4))"])
def test_an_example_that_is_wrong_fails(text):
    assert failures(text, "wrong") == (1, 1)
