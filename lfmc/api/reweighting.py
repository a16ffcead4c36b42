"""`lfmc.reweight`: a chain's observables at nearby couplings."""

from lfmc.analysis.reweighting import reweighted, target_theory
from lfmc.api.chain import Chain
from lfmc.api.measurement import Measured, Measurement
from lfmc.errors import LfmcError


def reweight(chain: Chain, **couplings: float) -> Measurement:
    """Observables of a chain at other couplings of its action, with jackknife errors.

    Configurations count with exp(-(S_p - S_0)), which is exact. `ess` is the effective part of
    them; below 0.05 nothing is given, and with too few large weights no error. The change of the
    action comes from the recorded scalars: for phi^4 any change of m2 and lam, for other theories
    every coupling that enters linearly.

    Args:
        couplings: new values of some couplings of the theory.

    Raises:
        LfmcError: an unknown coupling, one on which the action does not depend linearly, or too
            few effective configurations.

    Example:
        >>> theory = lfmc.Phi4((4, 4), m2=-4.0, lam=6.975)
        >>> chain = lfmc.cluster(theory, chains=32, updates=500, seed=1, progress=False)
        >>> found = lfmc.reweight(chain, lam=7.2)
        >>> found.ess.value > 0.5, found.chi2.value < lfmc.measure(chain).chi2.value
        (True, True)
    """
    if not isinstance(chain, Chain):
        raise LfmcError(f"reweight needs a chain, not {type(chain).__name__}")
    found = reweighted(chain.record, target_theory(chain.record, couplings))
    values = {
        name: Measured(value, error, note=found.notes.get(name, ""))
        for name, (value, error) in found.values.items()
    }
    title = f"{chain!r} reweighted to {found.theory.label()}"
    return Measurement(title, values | {"ess": Measured(found.ess, float("nan"))})
