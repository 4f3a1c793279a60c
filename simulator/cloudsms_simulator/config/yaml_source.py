"""YAML files: their values, and the line and column where each of them stands.

The only module that imports PyYAML itself. PyYAML finds the nodes, but reads YAML 1.1, where `NO` is false and
`12:30` a number. Here the core schema of YAML 1.2 decides what a plain scalar means: true and false, whole numbers,
decimals, null, and nothing else, beside the merge key `<<`. What YAML would change without a word is a mistake: a `+`
or zeros in front of digits, doubled keys, keys without a value. JSON is YAML too.

Spec: none; `scenarios/README.md` is the reference of scenario files.
"""

import re
from collections.abc import Mapping
from decimal import Decimal
from pathlib import Path
from typing import ClassVar, Literal

import msgspec
import yaml
from yaml.composer import Composer
from yaml.parser import Parser
from yaml.reader import Reader
from yaml.resolver import BaseResolver
from yaml.scanner import Scanner

from cloudsms_simulator.config import SettingsError
from cloudsms_simulator.config.sources import TomlPath, TomlValue

# From a text to the nodes that PyYAML finds.

Position = tuple[int, int]
"""Line and column, counted from 1."""

DEEPEST = 60

TAG_PREFIX = "tag:yaml.org,2002:"
PLAIN_SCALARS: Mapping[str, re.Pattern[str]] = {
    "bool": re.compile(r"(?:true|True|TRUE|false|False|FALSE)\Z"),
    "int": re.compile(r"(?:[-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+)\Z"),
    "float": re.compile(r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?\Z"),
    "null": re.compile(r"(?:~|null|Null|NULL|)\Z"),
    "merge": re.compile(r"<<\Z"),
}
"""By tag, what is written without quotes and is no text."""

_JSON_TAB = re.compile(r'"(?:[^"\\]|\\.)*"|\t')
_FORBIDDEN = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x85\u2028\u2029\ud800-\udfff\ufffe\uffff]")
"""With the line ends of YAML 1.1, which PyYAML would take for blanks within a text."""
_BREAK = re.compile("\r\n|[\n\r]")
_HINTS: Mapping[str, str] = {
    "'\\t'": "; YAML is indented with spaces, not with tabs",
    "expected alphabetic or numeric character": '; a text that begins with * or & wants quotes, such as "*"',
    "could not find expected ':'": "; a key is followed by a colon and a space",
    "mapping values are not allowed here": "; a text that holds a colon and a space wants quotes",
    "found unexpected end of stream": "; a quote is not closed",
}


class YamlError(Exception):
    """A text that is not YAML. Its text says what is wrong, `position` where."""

    def __init__(self, position: Position, text: str) -> None:
        self.position = position
        super().__init__(text)


def compose(text: str) -> yaml.Node | None:
    """The node of the one document a text holds, None when it holds none. Raises YamlError.

    Tabs may indent JSON, though YAML forbids them.
    """
    if text.lstrip().startswith(("{", "[")):
        text = _JSON_TAB.sub(lambda found: " " if found[0] == "\t" else found[0], text)
    if found := _FORBIDDEN.search(text):
        number = f"{ord(found[0]):04x}"
        problem = f'is not YAML: the character U+{number.upper()} has no place in a file; in quotes it is "\\u{number}"'
        raise YamlError(line_and_column(text[: found.start()]), problem)
    try:
        return _Loader(text).get_single_node()
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        raise YamlError(mark_position(mark), _yaml_problem(error.problem or error.context or "")) from error


def mark_position(mark: yaml.Mark | None) -> Position:
    """Returns the position of a mark of PyYAML; line 1, column 1 without one."""
    return (mark.line + 1, mark.column + 1) if mark else (1, 1)


def line_and_column(before: str) -> Position:
    """Where what follows a text stands, lines ending where they end in YAML."""
    lines = _BREAK.split(before)
    return len(lines), len(lines[-1]) + 1


def _yaml_problem(problem: str) -> str:
    if "another document" in problem:
        return "begins a second document, want one document in a file"
    hint = next((hint for part, hint in _HINTS.items() if part in problem), "")
    return f"is not YAML: {problem}{hint}"


class _Resolver(BaseResolver):
    """Gives plain scalars their tags."""

    yaml_implicit_resolvers: ClassVar[dict[str | None, list[tuple[str, re.Pattern[str]]]]] = {  # type: ignore[misc]
        None: [(TAG_PREFIX + kind, pattern) for kind, pattern in PLAIN_SCALARS.items()]
    }


class _Loader(Reader, Scanner, Parser, Composer, _Resolver):
    """From text to nodes, not deeper than DEEPEST."""

    def __init__(self, text: str) -> None:
        Reader.__init__(self, text)
        Scanner.__init__(self)
        Parser.__init__(self)
        Composer.__init__(self)
        _Resolver.__init__(self)
        self._depth = 0

    def check_printable(self, data: str | bytes) -> None:
        """Nothing: YAML 1.1 refuses characters that 1.2 and JSON have."""

    def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
        self._depth += 1
        if self._depth > DEEPEST:
            mark = self.peek_event().start_mark  # type: ignore[no-untyped-call]
            raise YamlError(mark_position(mark), f"is nested more than {DEEPEST} deep")
        node = super().compose_node(parent, index)
        self._depth -= 1
        return node


# From nodes to values, and where each of them stands.

MOST_OCTETS = 1024 * 1024
MOST_VALUES = 100_000
"""What an alias stands for counts each time."""

_MOST_DIGITS = 40
_TAGS = frozenset({"map", "seq", "str", *PLAIN_SCALARS})
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
    """Reads the file at a path. Raises SettingsError, with the place, when it is missing, unreadable, or not YAML."""
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
    """Reads a text; errors call it `name`. Raises SettingsError when it is not YAML, or not a table."""
    try:
        root = compose(text)
        if root is None:
            raise YamlError((1, 1), "is empty, want a table of keys")
        if not isinstance(root, yaml.MappingNode):
            raise YamlError(mark_position(root.start_mark), "is no table, want keys with their values")
        reader = _YamlReader(name)
        values = reader.document(root)
    except YamlError as error:
        line, column = error.position
        raise SettingsError([f"{name}:{line}:{column}: {error}"]) from error
    return YamlFile(name, values, reader.keys, reader.starts, tuple(dict.fromkeys(reader.problems)))


class _YamlReader:
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
        self.starts[()] = mark_position(root.start_mark)
        self._fill(root, (), values, set())
        return values

    def _value(self, node: yaml.Node, path: TomlPath) -> "TomlValue | None":
        """Returns the value of a node; None after an error was noted for it."""
        self.starts[path] = mark_position(node.start_mark)
        kind = node.tag.removeprefix(TAG_PREFIX)
        if kind not in _TAGS:
            self._error(node, f'the tag "{node.tag}" means nothing here')
            return None
        if isinstance(node, yaml.MappingNode):
            values: dict[str, TomlValue] = {}
            self._fill(node, path, values, set())
            return values
        if isinstance(node, yaml.SequenceNode):
            return self._list(node, path)
        self._count_value(node)
        try:
            return _scalar(str(node.value), kind)
        except ValueError as error:
            self._error(node, str(error))
            return None

    def _count_value(self, node: yaml.Node) -> None:
        self._count += 1
        if self._count > MOST_VALUES:
            problem = f"has more than {MOST_VALUES:,} values, what an alias stands for counting each time"
            raise YamlError(mark_position(node.start_mark), problem)
        if node in self._open:
            raise YamlError(mark_position(node.start_mark), "an anchor stands for something that holds an alias of it")

    def _list(self, node: yaml.Node, path: TomlPath) -> TomlValue:
        self._count_value(node)
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
        self._count_value(node)
        self._open.append(node)
        merged: list[yaml.Node] = []
        lines: dict[str, int] = {}
        for key_node, value_node in node.value:
            if not isinstance(key_node, yaml.ScalarNode):
                self._error(key_node, "a list or a table cannot be a key")
            elif key_node.tag == f"{TAG_PREFIX}merge":
                merged += value_node.value if isinstance(value_node, yaml.SequenceNode) else [value_node]
            elif (key := self._key(key_node)) in lines:
                self._error(key_node, f'the key "{key}" again; the first is in line {lines[key]}')
            else:
                lines[key] = key_node.start_mark.line + 1
                if key not in known:
                    self._entry(key_node, value_node, (*path, key), values)
        known.update(lines)
        for table in merged:
            if isinstance(table, yaml.MappingNode):
                self._fill(table, path, values, known)
            else:
                self._error(table, "<< takes the alias of a table, or a list of such aliases")
        self._open.pop()

    def _key(self, node: yaml.ScalarNode) -> str:
        try:
            return _text(str(node.value))
        except ValueError as error:
            self._error(node, str(error))
            return ""

    def _entry(
        self, key_node: yaml.ScalarNode, value_node: yaml.Node, path: TomlPath, values: dict[str, TomlValue]
    ) -> None:
        self.keys[path] = mark_position(key_node.start_mark)
        if value_node.tag == f"{TAG_PREFIX}null":
            self._error(key_node, f'the key "{path[-1]}" has no value; give it one, or leave it out')
            return
        found = self._value(value_node, path)
        if found is not None:
            values[str(path[-1])] = found

    def _error(self, node: yaml.Node, text: str) -> None:
        line, column = mark_position(node.start_mark)
        self.problems.append(f"{self._name}:{line}:{column}: {text}")


def _scalar(written: str, kind: str) -> TomlValue:
    """The value of a scalar that is not in quotes, or has a tag. Raises ValueError, saying what is wrong."""
    if kind == "str":
        return _text(written)
    if not PLAIN_SCALARS[kind].match(written):
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
