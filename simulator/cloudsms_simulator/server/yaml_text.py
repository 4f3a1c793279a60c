"""YAML as text: how a value is written in a scenario file, and quoted in a message."""

import json
import re
from collections.abc import Mapping, Sequence
from datetime import time
from decimal import Decimal

from cloudsms_simulator.protocol.moments import date
from cloudsms_simulator.server.toml_file import TomlValue
from cloudsms_simulator.server.toml_text import toml_text

_BARE = re.compile(r"[A-Za-z_$][A-Za-z0-9_.$-]*")
_NO_TEXTS = frozenset({"true", "false", "null"})
_UNSAFE = re.compile("[\x7f-\x9f\u2028\u2029\ufeff\ud800-\udfff\ufffe\uffff]")
_LONGEST_QUOTE = 80


def yaml_text(value: TomlValue) -> str:
    """A value in YAML, on one line: tables and lists in brackets, texts in double quotes."""
    if isinstance(value, bool | int | Decimal):
        return toml_text(value)
    if isinstance(value, str):
        return _text(value)
    if isinstance(value, Mapping):
        pairs = (f"{_key(key)}: {yaml_text(entry)}" for key, entry in value.items())
        return "{ " + ", ".join(pairs) + " }" if value else "{}"
    if isinstance(value, Sequence):
        return "[" + ", ".join(yaml_text(entry) for entry in value) + "]"
    return _moment(value)


def quoted_yaml(value: TomlValue) -> str:
    """A value as a message quotes it: at most 80 characters and an ellipsis."""
    text = yaml_text(value)
    return text if len(text) <= _LONGEST_QUOTE else f"{text[:_LONGEST_QUOTE]}…"


def _key(key: str) -> str:
    return key if _BARE.fullmatch(key) and key.lower() not in _NO_TEXTS else _text(key)


def _text(text: str) -> str:
    return _UNSAFE.sub(lambda found: f"\\u{ord(found[0]):04x}", json.dumps(text, ensure_ascii=False))


def _moment(value: date | time) -> str:
    return f'"{value.isoformat()}"'
