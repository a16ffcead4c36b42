"""Between an ensemble of the configuration and its theory."""

from typing import Any

from lfmc.config.kinds import remember, theory_class
from lfmc.config.problems import validated
from lfmc.config.sections import Ensemble
from lfmc.errors import LfmcError
from lfmc.lattice import Shape
from lfmc.theories.base import Theory
from lfmc.theories.foreign import RealField
from lfmc.theories.scalar import Scalar


def theory_of(ensemble: Ensemble) -> Theory:
    """The theory of an ensemble, on its lattice."""
    theory: Theory = theory_class(ensemble.kind)(ensemble.sites, **ensemble.parameters)
    return theory


def scalar_of(ensemble: Ensemble) -> Scalar:
    """The theory of an ensemble, where a member of the scalar family is needed.

    Raises:
        LfmcError: it is another one.
    """
    theory = theory_of(ensemble)
    if not isinstance(theory, Scalar):
        raise LfmcError(f"{ensemble.name}: theory {ensemble.kind} is no scalar theory")
    return theory


def ensemble_of(theory: Theory, name: str) -> Ensemble:
    """The ensemble of which `theory_of` makes this theory, also of a class of the user's.

    Raises:
        LfmcError: a lattice or parameters that no ensemble may have, or a theory that no
            configuration can name.
    """
    remember(type(theory))
    raw: dict[str, Any] = {"name": name, "shape": list(theory.shape)}
    return validated(
        Ensemble, raw | {"theory": {"kind": theory.kind, **theory.parameters()}}, f"{theory}"
    )


def described(settings: dict[str, Any], shape: Shape) -> Theory | RealField:
    """The theory that the settings of an ensemble describe, as the files of chains carry them.

    Of an action that only Python knows, whose settings have a `kind` of their own: a real field.

    Raises:
        LfmcError: an unknown kind, or parameters that are not those of it.
    """
    if "kind" in settings:
        return RealField(shape)
    if settings.get("theory") is None:
        names = ("m2", "lam", "normalisation")
        given = {"kind": "phi4"} | {name: settings[name] for name in names if name in settings}
    else:
        given = dict(settings["theory"])
    kind = str(given.pop("kind", ""))
    try:
        theory: Theory = theory_class(kind)(shape, **given)
    except TypeError as error:
        raise LfmcError(f"{settings.get('name', 'ensemble')}: theory {kind}: {error}") from None
    return theory
