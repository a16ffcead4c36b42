"""The configuration of a run: its sections, their limits, and the file they come from."""

from lfmc.config.config import (
    CLASSICAL,
    OF_CHAINS,
    OF_ENSEMBLES,
    OF_RUNS,
    Config,
    json_schema,
    parse_config,
    read_config,
    settings_hash,
    stage_settings,
)

__all__ = [
    "CLASSICAL",
    "OF_CHAINS",
    "OF_ENSEMBLES",
    "OF_RUNS",
    "Config",
    "json_schema",
    "parse_config",
    "read_config",
    "settings_hash",
    "stage_settings",
]
