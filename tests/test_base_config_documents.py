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
    of_theories = {"cpn", "o3", "scan", "schwinger", "u1"}
    assert set(presets) == {"default", "smoke", "realnvp", *of_theories}
    for name in of_theories:  # the same files, so that a wheel has them too
        assert (folder / f"{name}.yaml").read_text() == (
            root / "config" / f"{name}.yaml"
        ).read_text()
    assert presets["default"] == read_config(root / "config.yaml")
    assert isinstance(presets["realnvp"].flow.model, RealNvpSettings)
    assert len({preset.results for preset in presets.values()}) == 8


def test_every_configuration_is_valid_and_has_results_of_its_own(root):
    found = [read_config(path) for path in (root / "config").glob("*.yaml")]
    assert len(found) > 8
    assert len({config.results for config in found}) == len(found)


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
    assert wrong_defaults((root / "docs/configuration.md").read_text()) == []


def test_a_wrong_default_is_seen():
    for row in (
        "| `seed` | 1905 |",
        "| `max_steps`, `clip` | 20000, 11 |",
        "| `bins`, `clip` | 8 |",
    ):
        assert len(wrong_defaults(row)) == 1, row


def wrong_defaults(text):
    """Rows of the tables, `key` | default or `key`, `key` | default, default, that are not so."""
    schema = json_schema()
    parts = [part["properties"] for part in (schema, *schema["$defs"].values())]
    wrong = []
    for keys, default in re.findall(
        r"^\| ((?:`[\w.-]+`(?:, )?)+) \| ([^|]+?) \|", text, re.MULTILINE
    ):
        names = re.findall(r"`([\w.-]+)`", keys)
        values = [default] if len(names) == 1 else default.split(", ")
        if len(values) != len(names):
            wrong.append(f"{keys}: {len(values)} defaults")
            continue
        for name, value in zip(names, values, strict=True):
            key = name.split(".")[-1]
            found = [p[key]["default"] for p in parts if "default" in p.get(key, {})]
            defaults = {str(d).lower() if isinstance(d, bool) else str(d) for d in found}  # of YAML
            allowed = {"-", *defaults, *map(float_or_text, defaults)}
            if defaults and not {value, float_or_text(value)} & allowed:
                wrong.append(f"{name} = {value}, not {defaults}")
    return wrong


def spelled(default: object) -> str:
    """As YAML spells it."""
    return str(default).lower() if isinstance(default, bool) else str(default)


def float_or_text(text: str) -> float | str:
    try:
        return float(text)
    except ValueError:
        return text
