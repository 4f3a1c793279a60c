"""TOML as text: how a value is written in a configuration file, and quoted in a message."""

import json
from collections.abc import Mapping, Sequence
from datetime import time
from decimal import Decimal

from cloudsms_simulator.protocol.moments import date
from cloudsms_simulator.server.toml_file import TomlValue

_BARE = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-")
_LONGEST_QUOTE = 80
_MOST_DIGITS = 40
_MOST_BITS = 128


def toml_text(value: TomlValue) -> str:
    """A value in TOML, on one line: tables inline, texts in double quotes, decimals with every digit."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return _text(value)
    if isinstance(value, Decimal):
        return f"{value:f}" if value.is_finite() and abs(value.adjusted()) < _MOST_DIGITS else str(value).lower()
    if isinstance(value, int):
        return str(value) if value.bit_length() < _MOST_BITS else hex(value)
    if isinstance(value, date | time):
        return value.isoformat()
    if isinstance(value, Mapping):
        pairs = (f"{toml_key(key)} = {toml_text(entry)}" for key, entry in value.items())
        return "{ " + ", ".join(pairs) + " }" if value else "{}"
    return _array(value)


def toml_key(key: str) -> str:
    """A key, in quotes unless it needs none."""
    return key if key and _BARE.issuperset(key) else _text(key)


def quoted(value: TomlValue) -> str:
    """A value as a message quotes it: at most 80 characters and an ellipsis."""
    text = toml_text(value)
    return text if len(text) <= _LONGEST_QUOTE else f"{text[:_LONGEST_QUOTE]}…"


def _array(values: Sequence[TomlValue]) -> str:
    return "[" + ", ".join(toml_text(value) for value in values) + "]"


def _text(text: str) -> str:
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")
