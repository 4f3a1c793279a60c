"""Kinds made of other kinds: tables of known keys, tables of free keys, and values that come in several forms."""

from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType

import msgspec

from cloudsms_simulator.server.kinds import UNFIT, Definitions, Kind, Schema, UnfitError, take_entries
from cloudsms_simulator.server.place import Place
from cloudsms_simulator.server.problems import suggestion
from cloudsms_simulator.server.toml_file import TomlValue


class Entry(msgspec.Struct, frozen=True):
    """A key of a table: the kind of its value, and what it is for."""

    kind: Kind
    doc: str
    required: bool = False


class RecordKind(Kind, frozen=True, kw_only=True):
    """A table of known keys."""

    entries: Callable[[], Mapping[str, Entry]]
    make: Callable[[Mapping[str, object], Place], object]
    """From the entries to the value for the program, complaining of what does not go together. Asked only when every
    entry fits, unless `lenient`. Raises ValueError when the whole does not fit."""
    lenient: bool = False
    """Whether it is made of what fits although something does not."""
    more: Schema = MappingProxyType({})
    """What JSON Schema is told besides."""

    def _take(self, value: TomlValue, place: Place, text: bool) -> object:
        if not isinstance(value, Mapping):
            raise UnfitError
        entries = self.entries()
        taken = take_entries(value, {key: entry.kind for key, entry in entries.items()}, place)
        absent = [key for key, entry in entries.items() if entry.required and key not in value]
        for key in absent:
            place.complain(f"got no {key}, want one: {_wanted(entries[key].kind, place)}")
        if absent or (len(taken) < len(value) and not self.lenient):
            return UNFIT
        return self.make(taken, place)

    def _schema(self, definitions: Definitions) -> Schema:
        entries = self.entries()
        properties = {
            key: {**entry.kind.schema_in(definitions), "description": entry.doc} for key, entry in entries.items()
        }
        required = [key for key, entry in entries.items() if entry.required]
        need: Schema = {"required": required} if required else {}
        return {"type": "object", "properties": properties, "additionalProperties": False, **need, **self.more}


class MapKind(Kind, frozen=True, kw_only=True):
    """A table whose keys are free, all of one kind, as its values are."""

    key: Kind
    value: Kind
    gather: Callable[[tuple[tuple[object, object], ...]], object]
    """From the pairs to the value for the program. Raises ValueError when they do not fit together."""

    def _take(self, value: TomlValue, place: Place, text: bool) -> object:
        if not isinstance(value, Mapping):
            raise UnfitError
        pairs = [(self.value.take(entry, place / key), self.key.take(key, place / key)) for key, entry in value.items()]
        if any(UNFIT in pair for pair in pairs):
            return UNFIT
        return self.gather(tuple((key, entry) for entry, key in pairs))

    def _schema(self, definitions: Definitions) -> Schema:
        return {
            "type": "object",
            "propertyNames": self.key.schema_in(definitions),
            "additionalProperties": self.value.schema_in(definitions),
        }


class FormKind(Kind, frozen=True, kw_only=True):
    """A value in one of several forms: a single value, a table or a list."""

    single: Kind | None = None
    table: Kind | None = None
    series: Kind | None = None

    def _take(self, value: TomlValue, place: Place, text: bool) -> object:
        if isinstance(value, Mapping):
            kind = self.table
        elif isinstance(value, Sequence) and not isinstance(value, str):
            kind = self.series
        else:
            kind = self.single
        if kind is None:
            raise UnfitError
        return kind.take(value, place)

    def _schema(self, definitions: Definitions) -> Schema:
        kinds = (kind for kind in (self.single, self.series, self.table) if kind is not None)
        return {"anyOf": [kind.schema_in(definitions) for kind in kinds]}


class VariantKind(Kind, frozen=True, kw_only=True):
    """A table that says in one key what its other keys are."""

    tag: str
    variants: Mapping[str, Kind]

    def _take(self, value: TomlValue, place: Place, text: bool) -> object:
        if not isinstance(value, Mapping):
            raise UnfitError
        words = ", ".join(f'"{word}"' for word in self.variants)
        if self.tag not in value:
            place.complain(f"got no {self.tag}, want one of {words}")
            return UNFIT
        said = value[self.tag]
        if not isinstance(said, str) or said not in self.variants:
            like = suggestion(said, self.variants) if isinstance(said, str) else ""
            (place / self.tag).complain(f"got {place.quoted(said)}, want one of {words}{like}")
            return UNFIT
        return self.variants[said].take(value, place)

    def _schema(self, definitions: Definitions) -> Schema:
        return {"oneOf": [kind.schema_in(definitions) for kind in self.variants.values()]}


def _wanted(kind: Kind, place: Place) -> str:
    return kind.want.replace("{example}", place.written(kind.example))
