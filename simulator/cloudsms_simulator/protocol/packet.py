"""UIP packets: from the bytes of a body to the fields of a packet, with the limits of each field.

First the limits, in octets of UTF-8 where they are lengths, and the fields with what the specification says of them,
for whoever is told by a JSON Schema (`SerialParameter` and the like): those limits are told and not enforced, since a
customer's reader takes what comes, and JSON Schema counts characters where the specification counts octets, so it
never refuses what is right.

`decode` reads a body and never raises: `Decoded.form` says what it turned out to be. A packet in order costs one pass
of a typed decoder (`OrderlyPacket`), which settles half of the checks on the way. Whatever that refuses is decoded
again without types (`Packet`), and only a body that is refused then too is read by our own reader, which tells a
packet that was cut off from one that never was JSON. `value_of`, `members_of` and `entries_of` read what stays raw.

A `Submission` is a request that passed its checks, ready for the platform to decide on. `whole_number` and `parsed` say
what a value of the wrong type stands for, for those who correct a packet; the checks never ask them.

Spec: Interface specification and communication principle. Spec: SMS Dispatching, Request UIP Format, LMAX. Spec:
Parameter Details. Reading: R3, R6.
"""

from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from cloudsms_simulator.protocol.codes import ResultCode
from cloudsms_simulator.protocol.findings import OUT_OF_RANGE
from cloudsms_simulator.protocol.json_text import MAXIMUM_NESTING, Scan, last_string_of, scan, too_deep
from cloudsms_simulator.protocol.segmentation import Segmentation

# Limits of the fields.

SEND_METHOD = "SMS_SEND_REQUEST"
REPORT_METHOD = "SMS_PUSH_REPORT"
REQUEST_TYPE = "REQUEST"
ANSWER_TYPE = "ANSWER"
WHITE_SPACE = " \t\r\n"
"""What may stand around METHOD and TYPE: the white space of JSON."""

HIGHEST_UINT = 2**32 - 1
"""Every UINT of the tables has 4 octets."""
HIGHEST_SERIAL = 65535
TIME_OCTETS = 32
AUTH_KEY_OCTETS = 128
ROUTE_OCTETS = 255
SENDER_OCTETS = 32
SIGNATURE_OCTETS = 64
CUSTOMER_BODY_OCTETS = 255
MSISDN_OCTETS = 32
MOST_DESTINATIONS = 200
MOST_SEGMENTS = 10
"""The tables end at this number; a text that takes more segments is refused as too long."""
LONGEST_COUNTED = 10_000
"""Characters of a text whose segments are counted; six times as many as the longest text that fits."""
NUMBER_IN_MAINLAND_CHINA = 11
MAINLAND_CHINA = 86
HIGHEST_ECHOED_COUNTRY = 9999

TEXT_OF_CODE_OCTETS = 127
NAME_OF_STATE_OCTETS = 32


def utf8_octets(text: str) -> int:
    """The length of a text in octets of UTF-8."""
    return len(text) if text.isascii() else len(text.encode("utf-8", "surrogatepass"))


# The fields as a JSON Schema tells them.


def _about(description: str, **schema: object) -> msgspec.Meta:
    return msgspec.Meta(description=description, extra_json_schema=schema or None)


_TIME_PATTERN = r"^\d{4}-\d{2}-\d{2} \d{2}:\d{2}:\d{2}$"
_TIME_FORMAT = "YYYY-MM-DD HH:MM:SS in Hong Kong"

SerialParameter = Annotated[int, _about("Tells packets apart; it may come again.", minimum=1, maximum=HIGHEST_SERIAL)]
EchoedSerialParameter = Annotated[
    int, _about("That of the request; 0 when it had none.", minimum=0, maximum=HIGHEST_SERIAL)
]
TimeParameter = Annotated[
    str, _about(f"When the packet was sent: {_TIME_FORMAT}.", maxLength=TIME_OCTETS, pattern=_TIME_PATTERN)
]
ReportTimeParameter = Annotated[
    str, _about(f"When the state was reached: {_TIME_FORMAT}.", maxLength=TIME_OCTETS, pattern=_TIME_PATTERN)
]
AuthKeyParameter = Annotated[str, _about("Tells the account.", minLength=1, maxLength=AUTH_KEY_OCTETS)]
RouteIdParameter = Annotated[str, _about("One of the account's routes.", minLength=1, maxLength=ROUTE_OCTETS)]
CountryCodeParameter = Annotated[int, _about("E.164 country calling code.", minimum=1, maximum=999)]
EchoedCountryCodeParameter = Annotated[
    int, _about("The country code as it came; 0 when it was none.", minimum=0, maximum=HIGHEST_ECHOED_COUNTRY)
]
MsisdnParameter = Annotated[
    str,
    _about("Number without country code, digits only.", maxLength=MSISDN_OCTETS, pattern="^[0-9]+$"),
]
EchoedMsisdnParameter = Annotated[str, _about("The number, as it came.", maxLength=MSISDN_OCTETS)]
ContentParameter = Annotated[str, _about(f"The text: at most {MOST_SEGMENTS} segments once signed.", minLength=1)]
SignatureParameter = Annotated[str, _about("The signature, without brackets.", maxLength=SIGNATURE_OCTETS)]
SignatureTypeParameter = Annotated[
    int, _about("Where it goes: 1 【S】text, 2 text【S】, 3 [S] text, 4 text[S], 5 nowhere.", minimum=1, maximum=5)
]
SenderParameter = Annotated[
    str, _about("The sender that is asked for.", maxLength=SENDER_OCTETS, pattern=r"^[\x20-\x7F]*$")
]
PriorityParameter = Annotated[int, _about("0 or 1; more is reserved.", minimum=0, maximum=HIGHEST_UINT)]
RepeatParameter = Annotated[int, _about("In the samples only; it does nothing.", minimum=0, maximum=HIGHEST_UINT)]
CustomerBodyParameter = Annotated[
    msgspec.Raw,
    _about(
        f"Comes back with each report, byte for byte; at most {CUSTOMER_BODY_OCTETS} octets of compact JSON.",
        type="object",
    ),
]
SmsUidParameter = Annotated[
    str, _about("The message's name, 30 characters.", pattern="^[0-9A-F]{13}X[0-9A-F]{3}[0-9A-FH][0-9A-F]{12}$")
]
CodeParameter = Annotated[
    int, _about("The result code: 1 is OK, 268435457 is 0x10000001.", minimum=0, maximum=2**32 - 1)
]
CodeTextParameter = Annotated[str, _about("What the table calls the code.", maxLength=TEXT_OF_CODE_OCTETS)]
StateParameter = Annotated[int, _about("The state, by its number in the table.")]
StateNameParameter = Annotated[str, _about("What the table calls the state.", maxLength=NAME_OF_STATE_OCTETS)]


# What a request asks for.


class Destination(msgspec.Struct, frozen=True, gc=False):
    """One entry of MULTI_MSISDN_LIST: a country calling code and a number without it.

    Of an entry that could not be read it holds what an answer echoes: 0 and "".
    """

    country_code: CountryCodeParameter = msgspec.field(name="COUNTRY_CODE")
    msisdn: MsisdnParameter = msgspec.field(name="DEST_MSISDN")

    @property
    def number(self) -> str:
        """Country code and number in one, as blacklists and people write it: `85267000011`."""
        return f"{self.country_code}{self.msisdn}"


class Submission(msgspec.Struct, frozen=True, gc=False):
    """What was asked for: the text as it will be sent, from whom, by which route, to whom."""

    serial: int
    route_id: str
    sender: str
    """ORIGINAL_ADDR, or "" for the account's default sender."""
    text: str
    """The signed text."""
    segmentation: Segmentation
    customer_body: bytes | None
    """CUSTOMER_BODY as it was written, byte for byte."""
    destinations: tuple[Destination, ...]
    verdicts: dict[int, ResultCode]
    """The result codes of the destinations that are refused, by index; all others are accepted so far."""


# Packets, and how they are read.

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
    serial: Annotated[int, Meta(ge=1, le=HIGHEST_SERIAL)]
    time: Annotated[str, Meta(min_length=1, max_length=TIME_OCTETS)]
    route_id: Annotated[str, Meta(min_length=1, max_length=ROUTE_OCTETS)]
    signature: Annotated[str, Meta(max_length=SIGNATURE_OCTETS)] | None = None
    signature_type: Annotated[int, Meta(ge=1, le=5)] | None = None
    priority: Annotated[int, Meta(ge=0, le=HIGHEST_UINT)] | None = None
    repeat: Annotated[int, Meta(ge=0, le=HIGHEST_UINT)] | None = None

    def fits(self) -> bool:
        """Tells whether what is limited in octets fits, since the decoder only counts characters."""
        return (
            utf8_octets(self.time) <= TIME_OCTETS
            and utf8_octets(self.route_id) <= ROUTE_OCTETS
            and (self.signature is None or utf8_octets(self.signature) <= SIGNATURE_OCTETS)
        )


EMPTY_PACKET = Packet()
PACKET_FIELDS = frozenset(field.encode_name for field in msgspec.structs.fields(Packet))
RAW_FIELDS = frozenset({"MULTI_MSISDN_LIST", "CUSTOMER_BODY", "uip_head"})
_ATTRIBUTE_OF_FIELD = {field.encode_name: field.name for field in msgspec.structs.fields(Packet)}

BodyForm = Literal["object", "empty", "cut", "broken", "no-object"]


class Decoded(msgspec.Struct, frozen=True, gc=False):
    """What a body turned out to be.

    `form`: an object with members; empty; cut off; broken (no strict JSON); or JSON that is no object with members.
    `packet` holds the fields, as far as they could be read: of a cut body those that arrived whole. Its AUTH_KEY is
    also read behind the place where a body is broken, and inside an array: it tells whose request it is.
    `trailing`: bytes follow the value. `reason` and `offset` tell where reading stopped, for people. `destinations` are
    those of an orderly packet, which passes checks 1 to 6, 11, 13 and 16; None when the packet is still to be judged.
    """

    packet: Packet
    form: BodyForm = "object"
    trailing: bool = False
    reason: str = ""
    offset: int = 0
    destinations: list[Destination] | None = None
    too_many: int = 0
    """The number of entries of a MULTI_MSISDN_LIST of more than 200, else 0: it is refused whole, and no entry read."""


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
    if packet.uip_head is not ABSENT or not 0 < count <= MOST_DESTINATIONS:
        return decode_untyped(body)
    # Without a backslash there is no escape, and the characters of an ASCII body are octets.
    if (not is_ascii or _BACKSLASH in body) and not packet.fits():
        return decode_untyped(body)
    # Of the destinations, which have a bracket each, only one can be part of the deepest nest.
    if body.count(b"[") + body.count(b"{") - count >= MAXIMUM_NESTING and too_deep(body):
        return decode_untyped(body)
    return Decoded(packet, destinations=destinations)


def decode_untyped(body: bytes) -> Decoded:
    """Reads a body as `decode` does, but never as an `OrderlyPacket`."""
    try:
        if not body.isascii():
            body.decode()
        packet = _decoder.decode(body)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return _decode_again(body)
    if (packet == EMPTY_PACKET and not body.strip(_WHITE_SPACE)[1:-1].strip(_WHITE_SPACE)) or too_deep(body):
        return _decode_again(body)
    return Decoded(packet, too_many=_too_many(packet))


def _decode_again(body: bytes) -> Decoded:
    if not body.strip(_WHITE_SPACE):
        return _EMPTY
    found = scan(body)
    packet = _packet_of(found)
    form: BodyForm = "object" if found.members else "no-object"
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
            values[_ATTRIBUTE_OF_FIELD[name]] = msgspec.Raw(raw)
        elif name in _ATTRIBUTE_OF_FIELD:
            values[_ATTRIBUTE_OF_FIELD[name]] = value_of(raw)
    return msgspec.structs.replace(EMPTY_PACKET, **values)


def _too_many(packet: Packet) -> int:
    """How many entries a list has that has more than 200, else 0."""
    raw = packet.multi_msisdn_list
    if bytes(raw).count(b",") < MOST_DESTINATIONS:
        return 0
    count = len(entries_of(raw) or ())
    return count if count > MOST_DESTINATIONS else 0


# Values that are still raw.


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


# What a value of the wrong type stands for.

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
