"""Kinds: what the value of a setting may be, and how it is read from a file, a flag or the environment.

A kind lists every mistake in its value, and tells JSON Schema what is right. Those here stand for a single value; kinds
made of other kinds are in `compound_kinds.py`.
"""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import TypeAlias

import msgspec

from cloudsms_simulator.server.place import Place
from cloudsms_simulator.server.problems import suggestion
from cloudsms_simulator.server.toml_file import TomlValue

UNFIT = msgspec.UNSET
"""Stands for a value that was complained about."""

Schema: TypeAlias = Mapping[str, TomlValue]
"""A JSON Schema, draft 2020-12."""

Definitions: TypeAlias = "dict[str, Schema]"
"""Schemas by name, for `#/$defs`; kinds add theirs while they are asked."""

_EXAMPLE = "{example}"


class UnfitError(ValueError):
    """Raised by readers for a value that does not fit. Its text, if any, replaces the kind's `want`."""


class Kind(msgspec.Struct, frozen=True, kw_only=True):
    """What all kinds share. A value that does not fit is complained about at its place, and becomes UNFIT."""

    want: str
    """What would be right, as it follows the word `want` in a complaint; `{example}` is the example, in the language
    of the place."""
    parse: Callable[[str], TomlValue] = str
    """From a flag or a variable to what a file would hold. Raises ValueError."""
    metavar: str = "TEXT"
    example: TomlValue = ""
    """Shown where the default is nothing."""
    secret: bool = False
    """Never repeated in a complaint or a listing."""
    schema: Schema = {}
    """What JSON Schema says of it, unless the kind can work it out."""
    title: str = ""
    """What JSON Schema calls it; with a title it is written down once and referred to."""

    def take(self, value: TomlValue, place: Place, *, text: bool = False) -> object:
        """The value for the program, or UNFIT. `text` says that it came from outside any file and is to be parsed."""
        try:
            return self._take(self.parse(value) if text and isinstance(value, str) else value, place, text)
        except ValueError as error:
            got = "something not repeated here" if self.secret else place.quoted(value)
            better = str(error) if isinstance(error, UnfitError) else ""
            want = (better or self.want).replace(_EXAMPLE, place.written(self.example))
            place.complain(f"got {got}, want {want}")
            return UNFIT

    def schema_in(self, definitions: Definitions) -> Schema:
        """What JSON Schema says of it; what it refers to is put among the definitions."""
        if not self.title:
            return self._schema(definitions)
        if self.title not in definitions:
            definitions[self.title] = {}
            definitions[self.title] = self._schema(definitions)
        return {"$ref": f"#/$defs/{self.title}"}

    def _schema(self, definitions: Definitions) -> Schema:
        return self.schema

    def _take(self, value: TomlValue, place: Place, text: bool) -> object:
        raise NotImplementedError


class Scalar(Kind, frozen=True, kw_only=True):
    """A single value."""

    read: Callable[[TomlValue], object]
    """The value for the program. Raises ValueError when it does not fit."""

    def _take(self, value: TomlValue, place: Place, text: bool) -> object:
        return self.read(value)


class PathKind(Kind, frozen=True, kw_only=True):
    """A path, relative to the folder of the file it is written in; with `exists`, of a file that is there."""

    exists: bool = False
    schema: Schema = MappingProxyType({"type": "string", "minLength": 1})

    def _take(self, value: TomlValue, place: Place, text: bool) -> object:
        if not isinstance(value, str) or not value.strip() or "\0" in value:
            raise UnfitError
        path = place.folder / Path(value).expanduser()
        if self.exists and not path.is_file():
            raise UnfitError(f"{self.want}; there is no file {path}")
        return path


class ListKind(Kind, frozen=True, kw_only=True):
    """A list of entries of one kind. A word may stand for a whole list."""

    item: Kind
    gather: Callable[[tuple[object, ...]], object] = tuple
    """From the entries to the value for the program. Raises ValueError when they do not fit together."""
    words: Mapping[str, object] = {}
    """What a single word in place of the list means."""
    single: bool = False
    """Whether one entry may stand for a list of it alone."""
    least: int = 0
    """How many entries there must be."""

    def _take(self, value: TomlValue, place: Place, text: bool) -> object:
        if isinstance(value, str) and value in self.words:
            return self.words[value]
        if isinstance(value, str) or not isinstance(value, Sequence):
            if not self.single:
                raise UnfitError
            entry = self.item.take(value, place, text=text)
            return UNFIT if entry is UNFIT else self.gather((entry,))
        if len(value) < self.least:
            raise UnfitError(f"{self.want}; at least one")
        entries = tuple(self.item.take(entry, place / index, text=text) for index, entry in enumerate(value))
        return UNFIT if UNFIT in entries else self.gather(entries)

    def _schema(self, definitions: Definitions) -> Schema:
        item = self.item.schema_in(definitions)
        least: Schema = {"minItems": self.least} if self.least else {}
        forms: list[Schema] = [{"type": "array", "items": item, **least}]
        if self.single:
            forms.insert(0, item)
        if self.words:
            forms.insert(0, {"enum": list(self.words)})
        return forms[0] if len(forms) == 1 else {"anyOf": forms}


class TableKind(Kind, frozen=True, kw_only=True):
    """A table, read by a function of its own that complains entry by entry."""

    table: Callable[[Mapping[str, TomlValue], Place, bool], object]
    schema: Schema = MappingProxyType({"type": "object"})

    def _take(self, value: TomlValue, place: Place, text: bool) -> object:
        if not isinstance(value, Mapping):
            raise UnfitError
        return self.table(value, place, text)


def take_entries(
    table: Mapping[str, TomlValue], kinds: Mapping[str, Kind], place: Place, *, text: bool = False
) -> dict[str, object]:
    """The entries of a table that fit, by key; complains about unknown keys and about values that do not fit."""
    taken: dict[str, object] = {}
    for key, value in table.items():
        if key not in kinds:
            (place / key).complain_of_key(f"unknown key {place.quoted(key)}{suggestion(key, kinds)}")
            continue
        found = kinds[key].take(value, place / key, text=text)
        if found is not UNFIT:
            taken[key] = found
    return taken
