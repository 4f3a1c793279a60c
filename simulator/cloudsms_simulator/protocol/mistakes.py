"""What clients get wrong without the platform saying so: warnings that one exchange can show, and what was meant.

None of these changes the answer. They are worked out when a packet is refused, or when somebody looks at one that was
accepted. One mistake is one small function and its line in `OBSERVATIONS`.

`certain_hint` and `country_wanted` say which country code a wrong COUNTRY_CODE, or the number beside it, stands for;
the checks word their findings with it, and corrections take it. A hint never moves a number to another country:
digits of a code become digits of the number only where both together are a number of the country whose code is in
front, and a mobile country code (MCC) is read as its country's code.

Spec: Request UIP Format. Spec: Parameter Details. Spec: RESULT_CODE and RESULT_DESC, Remark, Invalid country code.
Reading: R20, R24.
"""

import re
import unicodedata
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from datetime import timedelta
from itertools import islice

import msgspec

from cloudsms_simulator.expressions import lazy_pattern
from cloudsms_simulator.moments import datetime
from cloudsms_simulator.protocol import segmentation
from cloudsms_simulator.protocol.candidate import Candidate, field_for, missing, present, unsigned
from cloudsms_simulator.protocol.codes import (
    COUNTRY_CODES,
    COUNTRY_CODES_OF,
    fits_plan,
    without_country_code,
    without_trunk_prefix,
)
from cloudsms_simulator.protocol.customer import split_number
from cloudsms_simulator.protocol.findings import Finding, Told, found
from cloudsms_simulator.protocol.json_text import duplicate_keys
from cloudsms_simulator.protocol.masking import KEY_HEADERS, mask
from cloudsms_simulator.protocol.packet import (
    ABSENT,
    MAINLAND_CHINA,
    MOST_SEGMENTS,
    PACKET_FIELDS,
    REQUEST_TYPE,
    SEND_METHOD,
    WHITE_SPACE,
    Destination,
    entries_of,
    listed,
    members_of,
    value_of,
    whole_number,
)
from cloudsms_simulator.protocol.segmentation import Saving, forcing_character, saving
from cloudsms_simulator.protocol.timestamps import read_wire_time, wire_time
from cloudsms_simulator.protocol.unicode_text import composed

# Which country a destination means.

PUNCTUATION = " -().\t\u00a0"
"""What people write between the digits of a number."""
_LONGEST_COUNTRY = 4
"""Digits of a COUNTRY_CODE that may have taken some of the number's; more of them are a whole number."""

_LONGEST_NUMBER = 64
"""Characters of a number with all its punctuation; the longest that is allowed has 32 digits."""


class CountryHint(msgspec.Struct, frozen=True):
    """What would be right: the country code, the number if that changes too, and why, in words."""

    country_code: int
    msisdn: str | None
    why: str


def certain_hint(given: object, msisdn: object) -> CountryHint | None:
    """The one country that a COUNTRY_CODE and a DEST_MSISDN can mean, as they came; None when only the sender knows."""
    code = _code_digits(given)
    if code is None:
        named = international(msisdn) if given in (None, "", msgspec.UNSET) else None
        return None if named is None else CountryHint(named.country_code, named.msisdn, "the country of the number")
    if int(code) in COUNTRY_CODES:
        return CountryHint(int(code), None, "an integer")
    if int(code) in COUNTRY_CODES_OF:
        return _of_mobile_country_code(int(code), msisdn)
    return _of_code_with_digits(code, msisdn)


def country_wanted(given: object, msisdn: object) -> str:
    """What a finding on a COUNTRY_CODE asks for: the code that it, or else the number, stands for, if either does."""
    code, hint = _code_digits(given), certain_hint(given, msisdn)
    if code is not None and int(code) in COUNTRY_CODES_OF and int(code) not in COUNTRY_CODES:
        wanted = " or ".join(map(str, COUNTRY_CODES_OF[int(code)]))
        return f"{wanted}, the country calling code; {code} is a mobile country code (MCC)"
    if code is not None and (hint is not None or len(code) == _LONGEST_COUNTRY):
        front = _assigned_front(code)
        if int(code) in COUNTRY_CODES:
            return f"{int(code)}, as an integer without quotes"
        if front is not None and len(code) <= _LONGEST_COUNTRY:
            return f"{front}, and {code.removeprefix(front)} as the first digits of DEST_MSISDN"
    if hint is not None:
        return f"{hint.country_code}, and DEST_MSISDN {hint.msisdn}"
    likely = likely_country(msisdn)
    if likely is not None:
        return f"an integer: {likely.country_code}, if the number is +{likely.country_code} {likely.msisdn}"
    return "the calling code of the number's country as an integer, such as 852 for Hong Kong"


def likely_country(msisdn: object) -> Destination | None:
    """The destination that a number is if it begins with its country code: one whose rest has a length used there."""
    digits = digits_of(msisdn) if isinstance(msisdn, str) else None
    found = split_number((digits or "").removeprefix("00"))
    return found if found is not None and fits_plan(found.country_code, found.msisdn) else None


def international(value: object) -> Destination | None:
    """The destination that a number with a plus sign or two zeros in front names; None for any other value."""
    if not isinstance(value, str) or not value.strip().startswith(("+", "00")):
        return None
    return split_number((digits_of(value) or "").removeprefix("00"))


def digits_of(text: str) -> str | None:
    """The digits of a number as people write it, in ASCII; None for anything else, and for over 64 characters."""
    if len(text) > _LONGEST_NUMBER:
        return None
    kept = [each for each in text.strip().removeprefix("+") if each not in PUNCTUATION]
    if not all(map(str.isdecimal, kept)):
        return None
    return "".join(str(unicodedata.decimal(each)) for each in kept)


def _of_mobile_country_code(code: int, msisdn: object) -> CountryHint | None:
    """The country of an MCC, where that is one country and the number can be in it."""
    countries = COUNTRY_CODES_OF[code]
    digits = digits_of(msisdn) if isinstance(msisdn, str) else None
    if len(countries) > 1 or digits is None or not fits_plan(countries[0], digits):
        return None
    return CountryHint(countries[0], None, f"the country calling code; {code} is a mobile country code (MCC)")


def _of_code_with_digits(code: str, msisdn: object) -> CountryHint | None:
    """A country code with digits of the number behind it: 1242 and 5550123, or a whole number and nothing."""
    shorter = _assigned_front(code)
    alone = msisdn in (None, "", msgspec.UNSET)
    is_split = alone if len(code) > _LONGEST_COUNTRY else isinstance(msisdn, str) and not alone
    if shorter is None or not is_split:
        return None
    number = code.removeprefix(shorter) + (msisdn if isinstance(msisdn, str) else "")
    if not fits_plan(int(shorter), number):
        return None
    return CountryHint(int(shorter), number, f"the digits behind {shorter} belong to the number")


def _assigned_front(code: str) -> str | None:
    """Returns the country code that longer digits begin with; None when they begin with none."""
    return next((code[:end] for end in (3, 2, 1) if end < len(code) and int(code[:end]) in COUNTRY_CODES), None)


def _code_digits(value: object) -> str | None:
    """The digits of a country code, without zeros in front, however it is spelled; None when it is none."""
    text = value if isinstance(value, str) else str(whole_number(value))
    digits = digits_of(text)
    return digits.lstrip("0") or None if digits else None


# What clients get wrong: one function each.

Headers = tuple[tuple[bytes, bytes], ...]


class Circumstances(msgspec.Struct, frozen=True):
    """What came around a packet: its bytes, the request's headers, and when it came.

    `clock_is_real` tells whether TIME can be held against `received_at`: it cannot on a frozen or scaled clock.
    """

    body: bytes
    headers: Headers
    received_at: datetime
    clock_is_real: bool


MOST_PIECES = 10_000
"""Commas, colons and opening brackets of a body that is looked through for keys."""
MOST_UNKNOWN = 100
"""Unknown fields that get a finding each."""
_STRUCTURE = (b",", b":", b"[", b"{")
_LONGEST_NAME = 200

Observation = Callable[[Candidate, Circumstances], Iterator[Finding]]

_UINT_FIELDS = ("SERIAL", "SIGNATURE_TYPE", "PRIORITY", "REPEAT")
_OPTIONAL = ("ORIGINAL_ADDR", "SIGNATURE", "SIGNATURE_TYPE", "PRIORITY", "REPEAT", "CUSTOMER_BODY")
_ISO_8601 = lazy_pattern(r"\d{4}-\d\d-\d\dT\d\d:\d\d")
_TWELVE_HOURS = lazy_pattern(r"(?<![a-z])[ap]\.?m\b|上午|下午", re.IGNORECASE)
_UNIX_SECONDS = lazy_pattern(r"\s*\d{10}(?:\d{3})?(?:\.\d*)?\s*")
_TOLERATED_SKEW = timedelta(minutes=5)
_ZONES = (*range(-20 * 60, 14 * 60 + 1, 60), -1050, -690, -630, -270, -210, -150, -135, -90, 45, 90, 150, 285, 345)
"""Minutes by which zones differ from Hong Kong's: whole hours, then India, Nepal, Adelaide and the like.

Hong Kong is 20 hours from the date line; to its east only a zone that was added twice leads.
"""


def observe_trailing_bytes(candidate: Candidate, circumstances: Circumstances) -> Iterator[Finding]:
    """Bytes after the JSON value, where the profile ignores them."""
    decoded = candidate.decoded
    if decoded.trailing and candidate.profile.trailing_bytes == "ignore":
        rest = mask(circumstances.body[decoded.offset :], None)
        yield found("body-trailing-ignored", "body", rest.decode("utf-8", "replace"), "nothing after the object")


def observe_keys(candidate: Candidate, circumstances: Circumstances) -> Iterator[Finding]:
    """Keys that are there twice, that nobody knows, or whose value is null."""
    packet = circumstances.body[: candidate.decoded.offset or None]
    pieces = sum(packet.count(each) for each in _STRUCTURE)
    if pieces > MOST_PIECES:
        got = Told(f"about {pieces} keys and values in a body of {len(packet)} octets")
        yield found(
            "not-looked-through", "body", got, f"at most {MOST_PIECES}, or nobody looks for keys twice or unknown"
        )
        return
    duplicates = duplicate_keys(packet)
    for path in duplicates.paths:
        yield found("duplicate-key", path, Told("the key twice"), "each key once")
    if duplicates.more:
        yield found("duplicate-key", "body", Told("more keys twice"), "each key once")
    members = members_of(packet) or {}
    for name in _OPTIONAL:
        if name in members and bytes(members[name]) == b"null":
            yield found("null-field", f"$.{name}", None, "a value, or no field at all")
    too_many = candidate.decoded.too_many > 0
    if next(_unknown_fields(members, too_many=too_many), None) is None:
        return
    # What nobody knows may well hold the AUTH_KEY, and a finding quotes it.
    unknown = _unknown_fields(members_of(mask(packet, None)) or {}, too_many=too_many)
    for path, raw, want in islice(unknown, MOST_UNKNOWN):
        yield found("unknown-field", path, value_of(raw), want)
    if next(unknown, None) is not None:
        yield found("unknown-field", "body", Told("more fields that nobody knows"), "the fields of the specification")


def _unknown_fields(members: Mapping[str, msgspec.Raw], *, too_many: bool) -> Iterator[tuple[str, msgspec.Raw, str]]:
    """Path and value of every field that nobody knows, and what stands there in a packet that is right."""
    for name, raw in members.items():
        if name not in PACKET_FIELDS:
            want = "ORIGINAL_ADDR" if name == "SENDER_ID" else field_for(name) or "a field of the specification"
            yield f"$.{_short(name)}", raw, want
    entries = [] if too_many else entries_of(members.get("MULTI_MSISDN_LIST", ABSENT)) or []
    for index, entry in enumerate(entries):
        for name, raw in (members_of(entry) or {}).items():
            if name not in {"COUNTRY_CODE", "DEST_MSISDN"}:
                yield f"$.MULTI_MSISDN_LIST[{index}].{_short(name)}", raw, "COUNTRY_CODE and DEST_MSISDN"


def _short(name: str) -> str:
    """A name as a path has it: whole, unless it is longer than any name."""
    return name if len(name) <= _LONGEST_NAME else f"{name[:_LONGEST_NAME]}…"


def observe_spaces_and_digits(candidate: Candidate, circumstances: Circumstances) -> Iterator[Finding]:
    """Spaces around METHOD and TYPE; unsigned integers that came as text."""
    packet = candidate.packet
    for path, value, want in (
        ("$.METHOD", packet.method, SEND_METHOD),
        ("$.TYPE", packet.type, REQUEST_TYPE),
    ):
        if isinstance(value, str) and value != want and value.strip(WHITE_SPACE) == want:
            yield found("surrounding-spaces", path, value, want)
    if candidate.profile.digit_strings != "accept":
        return
    for name in _UINT_FIELDS:
        value = getattr(packet, name.lower())
        if isinstance(value, str) and unsigned(value, candidate.profile) is not None:
            yield found("digit-string", f"$.{name}", value, "a JSON integer")
    for index, entry in enumerate(listed(candidate.decoded)):
        country = value_of((members_of(entry) or {}).get("COUNTRY_CODE", ABSENT))
        if isinstance(country, str) and unsigned(country, candidate.profile) is not None:
            yield found("digit-string", f"$.MULTI_MSISDN_LIST[{index}].COUNTRY_CODE", country, "a JSON integer")


def observe_time(candidate: Candidate, circumstances: Circumstances) -> Iterator[Finding]:
    """TIME in another format, another zone, or another moment."""
    value = candidate.packet.time
    want = f"{wire_time(circumstances.received_at)} (YYYY-MM-DD HH:MM:SS, Hong Kong time, UTC+8)"
    if type(value) in {int, float} and _UNIX_SECONDS.fullmatch(str(value)):
        yield found("time-unix", "$.TIME", value, want)
    if not isinstance(value, str) or not value:
        return
    moment = read_wire_time(value)
    if moment is None:
        yield found(_time_rule(value), "$.TIME", value, want)
        return
    skew = moment - circumstances.received_at
    if not circumstances.clock_is_real or abs(skew) <= _TOLERATED_SKEW:
        return
    zone = next((each for each in _ZONES if abs(skew - timedelta(minutes=each)) <= _TOLERATED_SKEW), None)
    twelve = zone in {-720, 720} and 1 <= moment.hour <= 12
    rule = "time-skew" if zone is None else "time-12-hour" if twelve else "time-zone"
    sign, seconds = "-" if skew < timedelta(0) else "+", round(abs(skew).total_seconds())
    yield found(rule, "$.TIME", Told(f"{value}, off by {sign}{timedelta(seconds=seconds)}"), want)


def _time_rule(value: str) -> str:
    if _UNIX_SECONDS.fullmatch(value):
        return "time-unix"
    if _ISO_8601.match(value):
        return "time-iso-8601"
    return "time-12-hour" if _TWELVE_HOURS.search(value) else "time-format"


def observe_key_in_header(candidate: Candidate, circumstances: Circumstances) -> Iterator[Finding]:
    """AUTH_KEY that came in a header."""
    for name, _value in circumstances.headers:
        if name.lower() in KEY_HEADERS:
            yield found("auth-key-in-header", "headers", name.decode("latin-1"), "AUTH_KEY as a field of the body")


def observe_route(candidate: Candidate, circumstances: Circumstances) -> Iterator[Finding]:
    """AUTH_KEY in ROUTE_ID, as two samples of the document say; a route the account does not have."""
    route = candidate.packet.route_id
    if not isinstance(route, str) or not route:
        return
    if route == candidate.packet.auth_key:
        yield found("route-is-auth-key", "$.ROUTE_ID", Told("the AUTH_KEY"), "one of the account's routes")
    elif candidate.account is not None and not candidate.account.knows_route(route):
        yield found("route-unknown", "$.ROUTE_ID", route, "one of the account's routes")


def observe_signature(candidate: Candidate, circumstances: Circumstances) -> Iterator[Finding]:
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
        sent = packet.sms_content if isinstance(packet.sms_content, str) else ""
        if (typed := segmentation.typed_signature(sent, text.strip(" []【】［］"), kind)) is not None:
            yield found("signature-typed-and-sent", "$.SMS_CONTENT", typed, "the text without the signature")
    registered = None if candidate.account is None else candidate.account.signatures
    mainland = any(destination.country_code == MAINLAND_CHINA for destination in candidate.destinations)
    if mainland and registered is not None and text not in registered:
        yield found("signature-unregistered", "$.SIGNATURE", text, "a signature registered for mainland China")


def observe_reserved_priority(candidate: Candidate, circumstances: Circumstances) -> Iterator[Finding]:
    """PRIORITY above 1, which is reserved."""
    priority = unsigned(candidate.packet.priority, candidate.profile)
    if priority is not None and priority > 1:
        yield found("priority-reserved", "$.PRIORITY", priority, "0 or 1")


def observe_no_customer_body(candidate: Candidate, circumstances: Circumstances) -> Iterator[Finding]:
    """No CUSTOMER_BODY: then a report can only be matched by the SMS_UID that the platform made up."""
    if candidate.decoded.form == "object" and not present(candidate.packet.customer_body):
        want = 'an object of your own, such as {"id": "order-1"}'
        yield found("customer-body-absent", "$.CUSTOMER_BODY", msgspec.UNSET, want)


def observe_text(candidate: Candidate, circumstances: Circumstances) -> Iterator[Finding]:
    """A text over the document's bytes, dearer than it looks, with an unfilled placeholder, or split by hand."""
    sent = candidate.packet.sms_content
    if not isinstance(sent, str) or not sent or candidate.segmentation is None:
        return
    counted = segmentation.byte_rule(candidate.text)
    if counted > segmentation.DOCUMENT_BYTES and candidate.segmentation.segments <= MOST_SEGMENTS:
        want = f"at most {segmentation.DOCUMENT_BYTES} bytes by the byte rule"
        yield found("content-over-1530", "$.SMS_CONTENT", Told(f"{counted} bytes"), want)
    forcing = forcing_character(candidate.text)
    cheaper = saving(candidate.text, candidate.profile.segmentation)
    if forcing is not None and cheaper is not None and cheaper.saved > 0:
        index, character = forcing
        where = f"character {index + 1} of the signed text"
        got = Told(f"{character!r} (U+{ord(character):04X}) as {where}: DCS {candidate.segmentation.dcs}")
        after, before = cheaper.segmentation.segments, candidate.segmentation.segments
        want = f"{_instead(cheaper, candidate.text)}; segments: {after} instead of {before}"
        yield found("content-forced-ucs2", "$.SMS_CONTENT", got, want)
    if (hole := segmentation.placeholders(sent)) is not None:
        yield found("content-placeholder", "$.SMS_CONTENT", hole, "the text with its values filled in")
    for counter in segmentation.counters(sent, candidate.segmentation):
        yield found("content-split-by-hand", "$.SMS_CONTENT", counter, "the whole text in one request")


def _instead(cheaper: Saving, text: str) -> str:
    accents = "letters and their accents as one character each (Unicode NFC)"
    if cheaper.composed:
        return accents
    return "a look-alike of GSM 03.38" if composed(text) == text else f"a look-alike of GSM 03.38, and {accents}"


def observe_destinations(candidate: Candidate, circumstances: Circumstances) -> Iterator[Finding]:
    """The same number again and again; numbers that repeat their country code, or begin with a trunk prefix."""
    for number, count in Counter(each.number for each in candidate.destinations if each.msisdn).items():
        if count > 1:
            yield found("list-repeats", "$.MULTI_MSISDN_LIST", Told(f"{number}, {count} times"), "each number once")
    for index, destination in enumerate(candidate.destinations):
        path, code = f"$.MULTI_MSISDN_LIST[{index}].DEST_MSISDN", destination.country_code
        digits = "".join(filter(str.isdecimal, destination.msisdn))
        bare = digits.removeprefix("00")
        if without_country_code(code, bare) is not None:
            yield found("country-repeated", path, destination.msisdn, f"the number without {code}")
        elif (national := without_trunk_prefix(code, digits)) is not None:
            want = f"{national}, without the trunk prefix, which is dialled inside the country only"
            yield found("msisdn-trunk-prefix", path, destination.msisdn, want)


OBSERVATIONS: tuple[Observation, ...] = (
    observe_trailing_bytes,
    observe_keys,
    observe_spaces_and_digits,
    observe_time,
    observe_key_in_header,
    observe_route,
    observe_signature,
    observe_reserved_priority,
    observe_no_customer_body,
    observe_text,
    observe_destinations,
)

OBSERVATIONS_WITHOUT_A_PACKET: tuple[Observation, ...] = (observe_trailing_bytes, observe_key_in_header)
"""The observations that can be made on a body that holds no packet."""
