"""Theories by the name of their kind: lfmc's own, and those of other installed packages.

A module `lfmc.theories.KIND` that defines `THEORY` is found by itself. Another package declares

    [project.entry-points."lfmc.theories"]
    "mypackage.mytheory" = "mypackage.module:MyTheory"

and its theory is then `theory: { kind: mypackage.mytheory, ... }`.
"""

import json
import pkgutil
from dataclasses import MISSING, fields
from functools import cache
from importlib import import_module
from importlib.metadata import entry_points
from importlib.util import find_spec
from typing import Any, Literal, get_type_hints

from pydantic import ValidationError, create_model

from lfmc.config.problems import problems
from lfmc.config.section import Section
from lfmc.errors import LfmcError, unknown

GROUP = "lfmc.theories"
OWN = "lfmc.theories"
_GIVEN: dict[str, type] = {}  # classes that no file and no package names, of a notebook say


def theory_class(kind: str) -> Any:
    """The class of a theory, a subclass of `lfmc.theories.base.Theory`.

    Raises:
        LfmcError: no such kind (the message lists all), or a package that cannot be loaded.
    """
    return _GIVEN[kind] if kind in _GIVEN else _found(kind)


def remember(theory: type) -> None:
    """Let a class of the user's be known by its kind, in this process.

    Raises:
        LfmcError: the kind is that of another theory.
    """
    kind = getattr(theory, "kind", None)
    if not isinstance(kind, str):
        raise LfmcError(f"{theory.__name__} has no kind; give it a name, kind: ClassVar[str] = ...")
    try:
        known = _found(kind)
    except LfmcError:
        _GIVEN[kind] = known = theory
    if known is not theory:
        raise LfmcError(
            f"{theory.__name__}: kind {kind!r} is that of {known.__name__}; choose another"
        )


@cache
def _found(kind: str) -> Any:
    if kind.isidentifier() and not kind.endswith("_kernels") and find_spec(f"{OWN}.{kind}"):
        found = getattr(import_module(f"{OWN}.{kind}"), "THEORY", None)
        if found is not None:
            return found
    for point in entry_points(group=GROUP, name=kind):
        try:
            return _checked(point.load(), point)
        except (ImportError, AttributeError, SyntaxError) as error:
            raise LfmcError(f"theory {kind} ({point.value}) cannot be loaded: {error}") from None
    raise unknown("kind of theory", kind, theory_kinds())


def theory_kinds() -> tuple[str, ...]:
    """Every kind there is: lfmc's own, then those of other packages."""
    own = [m.name for m in pkgutil.iter_modules(import_module(OWN).__path__)]
    modules = {n: import_module(f"{OWN}.{n}") for n in own if not n.endswith("_kernels")}
    others = sorted(point.name for point in entry_points(group=GROUP))
    return (*(name for name, module in modules.items() if hasattr(module, "THEORY")), *others)


def _checked(found: Any, point: Any) -> Any:
    base = import_module(f"{OWN}.base").Theory
    if not (isinstance(found, type) and issubclass(found, base)):
        raise LfmcError(f"theory {point.name} ({point.value}) is no subclass of {base.__name__}")
    if getattr(found, "kind", None) != point.name:
        kind = getattr(found, "kind", None)
        raise LfmcError(f"theory {point.name} ({point.value}) calls itself kind = {kind!r}")
    return found


def parameters_section(kind: str) -> type[Section]:
    """The section `theory:` of a kind, from the fields of its dataclass.

    Raises:
        LfmcError: as `theory_class`.
    """
    return _section(kind, theory_class(kind))


@cache
def _section(kind: str, theory: Any) -> type[Section]:
    types = get_type_hints(theory, include_extras=True)
    keys: dict[str, Any] = {"kind": (Literal[kind], kind)}
    for field in fields(theory):
        if field.name != "shape":
            default = ... if field.default is MISSING else field.default
            keys[field.name] = (types[field.name], default)
    return create_model(f"{theory.__name__}Parameters", __base__=Section, **keys)


def parameters_of(raw: dict[str, Any]) -> Section:
    """The section `theory:` from a mapping with a kind.

    Raises:
        ValueError: an unknown kind, or every problem of its parameters in one line.
    """
    try:
        section = parameters_section(raw["kind"])
        return section.model_validate_json(json.dumps(raw), strict=True)
    except LfmcError as error:
        raise ValueError(str(error)) from None
    except ValidationError as error:
        raise ValueError(problems(error)) from None


def samplers_of(ensemble: Any) -> tuple[str, ...]:
    """The classical samplers that exist for an ensemble's theory."""
    theory = theory_class(ensemble.kind)(ensemble.sites, **ensemble.parameters)
    return tuple(theory.samplers)
