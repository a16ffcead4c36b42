"""The planes of a coupling: which features every array of its workspace holds, and in which order.

A plane is one feature on one set of sites, with one row of lanes per site. PLANES is the only place
that knows their order: the rows at which the kernels find a feature, and the sizes of the arrays,
follow from it.
"""

from typing import NamedTuple


class Counts(NamedTuple):
    """How many of each: sites of a half, integrated sites, and features of the conditioner."""

    half: int
    integrated: int
    frequencies: int
    pairs: int
    smooth: int
    terms: int
    one: int = 1


# Array of the workspace: the sites of its planes; its features in order, and how many of each.
PLANES = {
    "features": ("half", {"field": "one", "sine": "frequencies", "cosine": "frequencies"}),
    "integrated": ("integrated", {"hidden": "pairs", "ring": "terms"}),
    "waves": ("integrated", {"hidden_sine": "pairs", "hidden_cosine": "pairs"}),
    "outputs": (
        "half",
        {"inner": "one", "outer": "one", "smooth": "smooth", "scale": "one", "alpha": "one"},
    ),
}


class Rows(NamedTuple):
    """The first row of every feature in its array, and the number of rows of every array.

    Attributes:
        half, integrated_sites: rows of a plane, on the sites of a half and on the integrated ones.
        field, sine, cosine; features: of the frozen half.
        hidden, ring; integrated: the fields h and those of the edges of rings.
        hidden_sine, hidden_cosine; waves: of the fields h.
        inner, outer, smooth, scale, alpha; outputs: of the conditioner, for the moved half. What
            is odd comes first, then what is even.
    """

    half: int
    integrated_sites: int
    field: int
    sine: int
    cosine: int
    features: int
    hidden: int
    ring: int
    integrated: int
    hidden_sine: int
    hidden_cosine: int
    waves: int
    inner: int
    outer: int
    smooth: int
    scale: int
    alpha: int
    outputs: int


def rows_of(counts: Counts) -> Rows:
    """The rows of a coupling with so many of each."""
    number = counts._asdict()
    found = {"half": counts.half, "integrated_sites": counts.integrated}
    for array, (sites, features) in PLANES.items():
        row = 0
        for name, count in features.items():
            found[name] = row
            row += number[count] * number[sites]
        found[array] = row
    return Rows(**found)
