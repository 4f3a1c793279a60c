"""The nodes of a YAML text, as PyYAML finds them, with what their plain scalars mean in YAML 1.2.

PyYAML reads YAML 1.1, where `NO` is false and `12:30` a number. Here the core schema of 1.2 counts: true and false,
whole numbers, decimals, null, and nothing else; beside it only the merge key `<<`, which 1.2 dropped and people use.
"""

import re
from collections.abc import Mapping
from typing import ClassVar

import yaml
from yaml.composer import Composer
from yaml.parser import Parser
from yaml.reader import Reader
from yaml.resolver import BaseResolver
from yaml.scanner import Scanner

Position = tuple[int, int]
"""Line and column, counted from 1."""

DEEPEST = 60

PREFIX = "tag:yaml.org,2002:"
PLAIN: Mapping[str, re.Pattern[str]] = {
    "bool": re.compile(r"(?:true|True|TRUE|false|False|FALSE)\Z"),
    "int": re.compile(r"(?:[-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+)\Z"),
    "float": re.compile(r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?\Z"),
    "null": re.compile(r"(?:~|null|Null|NULL|)\Z"),
    "merge": re.compile(r"<<\Z"),
}
"""By kind, what is written without quotes and is no text."""

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
        raise YamlError(position_of(mark), _complaint(error.problem or error.context or "")) from error


def position_of(mark: yaml.Mark | None) -> Position:
    """The position of a mark."""
    return (mark.line + 1, mark.column + 1) if mark else (1, 1)


def line_and_column(before: str) -> Position:
    """Where what follows a text stands, lines ending where they end in YAML."""
    lines = _BREAK.split(before)
    return len(lines), len(lines[-1]) + 1


def _complaint(problem: str) -> str:
    if "another document" in problem:
        return "begins a second document, want one document in a file"
    hint = next((hint for part, hint in _HINTS.items() if part in problem), "")
    return f"is not YAML: {problem}{hint}"


class _Resolver(BaseResolver):
    """Gives plain scalars their tags."""

    yaml_implicit_resolvers: ClassVar[dict[str | None, list[tuple[str, re.Pattern[str]]]]] = {  # type: ignore[misc]
        None: [(PREFIX + kind, pattern) for kind, pattern in PLAIN.items()]
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
            raise YamlError(position_of(mark), f"is nested more than {DEEPEST} deep")
        node = super().compose_node(parent, index)
        self._depth -= 1
        return node
