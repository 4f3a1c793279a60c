"""The types of configured values, and tables of settings made of them.

A `Type` reads a raw value at a `Location` (`take`): it returns the program's value, or notes what is wrong and returns
INVALID, so that one run tells every mistake. The same type writes such a value back (`dump`), says what JSON Schema
says, what a flag's text means, and what an example looks like. There are scalars, paths, lists, tables of known keys
(`RecordType`), tables of free keys (`MapType`), values in one of several forms (`OneOfType`), tables whose tag says
what they are (`TaggedType`), and words that stand for values. A `SettingTable` is a Struct whose annotations carry
types and whose docstrings say what each setting is for; command line options, variables, `config init` and the
documentation are made of that.
"""

import ast
import inspect
import re
from collections.abc import Callable, Iterable, Mapping, Sequence, Set
from datetime import time, timedelta
from decimal import Decimal
from enum import Enum
from functools import cache
from ipaddress import IPv4Network, IPv6Network
from pathlib import Path, PurePath
from types import MappingProxyType
from typing import Annotated, Protocol, TypeAlias, get_origin, get_type_hints

import msgspec

from cloudsms_simulator.config import suggestion
from cloudsms_simulator.config.sources import Location, TomlValue
from cloudsms_simulator.models.durations import duration_text

# Types.

INVALID = msgspec.UNSET
"""Stands for a value that does not fit, once the error is noted at its location."""

Schema: TypeAlias = Mapping[str, TomlValue]
"""A JSON Schema, draft 2020-12."""

Definitions: TypeAlias = "dict[str, Schema]"
"""Schemas by name, for `#/$defs`; each type adds its own when it is asked for its schema."""

_EXAMPLE = "{example}"


class InvalidValueError(ValueError):
    """Raised by readers for a value that does not fit. Its text, if any, replaces the type's `want`."""


class Type(msgspec.Struct, frozen=True, kw_only=True):
    """What all types share. A value that does not fit gets an error at its location, and becomes INVALID."""

    want: str
    """What would be right, as it follows the word `want` in an error; `{example}` is the example, in the language of
    the location."""
    parse: Callable[[str], TomlValue] = str
    """Turns the text of a flag or a variable into what a file would hold. Raises ValueError."""
    metavar: str = "TEXT"
    example: TomlValue = ""
    """Shown where there is no default to show."""
    secret: bool = False
    """Whether a value is a secret, which no error and no listing repeats."""
    schema: Schema = {}
    """What JSON Schema says of it, unless the type can work it out."""
    title: str = ""
    """Its name in JSON Schema; with a title the schema is written once among the definitions, and referred to."""

    def take(self, value: TomlValue, location: Location, *, text: bool = False) -> object:
        """Returns the value for the program, or INVALID. `text`: it came from outside any file and is to be parsed."""
        try:
            return self._take(self.parse(value) if text and isinstance(value, str) else value, location, text)
        except ValueError as error:
            got = "something not repeated here" if self.secret else location.quoted(self.shown(value))
            better = str(error) if isinstance(error, InvalidValueError) else ""
            want = (better or self.want).replace(_EXAMPLE, location.written(self.example))
            location.error(f"got {got}, want {want}")
            return INVALID

    def shown(self, value: TomlValue) -> TomlValue:
        """A value that does not fit, as an error may quote it."""
        return value

    def dump(self, value: object) -> TomlValue:
        """Returns a value of the program as a file says it; `take` makes the same value of that.

        Raises TypeError or ValueError for a value that no file can say.
        """
        raise NotImplementedError

    def schema_in(self, definitions: Definitions) -> Schema:
        """Returns what JSON Schema says of it; what it refers to is put among the definitions."""
        if not self.title:
            return self._schema(definitions)
        if self.title not in definitions:
            definitions[self.title] = {}
            definitions[self.title] = self._schema(definitions)
        return {"$ref": f"#/$defs/{self.title}"}

    def _schema(self, definitions: Definitions) -> Schema:
        return self.schema

    def _take(self, value: TomlValue, location: Location, text: bool) -> object:
        raise NotImplementedError


def plain_value(value: object) -> TomlValue:
    """Returns a single value as a file says it: durations, times, paths and networks as texts. TypeError for others."""
    match value:
        case Enum():
            return plain_value(value.value)
        case bool() | int() | str() | Decimal():
            return value
        case float():
            return Decimal(repr(value))
        case timedelta():
            return duration_text(value)
        case time():
            return value.isoformat("seconds" if value.second else "minutes")
        case PurePath() | IPv4Network() | IPv6Network():
            return str(value)
    raise TypeError(f"a {type(value).__name__} is no single value")


class ScalarType(Type, frozen=True, kw_only=True):
    """A single value."""

    read: Callable[[TomlValue], object]
    """Returns the value for the program. Raises ValueError when it does not fit."""
    write: Callable[[object], TomlValue] = plain_value
    """Returns what a file says for a value. Raises TypeError or ValueError where it cannot be said so."""

    def dump(self, value: object) -> TomlValue:
        return self.write(value)

    def _take(self, value: TomlValue, location: Location, text: bool) -> object:
        return self.read(value)


class PathType(Type, frozen=True, kw_only=True):
    """A path, relative to the folder of the file it is written in; with `exists`, of a file that is there."""

    exists: bool = False
    schema: Schema = MappingProxyType({"type": "string", "minLength": 1})

    def dump(self, value: object) -> TomlValue:
        return plain_value(value)

    def _take(self, value: TomlValue, location: Location, text: bool) -> object:
        if not isinstance(value, str) or not value.strip() or "\0" in value:
            raise InvalidValueError
        path = location.folder / Path(value).expanduser()
        if self.exists and not path.is_file():
            raise InvalidValueError(f"{self.want}; there is no file {path}")
        return path


class ListType(Type, frozen=True, kw_only=True):
    """A list of entries of one type. A word may stand for a whole list."""

    item: Type
    gather: Callable[[tuple[object, ...]], object] = tuple
    """Makes the value for the program of the entries. Raises ValueError when they do not fit together."""
    words: Mapping[str, object] = {}
    """What each word means that may stand in place of the list."""
    single: bool = False
    """Whether one entry may stand for a list of it alone."""
    least: int = 0
    """How many entries there must be."""
    scatter: Callable[[object], Iterable[object]] | None = None
    """Returns the entries of a value, where those are not what is in it."""
    listed: bool = False
    """Whether one entry is written as a list too."""

    def dump(self, value: object) -> TomlValue:
        if self.scatter is not None:
            entries = [self.item.dump(entry) for entry in self.scatter(value)]
        elif isinstance(value, Set | tuple):
            entries = [self.item.dump(entry) for entry in (sorted(value) if isinstance(value, Set) else value)]
        elif (word := next((word for word, meaning in self.words.items() if meaning == value), None)) is not None:
            return word
        else:
            raise TypeError(f"a {type(value).__name__} is no list")
        return entries[0] if self.single and not self.listed and len(entries) == 1 else entries

    def _take(self, value: TomlValue, location: Location, text: bool) -> object:
        if isinstance(value, str) and value in self.words:
            return self.words[value]
        if isinstance(value, str) or not isinstance(value, Sequence):
            if not self.single:
                raise InvalidValueError
            entry = self.item.take(value, location, text=text)
            return INVALID if entry is INVALID else self.gather((entry,))
        if len(value) < self.least:
            raise InvalidValueError(f"{self.want}; at least one")
        entries = tuple(self.item.take(entry, location / index, text=text) for index, entry in enumerate(value))
        return INVALID if INVALID in entries else self.gather(entries)

    def _schema(self, definitions: Definitions) -> Schema:
        item = self.item.schema_in(definitions)
        least: Schema = {"minItems": self.least} if self.least else {}
        forms: list[Schema] = [{"type": "array", "items": item, **least}]
        if self.single:
            forms.insert(0, item)
        if self.words:
            forms.insert(0, {"enum": list(self.words)})
        return forms[0] if len(forms) == 1 else {"anyOf": forms}


class TableType(Type, frozen=True, kw_only=True):
    """A table, read by a function of its own that notes errors entry by entry."""

    table: Callable[[Mapping[str, TomlValue], Location, bool], object]
    write: Callable[[object], TomlValue]
    """Returns what a file says for a value."""
    schema: Schema = MappingProxyType({"type": "object"})

    def dump(self, value: object) -> TomlValue:
        return self.write(value)

    def _take(self, value: TomlValue, location: Location, text: bool) -> object:
        if not isinstance(value, Mapping):
            raise InvalidValueError
        return self.table(value, location, text)


class TableEntry(Protocol):
    """What a table may hold under one key: the type of its value (`kind`), and what it is for."""

    @property
    def kind(self) -> Type:
        """The type of its value."""

    @property
    def doc(self) -> str:
        """What it is for."""

    @property
    def required(self) -> bool:
        """Whether a table without it is wrong."""


class TableKey(msgspec.Struct, frozen=True):
    """A `TableEntry` that is spelled out."""

    kind: Type
    doc: str
    required: bool = False


def parse_entries(
    table: Mapping[str, TomlValue], kinds: Mapping[str, Type], location: Location, *, text: bool = False
) -> dict[str, object]:
    """Returns the entries of a table that fit, by key; notes an error for each unknown key and each value that does not
    fit."""
    taken: dict[str, object] = {}
    for key, value in table.items():
        if key not in kinds:
            (location / key).key_error(f"unknown key {location.quoted(key)}{suggestion(key, kinds)}")
            continue
        found = kinds[key].take(value, location / key, text=text)
        if found is not INVALID:
            taken[key] = found
    return taken


class RecordType(Type, frozen=True, kw_only=True):
    """A table of known keys, which says what differs from `blank`."""

    entries: Callable[[], Mapping[str, TableEntry]]
    blank: msgspec.Struct | None = None
    """The value of a table that says nothing; None for one that is no Struct, and cannot be written."""
    fields: Mapping[str, str] = {}
    """The fields of `blank` by the keys that are called something else."""
    always: frozenset[str] = frozenset()
    """Keys that are written although they say what is so anyway; those that must be said are too."""
    make: Callable[[Mapping[str, object], Location], object] | None = None
    """Makes the value for the program of the entries, where more is to be done than to fill `blank` with them; notes
    errors for what does not go together. Asked only when every entry fits, unless `lenient`. Raises ValueError when the
    whole does not fit."""
    parts: Callable[[object], Mapping[str, object]] | None = None
    """Returns the entries of a value, where those are not its fields."""
    lenient: bool = False
    """Whether a value is made of what fits, although something does not."""
    more: Schema = MappingProxyType({})
    """What JSON Schema says of the table besides."""

    def _take(self, value: TomlValue, location: Location, text: bool) -> object:
        if not isinstance(value, Mapping):
            raise InvalidValueError
        entries = self.entries()
        taken = parse_entries(value, {key: entry.kind for key, entry in entries.items()}, location)
        absent = [key for key, entry in entries.items() if entry.required and key not in value]
        for key in absent:
            location.error(f"got no {key}, want one: {_wanted(entries[key].kind, location)}")
        if absent or (len(taken) < len(value) and not self.lenient):
            return INVALID
        return self.filled(taken) if self.make is None else self.make(taken, location)

    def filled(self, taken: Mapping[str, object]) -> msgspec.Struct:
        """Returns `blank` with the entries in its fields; what is no field of it means nothing more."""
        assert self.blank is not None
        named = {self.fields.get(key, key): each for key, each in taken.items()}
        known = self.blank.__struct_fields__
        return msgspec.structs.replace(self.blank, **{key: each for key, each in named.items() if key in known})

    def said(self, value: object) -> Mapping[str, object]:
        """Returns the entries that fill `blank` so that it is the value. TypeError for a value of another type."""
        if self.blank is None or type(value) is not type(self.blank):
            raise TypeError(f"want {self.want}, not a {type(value).__name__}")
        found: dict[str, object] = {}
        for key, entry in self.entries().items():
            name = self.fields.get(key, key)
            if name in self.blank.__struct_fields__:
                each = getattr(value, name)
                if entry.required or key in self.always or each != getattr(self.blank, name):
                    found[key] = each
        return found

    def dump(self, value: object) -> Mapping[str, TomlValue]:
        entries = self.entries()
        said = self.said(value) if self.parts is None else self.parts(value)
        return {key: entries[key].kind.dump(each) for key, each in said.items()}

    def _schema(self, definitions: Definitions) -> Schema:
        entries = self.entries()
        properties = {
            key: {**entry.kind.schema_in(definitions), "description": entry.doc} for key, entry in entries.items()
        }
        required = [key for key, entry in entries.items() if entry.required]
        need: Schema = {"required": required} if required else {}
        return {"type": "object", "properties": properties, "additionalProperties": False, **need, **self.more}


def _wanted(kind: Type, location: Location) -> str:
    return kind.want.replace("{example}", location.written(kind.example))


def pairs_of(value: object) -> Iterable[tuple[object, object]]:
    """Returns the keys and values of a mapping, or of the pairs that stand for one. TypeError for anything else."""
    if isinstance(value, Mapping):
        return value.items()
    if not isinstance(value, tuple):
        raise TypeError(f"a {type(value).__name__} is no table")
    return value


class MapType(Type, frozen=True, kw_only=True):
    """A table whose keys are free, all of one type, as its values are."""

    key: Type
    value: Type
    gather: Callable[[tuple[tuple[object, object], ...]], object]
    """Makes the value for the program of the pairs. Raises ValueError when they do not fit together."""
    scatter: Callable[[object], Iterable[tuple[object, object]]] = pairs_of
    """Returns the pairs of a value."""

    def dump(self, value: object) -> TomlValue:
        return {str(self.key.dump(key)): self.value.dump(entry) for key, entry in self.scatter(value)}

    def _take(self, value: TomlValue, location: Location, text: bool) -> object:
        if not isinstance(value, Mapping):
            raise InvalidValueError
        pairs = [
            (self.value.take(entry, location / key), self.key.take(key, location / key)) for key, entry in value.items()
        ]
        if any(INVALID in pair for pair in pairs):
            return INVALID
        return self.gather(tuple((key, entry) for entry, key in pairs))

    def _schema(self, definitions: Definitions) -> Schema:
        return {
            "type": "object",
            "propertyNames": self.key.schema_in(definitions),
            "additionalProperties": self.value.schema_in(definitions),
        }


class OneOfType(Type, frozen=True, kw_only=True):
    """A value in one of several forms: a single value, a table or a list."""

    single: Type | None = None
    table: Type | None = None
    series: Type | None = None

    def dump(self, value: object) -> TomlValue:
        for form in (self.single, self.series, self.table):
            if form is not None:
                try:
                    return form.dump(value)
                except (TypeError, ValueError):
                    continue
        raise TypeError(f"want {self.want}, not a {type(value).__name__}")

    def _take(self, value: TomlValue, location: Location, text: bool) -> object:
        if isinstance(value, Mapping):
            form = self.table
        elif isinstance(value, Sequence) and not isinstance(value, str):
            form = self.series
        else:
            form = self.single
        if form is None:
            raise InvalidValueError
        return form.take(value, location)

    def _schema(self, definitions: Definitions) -> Schema:
        forms = (form for form in (self.single, self.series, self.table) if form is not None)
        return {"anyOf": [form.schema_in(definitions) for form in forms]}


class TaggedType(Type, frozen=True, kw_only=True):
    """A table that says in one key what its other keys are."""

    tag: str
    variants: Mapping[str, RecordType]

    def dump(self, value: object) -> TomlValue:
        for word, variant in self.variants.items():
            if type(value) is type(variant.blank):
                return {self.tag: word, **variant.dump(value)}
        raise TypeError(f"want {self.want}, not a {type(value).__name__}")

    def _take(self, value: TomlValue, location: Location, text: bool) -> object:
        if not isinstance(value, Mapping):
            raise InvalidValueError
        words = ", ".join(f'"{word}"' for word in self.variants)
        if self.tag not in value:
            location.error(f"got no {self.tag}, want one of {words}")
            return INVALID
        said = value[self.tag]
        if not isinstance(said, str) or said not in self.variants:
            like = suggestion(said, self.variants) if isinstance(said, str) else ""
            (location / self.tag).error(f"got {location.quoted(said)}, want one of {words}{like}")
            return INVALID
        return self.variants[said].take(value, location)

    def _schema(self, definitions: Definitions) -> Schema:
        return {"oneOf": [variant.schema_in(definitions) for variant in self.variants.values()]}


def word_type(words: Mapping[str, object], want: str = "") -> ScalarType:
    """Makes the type of one of some words, letters' case aside, each of which stands for a value.

    `want` replaces the list of the words.
    """
    listed = want or f"one of {', '.join(words)}"
    folded = {word.casefold(): value for word, value in words.items()}

    def read(value: TomlValue) -> object:
        if not isinstance(value, str) or value.casefold() not in folded:
            raise InvalidValueError(listed + (suggestion(value, words) if isinstance(value, str) else ""))
        return folded[value.casefold()]

    def write(value: object) -> TomlValue:
        for word, meaning in words.items():
            if meaning == value:
                return word
        raise TypeError(f"want {listed}, not a {type(value).__name__}")

    return ScalarType(want=listed, read=read, write=write, example=next(iter(words)), schema=words_schema(words))


def words_schema(words: Iterable[str]) -> Schema:
    """Returns what JSON Schema says of words whose letters' case does not count."""
    known = list(words)
    pattern = "|".join("".join(_either_case(letter) for letter in word) for word in known)
    return {"anyOf": [{"enum": known}, {"type": "string", "pattern": f"^({pattern})$"}]}


def _either_case(letter: str) -> str:
    return f"[{letter.upper()}{letter.lower()}]" if letter.isalpha() else re.escape(letter)


# Tables of settings made of them.

VARIABLE_PREFIX = "CLOUDSMS_SIM_"
"""The name of every environment variable of ours begins so."""


class SettingTable(msgspec.Struct, frozen=True, kw_only=True):
    """The base of the Structs whose fields are settings."""


class SettingField(msgspec.Struct, frozen=True):
    """One setting: the table it is in, its name in TOML, its type (`kind`), and its default. A `TableEntry`."""

    table: type[SettingTable]
    name: str
    kind: Type
    default: object
    required: bool = False

    @property
    def doc(self) -> str:
        """Its docstring, on one line. The source is read when somebody first asks."""
        return docstrings(self.table).get(self.name, "")

    @property
    def flag(self) -> str:
        """`--admin-port`."""
        return f"--{self.name.replace('_', '-')}"

    @property
    def variable(self) -> str:
        """`CLOUDSMS_SIM_ADMIN_PORT`."""
        return f"{VARIABLE_PREFIX}{self.name.upper()}"


@cache
def fields_of(table: type[SettingTable]) -> tuple[SettingField, ...]:
    """Returns the settings of a table, in its order."""
    hints = get_type_hints(table, include_extras=True)
    return tuple(
        SettingField(table, field.name, _type_of_hint(hints[field.name]), field.default)
        for field in msgspec.structs.fields(table)
    )


def _type_of_hint(hint: object) -> Type:
    if get_origin(hint) is Annotated:
        for extra in getattr(hint, "__metadata__", ()):
            if isinstance(extra, Type):
                return extra
    raise TypeError(f"{hint} names no type")


@cache
def docstrings(struct: type[msgspec.Struct]) -> Mapping[str, str]:
    """The docstrings of a Struct's fields, each on one line; none where the source is not at hand."""
    try:
        (definition,) = ast.parse(inspect.getsource(struct)).body
    except (OSError, SyntaxError):
        return {}
    docs: dict[str, str] = {}
    name = ""
    for statement in getattr(definition, "body", ()):
        if isinstance(statement, ast.AnnAssign) and isinstance(statement.target, ast.Name):
            name = statement.target.id
        elif isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant) and name:
            docs[name] = " ".join(str(statement.value.value).split())
            name = ""
    return docs
