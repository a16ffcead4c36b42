"""Numbers as they are printed."""

import math

import pytest

from lfmc.figures.format import count, duration, value_error

pytestmark = pytest.mark.unit


@pytest.mark.parametrize(
    ("value", "error", "digits", "text"),
    [
        (13.0213, 0.4523, 2, "13.02(45)"),
        (0.6243, 0.05, 1, "0.62(5)"),
        (3.9663, 0.00321, 2, "3.9663(32)"),
        (1.0634, 0.0996, 2, "1.06(10)"),
        (1.06, 0.0996, 1, "1.1(1)"),
        (13.04, 4.46, 2, "13.0(4.5)"),
        (1234.4, 56.2, 2, "1234(56)"),
        (123456.0, 5600.0, 2, "123500(5600)"),
        (-0.0004, 0.02, 1, "0.00(2)"),
        (-0.034, 0.02, 1, "-0.03(2)"),
        (2.5, 9.97, 2, "2(10)"),
        (2.0, 0.0, 2, "2"),
        (2.0, math.nan, 2, "2"),
        (2.0, math.inf, 2, "2"),
        (math.nan, 1.0, 2, "n/a"),
    ],
)
def test_value_with_error_in_parentheses(value, error, digits, text):
    assert value_error(value, error, digits) == text


@pytest.mark.parametrize(
    ("number", "text"),
    [
        (12, "12"),
        (12500, "12 500"),
        (1_000_000, "10^6"),
        (1_000_064, "10^6"),
        (2.5e7, "2.5 x 10^7"),
    ],
)
def test_count(number, text):
    assert count(number) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(1.23e-5, "12.3 us"), (0.0045, "4.5 ms"), (78, "78 s"), (726, "12.1 min"), (12240, "3.4 h")],
)
def test_duration(seconds, text):
    assert duration(seconds) == text
    assert duration(math.nan) == "n/a"
