"""Where configured values come from, where each of them stands, and how a value is quoted in a complaint.

`read_toml` gives the values of a TOML file with the line and column of each: tomllib reads the values and refuses
what is not TOML, and since it keeps no positions a second walk over the same text finds them. `read_json_table` gives
the object in a body of the admin API, numbers with a point exact; `null` in it means the default. A `Location` names
one value, such as `cloudsms.toml:7:8: accounts[0].balance`, and collects what is wrong there; all locations of one
run share a list of problems, which ends in one SettingsError. YAML files, which need PyYAML, are in `yaml_source`;
how YAML is quoted is here.

Spec: none; this is how the simulator is configured.
"""

import json
import re
from collections.abc import Mapping, Sequence
from datetime import time
from decimal import Decimal
from pathlib import Path
from typing import Literal, Protocol, TypeAlias

import msgspec

from cloudsms_simulator.config import SettingsError
from cloudsms_simulator.expressions import lazy_pattern
from cloudsms_simulator.moments import date

# Raw values, and where each of them stands.

TomlValue: TypeAlias = "str | int | Decimal | date | time | Sequence[TomlValue] | Mapping[str, TomlValue]"
"""What TOML can say; a `datetime` is a `date`, a boolean an `int`, and numbers with a point are exact."""

TomlPath: TypeAlias = tuple[str | int, ...]
"""Keys and array indexes from the root: `("accounts", 0, "prices", "852")`."""


class Source(Protocol):
    """A file that knows where each of its values stands: a `TomlFile` or a `YamlFile`."""

    @property
    def name(self) -> str:
        """The path as it was given."""

    @property
    def language(self) -> Literal["toml", "yaml"]:
        """What values are written in."""

    def place(self, path: TomlPath, *, key: bool = False) -> str:
        """`cloudsms.toml:7:12`: where a path's value, or its key, begins; or what holds it, when it is absent."""


class Location(msgspec.Struct, frozen=True):
    """Where a value stands, as errors name it: `cloudsms.toml:7:8: accounts[0].balance`, or `flag --port`.

    `source` is the file, or what to call a location outside any file. All locations of one run share `problems`, to
    which each error is added. `location / key` is the location of an entry.
    """

    problems: list[str]
    source: Source | str
    path: TomlPath = ()

    def __truediv__(self, key: str | int) -> "Location":
        return Location(self.problems, self.source, (*self.path, key))

    def error(self, text: str) -> None:
        """Adds to the problems what is wrong with the value here."""
        self.problems.append(f"{self._where(key=False)}: {self.name}{': ' if self.name else ''}{text}")

    def key_error(self, text: str) -> None:
        """Adds to the problems what is wrong with the key here, whatever its value."""
        self.problems.append(f"{self._where(key=True)}: {text}")

    def written(self, value: TomlValue) -> str:
        """Returns a value as it would be written here, in YAML or TOML."""
        return yaml_text(value) if self._is_yaml else toml_text(value)

    def quoted(self, value: TomlValue) -> str:
        """Returns a value as it is written here, at most 80 characters of it and an ellipsis."""
        return quoted_yaml(value) if self._is_yaml else quoted_toml(value)

    @property
    def where(self) -> str:
        """`cloudsms.toml:7:8`, or what the location is called outside any file."""
        return self._where(key=False)

    @property
    def folder(self) -> Path:
        """The folder that relative paths written here start from: the file's, else the working directory."""
        return Path() if isinstance(self.source, str) else Path(self.source.name).parent

    @property
    def _is_yaml(self) -> bool:
        return not isinstance(self.source, str) and self.source.language == "yaml"

    def _where(self, *, key: bool) -> str:
        return self.source if isinstance(self.source, str) else self.source.place(self.path, key=key)

    @property
    def name(self) -> str:
        """`accounts[0].balance`; empty for the whole of a file."""
        parts = (f"[{part}]" if isinstance(part, int) else f".{part}" for part in self.path)
        return "".join(parts).removeprefix(".")


# TOML files.

_BLANK = lazy_pattern(r"(?:[ \t\r\n]+|#[^\n]*)*")
_KEY_PART = lazy_pattern(r"""[ \t]*([A-Za-z0-9_-]+|"(?:[^"\\\n]|\\.)*"|'[^'\n]*')[ \t]*""")
_TOML_STRING = lazy_pattern(
    r'"""(?:[^\\]|\\.)*?"{3,5}|' r"'''.*?'{3,5}|" r'"(?:[^"\\\n]|\\.)*"|' r"'[^'\n]*'",
    re.DOTALL,
)
_SCALAR = lazy_pattern(r"[^,\]}\n#]+")
_TOMLLIB_PLACE = lazy_pattern(r"^(?P<what>.*) \(at (?:line (?P<line>\d+), column (?P<column>\d+)|end of document)\)$")


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
    """Reads the file at a path. Raises SettingsError, with the place, when it is missing, unreadable, or not TOML."""
    import tomllib

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
        raise SettingsError([f"{name}:{_toml_problem(text, str(error))}"]) from error
    positions = _TomlPositions(text)
    positions.document()
    return TomlFile(name, text, values, positions.keys, positions.starts)


def _toml_problem(text: str, message: str) -> str:
    found = _TOMLLIB_PLACE.match(message)
    if found is None:
        return f" is not TOML: {message}"
    line, column = found["line"], found["column"]
    if line is None:
        line, column = map(str, _line_and_column(text, len(text)))
    return f"{line}:{column}: is not TOML: {found['what']}"


def _line_and_column(text: str, offset: int) -> tuple[int, int]:
    return text.count("\n", 0, offset) + 1, offset - text.rfind("\n", 0, offset)


class _TomlPositions:
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
        import tomllib

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
            pattern = _TOML_STRING if opening in "\"'" else _SCALAR
            found = pattern.match(self._text, self._at)
            self._at = found.end() if found else len(self._text)

    def _comma(self) -> None:
        if self._peek() == ",":
            self._at += 1


# JSON bodies.

_DEEPEST_JSON = 50
_decoder = msgspec.json.Decoder(dict[str, object], float_hook=Decimal)


class JsonTable(msgspec.Struct, frozen=True):
    """The values of a JSON object, numbers with a point exact, and the keys whose value was `null`."""

    values: Mapping[str, TomlValue]
    nulls: frozenset[str] = frozenset()
    name: str = "body"
    language: Literal["yaml"] = "yaml"
    """JSON is YAML: errors quote its values so."""

    def place(self, path: TomlPath, *, key: bool = False) -> str:
        """`body`; for a key below the first level, the table it is in: `body.callback`."""
        return ".".join([self.name, *map(str, path[:-1])]) if key else self.name


def read_json_table(body: bytes) -> JsonTable:
    """Reads the JSON object in a body; an empty body counts as `{}`. Raises SettingsError for what is no object."""
    try:
        body.decode()
        given = _decoder.decode(body or b"{}")
    except msgspec.ValidationError:
        raise SettingsError(["the body is not a JSON object; send {…}"]) from None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise SettingsError([f"the body is not JSON: {error}"]) from None
    problems: list[str] = []
    location = Location(problems, JsonTable({}))
    values = {key: toml_of_json(entry, location / key) for key, entry in given.items() if entry is not None}
    if problems:
        raise SettingsError(problems)
    return JsonTable(values, frozenset(given) - frozenset(values))


def toml_of_json(value: object, location: Location, deepest: int = _DEEPEST_JSON) -> TomlValue:
    """Returns a value of JSON as types know it; notes an error for one they do not know, and for what is too deep."""
    if isinstance(value, str | int | Decimal):
        return value
    if value is None:
        location.error("got null, want a value, or the key left out")
    elif len(location.path) > deepest:
        location.error(f"is nested more than {deepest} deep")
    elif isinstance(value, list):
        return [toml_of_json(entry, location / index, deepest) for index, entry in enumerate(value)]
    elif isinstance(value, dict):
        return {str(key): toml_of_json(entry, location / str(key), deepest) for key, entry in value.items()}
    return ""


# Values written as TOML.

_BARE_KEY_CHARACTERS = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-")
_LONGEST_QUOTE = 80
_MOST_DIGITS = 40
_MOST_BITS = 128


def toml_text(value: TomlValue) -> str:
    """A value in TOML, on one line: tables inline, texts in double quotes, decimals with every digit."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return _toml_string(value)
    if isinstance(value, Decimal):
        return f"{value:f}" if value.is_finite() and abs(value.adjusted()) < _MOST_DIGITS else str(value).lower()
    if isinstance(value, int):
        return str(value) if value.bit_length() < _MOST_BITS else hex(value)
    if isinstance(value, date | time):
        return value.isoformat()
    if isinstance(value, Mapping):
        pairs = (f"{toml_key(key)} = {toml_text(entry)}" for key, entry in value.items())
        return "{ " + ", ".join(pairs) + " }" if value else "{}"
    return _toml_array(value)


def toml_key(key: str) -> str:
    """A key, in quotes unless it needs none."""
    return key if key and _BARE_KEY_CHARACTERS.issuperset(key) else _toml_string(key)


def quoted_toml(value: TomlValue) -> str:
    """A value as a message quotes it: at most 80 characters and an ellipsis."""
    text = toml_text(value)
    return text if len(text) <= _LONGEST_QUOTE else f"{text[:_LONGEST_QUOTE]}…"


def _toml_array(values: Sequence[TomlValue]) -> str:
    return "[" + ", ".join(toml_text(value) for value in values) + "]"


def _toml_string(text: str) -> str:
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")


# Values written as YAML.

_BARE_YAML_KEY = lazy_pattern(r"[A-Za-z_$][A-Za-z0-9_.$-]*")
_NO_TEXTS = frozenset({"true", "false", "null"})
_UNSAFE = lazy_pattern("[\x7f-\x9f\u2028\u2029\ufeff\ud800-\udfff\ufffe\uffff]")
_LONGEST_YAML_QUOTE = 80


def yaml_text(value: TomlValue) -> str:
    """A value in YAML, on one line: tables and lists in brackets, texts in double quotes."""
    if isinstance(value, bool | int | Decimal):
        return toml_text(value)
    if isinstance(value, str):
        return _yaml_string(value)
    if isinstance(value, Mapping):
        pairs = (f"{_yaml_key(key)}: {yaml_text(entry)}" for key, entry in value.items())
        return "{ " + ", ".join(pairs) + " }" if value else "{}"
    if isinstance(value, Sequence):
        return "[" + ", ".join(yaml_text(entry) for entry in value) + "]"
    return _yaml_moment(value)


def quoted_yaml(value: TomlValue) -> str:
    """A value as a message quotes it: at most 80 characters and an ellipsis."""
    text = yaml_text(value)
    return text if len(text) <= _LONGEST_YAML_QUOTE else f"{text[:_LONGEST_YAML_QUOTE]}…"


def _yaml_key(key: str) -> str:
    return key if _BARE_YAML_KEY.fullmatch(key) and key.lower() not in _NO_TEXTS else _yaml_string(key)


def _yaml_string(text: str) -> str:
    return _UNSAFE.sub(lambda found: f"\\u{ord(found[0]):04x}", json.dumps(text, ensure_ascii=False))


def _yaml_moment(value: date | time) -> str:
    return f'"{value.isoformat()}"'
