"""A JSON table: the object in a body that is read by kinds, as files are, so that every mistake in it is told at once.

`null` in place of a value means the default. Nothing here parses YAML, which takes longer than making an account.
"""

from collections.abc import Mapping
from decimal import Decimal
from typing import Literal

import msgspec

from cloudsms_simulator.server.place import Place
from cloudsms_simulator.server.problems import SettingsError
from cloudsms_simulator.server.toml_file import TomlPath, TomlValue

_DEEPEST = 50
_decoder = msgspec.json.Decoder(dict[str, object], float_hook=Decimal)


class JsonTable(msgspec.Struct, frozen=True):
    """The values of a JSON object, numbers with a point exact, and the keys whose value was `null`."""

    values: Mapping[str, TomlValue]
    nulls: frozenset[str] = frozenset()
    name: str = "body"
    language: Literal["yaml"] = "yaml"
    """JSON is YAML: what is quoted in complaints is written so."""

    def place(self, path: TomlPath, *, key: bool = False) -> str:
        """`body`; for a key below the first level, the table it is in: `body.callback`."""
        return ".".join([self.name, *map(str, path[:-1])]) if key else self.name


def read_json_table(body: bytes) -> JsonTable:
    """The object in a body; an empty body is an empty one. Raises SettingsError for what is none."""
    try:
        body.decode()
        given = _decoder.decode(body or b"{}")
    except msgspec.ValidationError:
        raise SettingsError(["the body is not a JSON object; send {…}"]) from None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise SettingsError([f"the body is not JSON: {error}"]) from None
    problems: list[str] = []
    place = Place(problems, JsonTable({}))
    values = {key: _value(entry, place / key) for key, entry in given.items() if entry is not None}
    if problems:
        raise SettingsError(problems)
    return JsonTable(values, frozenset(given) - frozenset(values))


def _value(value: object, place: Place) -> TomlValue:
    """A value as kinds know it; complains of what they do not."""
    if isinstance(value, str | int | Decimal):
        return value
    if value is None:
        place.complain("got null, want a value, or the key left out")
    elif len(place.path) > _DEEPEST:
        place.complain(f"is nested more than {_DEEPEST} deep")
    elif isinstance(value, list):
        return [_value(entry, place / index) for index, entry in enumerate(value)]
    elif isinstance(value, dict):
        return {str(key): _value(entry, place / str(key)) for key, entry in value.items()}
    return ""
