"""What is written about the configuration, presets, schema and documentation, is what it is."""

import json
import re

import pytest

from lfmc.config import json_schema, read_config
from lfmc.config.flow_sections import RealNvpSettings

pytestmark = pytest.mark.unit


def test_presets_are_valid_and_the_default_is_config_yaml(root):
    folder = root / "lfmc" / "data" / "presets"
    presets = {p.stem: read_config(p) for p in folder.glob("*.yaml")}
    assert set(presets) == {"default", "smoke", "realnvp"}
    assert presets["default"] == read_config(root / "config.yaml")
    assert isinstance(presets["realnvp"].flow.model, RealNvpSettings)
    assert len({preset.results for preset in presets.values()}) == 3


def test_schema_file_is_up_to_date(root):
    committed = json.loads((root / "workflow/schemas/config.schema.json").read_text())
    assert committed == json.loads(json.dumps(json_schema())), "run `make schema`"


def test_documented_keys_are_the_keys_that_exist(root):
    text = (root / "docs/configuration.md").read_text()
    schema = json_schema()
    exist = {key for part in (schema, *schema["$defs"].values()) for key in part["properties"]}
    assert {key for key in exist if f"`{key}`" not in text and f".{key}`" not in text} == set()
    rows = re.findall(r"^\|([^|]*`[^|]*)\|", text, re.MULTILINE)
    documented = {name.split(".")[-1] for row in rows for name in re.findall(r"`([^`]+)`", row)}
    assert documented - exist == set()


def test_documented_defaults_are_the_defaults(root):
    text = (root / "docs/configuration.md").read_text()
    schema = json_schema()
    wrong = []
    for row in re.findall(r"^\| `([\w.]+)` \| ([^|]+?) \|", text, re.MULTILINE):
        key = row[0].split(".")[-1]
        parts = [part["properties"] for part in (schema, *schema["$defs"].values())]
        defaults = {str(p[key].get("default")) for p in parts if key in p and "default" in p[key]}
        if (
            defaults
            and row[1] not in ("-", *defaults)
            and float_or_text(row[1]) not in map(float_or_text, defaults)
        ):
            wrong.append(f"{row[0]} = {row[1]}, not {defaults}")
    assert not wrong


def float_or_text(text: str) -> float | str:
    try:
        return float(text)
    except ValueError:
        return text
