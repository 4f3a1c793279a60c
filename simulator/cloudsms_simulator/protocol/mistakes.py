"""What clients get wrong without the platform saying so: warnings that one exchange can show.

None of these changes the answer. They are worked out when a packet is refused, or when somebody looks at one that was
accepted. One mistake is one small function and its line in `OBSERVATIONS`.

Spec: Request UIP Format. Spec: Parameter Details. Reading: R20.
"""

import re
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta

import msgspec

from cloudsms_simulator.protocol import content, limits, uip
from cloudsms_simulator.protocol.candidate import Candidate, missing, present, unsigned
from cloudsms_simulator.protocol.finding import Finding
from cloudsms_simulator.protocol.finding_rules import Told, found
from cloudsms_simulator.protocol.json_scan import duplicate_keys
from cloudsms_simulator.protocol.segmentation import forcing_character, saving
from cloudsms_simulator.protocol.timestamps import read_wire_time, wire_time

Headers = tuple[tuple[bytes, bytes], ...]


class Circumstances(msgspec.Struct, frozen=True):
    """What came around a packet: its bytes, the request's headers, and when it came.

    `clock_is_real` tells whether TIME can be held against `received_at`: it cannot on a frozen or scaled clock.
    """

    body: bytes
    headers: Headers
    received_at: datetime
    clock_is_real: bool


Observation = Callable[[Candidate, Circumstances], Iterator[Finding]]

_UINT_FIELDS = ("SERIAL", "SIGNATURE_TYPE", "PRIORITY", "REPEAT")
_OPTIONAL = ("ORIGINAL_ADDR", "SIGNATURE", "SIGNATURE_TYPE", "PRIORITY", "REPEAT", "CUSTOMER_BODY")
_KEY_HEADERS = frozenset({b"auth_key", b"auth-key", b"x-auth-key", b"authorization", b"x-api-key"})
_ISO_8601 = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d")
_TWELVE_HOURS = re.compile(r"\b[ap]\.?m\.?\b|上午|下午", re.IGNORECASE)
_COUNTED_BY_HAND = re.compile(
    r"^\s*[(\[(【]?\s*\d{1,2}\s*/\s*\d{1,2}\s*[)\])】]?|[(\[(【]\s*\d{1,2}\s*/\s*\d{1,2}\s*[)\])】]\s*$"
)
_TOLERATED_SKEW = timedelta(minutes=5)
_MANY = 3


def trailing_bytes(candidate: Candidate, circumstances: Circumstances) -> Iterator[Finding]:
    """Bytes after the JSON value, where the profile ignores them."""
    decoded = candidate.decoded
    if decoded.trailing and candidate.profile.trailing_bytes == "ignore":
        rest = circumstances.body[decoded.offset :].decode("utf-8", "replace")
        yield found("body-trailing-ignored", "body", rest, "nothing after the object")


def keys(candidate: Candidate, circumstances: Circumstances) -> Iterator[Finding]:
    """Keys that are there twice, that nobody knows, or whose value is null."""
    for path in duplicate_keys(circumstances.body):
        yield found("duplicate-key", path, Told("the key twice"), "each key once")
    if candidate.decoded.form != "object":
        return
    members = uip.members_of(circumstances.body[: candidate.decoded.offset or None]) or {}
    for name, raw in members.items():
        if name not in uip.FIELDS:
            yield found("unknown-field", f"$.{name}", uip.value_of(raw), "a field of the specification")
        elif name in _OPTIONAL and bytes(raw) == b"null":
            yield found("null-field", f"$.{name}", None, "a value, or no field at all")


def spaces_and_digits(candidate: Candidate, circumstances: Circumstances) -> Iterator[Finding]:
    """Spaces around METHOD and TYPE; unsigned integers that came as text."""
    packet = candidate.packet
    for path, value, want in (("$.METHOD", packet.method, limits.METHOD), ("$.TYPE", packet.type, limits.TYPE)):
        if isinstance(value, str) and value != want and value.strip() == want:
            yield found("surrounding-spaces", path, value, want)
    if candidate.profile.digit_strings != "accept":
        return
    for name in _UINT_FIELDS:
        value = getattr(packet, name.lower())
        if isinstance(value, str) and unsigned(value, candidate.profile) is not None:
            yield found("digit-string", f"$.{name}", value, "a JSON integer")
    for index, entry in enumerate(uip.entries_of(packet.multi_msisdn_list) or []):
        country = uip.value_of((uip.members_of(entry) or {}).get("COUNTRY_CODE", uip.ABSENT))
        if isinstance(country, str) and unsigned(country, candidate.profile) is not None:
            yield found("digit-string", f"$.MULTI_MSISDN_LIST[{index}].COUNTRY_CODE", country, "a JSON integer")


def time(candidate: Candidate, circumstances: Circumstances) -> Iterator[Finding]:
    """TIME in another format, another zone, or another moment."""
    value = candidate.packet.time
    if not isinstance(value, str) or not value:
        return
    want = f"{wire_time(circumstances.received_at)} (YYYY-MM-DD HH:MM:SS)"
    moment = read_wire_time(value)
    if moment is None:
        yield found(_time_rule(value), "$.TIME", value, want)
        return
    skew = moment - circumstances.received_at
    if not circumstances.clock_is_real or abs(skew) <= _TOLERATED_SKEW:
        return
    hours = round(skew / timedelta(hours=1))
    twelve = abs(hours) == 12
    whole = abs(skew - timedelta(hours=hours)) <= _TOLERATED_SKEW and abs(hours) <= 14
    rule = "time-12-hour" if whole and twelve else "time-zone" if whole else "time-skew"
    yield found(rule, "$.TIME", Told(f"{value}, off by {_signed(skew)}"), want)


def _time_rule(value: str) -> str:
    if value.strip().isdigit() and len(value.strip()) in {10, 13}:
        return "time-unix"
    if _ISO_8601.match(value):
        return "time-iso-8601"
    return "time-12-hour" if _TWELVE_HOURS.search(value) else "time-format"


def _signed(skew: timedelta) -> str:
    return f"{'-' if skew < timedelta(0) else '+'}{timedelta(seconds=round(abs(skew).total_seconds()))}"


def auth_key(candidate: Candidate, circumstances: Circumstances) -> Iterator[Finding]:
    """AUTH_KEY in a header, or in ROUTE_ID as two samples of the document say."""
    for name, _value in circumstances.headers:
        if name.lower() in _KEY_HEADERS:
            yield found("auth-key-in-header", "headers", name.decode("latin-1"), "AUTH_KEY as a field of the body")
    route = candidate.packet.route_id
    if isinstance(route, str) and route and route == candidate.packet.auth_key:
        yield found("route-is-auth-key", "$.ROUTE_ID", Told("the AUTH_KEY"), "one of the account's routes")
    elif (
        candidate.account is not None and isinstance(route, str) and route and not candidate.account.knows_route(route)
    ):
        yield found("route-unknown", "$.ROUTE_ID", route, "one of the account's routes")


def signature(candidate: Candidate, circumstances: Circumstances) -> Iterator[Finding]:
    """Signatures that do nothing, come twice, or are not registered where they must be."""
    packet = candidate.packet
    text, kind = packet.signature, unsigned(packet.signature_type, candidate.profile)
    if kind is not None and missing(text) and kind != 5:
        yield found("signature-type-alone", "$.SIGNATURE_TYPE", packet.signature_type, "SIGNATURE beside it")
    if not isinstance(text, str) or not text:
        return
    if packet.signature_type is None:
        yield found("signature-type-missing", "$.SIGNATURE", text, "SIGNATURE_TYPE 1 to 4 beside it")
    if kind in {1, 2, 3, 4}:
        if text[0] in "[【" or text[-1] in "]】":
            yield found("signature-brackets", "$.SIGNATURE", text, "the bare signature; SIGNATURE_TYPE adds brackets")
        if isinstance(packet.sms_content, str):
            typed = content.typed_signature(packet.sms_content, text, kind)
            if typed is not None:
                yield found("signature-typed-and-sent", "$.SMS_CONTENT", typed, "the text without the signature")
    registered = None if candidate.account is None else candidate.account.signatures
    mainland = any(destination.country_code == limits.MAINLAND_CHINA for destination in candidate.destinations)
    if mainland and registered is not None and text not in registered:
        yield found("signature-unregistered", "$.SIGNATURE", text, "a signature registered for mainland China")


def reserved_priority(candidate: Candidate, circumstances: Circumstances) -> Iterator[Finding]:
    """PRIORITY above 1."""
    priority = unsigned(candidate.packet.priority, candidate.profile)
    if priority is not None and priority > 1:
        yield found("priority-reserved", "$.PRIORITY", priority, "0 or 1")


def no_customer_body(candidate: Candidate, circumstances: Circumstances) -> Iterator[Finding]:
    """Nothing to match a report by but what the platform made up."""
    if candidate.decoded.form == "object" and not present(candidate.packet.customer_body):
        want = 'an object of your own, such as {"id": "order-1"}'
        yield found("customer-body-absent", "$.CUSTOMER_BODY", msgspec.UNSET, want)


def text(candidate: Candidate, circumstances: Circumstances) -> Iterator[Finding]:
    """A text over the document's bytes, dearer than it looks, with a hole in it, or split by hand."""
    sent = candidate.packet.sms_content
    if not isinstance(sent, str) or not sent or candidate.segmentation is None:
        return
    counted = content.byte_rule(candidate.text)
    if counted > content.DOCUMENT_BYTES and candidate.segmentation.segments <= limits.MOST_SEGMENTS:
        want = f"at most {content.DOCUMENT_BYTES} bytes by the byte rule"
        yield found("content-over-1530", "$.SMS_CONTENT", Told(f"{counted} bytes"), want)
    forcing = forcing_character(candidate.text)
    cheaper = saving(candidate.text, candidate.profile.segmentation)
    if forcing is not None and cheaper is not None:
        index, character = forcing
        got = Told(f"{character!r} (U+{ord(character):04X}) at character {index + 1}: DCS {candidate.segmentation.dcs}")
        want = f"a look-alike of GSM 03.38: {cheaper.segmentation.segments} segments, {cheaper.saved} fewer"
        yield found("content-forced-ucs2", "$.SMS_CONTENT", got, want)
    hole = content.placeholders(sent)
    if hole is not None:
        yield found("content-placeholder", "$.SMS_CONTENT", hole, "the text with its values filled in")
    if (counted_by_hand := _COUNTED_BY_HAND.search(sent)) is not None:
        want = "the whole text in one request"
        yield found("content-split-by-hand", "$.SMS_CONTENT", counted_by_hand[0].strip(), want)


def destinations(candidate: Candidate, circumstances: Circumstances) -> Iterator[Finding]:
    """The same number again and again; numbers that repeat their country code."""
    for number, count in Counter(destination.number for destination in candidate.destinations).items():
        if count > 1:
            yield found("list-repeats", "$.MULTI_MSISDN_LIST", Told(f"{number}, {count} times"), "each number once")
    for index, destination in enumerate(candidate.destinations):
        code = str(destination.country_code)
        national = destination.msisdn.removeprefix("00").removeprefix(code)
        if destination.country_code and len(national) >= 7 and len(destination.msisdn) - len(national) >= len(code):
            want = f"the number without {code}"
            yield found("country-repeated", f"$.MULTI_MSISDN_LIST[{index}].DEST_MSISDN", destination.msisdn, want)


OBSERVATIONS: tuple[Observation, ...] = (
    trailing_bytes,
    keys,
    spaces_and_digits,
    time,
    auth_key,
    signature,
    reserved_priority,
    no_customer_body,
    text,
    destinations,
)
