"""YAML as version 1.2 reads it, and every fault of a file as one line.

PyYAML finds the structure; the types of plain scalars are those of YAML 1.2's core schema
(https://yaml.org/spec/1.2.2/#103-core-schema): `2e-5` and `1e6` are numbers, `010` is ten, `1:30`
and `yes` are strings. A key that appears twice is an error, and so are tags, merge keys and
whatever Snakemake's own parser, which reads configuration files as YAML 1.1, would not survive.
JSON is a subset.
"""

import re
from pathlib import Path
from typing import Any, NoReturn

import yaml

from lfmc.config.problems import shortened
from lfmc.errors import LfmcError

LARGEST_FILE = 4_000_000  # bytes; ten thousand ensembles are one megabyte
DEEPEST = 20  # levels of nesting
MOST_VALUES = 500_000  # after aliases are written out
LONGEST_NUMBER = 60  # characters

_TAG = "tag:yaml.org,2002:"
_NULL, _BOOL, _INT, _FLOAT, _STR = (f"{_TAG}{n}" for n in ("null", "bool", "int", "float", "str"))
_CORE = (
    (_NULL, r"~|null|Null|NULL|", ["~", "n", "N", ""]),
    (_BOOL, r"true|True|TRUE|false|False|FALSE", list("tTfF")),
    (_INT, r"[-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+", list("-+0123456789")),
    (
        _FLOAT,
        r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?|[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)",
        list("-+.0123456789"),
    ),
)


class NoSuchFile(LfmcError):
    """There is no file of that name."""


class _Loader(yaml.SafeLoader):
    """PyYAML's safe loader with the resolvers of the core schema and no tags."""

    yaml_implicit_resolvers: dict[str, Any] = {}  # noqa: RUF012 (PyYAML's own attribute)

    def compose_node(self, parent: Any, index: Any) -> Any:
        event = self.peek_event()
        if getattr(event, "tag", None) is not None:
            raise yaml.MarkedYAMLError(
                problem=f"tag {event.tag} is not read; leave it out", problem_mark=event.start_mark
            )
        return super().compose_node(parent, index)


for _tag, _pattern, _first in _CORE:
    _Loader.add_implicit_resolver(_tag, re.compile(rf"(?:{_pattern})\Z"), _first)


def read_yaml(path: str | Path) -> Any:
    """Content of a UTF-8 file, whatever the locale: dict, list, str, int, float, bool or None.

    Raises:
        LfmcError: the file cannot be read or is not YAML, with the line and what is wrong.
    """
    try:
        with open(path, "rb") as stream:
            data = stream.read(LARGEST_FILE + 1)
    except IsADirectoryError:
        raise LfmcError(f"{path}: is a folder, not a file") from None
    except FileNotFoundError as error:
        raise NoSuchFile(f"{path}: cannot be read ({error.strerror})") from None
    except (OSError, ValueError) as error:  # ValueError: a null byte in the path
        what = getattr(error, "strerror", None) or error
        raise LfmcError(f"{path}: cannot be read ({what})") from None
    if len(data) > LARGEST_FILE:
        raise LfmcError(f"{path}: larger than {LARGEST_FILE} bytes, so no configuration")
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise LfmcError(f"{path}: line {line}: not UTF-8 text") from None
    return parse_yaml(text, str(path))


def parse_yaml(text: str, origin: str) -> Any:
    """The same of a text; `origin` is named in errors."""
    loader = None
    try:
        loader = _Loader(text)
        node = loader.get_single_node()
        return None if node is None else _Builder(origin).value(node, 0)
    except LfmcError:
        raise
    except RecursionError:
        raise LfmcError(f"{origin}: not valid YAML (nested more than {DEEPEST} deep)") from None
    except Exception as error:  # PyYAML lets ValueError, IndexError and others through
        raise LfmcError(f"{origin}: not valid YAML ({_fault(error)})") from None
    finally:
        if loader is not None:
            loader.dispose()


def _fault(error: Exception) -> str:
    """What PyYAML says, with the line, as one line."""
    if isinstance(error, yaml.MarkedYAMLError):
        mark = error.problem_mark or error.context_mark
        what = " ".join(filter(None, (error.context, error.problem)))
        place = f"line {mark.line + 1}, column {mark.column + 1}: " if mark else ""
        return place + " ".join(shortened(what, 200).split())
    if isinstance(error, yaml.reader.ReaderError):
        return f"character {error.position + 1} is a control character"
    return " ".join(shortened(str(error) or type(error).__name__, 200).split())


class _Builder:
    """Python values of PyYAML's nodes."""

    def __init__(self, origin: str) -> None:
        self.origin, self.values = origin, 0
        self.old = yaml.SafeLoader("")  # YAML 1.1, as Snakemake reads

    def refuse(self, node: yaml.Node, what: str) -> NoReturn:
        raise LfmcError(f"{self.origin}: line {node.start_mark.line + 1}: {what}")

    def value(self, node: yaml.Node, depth: int) -> Any:
        self.values += 1
        if self.values > MOST_VALUES:
            self.refuse(node, f"more than {MOST_VALUES} values (aliases are written out)")
        if depth > DEEPEST:
            self.refuse(node, f"nested more than {DEEPEST} deep (or an alias of itself)")
        if isinstance(node, yaml.MappingNode):
            return self.mapping(node, depth)
        if isinstance(node, yaml.SequenceNode):
            return [self.value(child, depth + 1) for child in node.value]
        return self.scalar(node)

    def mapping(self, node: yaml.MappingNode, depth: int) -> dict[str, Any]:
        found: dict[str, Any] = {}
        lines: dict[str, int] = {}
        for key, child in node.value:
            name = self.key(key)
            if name in lines:
                self.refuse(
                    key,
                    f"{shortened(name)} is given twice (first on line {lines[name]}); "
                    "leave one of them",
                )
            lines[name] = key.start_mark.line + 1
            found[name] = self.value(child, depth + 1)
        return found

    def key(self, node: yaml.Node) -> str:
        if not isinstance(node, yaml.ScalarNode):
            self.refuse(node, "a key must be a word, not a list or a section")
        if node.value == "<<" and node.style is None:
            self.refuse(node, "merge keys (<<) are no YAML 1.2; write the keys out")
        name = self.scalar(node)
        if not isinstance(name, str):
            self.refuse(node, f"a key must be a word, not {shortened(node.value) or 'empty'}")
        return name

    def scalar(self, node: yaml.Node) -> Any:
        text: str = node.value
        if node.tag in (_INT, _FLOAT) and len(text) > LONGEST_NUMBER:
            self.refuse(node, f"a number of {len(text)} characters: {shortened(text)}")
        if node.tag == _NULL:
            return None
        if node.tag == _BOOL:
            return text.lower() == "true"
        if node.tag == _INT:
            base = {"0o": 8, "0x": 16}.get(text[:2], 10)
            return int(text, base)
        if node.tag == _FLOAT:
            return float(text.lower().replace(".inf", "inf").replace(".nan", "nan"))
        if any(0xD800 <= ord(character) < 0xE000 for character in text):
            self.refuse(node, "a character that is not Unicode")
        if getattr(node, "style", None) is None:
            self.survives(node)
        return text

    def survives(self, node: yaml.Node) -> None:
        """Refuse a plain string that YAML 1.1 takes for a date or the like, and cannot be one."""
        old = self.old.resolve(yaml.ScalarNode, node.value, (True, False))
        try:
            self.old.construct_object(yaml.ScalarNode(old, node.value))
        except Exception:
            self.refuse(node, f"quote '{shortened(node.value)}': YAML 1.1 has no such value")
