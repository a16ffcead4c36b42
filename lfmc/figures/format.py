"""Numbers with errors as the field prints them: 13.02(45)."""

import math


def value_error(value: float, error: float, digits: int = 2) -> str:
    """`value` with the last `digits` significant digits of its error in parentheses.

    13.02(45) means 13.02 +- 0.45; an error of one or more keeps its point, 13.0(4.5), and an
    error of 10 or more rounds to whole numbers, 1234(56). A value without a usable error (nan,
    infinite, zero or negative) is printed with four significant digits alone.
    """
    if not math.isfinite(value):
        return "n/a"
    if not math.isfinite(error) or error <= 0:
        return f"{value:.4g}"
    exponent = math.floor(math.log10(error))
    places = digits - 1 - exponent
    if round(error, places) >= 10 ** (exponent + 1):  # 0.0996 rounds to 0.10: one place fewer
        places -= 1
    value = round(value, places) + 0.0  # no "-0.00"
    if places <= 0:
        return f"{value:.0f}({round(error, places):.0f})"
    if error >= 1:
        return f"{value:.{places}f}({error:.{places}f})"
    return f"{value:.{places}f}({round(error * 10**places)})"


def count(number: float) -> str:
    """A count as people write it: 950, 12 500, 10^6."""
    whole = round(number)
    if whole >= 10**5:
        mantissa, exponent = f"{whole:.2e}".split("e")
        short = mantissa.rstrip("0").rstrip(".")
        power = f"10^{int(exponent)}"
        return power if short == "1" else f"{short} x {power}"
    return f"{whole:,}".replace(",", " ")


def duration(seconds: float) -> str:
    """A duration with a unit that suits it: 12.3 us, 4.5 ms, 78 s, 12.1 min, 3.4 h."""
    if not math.isfinite(seconds):
        return "n/a"
    if seconds < 1e-3:
        return f"{1e6 * seconds:.3g} us"
    if seconds < 1:
        return f"{1e3 * seconds:.3g} ms"
    if seconds < 120:
        return f"{seconds:.3g} s"
    if seconds < 7200:
        return f"{seconds / 60:.3g} min"
    return f"{seconds / 3600:.3g} h"
