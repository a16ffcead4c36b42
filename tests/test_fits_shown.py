"""Which fit of tau_int figures and the summary show."""

from types import SimpleNamespace

import pandas
import pytest

from lfmc.figures.fits import exponent

ROWS = pandas.DataFrame(
    [
        {"fit_L": fit_range, "z": z}
        | {"sampler": "hmc", "observable": "Q", "unit": "update", "p_value": 0.5}
        | {"z_error": 0.1, "z_error_scaled": 0.1, "alpha": 1.0, "chi2_dof": 1.0}
        for fit_range, z in (("4 8 16", 1.5), ("all", 2.0))
    ]
)


@pytest.mark.unit
@pytest.mark.parametrize(("extents", "z"), [((4, 8, 16), 1.5), ((), None), ((4, 8, 12), None)])
def test_only_the_fit_over_the_configured_extents_is_shown(extents, z):
    """Without extents no fit is shown, not that over all."""
    run = SimpleNamespace(
        table=lambda name: ROWS, config=SimpleNamespace(fit=SimpleNamespace(L=extents))
    )
    found = exponent(run, "hmc", "Q", "update")
    assert (found.z if found else None) == z
