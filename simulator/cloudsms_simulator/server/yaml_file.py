"""A YAML file: its values, and the line and column where each of them stands.

What YAML would quietly change is a mistake here: a `+` or zeros in front of digits, doubled keys, keys without a value.
"""

import re
from collections.abc import Mapping
from decimal import Decimal
from pathlib import Path
from typing import Literal

import msgspec
import yaml

from cloudsms_simulator.server.problems import SettingsError
from cloudsms_simulator.server.toml_file import TomlPath, TomlValue
from cloudsms_simulator.server.yaml_nodes import (
    PLAIN,
    PREFIX,
    Position,
    YamlError,
    compose,
    line_and_column,
    position_of,
)

MOST_OCTETS = 1024 * 1024
MOST_VALUES = 100_000
"""What an alias stands for counts each time."""

_MOST_DIGITS = 40
_TAGS = frozenset({"map", "seq", "str", *PLAIN})
_LOSES = re.compile(r"\+[0-9]+|-?0[0-9]+")
_SURROGATE = re.compile("[\ud800-\udfff]")


class YamlFile(msgspec.Struct, frozen=True):
    """The values of one file, and where they stand. `name` is the path as it was given.

    Keys are texts as they are written, so that 852 and "852" are the same key. What an alias or `<<` brings stands
    where its anchor is.
    """

    name: str
    values: Mapping[str, TomlValue]
    keys: Mapping[TomlPath, Position]
    starts: Mapping[TomlPath, Position]
    problems: tuple[str, ...] = ()
    """What is wrong although the rest can be read. Such a file is not to be used; the rest is there so that the other
    mistakes can be told too."""
    language: Literal["yaml"] = "yaml"

    def line(self, path: TomlPath) -> str:
        """`busy.yaml:7`, the line of a path's key."""
        return f"{self.name}:{self._position(self.keys, path)[0]}"

    def place(self, path: TomlPath, *, key: bool = False) -> str:
        """`busy.yaml:7:12`: where a path's value, or its key, begins; or what holds it, when it is absent."""
        line, column = self._position(self.keys if key else self.starts, path)
        return f"{self.name}:{line}:{column}"

    def _position(self, preferred: Mapping[TomlPath, Position], path: TomlPath) -> Position:
        for length in range(len(path), -1, -1):
            for positions in (preferred, self.keys, self.starts):
                if path[:length] in positions:
                    return positions[path[:length]]
        return 1, 1


def read_yaml(path: Path) -> YamlFile:
    """The file at a path. Raises SettingsError, with the place, when it is missing, unreadable, or not YAML."""
    name = str(path)
    try:
        with path.open("rb") as file:
            octets = file.read(MOST_OCTETS + 1)
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else None
        raise SettingsError([f"{name}: cannot be read: {reason or error}"]) from error
    if len(octets) > MOST_OCTETS:
        raise SettingsError([f"{name}: is larger than {MOST_OCTETS:,} bytes, the most that is read"])
    try:
        text = octets.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line, column = line_and_column(error.object[: error.start].decode("utf-8-sig", "replace"))
        raise SettingsError([f"{name}:{line}:{column}: is not UTF-8: {error.reason}"]) from error
    return parse_yaml(text, name)


def parse_yaml(text: str, name: str) -> YamlFile:
    """What a text says; complaints call it `name`. Raises SettingsError when it is not YAML, or not a table."""
    try:
        root = compose(text)
        if root is None:
            raise YamlError((1, 1), "is empty, want a table of keys")
        if not isinstance(root, yaml.MappingNode):
            raise YamlError(position_of(root.start_mark), "is no table, want keys with their values")
        walk = _Walk(name)
        values = walk.document(root)
    except YamlError as error:
        line, column = error.position
        raise SettingsError([f"{name}:{line}:{column}: {error}"]) from error
    return YamlFile(name, values, walk.keys, walk.starts, tuple(dict.fromkeys(walk.problems)))


class _Walk:
    """Goes through the nodes of a document, making values of them and noting where keys and values begin."""

    def __init__(self, name: str) -> None:
        self.keys: dict[TomlPath, Position] = {}
        self.starts: dict[TomlPath, Position] = {}
        self.problems: list[str] = []
        self._name = name
        self._count = 0
        self._open: list[yaml.Node] = []

    def document(self, root: yaml.MappingNode) -> Mapping[str, TomlValue]:
        values: dict[str, TomlValue] = {}
        self.starts[()] = position_of(root.start_mark)
        self._fill(root, (), values, set())
        return values

    def _value(self, node: yaml.Node, path: TomlPath) -> "TomlValue | None":
        """The value of a node; None for what was complained about."""
        self.starts[path] = position_of(node.start_mark)
        kind = node.tag.removeprefix(PREFIX)
        if kind not in _TAGS:
            self._complain(node, f'the tag "{node.tag}" means nothing here')
            return None
        if isinstance(node, yaml.MappingNode):
            values: dict[str, TomlValue] = {}
            self._fill(node, path, values, set())
            return values
        if isinstance(node, yaml.SequenceNode):
            return self._list(node, path)
        self._visit(node)
        try:
            return _scalar(str(node.value), kind)
        except ValueError as error:
            self._complain(node, str(error))
            return None

    def _visit(self, node: yaml.Node) -> None:
        self._count += 1
        if self._count > MOST_VALUES:
            problem = f"has more than {MOST_VALUES:,} values, what an alias stands for counting each time"
            raise YamlError(position_of(node.start_mark), problem)
        if node in self._open:
            raise YamlError(position_of(node.start_mark), "an anchor stands for something that holds an alias of it")

    def _list(self, node: yaml.Node, path: TomlPath) -> TomlValue:
        self._visit(node)
        self._open.append(node)
        entries: list[TomlValue] = []
        for entry in node.value:
            found = self._value(entry, (*path, len(entries)))
            if found is not None:
                entries.append(found)
        self._open.pop()
        return entries

    def _fill(self, node: yaml.MappingNode, path: TomlPath, values: dict[str, TomlValue], known: set[str]) -> None:
        """Adds the entries of a table, then of those it merges; keys that are `known` already count as they are."""
        self._visit(node)
        self._open.append(node)
        merged: list[yaml.Node] = []
        lines: dict[str, int] = {}
        for key_node, value_node in node.value:
            if not isinstance(key_node, yaml.ScalarNode):
                self._complain(key_node, "a list or a table cannot be a key")
            elif key_node.tag == f"{PREFIX}merge":
                merged += value_node.value if isinstance(value_node, yaml.SequenceNode) else [value_node]
            elif (key := self._key(key_node)) in lines:
                self._complain(key_node, f'the key "{key}" again; the first is in line {lines[key]}')
            else:
                lines[key] = key_node.start_mark.line + 1
                if key not in known:
                    self._entry(key_node, value_node, (*path, key), values)
        known.update(lines)
        for table in merged:
            if isinstance(table, yaml.MappingNode):
                self._fill(table, path, values, known)
            else:
                self._complain(table, "<< takes the alias of a table, or a list of such aliases")
        self._open.pop()

    def _key(self, node: yaml.ScalarNode) -> str:
        try:
            return _text(str(node.value))
        except ValueError as error:
            self._complain(node, str(error))
            return ""

    def _entry(
        self, key_node: yaml.ScalarNode, value_node: yaml.Node, path: TomlPath, values: dict[str, TomlValue]
    ) -> None:
        self.keys[path] = position_of(key_node.start_mark)
        if value_node.tag == f"{PREFIX}null":
            self._complain(key_node, f'the key "{path[-1]}" has no value; give it one, or leave it out')
            return
        found = self._value(value_node, path)
        if found is not None:
            values[str(path[-1])] = found

    def _complain(self, node: yaml.Node, text: str) -> None:
        line, column = position_of(node.start_mark)
        self.problems.append(f"{self._name}:{line}:{column}: {text}")


def _scalar(written: str, kind: str) -> TomlValue:
    """The value of a scalar that is not in quotes, or has a tag. Raises ValueError, saying what is wrong."""
    if kind == "str":
        return _text(written)
    if not PLAIN[kind].match(written):
        raise ValueError(f'got "{written}", want what its tag says: {kind}')
    if kind == "null":
        raise ValueError("nothing stands here, want a value")
    if kind == "bool":
        return written.lower() == "true"
    if kind == "merge":
        return written
    if len(written) > _MOST_DIGITS:
        raise ValueError(f"got a number of more than {_MOST_DIGITS} digits; if it is a text, put it in quotes")
    if kind == "float":
        return _decimal(written)
    if _LOSES.fullmatch(written):
        raise ValueError(f'got {written}, want it in quotes, "{written}"; without them it is the number {int(written)}')
    return int(written, 0)


def _decimal(written: str) -> Decimal:
    try:
        return Decimal(written)
    except ArithmeticError:
        raise ValueError(f"got {written}, which is out of range") from None


def _text(written: str) -> str:
    """The text; JSON writes what is beyond 16 bits as two escapes, which are put together."""
    if not _SURROGATE.search(written):
        return written
    try:
        return written.encode("utf-16", "surrogatepass").decode("utf-16")
    except UnicodeDecodeError:
        raise ValueError("got half of a surrogate pair, which is no character") from None
