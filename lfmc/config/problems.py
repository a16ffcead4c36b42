"""Validation of what a user wrote, and every problem of it as one readable line."""

import json
import re
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from lfmc.errors import LfmcError

MOST_PROBLEMS = 20  # listed; the rest are counted
WIDTH = 60  # characters of a quoted value

Model = TypeVar("Model", bound=BaseModel)

OF_PYDANTIC = re.compile(r"\[key\]$|literal\[|constrained-int$")  # kinds of a union's members

WORDS = {
    "int_type": "must be a whole number",
    "int_from_float": "must be a whole number",
    "float_type": "must be a number",
    "string_type": "must be text; quote it",
    "bool_type": "must be true or false",
    "tuple_type": "must be a list, in brackets: [...]",
    "list_type": "must be a list",
    "model_type": "must be a section of keys",
    "model_attributes_type": "must be a section of keys",
    "dict_type": "must be a section of keys",
    "union_tag_not_found": "lacks its kind, e.g. kind: heatbath",
    "string_pattern_mismatch": "letters, digits and underscores are the pattern of a name",
}


def validated(model: type[Model], raw: Any, origin: str) -> Model:
    """An instance of `model` from the values of a YAML or JSON file.

    Types are strict (true is no integer, "8" no number), except that a whole number may be written
    as 1e6 or 8.0.

    Raises:
        LfmcError: every problem, each with its path in the file and what would be right.
    """
    try:
        return model.model_validate_json(json.dumps(_whole(raw)), strict=True)
    except ValidationError as error:
        raise LfmcError(f"{origin}: {problems(error)}") from None
    except (TypeError, ValueError, RecursionError) as error:
        raise LfmcError(f"{origin}: {shortened(str(error), 200)}") from None


def _whole(value: Any) -> Any:
    if isinstance(value, float) and value.is_integer() and abs(value) < 2**53:
        return int(value)
    if isinstance(value, dict):
        return {key: _whole(content) for key, content in value.items()}
    return [_whole(item) for item in value] if isinstance(value, list | tuple) else value


def problems(error: ValidationError) -> str:
    """Everything that is wrong, each with its path in the file, as one line."""
    found = [e for e in error.errors(include_url=False) if not _echo(e)]
    lines = [f"{where}: {_what(e)}" if (where := _where(e)) else _what(e) for e in found]
    lines = list(dict.fromkeys(" ".join(line.split()) for line in lines))
    more = len(lines) - MOST_PROBLEMS
    return "; ".join(lines[:MOST_PROBLEMS] + ([f"and {more} more"] if more > 0 else []))


def shortened(value: str, width: int = WIDTH) -> str:
    """A text cut at a readable length, without characters that a terminal would act on."""
    text = "".join(c if c.isprintable() else repr(c)[1:-1] for c in value[: width + 1])
    return text if len(text) <= width else f"{text[: width - 4]} ..."


def _where(error: Any) -> str:
    """The path in the file, empty for the whole of it; without the parts that only pydantic has."""
    path, before = "", None
    for part in error["loc"]:
        if isinstance(part, int):
            path += f"[{part}]"
        elif before != "model" and not OF_PYDANTIC.match(part):  # after model comes its kind
            path += f".{shortened(part)}" if path else shortened(part)
        before = part
    return path


def _echo(error: Any) -> bool:
    """A list that is called too short only because of its invalid entries, reported themselves."""
    return error["type"] == "too_short" and len(error["input"]) >= error["ctx"]["min_length"]


def _what(error: Any) -> str:
    kind, given = error["type"], error["input"]
    if kind == "extra_forbidden":
        return "unknown key"
    if kind == "missing":
        return "missing"
    if given is None and kind != "value_error":
        return "is empty; give a value, or leave the key out"
    if kind == "union_tag_invalid":
        return f"no kind {shortened(error['ctx']['tag'])}; there are {_choices(error)}"
    message = WORDS.get(kind) or error["msg"].removeprefix("Value error, ")
    message = re.sub(r"^(Input|Tuple|String|List) should (be|have)", r"must \2", message)
    message = message.replace(" after validation", "")
    return message if isinstance(given, dict) else f"{message} (got {shortened(repr(given))})"


def _choices(error: Any) -> str:
    return str(error["ctx"]["expected_tags"]).replace("'", "")
