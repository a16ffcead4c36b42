"""Targets of a training: acceptances in whole per cents, `best`, and `auto`."""

from typing import Annotated, Any

from pydantic import BeforeValidator, Field

BEST = 1.0  # an acceptance that no flow reaches: it is trained for as long as that pays
NAME = "best"
AUTO = 2.0  # best of several numbers of layers; `FlowSettings` replaces it
NAMES = {NAME: BEST, "auto": AUTO}


def _number(value: Any) -> Any:
    if isinstance(value, str):
        return NAMES.get(value, value)
    if isinstance(value, int | float) and value > BEST:
        raise ValueError(f"must be at most {BEST:g}, or best or auto")
    return value


def as_targets(value: Any) -> Any:
    """The value of `targets`: a list, or auto alone."""
    return tuple(value) if isinstance(value, list) else (value,) if value == "auto" else value


Target = Annotated[
    float,
    BeforeValidator(_number, json_schema_input_type=float | str),
    Field(gt=0, json_schema_extra={"le": BEST}),
]


def flow_name(target: float) -> str:
    """Name of the sampler: flow-70 of the model at 70 %, flow-best of the one that is best."""
    return f"flow-{NAME}" if target == BEST else f"flow-{round(100 * target)}"
