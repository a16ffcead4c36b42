"""One look: widths, fonts, and one colour and marker for each sampler in every figure.

Colours are those of Okabe and Ito (and three of Tol's for flows of rare targets), told apart with
every common colour vision; markers differ too, so that grey prints can be read.
"""

import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import matplotlib
from matplotlib import rc_params_from_file

from lfmc.analysis.cheapest import WEIGHTED

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
    "flow-best": Mark(WINE, "p", "flow, best"),
    "flow-50": Mark(ORANGE, "D", "flow 50 %"),
    "hmc": Mark(BLUE, "s", "HMC"),
    "local": Mark(GREEN, "^", "local"),
    "cluster": Mark(PURPLE, "v", "cluster"),
    "heatbath": Mark(BLACK, "^", "heat bath"),
    "instanton": Mark(WINE, "v", "heat bath + instanton"),
    "hmc-tuned": Mark(SKY, "h", "HMC, tuned"),
    "hybrid": Mark(INDIGO, "X", "hybrid"),
    "latent-hmc": Mark(GREY, "*", "latent HMC"),
    "overrelaxation": Mark(OLIVE, ">", "overrelaxation"),
    "wolff": Mark(PURPLE, "v", "Wolff cluster"),
    "flux": Mark(VERMILLION, "D", "driven flux"),
    "flux-tuned": Mark(VERMILLION, "s", "driven flux, trained"),
}
# Flows of other targets: the tens give the colour, tens and units the marker, no two the same.
_TENS = (GREY, BLACK, BLUE, WINE, SKY, ORANGE, INDIGO, VERMILLION, OLIVE, GREEN)
_MARKERS = "PX*phd8<>H"
_IMPORTED = (GREY, OLIVE, WINE, INDIGO, SKY)

_OBSERVABLES = {
    "E": Mark(BLUE, "s", "$E$"),
    "chi2": Mark(VERMILLION, "o", r"$\chi_2$"),
    "G0": Mark(GREEN, "^", "$G_c(0)$"),
    "phi2": Mark(ORANGE, "D", r"$\langle\phi^2\rangle$"),
    "phi4": Mark(SKY, "P", r"$\langle\phi^4\rangle$"),
    "m": Mark(PURPLE, "v", r"$\langle\phi\rangle$"),
    "Q": Mark(VERMILLION, "o", "$Q$"),
    "Q2": Mark(SKY, "P", "$Q^2$"),
    "plaquette": Mark(BLUE, "s", r"$\cos P$"),
    "chi": Mark(GREEN, "^", r"$\chi$"),
    "condensate": Mark(ORANGE, "D", "condensate"),
    "log_det": Mark(OLIVE, "X", r"$\log|\det D|^2$"),
    "absm": Mark(BLACK, "p", r"$\langle|m|\rangle$"),
}


def sampler_mark(sampler: str) -> Mark:
    """The mark of a sampler.

    A flow of another target and an imported chain take one that depends on their name only, and
    estimates by weights the colour of their flow.
    """
    if sampler in _FIXED:
        return _FIXED[sampler]
    flow = sampler.removesuffix(WEIGHTED)
    if flow != sampler:
        mark = sampler_mark(flow)
        return mark._replace(marker="_", label=f"{mark.label}, weighted")
    digits = sampler.removeprefix("flow-")
    if not digits.isdigit() or digits == sampler:
        word = zlib.crc32(sampler.encode())
        return Mark(_IMPORTED[word % len(_IMPORTED)], "*dhH"[word // 16 % 4], sampler)
    tens, units = divmod(int(digits) % 100, 10)
    return Mark(_TENS[tens], _MARKERS[(tens + 3 * units) % 10], f"flow {digits} %")


def observable_mark(observable: str) -> Mark:
    """The mark of an observable."""
    return _OBSERVABLES.get(observable, Mark(GREY, "*", observable))


@contextmanager
def look() -> Iterator[None]:
    """The settings of lfmc.mplstyle, for the block only."""
    style = rc_params_from_file(
        Path(__file__).with_name("lfmc.mplstyle"), use_default_template=False
    )
    with matplotlib.rc_context():
        matplotlib.rcdefaults()
        matplotlib.rcParams.update(style)
        yield
