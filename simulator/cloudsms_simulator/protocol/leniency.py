"""Leniency: what a value of the wrong type stands for, for those who correct a packet. The checks never ask this."""

import msgspec

from cloudsms_simulator.protocol.finding import OUT_OF_RANGE

_LONGEST = 20


def parsed(text: str) -> object:
    """The value of a JSON text; None when it is none, as for `null`."""
    try:
        return msgspec.json.decode(text)
    except (msgspec.MsgspecError, UnicodeEncodeError, RecursionError):
        return None


def whole_number(value: object) -> int | None:
    """The integer that a value is or spells: 7, "7", " 7 " or 7.0. A boolean is none."""
    if type(value) is int:
        return value
    if isinstance(value, float) and value != OUT_OF_RANGE and value.is_integer():
        return int(value)
    if isinstance(value, str) and len(value) <= _LONGEST:
        digits = value.strip()
        return int(digits) if digits.isascii() and digits.isdigit() else None
    return None
