"""Scalars are held against correlators configuration by configuration: one wrong value shows."""

import numpy as np
import pytest
from analysis_synthetic import chain_of_fields, free_fields

from lfmc.analysis.autocorrelation import autocorrelation_rows
from lfmc.analysis.binned import bin_chain
from lfmc.analysis.consistency import require_consistent
from lfmc.errors import LfmcError

pytestmark = pytest.mark.unit

SHAPE = (4, 6)


def chain(save_every=2):
    fields = free_fields(np.random.default_rng(1), SHAPE, 1.0, 6, 400, 1.0)
    return chain_of_fields(fields, SHAPE, 1.0, save_every=save_every)


def flipped(series, place, bit):
    """The float32 series with one bit of one number flipped."""
    bits = series.view(np.uint32)
    bits[place] ^= np.uint32(1 << bit)


def test_good_chains_pass():
    require_consistent(chain())
    require_consistent(chain(save_every=1))


@pytest.mark.parametrize("name", ["m", "phi2", "phi4", "E"])
@pytest.mark.parametrize("update", [40, 41])  # 41 is saved, 40 is not
@pytest.mark.parametrize("analysis", [bin_chain, autocorrelation_rows])
def test_an_outlier_is_refused_in_every_scalar_and_update(name, update, analysis):
    bad = chain()
    bad.scalars[name][3, update] = 1e30
    with pytest.raises(LfmcError, match=r"of replica 3.*sample again"):
        analysis(bad)


@pytest.mark.parametrize("name", ["m", "phi2", "E"])
@pytest.mark.parametrize("bit", [*range(8, 23), 23, 24, 25, 26, 27, 28, 29, 30])
def test_a_flipped_bit_of_a_saved_scalar_is_refused(name, bit):
    """Every bit above float32 rounding, exponent and upper mantissa."""
    bad = chain()
    value = float(bad.scalars[name][2, 41])
    flipped(bad.scalars[name], (2, 41), bit)
    assert float(bad.scalars[name][2, 41]) != value
    if bit < 14 and name != "phi2":  # below rounding of the larger scale that it is compared on
        return
    with pytest.raises(LfmcError, match="replica 2"):
        require_consistent(bad)


@pytest.mark.parametrize("bit", [23, 24, 25, 26, 27, 28, 29, 30])
def test_a_flipped_exponent_bit_of_a_correlator_is_refused(bit):
    bad = chain()
    for orbit in range(bad.two_point.shape[2]):
        worse = bad.two_point.copy()
        flipped(worse, (1, 7, orbit), bit)
        with pytest.raises(LfmcError, match="saved configuration 7 of replica 1"):
            require_consistent(bad._replace(two_point=worse))


def test_correlators_of_other_configurations_are_refused():
    good = chain()
    with pytest.raises(LfmcError, match=r"local in X: .*belong to different configurations"):
        bin_chain(good._replace(two_point=good.two_point * np.float32(1.01)))
    with pytest.raises(LfmcError, match="belong to different configurations"):
        require_consistent(good._replace(two_point=good.two_point[:, ::-1]))
    with pytest.raises(LfmcError, match="correlators of"):
        require_consistent(good._replace(two_point=good.two_point[:, 1:]))
