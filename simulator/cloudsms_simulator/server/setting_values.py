"""The values of settings as TOML holds them: what `config show` prints, and reading gives back."""

from collections.abc import Mapping, Set
from datetime import timedelta
from decimal import Decimal
from ipaddress import IPv4Network, IPv6Network
from pathlib import Path

import msgspec

from cloudsms_simulator.engine.account import ANY
from cloudsms_simulator.engine.outlook import Course, Mix
from cloudsms_simulator.engine.script import Plan
from cloudsms_simulator.protocol.key_ring import fingerprint
from cloudsms_simulator.protocol.profile import StateSet
from cloudsms_simulator.server.durations import duration_text
from cloudsms_simulator.server.report_values import outlook_value
from cloudsms_simulator.server.setting_field import SettingField, SettingTable, fields_of
from cloudsms_simulator.server.setting_kinds import SIZE, size_text
from cloudsms_simulator.server.toml_file import TomlValue

MASK = "********"
"""Stands for a token."""


def setting_values(settings: SettingTable) -> Mapping[str, TomlValue]:
    """Every setting that is not None, by name, in its order; AUTH_KEYs as fingerprints, tokens as `********`."""
    values: dict[str, TomlValue] = {}
    for field in fields_of(type(settings)):
        value = getattr(settings, field.name)
        if value is not None:
            values[field.name] = _hidden(field.name, str(value)) if field.kind.secret else field_value(field, value)
    return values


def field_value(field: SettingField, value: object) -> TomlValue:
    """A setting's value as TOML holds it; sizes with their unit."""
    return size_text(value) if field.kind is SIZE and isinstance(value, int) else toml_value(value)


def toml_value(value: object) -> TomlValue:
    """A value as TOML holds it: durations, paths and networks as texts, sets as sorted lists, a Struct as a table.

    Raises TypeError for what no setting holds.
    """
    match value:
        case bool() | int() | str() | Decimal():
            return value
        case float():
            return Decimal(repr(value))
        case timedelta():
            return duration_text(value)
        case Path() | IPv4Network() | IPv6Network():
            return str(value)
        case Mapping():
            return {ANY if key is None else str(key): toml_value(entry) for key, entry in value.items()}
        case Set():
            return sorted(value)
        case tuple():
            return [toml_value(entry) for entry in value]
        case StateSet():
            states = sorted(value.states)
            return {"all_but": states} if value.all_but else states
        case Plan() | Course() | Mix():
            return outlook_value(value)
        case SettingTable():
            return setting_values(value)
        case msgspec.Struct():
            return _table(value)
    raise TypeError(f"a setting holds a {type(value).__name__}")


def _hidden(name: str, secret: str) -> str:
    if secret == ANY:
        return ANY
    return fingerprint(secret) if name == "auth_key" else MASK


def _table(value: msgspec.Struct) -> Mapping[str, TomlValue]:
    """The fields that differ from their defaults."""
    fields = [field for field in msgspec.structs.fields(value) if getattr(value, field.name) != field.default]
    return {field.name: toml_value(getattr(value, field.name)) for field in fields}
