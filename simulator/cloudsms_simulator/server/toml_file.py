"""A TOML file: its values, and the line and column where each of them stands.

tomllib reads the values and refuses what is not TOML. It keeps no positions, so a second walk over the same text, valid
by then, finds them.
"""

import re
import tomllib
from collections.abc import Mapping, Sequence
from datetime import time
from decimal import Decimal
from pathlib import Path
from typing import Literal, TypeAlias

import msgspec

from cloudsms_simulator.protocol.moments import date
from cloudsms_simulator.server.problems import SettingsError

TomlValue: TypeAlias = "str | int | Decimal | date | time | Sequence[TomlValue] | Mapping[str, TomlValue]"
"""What TOML can say; a `datetime` is a `date`, a boolean an `int`, and numbers with a point are exact."""

TomlPath: TypeAlias = tuple[str | int, ...]
"""Keys and array indexes from the root: `("accounts", 0, "prices", "852")`."""

_BLANK = re.compile(r"(?:[ \t\r\n]+|#[^\n]*)*")
_KEY_PART = re.compile(r"""[ \t]*([A-Za-z0-9_-]+|"(?:[^"\\\n]|\\.)*"|'[^'\n]*')[ \t]*""")
_STRING = re.compile(
    r'"""(?:[^\\]|\\.)*?"{3,5}|' r"'''.*?'{3,5}|" r'"(?:[^"\\\n]|\\.)*"|' r"'[^'\n]*'",
    re.DOTALL,
)
_SCALAR = re.compile(r"[^,\]}\n#]+")
_TOMLLIB_PLACE = re.compile(r"^(?P<what>.*) \(at (?:line (?P<line>\d+), column (?P<column>\d+)|end of document)\)$")


class TomlFile(msgspec.Struct, frozen=True):
    """The values of one file, and where they stand. `name` is the path as it was given."""

    name: str
    text: str
    values: Mapping[str, TomlValue]
    keys: Mapping[TomlPath, int]
    """Offset in `text` of the key of each path, or of its table's header."""
    starts: Mapping[TomlPath, int]
    """Offset of the value of each path."""
    language: Literal["toml"] = "toml"

    def line(self, path: TomlPath) -> str:
        """`cloudsms.toml:7`, the line of a path's key."""
        return f"{self.name}:{_line_and_column(self.text, self._offset(self.keys, path))[0]}"

    def place(self, path: TomlPath, *, key: bool = False) -> str:
        """`cloudsms.toml:7:12`: where a path's value, or its key, begins; or what holds it, when it is absent."""
        line, column = _line_and_column(self.text, self._offset(self.keys if key else self.starts, path))
        return f"{self.name}:{line}:{column}"

    def _offset(self, preferred: Mapping[TomlPath, int], path: TomlPath) -> int:
        for length in range(len(path), 0, -1):
            for offsets in (preferred, self.keys, self.starts):
                if path[:length] in offsets:
                    return offsets[path[:length]]
        return 0


def read_toml(path: Path) -> TomlFile:
    """The file at a path. Raises SettingsError, with the place, when it is missing, unreadable, or not TOML."""
    name = str(path)
    try:
        text = path.read_bytes().decode("utf-8-sig").replace("\r\n", "\n")
        values: Mapping[str, TomlValue] = tomllib.loads(text, parse_float=Decimal)
    except OSError as error:
        raise SettingsError([f"{name}: cannot be read: {error.strerror or error}"]) from error
    except UnicodeDecodeError as error:
        line = error.object.count(b"\n", 0, error.start) + 1
        raise SettingsError([f"{name}:{line}: is not UTF-8: {error.reason}"]) from error
    except RecursionError as error:
        raise SettingsError([f"{name}: is nested too deeply to be read"]) from error
    except ValueError as error:
        raise SettingsError([f"{name}:{_complaint(text, str(error))}"]) from error
    walk = _Walk(text)
    walk.document()
    return TomlFile(name, text, values, walk.keys, walk.starts)


def _complaint(text: str, message: str) -> str:
    found = _TOMLLIB_PLACE.match(message)
    if found is None:
        return f" is not TOML: {message}"
    line, column = found["line"], found["column"]
    if line is None:
        line, column = map(str, _line_and_column(text, len(text)))
    return f"{line}:{column}: is not TOML: {found['what']}"


def _line_and_column(text: str, offset: int) -> tuple[int, int]:
    return text.count("\n", 0, offset) + 1, offset - text.rfind("\n", 0, offset)


class _Walk:
    """Goes through valid TOML from the first character to the last, noting where keys and values begin."""

    def __init__(self, text: str) -> None:
        self.keys: dict[TomlPath, int] = {}
        self.starts: dict[TomlPath, int] = {}
        self._text = text
        self._at = 0
        self._newest: dict[TomlPath, int] = {}

    def document(self) -> None:
        table: TomlPath = ()
        while self._peek():
            start = self._at
            if self._text.startswith("[[", start):
                self._at += 2
                array = self._table([name for name, _ in self._key()], start, whole=False)
                self._newest[array] = self._newest.get(array, -1) + 1
                table = (*array, self._newest[array])
                self.keys[table] = start
                self._at += 2
            elif self._text[start] == "[":
                self._at += 1
                table = self._table([name for name, _ in self._key()], start, whole=True)
                self._at += 1
            else:
                self._pair(table)

    def _peek(self) -> str:
        """The next character that is neither blank nor part of a comment; empty at the end."""
        blank = _BLANK.match(self._text, self._at)
        self._at = blank.end() if blank else self._at
        return self._text[self._at : self._at + 1]

    def _key(self) -> list[tuple[str, int]]:
        parts: list[tuple[str, int]] = []
        while found := _KEY_PART.match(self._text, self._at):
            written = found[1]
            name = next(iter(tomllib.loads(f"{written} = 0"))) if written[0] in "\"'" else written
            parts.append((name, found.start(1)))
            self._at = found.end()
            if self._text[self._at : self._at + 1] != ".":
                break
            self._at += 1
        return parts

    def _table(self, names: Sequence[str], start: int, *, whole: bool) -> TomlPath:
        """The path a header names; every array of tables on the way stands for its newest element."""
        path: TomlPath = ()
        for position, name in enumerate(names, 1):
            path = (*path, name)
            self.keys.setdefault(path, start)
            if path in self._newest and (whole or position < len(names)):
                path = (*path, self._newest[path])
        return path

    def _pair(self, table: TomlPath) -> None:
        path = table
        for name, start in self._key():
            path = (*path, name)
            self.keys.setdefault(path, start)
        self._at += 1  # the equals sign
        self._value(path)

    def _value(self, path: TomlPath) -> None:
        opening = self._peek()
        self.starts[path] = self._at
        if opening == "[":
            self._at += 1
            index = 0
            while self._peek() not in ("]", ""):
                self._value((*path, index))
                index += 1
                self._comma()
            self._at += 1
        elif opening == "{":
            self._at += 1
            while self._peek() not in ("}", ""):
                self._pair(path)
                self._comma()
            self._at += 1
        else:
            pattern = _STRING if opening in "\"'" else _SCALAR
            found = pattern.match(self._text, self._at)
            self._at = found.end() if found else len(self._text)

    def _comma(self) -> None:
        if self._peek() == ",":
            self._at += 1
