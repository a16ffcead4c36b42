"""Variables of the environment that name what is not there."""

from bad_inputs.cases import Case

RIGHT = (
    Case(
        "no HOME", "config check", ("valid; ensembles T4",), right=True, environment={"HOME": None}
    ),
)

CASES = RIGHT
