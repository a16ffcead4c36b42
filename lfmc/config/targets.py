"""Targets of a training: acceptances in whole per cents, and `best`."""

from typing import Annotated, Any

from pydantic import BeforeValidator, Field

BEST = 1.0  # an acceptance that no flow reaches: it is trained for as long as that pays
NAME = "best"


def _number(value: Any) -> Any:
    return BEST if value == NAME else value


Target = Annotated[
    float,
    BeforeValidator(_number, json_schema_input_type=float | str),
    Field(gt=0, le=BEST),
]


def flow_name(target: float) -> str:
    """Name of the sampler: flow-70 of the model at 70 %, flow-best of the one that is best."""
    return f"flow-{NAME}" if target == BEST else f"flow-{round(100 * target)}"
