"""UIP packets: from the bytes of a body to the fields of a packet.

A packet in order costs one pass of a typed decoder, which settles half of the checks on the way. Whatever that refuses
is decoded again without types, and only a body that is refused then too is read by our own reader, which tells a packet
that was cut off from one that never was JSON.

Spec: Interface specification and communication principle. Spec: Request UIP Format. Reading: R3.
"""

from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from cloudsms_simulator.protocol import limits
from cloudsms_simulator.protocol.finding import OUT_OF_RANGE
from cloudsms_simulator.protocol.json_reader import MAXIMUM_NESTING
from cloudsms_simulator.protocol.json_scan import Scan, last_string_of, scan, too_deep
from cloudsms_simulator.protocol.limits import octets
from cloudsms_simulator.protocol.submission import Destination

ABSENT = msgspec.Raw(b"")
"""The value of a raw field that is not there."""


class Packet(msgspec.Struct, frozen=True, rename="upper"):
    """The fields of a request, as whatever JSON they came as; an absent field is None, as `null` is.

    The list of destinations and CUSTOMER_BODY stay the bytes they were: the one is read with its own decoder, the
    other must come back unchanged.
    """

    method: object = None
    type: object = None
    serial: object = None
    time: object = None
    auth_key: object = None
    version: object = None
    route_id: object = None
    original_addr: object = None
    signature: object = None
    signature_type: object = None
    priority: object = None
    repeat: object = None
    sms_content: object = None
    multi_msisdn_list: msgspec.Raw = ABSENT
    customer_body: msgspec.Raw = ABSENT
    uip_head: msgspec.Raw = msgspec.field(default=ABSENT, name="uip_head")


class OrderlyPacket(Packet, frozen=True, kw_only=True, rename="upper"):
    """A packet with every field it narrows right to the letter: it passes checks 5, 6, 11 and 13 in every profile.

    A packet that passes them in another way (digits in a string, spaces around METHOD) is an ordinary `Packet`.
    """

    method: Literal["SMS_SEND_REQUEST"]
    type: Literal["REQUEST"]
    serial: Annotated[int, Meta(ge=1, le=limits.HIGHEST_SERIAL)]
    time: Annotated[str, Meta(min_length=1, max_length=limits.TIME_OCTETS)]
    route_id: Annotated[str, Meta(min_length=1, max_length=limits.ROUTE_OCTETS)]
    signature: Annotated[str, Meta(max_length=limits.SIGNATURE_OCTETS)] | None = None
    signature_type: Annotated[int, Meta(ge=1, le=5)] | None = None
    priority: Annotated[int, Meta(ge=0, le=limits.HIGHEST_UINT)] | None = None
    repeat: Annotated[int, Meta(ge=0, le=limits.HIGHEST_UINT)] | None = None

    def fits(self) -> bool:
        """Whether what is limited in octets fits: the decoder counts characters."""
        return (
            octets(self.time) <= limits.TIME_OCTETS
            and octets(self.route_id) <= limits.ROUTE_OCTETS
            and (self.signature is None or octets(self.signature) <= limits.SIGNATURE_OCTETS)
        )


EMPTY_PACKET = Packet()
FIELDS = frozenset(field.encode_name for field in msgspec.structs.fields(Packet))
RAW_FIELDS = frozenset({"MULTI_MSISDN_LIST", "CUSTOMER_BODY", "uip_head"})
_NAMES = {field.encode_name: field.name for field in msgspec.structs.fields(Packet)}

Form = Literal["object", "empty", "cut", "broken", "no-object"]


class Decoded(msgspec.Struct, frozen=True):
    """What a body turned out to be.

    `form`: an object with members; empty; cut off; broken (no strict JSON); or JSON that is no object with members.
    `packet` holds the fields, as far as they could be read: of a cut body those that arrived whole. Its AUTH_KEY is
    also read behind the place where a body is broken, and inside an array: it tells whose request it is.
    `trailing`: bytes follow the value. `reason` and `offset` tell where reading stopped, for people. `destinations` are
    those of an orderly packet, which passes checks 1 to 6, 11, 13 and 16; None when the packet is still to be judged.
    """

    packet: Packet
    form: Form = "object"
    trailing: bool = False
    reason: str = ""
    offset: int = 0
    destinations: list[Destination] | None = None
    too_many: int = 0
    """The entries of a MULTI_MSISDN_LIST of more than 200: it is refused whole, so nobody looks at one of them."""


_decoder = msgspec.json.Decoder(Packet)
_orderly_decoder = msgspec.json.Decoder(OrderlyPacket)
_destinations_decoder = msgspec.json.Decoder(list[Destination])
_BACKSLASH = ord("\\")
_WHITE_SPACE = b" \t\r\n"
_EMPTY = Decoded(EMPTY_PACKET, "empty", reason="no bytes but white space")


def decode(body: bytes) -> Decoded:
    """Reads a body. Never raises; what is wrong with the body is in the result's `form`, `trailing` and `reason`."""
    is_ascii = body.isascii()
    try:
        if not is_ascii:
            body.decode()
        packet = _orderly_decoder.decode(body)
        destinations = _destinations_decoder.decode(packet.multi_msisdn_list)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return decode_untyped(body)
    count = len(destinations)
    if packet.uip_head is not ABSENT or not 0 < count <= limits.MOST_DESTINATIONS:
        return decode_untyped(body)
    # Without a backslash there is no escape, and the characters of an ASCII body are octets.
    if (not is_ascii or _BACKSLASH in body) and not packet.fits():
        return decode_untyped(body)
    # Of the destinations, which have a bracket each, only one can be part of the deepest nest.
    if body.count(b"[") + body.count(b"{") - count >= MAXIMUM_NESTING and too_deep(body):
        return decode_untyped(body)
    return Decoded(packet, destinations=destinations)


def decode_untyped(body: bytes) -> Decoded:
    """Reads a body as `decode` does, but takes no packet for orderly."""
    try:
        if not body.isascii():
            body.decode()
        packet = _decoder.decode(body)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return _decode_again(body)
    if (packet == EMPTY_PACKET and not body.strip(_WHITE_SPACE)[1:-1].strip(_WHITE_SPACE)) or too_deep(body):
        return _decode_again(body)
    return Decoded(packet, too_many=_too_many(packet))


def value_of(raw: bytes | msgspec.Raw) -> object:
    """The value of a raw JSON slice; a number out of every range is `OUT_OF_RANGE`, nothing at all is None."""
    if not bytes(raw):
        return None
    try:
        return msgspec.json.decode(raw)
    except msgspec.MsgspecError:
        return OUT_OF_RANGE


def members_of(raw: bytes | msgspec.Raw) -> dict[str, msgspec.Raw] | None:
    """The members of a raw JSON object, each still raw, or None when it is no object."""
    try:
        return msgspec.json.decode(raw, type=dict[str, msgspec.Raw])
    except msgspec.MsgspecError:
        return None


def entries_of(raw: bytes | msgspec.Raw) -> list[msgspec.Raw] | None:
    """The entries of a raw JSON array, each still raw, or None when it is no array."""
    try:
        return msgspec.json.decode(raw, type=list[msgspec.Raw])
    except msgspec.MsgspecError:
        return None


def listed(decoded: Decoded) -> list[msgspec.Raw]:
    """The entries of MULTI_MSISDN_LIST, each still raw; none of what is no array, or has more than 200."""
    return [] if decoded.too_many else entries_of(decoded.packet.multi_msisdn_list) or []


def _too_many(packet: Packet) -> int:
    """How many entries a list has that has more than 200, else 0."""
    raw = packet.multi_msisdn_list
    if bytes(raw).count(b",") < limits.MOST_DESTINATIONS:
        return 0
    count = len(entries_of(raw) or ())
    return count if count > limits.MOST_DESTINATIONS else 0


def _decode_again(body: bytes) -> Decoded:
    if not body.strip(_WHITE_SPACE):
        return _EMPTY
    found = scan(body)
    packet = _packet_of(found)
    form: Form = "object" if found.members else "no-object"
    if found.ending != "complete" or form == "no-object":
        key = last_string_of(body, "AUTH_KEY")
        packet = packet if key is None else msgspec.structs.replace(packet, auth_key=key)
    if found.ending == "cut":
        return Decoded(packet, "cut", reason=found.reason, offset=found.offset)
    if found.ending == "broken":
        return Decoded(packet, "broken", reason=found.reason, offset=found.offset)
    reason = f"JSON {found.kind}"
    return Decoded(packet, form, found.surplus, reason, offset=found.end, too_many=_too_many(packet))


def _packet_of(found: Scan) -> Packet:
    """A packet of the members that could be read whole; the last of two with the same name counts."""
    values: dict[str, object] = {}
    for name, raw in found.members:
        if name in RAW_FIELDS:
            values[_NAMES[name]] = msgspec.Raw(raw)
        elif name in _NAMES:
            values[_NAMES[name]] = value_of(raw)
    return msgspec.structs.replace(EMPTY_PACKET, **values)
