"""The components of the OpenAPI document: JSON Schemas of the Structs and schema types the API reads and writes.

Imported when somebody asks for the document. A component is named as its Struct; what the docstrings of a Struct
say of its fields is said in the schema too. Moments are described in the one form in which they are written.
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import TypeAlias, get_origin

import msgspec
from msgspec import inspect

from cloudsms_simulator.config.schema import Schema, docstrings

COMPONENTS = "#/components/schemas/"

SchemaValue: TypeAlias = "Mapping[str, SchemaValue] | list[SchemaValue] | str | int | float | bool | None"
"""JSON as it is put together."""

SchemaObject: TypeAlias = "Mapping[str, SchemaValue]"


class Schemas:
    """The schemas of Structs and of the Structs in them. `taken` are the Structs that the API reads as bodies.

    `written` has, for members of Structs, the types that the server always writes there, where a client takes more.
    Two Structs of one name get the names of their modules too, which is ugly: rename one of them.
    """

    def __init__(
        self,
        structs: Iterable[type[msgspec.Struct]],
        taken: Iterable[type[msgspec.Struct]],
        written: Mapping[type[msgspec.Struct], Mapping[str, object]],
    ) -> None:
        kinds = list(dict.fromkeys([*structs, *(kind for members in written.values() for kind in members.values())]))
        refs, components = msgspec.json.schema_components(
            kinds, ref_template=f"{COMPONENTS}{{name}}", schema_hook=_any_json
        )
        self._refs = dict(zip(kinds, refs, strict=True))
        named = {(get_origin(each.cls) or each.cls).__name__: each for each in _parts(inspect.multi_type_info(kinds))}
        self._components: dict[str, SchemaObject] = {
            name: _described(self._as_written(schema, struct, written), struct)
            for name, schema in components.items()
            for struct in [named.get(str(schema["title"]).partition("[")[0])]
        }
        for each in taken:
            name = self._refs[each]["$ref"].removeprefix(COMPONENTS)
            self._components[name] = {**self._components[name], "additionalProperties": False}

    def _as_written(
        self,
        schema: SchemaObject,
        struct: inspect.StructType | None,
        written: Mapping[type[msgspec.Struct], Mapping[str, object]],
    ) -> SchemaObject:
        members = {} if struct is None else written.get(struct.cls, {})
        properties, required = schema.get("properties"), schema.get("required")
        if not (members and isinstance(properties, Mapping) and isinstance(required, list)):
            return schema
        shown = {**properties, **{name: self._refs[kind] for name, kind in members.items()}}
        return {**schema, "properties": shown, "required": [each for each in shown if each in {*required, *members}]}

    def of(self, struct: type[msgspec.Struct]) -> SchemaObject:
        """The schema of a Struct: a reference."""
        return self._refs[struct]

    def add(self, definitions: Mapping[str, Schema]) -> None:
        """Adds schemas by name that refer to one another as `#/$defs/…`."""
        for name, schema in definitions.items():
            self._components[name] = referring(schema)

    def components(self) -> SchemaObject:
        """All schemas, by name."""
        return dict(sorted(self._components.items()))


def _any_json(kind: type) -> dict[str, str]:
    """The schema of a value of the type `object`."""
    if kind is not object:
        raise NotImplementedError
    return {"description": "any JSON"}


def referring(schema: Schema) -> SchemaObject:
    """A schema whose references lead to the components of the document."""
    moved = _moved(schema)
    assert isinstance(moved, Mapping)
    return moved


def _moved(value: object) -> SchemaValue:
    if isinstance(value, Mapping):
        return {
            str(key): f"{COMPONENTS}{str(each).removeprefix('#/$defs/')}" if key == "$ref" else _moved(each)
            for key, each in value.items()
        }
    if isinstance(value, list | tuple):
        return [_moved(each) for each in value]
    assert value is None or isinstance(value, str | int | float)
    return value


def _described(schema: SchemaObject, struct: inspect.StructType | None) -> SchemaObject:
    """A schema with the docstrings of the Struct's fields as descriptions; as it is without a Struct."""
    if struct is None:
        return schema
    docs: dict[str, str] = {}
    for each in reversed((get_origin(struct.cls) or struct.cls).__mro__):
        if issubclass(each, msgspec.Struct) and each is not msgspec.Struct:
            docs.update(docstrings(each))
    properties = schema.get("properties")
    assert isinstance(properties, Mapping)
    shown: dict[str, SchemaValue] = {}
    for field in struct.fields:
        property_schema = properties[field.encode_name]
        assert isinstance(property_schema, Mapping)
        if field.name in docs:
            property_schema = {"description": docs[field.name], **property_schema}
        shown[field.encode_name] = _with_moments(property_schema) if _is_a_moment(field.type) else property_schema
    return {**schema, "properties": shown}


def _is_a_moment(kind: inspect.Type) -> bool:
    if isinstance(kind, inspect.UnionType):
        return any(map(_is_a_moment, kind.types))
    return isinstance(kind, inspect.DateTimeType)


def _with_moments(schema: SchemaObject) -> SchemaObject:
    """A schema whose strings are moments, with the format `date-time`."""
    choices = schema.get("anyOf")
    if isinstance(choices, list):
        return {**schema, "anyOf": [_with_moments(each) for each in choices if isinstance(each, Mapping)]}
    return {**schema, "format": "date-time"} if schema.get("type") == "string" else schema


def _parts(infos: Iterable[inspect.Type]) -> Iterator[inspect.StructType]:
    """Every Struct in some types."""
    left: list[object] = list(infos)
    seen: set[int] = set()
    while left:
        each = left.pop()
        if isinstance(each, list | tuple):
            left += each
        elif isinstance(each, inspect.Type | inspect.Field) and id(each) not in seen:
            seen.add(id(each))
            left += [getattr(each, name) for name in each.__struct_fields__]
            if isinstance(each, inspect.StructType):
                yield each
