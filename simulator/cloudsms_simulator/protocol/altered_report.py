"""Altered reports: delivery reports that say something else than they should, or are no JSON any more.

Whatever is altered, CUSTOMER_BODY stays byte for byte, unless it is what is altered.

Spec: Delivery Report (DR) Request Format. Reading: R22.
"""

from typing import Literal

import msgspec

_LIST = "SMS_RESULT_LIST"
_Members = dict[str, msgspec.Raw]


class Alterations(msgspec.Struct, frozen=True, kw_only=True):
    """What is altered; by default nothing."""

    serial: int | None = None
    """Another SERIAL."""
    uid_case: Literal["lower"] | None = None
    """SMS_UID in the other case of letters."""
    desc: str | None = None
    """Another RESULT_DESC."""
    omit: frozenset[str] = frozenset()
    """Keys left out, of the packet or of the item in its list."""
    extra: tuple[tuple[str, bytes], ...] = ()
    """Keys added at the end of the packet, each with its JSON text. One that is there already gets another value."""


NO_ALTERATIONS = Alterations()

_members = msgspec.json.Decoder(_Members)
_items = msgspec.json.Decoder(list[_Members])
_encoder = msgspec.json.Encoder()


def altered(report: bytes, alterations: Alterations) -> bytes:
    """An encoded report with its alterations: compact JSON, in the order it had.

    Keys are left out before others are added, so a key that is both is moved to the end with another value. Names that
    the report does not have are nothing to leave out.
    """
    if alterations == NO_ALTERATIONS:
        return report
    packet = _members.decode(report)
    if alterations.serial is not None:
        packet["SERIAL"] = msgspec.Raw(b"%d" % alterations.serial)
    if alterations.uid_case == "lower":
        packet["SMS_UID"] = msgspec.Raw(bytes(packet["SMS_UID"]).lower())
    packet[_LIST] = _raw([_altered_item(item, alterations) for item in _items.decode(packet[_LIST])])
    packet = {key: value for key, value in packet.items() if key not in alterations.omit}
    packet.update((key, msgspec.Raw(value)) for key, value in alterations.extra)
    return _encoder.encode(packet)


def malformed(report: bytes) -> bytes:
    """An encoded report without its last brace: whatever else it says, it is no JSON."""
    return report[:-1]


def _altered_item(item: _Members, alterations: Alterations) -> _Members:
    if alterations.desc is not None:
        item["RESULT_DESC"] = _raw(alterations.desc)
    return {key: value for key, value in item.items() if key not in alterations.omit}


def _raw(value: object) -> msgspec.Raw:
    return msgspec.Raw(_encoder.encode(value))
