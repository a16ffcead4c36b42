"""Claims about the reader of YAML: version 1.2's values, and one line for whatever is wrong."""

import math
import os

import pytest

from lfmc.config import read_config
from lfmc.config.yaml_reader import parse_yaml, read_yaml
from lfmc.errors import LfmcError

pytestmark = pytest.mark.unit

CORE = {
    "2e-5": 2e-5, "1e6": 1e6, "010": 10, "1:30": "1:30", "yes": "yes", "no": "no", "on": "on",
    "off": "off", "0o17": 15, "0x1F": 31, "1_000": "1_000", ".5": 0.5, "+1.": 1.0,
    "-.inf": -math.inf, "12e03": 12000.0, "~": None, "": None, "null": None, "true": True,
    "False": False, "2001-01-01": "2001-01-01", "190:20:30.15": "190:20:30.15", "1e": "1e",
    "e5": "e5", "-4": -4, "'8'": "8", "1.5E+3": 1500.0, "0b101": "0b101", "tRue": "tRue",
}  # fmt: skip


@pytest.mark.parametrize("text", CORE)
def test_plain_scalars_are_those_of_the_core_schema(text):
    found = parse_yaml(f"a: {text}", "f")["a"]
    assert (type(found), found) == (type(CORE[text]), CORE[text])


def test_not_a_number_is_one():
    assert math.isnan(parse_yaml("a: .nan", "f")["a"])


def test_json_is_read_too():
    assert parse_yaml('{"a": 1e-05, "b": [true, null, "x"]}', "f") == {
        "a": 1e-5,
        "b": [True, None, "x"],
    }


def test_aliases_are_written_out():
    assert parse_yaml("a: &x {b: 1}\nc: *x", "f") == {"a": {"b": 1}, "c": {"b": 1}}


BOMB = "a0: &a0 [1, 1, 1, 1, 1, 1, 1, 1, 1, 1]\n" + "".join(
    f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]\n" for n in range(1, 9)
)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("a: 1\nb: 2\na: 3", "line 3: a is given twice (first on line 1)"),
        ("x:\n  b: {c: 1,\n      c: 2}", "line 3: c is given twice (first on line 2)"),
        ("- a: 1\n  a: 1", "line 2: a is given twice (first on line 1)"),
        ("'a': 1\na: 2", "line 2: a is given twice"),
        ("a: 2001-99-99", "line 1: quote '2001-99-99'"),
        ("a: =", "quote '='"),
        ("a: 0x_", "quote '0x_'"),
        ("<<: {a: 1}", "merge keys"),
        ("a: &x [*x]", "alias of itself"),
        ("a: *nope", "undefined alias"),
        ("? [1, 2]\n: 3", "a key must be a word"),
        ("1: 2", "a key must be a word, not 1"),
        ("null: 2", "a key must be a word, not null"),
        ("a: \x07", "control character"),
        ("a:\t- 1\n\tb: 2", "line 1"),
        ('a: "\\U00110000"', "not valid YAML"),
        ('a: "\\ud800"', "not Unicode"),
        ("a: " + "9" * 5000, "a number of 5000 characters"),
        ("a: " + "[" * 5000, "nested more than"),
        ("a: " + "[" * 40 + "]" * 40, "nested more than"),
        ("a: 1\n---\nb: 2", "single document"),
        ("a: !!python/object/apply:os.system ['true']", "tag "),
        ("a: !!int '3'", "tag "),
        (BOMB, "more than 500000 values"),
        ("a: 'x", "end of stream"),
        ("a: @x", "cannot start any token"),
        ("a: 1 b: 2", "mapping values are not allowed"),
    ],
)
def test_whatever_is_wrong_is_one_line(text, says):
    with pytest.raises(LfmcError, match=r"^f: ") as caught:
        parse_yaml(text, "f")
    message = str(caught.value)
    assert says in message
    assert message.isprintable()
    assert len(message) < 300


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b"a: 1\nb: \xff", "line 2: not UTF-8 text"),
        ("a: b".encode("utf-16"), "line 1: not UTF-8 text"),
        (b"a: 1\n" * 1_000_000, "larger than"),
    ],
)
def test_bytes_that_are_no_text_are_refused(tmp_path, data, says):
    path = tmp_path / "c.yaml"
    path.write_bytes(data)
    with pytest.raises(LfmcError) as caught:
        read_yaml(path)
    assert says in str(caught.value)


def test_what_is_no_file_is_refused(tmp_path):
    for path, says in (
        (tmp_path, "is a folder"),
        (tmp_path / "no", "No such file"),
        ("\0", "null"),
    ):
        with pytest.raises(LfmcError, match=says):
            read_yaml(path)


def test_a_file_is_utf8_whatever_the_locale(tmp_path, run_lfmc):
    path = tmp_path / "c.yaml"
    path.write_bytes(
        "\ufeffresults: grün # ö\nensembles: [{name: A, L: 4, m2: -4, lam: 8}]".encode()
    )
    ascii_only = {"LC_ALL": "C", "PYTHONCOERCECLOCALE": "0", "PYTHONUTF8": "0"}
    done = run_lfmc("config", "check", path, env={**os.environ, **ascii_only})
    assert done.returncode == 0, done.stderr
    assert read_yaml(path)["results"] == "grün"


def test_every_line_of_the_documented_damping_is_a_number(tmp_path):
    path = tmp_path / "c.yaml"
    path.write_text(
        "ensembles: [{name: A, L: 4, m2: -4, lam: 8}]\nstatistics: {configurations: 1e6}\n"
        "flow: {training: {natural: {damping: 2e-5}}}\n"
    )
    config = read_config(path)
    assert config.flow.training.natural.damping == 2e-5
    assert config.statistics.configurations == 10**6
