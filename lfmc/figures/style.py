"""One look: widths, fonts, and one colour and marker for each sampler in every figure.

Colours are those of Okabe and Ito (and three of Tol's for flows of rare targets), told apart with
every common colour vision; markers differ too, so that grey prints can be read.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import matplotlib
from matplotlib import rc_params_from_file

COLUMN = 3.4
DOUBLE = 7.0

BLACK, ORANGE, SKY, GREEN = "#000000", "#E69F00", "#56B4E9", "#009E73"
BLUE, VERMILLION, PURPLE = "#0072B2", "#D55E00", "#CC79A7"
GREY, WINE, OLIVE, INDIGO = "#888888", "#882255", "#999933", "#332288"


class Mark(NamedTuple):
    """How a series is drawn."""

    color: str
    marker: str
    label: str

    @property
    def errorbar(self) -> dict[str, Any]:
        """Arguments of `Axes.errorbar`: open markers, so that points under points show."""
        return {
            "color": self.color,
            "marker": self.marker,
            "linestyle": "none",
            "markerfacecolor": "white",
            "label": self.label,
        }


_FIXED = {
    "flow-70": Mark(VERMILLION, "o", "flow 70 %"),
    "flow-50": Mark(ORANGE, "D", "flow 50 %"),
    "hmc": Mark(BLUE, "s", "HMC"),
    "local": Mark(GREEN, "^", "local"),
    "cluster": Mark(PURPLE, "v", "cluster"),
    "heatbath": Mark(BLACK, "^", "heat bath"),
