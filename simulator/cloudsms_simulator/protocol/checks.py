"""The checks in the order in which the platform looks: `CHECKS`, and every finding when one of them fails (`diagnose`).

The first failure decides the code on the wire. Checks 1 to 9 are the gateway's: is this a packet, of the right kind,
from somebody known? 10 to 16 judge the request as a whole: any failure refuses every destination. 17 judges each
destination alone, 18 and 19 each destination against what the account allows; these never refuse a request, but write
the verdict of each refused destination into the candidate, and why. What strikes between them (whitelist, rate limit,
queue) is the engine's.

A check takes a `Candidate` and returns a `Refusal` or None. `gateway_refusal` and `request_refusal` run those that the
decoder has not settled; `diagnose` runs all of them on a fresh copy, without stopping, and adds the client's mistakes.

Spec: General Parameters. Spec: AUTH_KEY. Spec: Request UIP Format. Spec: Parameter Details. Spec: RESULT_CODE and
RESULT_DESC, and its Remark. Reading: R3.
"""

import re
from collections.abc import Callable, Sequence
from typing import Literal

import msgspec

from cloudsms_simulator.expressions import lazy_pattern
from cloudsms_simulator.protocol.candidate import (
    Candidate,
    Members,
    Refusal,
    candidate_of,
    disguise_finding,
    from_other_names,
    missing,
    names_finding,
    poll_finding,
    present,
    readable_key,
    refused,
    unsigned,
    v2_finding,
)
from cloudsms_simulator.protocol.codes import COUNTRY_CODES, ResultCode
from cloudsms_simulator.protocol.findings import Finding, Told, found
from cloudsms_simulator.protocol.mistakes import (
    OBSERVATIONS,
    OBSERVATIONS_WITHOUT_A_PACKET,
    PUNCTUATION,
    Circumstances,
    country_wanted,
)
from cloudsms_simulator.protocol.packet import (
    ABSENT,
    AUTH_KEY_OCTETS,
    CUSTOMER_BODY_OCTETS,
    HIGHEST_ECHOED_COUNTRY,
    HIGHEST_SERIAL,
    LONGEST_COUNTED,
    MAINLAND_CHINA,
    MOST_DESTINATIONS,
    MOST_SEGMENTS,
    MSISDN_OCTETS,
    NUMBER_IN_MAINLAND_CHINA,
    REQUEST_TYPE,
    ROUTE_OCTETS,
    SEND_METHOD,
    SENDER_OCTETS,
    SIGNATURE_OCTETS,
    TIME_OCTETS,
    WHITE_SPACE,
    Destination,
    decode,
    entries_of,
    listed,
    members_of,
    utf8_octets,
    value_of,
)
from cloudsms_simulator.protocol.profile import Profile
from cloudsms_simulator.protocol.segmentation import segment, signed_text

# Checks 1 to 9, the gateway's: is this a packet, of the right kind, from somebody known?


def body_is_not_empty(candidate: Candidate) -> Refusal | None:
    """Check 1. Spec: the Java sample, which posts nothing."""
    if candidate.decoded.form != "empty":
        return None
    return refused(ResultCode.EMPTY_DATA, found("body-empty", "body", Told("no body"), "a JSON object"))


def body_is_complete(candidate: Candidate) -> Refusal | None:
    """Check 2: the body does not end in the middle of something."""
    decoded = candidate.decoded
    if decoded.form != "cut":
        return None
    got = Told(f"{decoded.reason}, at octet {decoded.offset}")
    want = "the whole JSON object; Content-Length counts octets, not characters"
    return refused(ResultCode.LOST_INFO, found("body-cut", "body", got, want))


def body_is_json(candidate: Candidate) -> Refusal | None:
    """Check 3: strict JSON in strict UTF-8, and nothing after it."""
    decoded = candidate.decoded
    if decoded.form == "broken":
        got = Told(f"{decoded.reason}, at octet {decoded.offset}")
        return refused(ResultCode.INVALID_CONTEXT, found("body-not-json", "body", got, "strict JSON in UTF-8"))
    if decoded.trailing and candidate.profile.trailing_bytes == "reject":
        got = Told(f"more bytes from octet {decoded.offset}")
        return refused(ResultCode.INVALID_CONTEXT, found("body-trailing", "body", got, "nothing after the object"))
    return None


def body_is_an_object(candidate: Candidate) -> Refusal | None:
    """Check 4: an object with members."""
    if candidate.decoded.form != "no-object":
        return None
    got = Told(f"{candidate.decoded.reason}, without the members of a packet")
    return refused(ResultCode.EMPTY_DATA_RECEIVED, found("body-empty-packet", "body", got, "an object with members"))


def method_and_type(candidate: Candidate) -> Refusal | None:
    """Check 5: METHOD is SMS_SEND_REQUEST and TYPE is REQUEST, spaces around them aside; and it is not UIP v2."""
    packet = candidate.packet
    if packet.method == SEND_METHOD and packet.type == REQUEST_TYPE and packet.uip_head == ABSENT:
        return None
    findings = []
    if packet.uip_head != ABSENT:
        findings.append(found("uip-v2", "$.uip_head", Told("a UIP v2 packet"), "the flat packet of UIP v1"))
    for name, rule, got, want in (
        ("$.METHOD", "method", packet.method, SEND_METHOD),
        ("$.TYPE", "type", packet.type, REQUEST_TYPE),
    ):
        if missing(got):
            findings.append(found(f"{rule}-missing", name, got, want))
        elif not isinstance(got, str) or got.strip(WHITE_SPACE) != want:
            findings.append(found(f"{rule}-wrong", name, got, want))
    return refused(ResultCode.INVALID_PARAMETER, *findings) if findings else None


def serial_and_time(candidate: Candidate) -> Refusal | None:
    """Check 6: SERIAL from 1 to 65535, repeated or not; TIME a filled-in string of at most 32 octets."""
    packet = candidate.packet
    serial = unsigned(packet.serial, candidate.profile)
    time = packet.time
    serial_ok = serial is not None and 1 <= serial <= HIGHEST_SERIAL
    if serial_ok and isinstance(time, str) and time and utf8_octets(time) <= TIME_OCTETS:
        return None
    findings = []
    if not serial_ok:
        rule = "serial-missing" if missing(packet.serial) else "serial-wrong"
        findings.append(found(rule, "$.SERIAL", packet.serial, "an integer from 1 to 65535"))
    if missing(time):
        findings.append(found("time-missing", "$.TIME", time, "YYYY-MM-DD HH:MM:SS"))
    elif not isinstance(time, str) or utf8_octets(time) > TIME_OCTETS:
        findings.append(found("time-wrong", "$.TIME", time, "a string of at most 32 octets, YYYY-MM-DD HH:MM:SS"))
    return refused(ResultCode.INVALID_PARAMETER, *findings)


def auth_key_is_there(candidate: Candidate) -> Refusal | None:
    """Check 7. The profile says which code a packet without AUTH_KEY gets."""
    key = candidate.packet.auth_key
    if not missing(key):
        return None
    code = ResultCode(candidate.profile.missing_key_code)
    return refused(code, found("auth-key-missing", "$.AUTH_KEY", key, "the account's AUTH_KEY"))


def auth_key_is_a_string(candidate: Candidate) -> Refusal | None:
    """Check 8: a string of at most 128 octets; "fixed 128 bytes" is the size of a buffer, real keys have 88."""
    key = candidate.packet.auth_key
    if missing(key) or (isinstance(key, str) and utf8_octets(key) <= AUTH_KEY_OCTETS):
        return None
    got = Told(f"a string of {utf8_octets(key)} octets" if isinstance(key, str) else f"a JSON {_json_kind(key)}")
    return refused(
        ResultCode.INVALID_PARAMETER, found("auth-key-wrong", "$.AUTH_KEY", got, "a string of at most 128 octets")
    )


def auth_key_is_known(candidate: Candidate) -> Refusal | None:
    """Check 9: an account has this AUTH_KEY."""
    key = candidate.packet.auth_key
    if candidate.account is not None or not isinstance(key, str) or not key or utf8_octets(key) > AUTH_KEY_OCTETS:
        return None
    findings = [
        found(
            "auth-key-unknown",
            "$.AUTH_KEY",
            Told(f"a key of {len(key)} character{'' if len(key) == 1 else 's'}"),
            "an account's key",
        )
    ]
    if key != key.strip():
        findings.append(found("auth-key-spaces", "$.AUTH_KEY", Told("white space around the key"), "the bare key"))
    return refused(ResultCode.CHANNEL_NOT_EXIST, *findings)


def _json_kind(value: object) -> str:
    if isinstance(value, bool):
        return "boolean"
    return {dict: "object", list: "array", int: "number", float: "number"}.get(type(value), type(value).__name__)


# Checks 10 to 16: is the request as a whole in order?


def version_is_accepted(candidate: Candidate) -> Refusal | None:
    """Check 10. A VERSION that is not filled in is a parameter missing, not a version that is invalid."""
    version = candidate.packet.version
    if version in candidate.profile.versions:
        return None
    want = " or ".join(candidate.profile.versions)
    if missing(version) or not isinstance(version, str):
        return refused(ResultCode.INVALID_PARAMETER, found("version-missing", "$.VERSION", version, want))
    return refused(ResultCode.INVALID_VERSION, found("version-unknown", "$.VERSION", version, want))


def route_is_there(candidate: Candidate) -> Refusal | None:
    """Check 11. A route the account does not have is no error here: the message is rejected locally."""
    route = candidate.packet.route_id
    if missing(route):
        finding = found("route-missing", "$.ROUTE_ID", route, "one of the account's routes")
        return refused(ResultCode.INVALID_PARAMETER, finding)
    if not isinstance(route, str) or utf8_octets(route) > ROUTE_OCTETS:
        finding = found("route-wrong", "$.ROUTE_ID", route, "a string of at most 255 octets")
        return refused(ResultCode.INVALID_PARAMETER, finding)
    return None


def sender_is_displayable(candidate: Candidate) -> Refusal | None:
    """Check 12: ORIGINAL_ADDR, which the Remark calls SOURCE_MSISDN. Absent or "": the account's default sender."""
    sender = candidate.packet.original_addr
    if sender is None or (
        isinstance(sender, str)
        and len(sender) <= SENDER_OCTETS
        and sender.isascii()
        # Of ASCII, 0x20 to 0x7E is what counts as printable.
        and sender.replace("\x7f", "").isprintable()
    ):
        return None
    want = "a string of at most 32 octets from 0x20 to 0x7F"
    return refused(ResultCode.INVALID_PARAMETER, found("sender-wrong", "$.ORIGINAL_ADDR", sender, want))


def signature_and_priority(candidate: Candidate) -> Refusal | None:
    """Check 13: SIGNATURE up to 64 octets, SIGNATURE_TYPE 1 to 5, PRIORITY and REPEAT unsigned integers of 4 octets."""
    packet, profile = candidate.packet, candidate.profile
    findings = []
    signature = packet.signature
    if signature is not None and not (isinstance(signature, str) and utf8_octets(signature) <= SIGNATURE_OCTETS):
        findings.append(found("signature-wrong", "$.SIGNATURE", signature, "a string of at most 64 octets"))
    kind = packet.signature_type
    if kind is not None and unsigned(kind, profile) not in {1, 2, 3, 4, 5}:
        findings.append(found("signature-type-wrong", "$.SIGNATURE_TYPE", kind, "an integer from 1 to 5"))
    if packet.priority is not None and unsigned(packet.priority, profile) is None:
        want = "an unsigned integer of 4 octets: 0 or 1"
        findings.append(found("priority-wrong", "$.PRIORITY", packet.priority, want))
    if packet.repeat is not None and unsigned(packet.repeat, profile) is None:
        findings.append(found("repeat-wrong", "$.REPEAT", packet.repeat, "an unsigned integer of 4 octets"))
    return refused(ResultCode.INVALID_PARAMETER, *findings) if findings else None


def customer_body_is_small(candidate: Candidate) -> Refusal | None:
    """Check 14: an object whose compact JSON has at most 255 octets."""
    text = bytes(candidate.packet.customer_body)
    if not text or text == b"null":
        return None
    is_object = text[:1] == b"{"
    if is_object and (len(text) <= CUSTOMER_BODY_OCTETS or _is_small(text)):
        return None
    got = Told(_size_of(text)) if is_object else value_of(text)
    want = "an object of at most 255 octets of compact JSON"
    return refused(ResultCode.INVALID_PARAMETER, found("customer-body-wrong", "$.CUSTOMER_BODY", got, want))


_LONGEST_ESCAPE = 6
"""So many octets may stand for one: an escape such as `\\u0041`."""
_MOST_MEASURED = 16 * 1024
"""Octets of a CUSTOMER_BODY, white space aside, of which it is told exactly how many are left once compact."""

# The quote at the end may be missing: an expression that always fits looks at nothing twice.
_JSON_STRING = lazy_pattern(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+"?', re.DOTALL)


def _is_small(text: bytes) -> bool:
    compact = msgspec.json.format(text, indent=-1)
    if len(compact) > _LONGEST_ESCAPE * CUSTOMER_BODY_OCTETS:
        return False
    return _compact_octets(compact) <= CUSTOMER_BODY_OCTETS


def _size_of(text: bytes) -> str:
    compact = msgspec.json.format(text, indent=-1)
    if len(compact) > _MOST_MEASURED:
        return f"{len(compact)} octets, escapes as they came"
    return f"{_compact_octets(compact)} octets"


def _compact_octets(compact: bytes) -> int:
    """The size of a JSON text without white space as compact UTF-8: no needless escapes, numbers as spelled."""
    return len(_JSON_STRING.sub(_without_needless_escapes, compact)) if b"\\" in compact else len(compact)


def _without_needless_escapes(string: re.Match[bytes]) -> bytes:
    return msgspec.json.encode(msgspec.json.decode(string[0])) if b"\\" in string[0] else string[0]


def content_fits(candidate: Candidate) -> Refusal | None:
    """Check 15: a text that needs at most 10 segments once signed. Composes and segments it, once."""
    packet = candidate.packet
    content = packet.sms_content
    if missing(content):
        return refused(ResultCode.INVALID_CONTEXT, found("content-missing", "$.SMS_CONTENT", content, "a text"))
    if not isinstance(content, str):
        return refused(ResultCode.INVALID_CONTEXT, found("content-wrong", "$.SMS_CONTENT", content, "a string"))
    if len(content) > LONGEST_COUNTED:
        got = Told(f"{len(content)} characters")
        want = "at most 10 segments once signed"
        return refused(ResultCode.INVALID_CONTEXT, found("content-too-long", "$.SMS_CONTENT", got, want))
    signature = packet.signature
    candidate.text = (
        signed_text(content, signature, unsigned(packet.signature_type, candidate.profile))
        if isinstance(signature, str)
        else content
    )
    segmentation = candidate.segmentation = segment(candidate.text, candidate.profile.segmentation)
    if segmentation.segments <= MOST_SEGMENTS:
        return None
    got = Told(f"{segmentation.segments} segments of DCS {segmentation.dcs}")
    return refused(
        ResultCode.INVALID_CONTEXT, found("content-too-long", "$.SMS_CONTENT", got, "at most 10 segments once signed")
    )


def signed_text_in(body: bytes, profile: Profile) -> str:
    """The signed text in a body that passed check 15."""
    candidate = candidate_of(decode(body), None, profile)
    content_fits(candidate)
    return candidate.text


_destinations = msgspec.json.Decoder(list[Destination])


def list_is_an_array(candidate: Candidate) -> Refusal | None:
    """Check 16: 1 to 200 entries. Reads them; an entry that is no destination is check 17's."""
    if candidate.decoded.too_many:
        return _wrong_count(candidate.decoded.too_many)
    raw = candidate.packet.multi_msisdn_list
    try:
        destinations = _destinations.decode(raw)
    except msgspec.MsgspecError:
        return _read_one_by_one(candidate, raw)
    return _count(candidate, destinations)


def _read_one_by_one(candidate: Candidate, raw: msgspec.Raw) -> Refusal | None:
    entries = entries_of(raw)
    if entries is None:
        rule, got = "list-wrong", value_of(raw)
        if not present(raw) or got == "":
            rule = "list-missing"
        elif isinstance(got, dict):
            rule = "list-is-object"
        elif isinstance(got, str) and got.lstrip()[:1] in {"[", "{"}:
            rule = "list-is-json-text"
        want = "an array of 1 to 200 objects"
        return refused(ResultCode.INVALID_PARAMETER, found(rule, "$.MULTI_MSISDN_LIST", got, want))
    return _count(candidate, [echo_of(entry, candidate.profile) for entry in entries])


def _count(candidate: Candidate, destinations: list[Destination]) -> Refusal | None:
    count = len(destinations)
    if 0 < count <= MOST_DESTINATIONS:
        candidate.destinations = destinations
        return None
    return _wrong_count(count)


def _wrong_count(count: int) -> Refusal:
    rule = "list-too-long" if count else "list-missing"
    finding = found(rule, "$.MULTI_MSISDN_LIST", Told(f"{count} entries"), "1 to 200 entries")
    return refused(ResultCode.INVALID_PARAMETER, finding)


def echo_of(entry: msgspec.Raw, profile: Profile) -> Destination:
    """What an answer echoes of an entry: COUNTRY_CODE from 0 to 9999, else 0; a number of 32 octets, else ""."""
    members = members_of(entry) or {}
    country = unsigned(value_of(members.get("COUNTRY_CODE", ABSENT)), profile)
    msisdn = value_of(members.get("DEST_MSISDN", ABSENT))
    return Destination(
        country if country is not None and country <= HIGHEST_ECHOED_COUNTRY else 0,
        msisdn if isinstance(msisdn, str) and utf8_octets(msisdn) <= MSISDN_OCTETS else "",
    )


# Checks 17 to 19: each destination alone.


def destinations_are_numbers(candidate: Candidate) -> Refusal | None:
    """Check 17: an assigned country code; 1 to 32 ASCII digits; 11 of them in mainland China."""
    destinations = candidate.destinations
    if len(destinations) > 1 and _are_all_in_order(destinations):
        return None
    refused = [
        index
        for index, destination in enumerate(destinations)
        if destination.country_code not in COUNTRY_CODES or not _is_number(destination)
    ]
    if refused:
        entries = listed(candidate.decoded)
        for index in refused:
            candidate.verdicts[index] = ResultCode.INVALID_PARAMETER
            candidate.destinations[index] = echo_of(entries[index], candidate.profile)
            candidate.findings += _why_refused(
                f"$.MULTI_MSISDN_LIST[{index}]", candidate.destinations[index], entries[index]
            )
    return None


def _are_all_in_order(destinations: Sequence[Destination]) -> bool:
    """Whether every destination certainly passes check 17: asked of all at once, as it nearly always is so."""
    numbers = [destination.msisdn for destination in destinations]
    countries = {destination.country_code for destination in destinations}
    digits, lengths = "".join(numbers), {*map(len, numbers)}
    return (
        digits.isascii()
        and digits.isdigit()
        and 0 not in lengths
        and max(lengths) <= MSISDN_OCTETS
        and COUNTRY_CODES.issuperset(countries)
        and MAINLAND_CHINA not in countries
    )


def _is_number(destination: Destination) -> bool:
    msisdn = destination.msisdn
    if not (msisdn.isascii() and msisdn.isdigit() and len(msisdn) <= MSISDN_OCTETS):
        return False
    return destination.country_code != MAINLAND_CHINA or len(msisdn) == NUMBER_IN_MAINLAND_CHINA


def _why_refused(path: str, destination: Destination, entry: msgspec.Raw) -> list[Finding]:
    members = members_of(entry)
    if members is None:
        return [found("destination-wrong", path, value_of(entry), "an object")]
    findings = []
    country = value_of(members.get("COUNTRY_CODE", ABSENT))
    msisdn = value_of(members.get("DEST_MSISDN", ABSENT))
    if destination.country_code not in COUNTRY_CODES or missing(country):
        rule = "country-missing" if missing(country) else "country-wrong"
        findings.append(found(rule, f"{path}.COUNTRY_CODE", country, country_wanted(country, msisdn)))
    if not _is_number(destination):
        rule = _number_rule(msisdn, destination.country_code)
        want = "11 digits" if rule == "msisdn-mainland" else "1 to 32 digits 0 to 9, without the country code"
        findings.append(found(rule, f"{path}.DEST_MSISDN", msisdn, want))
    return findings


_DIGITS_AND_X = frozenset("0123456789x")
_PUNCTUATION = str.maketrans("", "", PUNCTUATION)


def _number_rule(msisdn: object, country_code: int) -> str:
    """The rule that says best what is wrong with a number."""
    if missing(msisdn):
        return "msisdn-missing"
    if not isinstance(msisdn, str):
        return "msisdn-wrong"
    if msisdn.isascii() and msisdn.isdigit():
        mainland = country_code == MAINLAND_CHINA and len(msisdn) <= MSISDN_OCTETS
        return "msisdn-mainland" if mainland else "msisdn-wrong"
    if "x" in msisdn.lower() and set(msisdn.lower()) <= _DIGITS_AND_X:
        return "msisdn-placeholder"
    if msisdn.strip().startswith("+"):
        return "msisdn-plus"
    if msisdn.isdigit():
        return "msisdn-other-digits"
    bare = msisdn.translate(_PUNCTUATION)
    return "msisdn-spaces" if bare.isascii() and bare.isdigit() else "msisdn-wrong"


def destinations_are_not_blacklisted(candidate: Candidate) -> Refusal | None:
    """Check 18: number globs on country code + number, words in the signed text."""
    account = candidate.account
    if account is None or not account.blacklist:
        return None
    word = account.blacklist.blocks_text(candidate.text)
    if word is not None:
        candidate.findings.append(found("blacklisted-word", "$.SMS_CONTENT", word, "a text without the word"))
    for index, destination in enumerate(candidate.destinations):
        glob = account.blacklist.blocks_number(destination.number)
        if glob is not None:
            path, want = f"$.MULTI_MSISDN_LIST[{index}]", f"a number that {glob} does not match"
            candidate.findings.append(found("blacklisted-number", path, destination.number, want))
        if word is not None or glob is not None:
            candidate.verdicts.setdefault(index, ResultCode.INTERCEPT)
    return None


def destinations_have_a_price(candidate: Candidate) -> Refusal | None:
    """Check 19: the account has a price for the country, unless the profile leaves that to a report."""
    account = candidate.account
    if account is None or account.prices_all_countries or candidate.profile.unpriced == "report":
        return None
    countries = {destination.country_code for destination in candidate.destinations}
    unpriced = [country for country in countries if account.price(country) is None]
    for index, destination in enumerate(candidate.destinations) if unpriced else ():
        if destination.country_code in unpriced and destination.country_code in COUNTRY_CODES:
            candidate.verdicts.setdefault(index, ResultCode.UNPRICED_AREA)
            path = f"$.MULTI_MSISDN_LIST[{index}].COUNTRY_CODE"
            want = "a country the account has a price for"
            candidate.findings.append(found("unpriced", path, destination.country_code, want))
    return None


# All checks in their order.

Check = Callable[[Candidate], Refusal | None]
CheckScope = Literal["body", "packet", "key", "request", "destination", "account"]

CHECKS: tuple[tuple[int, CheckScope, Check], ...] = (
    (1, "body", body_is_not_empty),
    (2, "body", body_is_complete),
    (3, "body", body_is_json),
    (4, "body", body_is_an_object),
    (5, "packet", method_and_type),
    (6, "packet", serial_and_time),
    (7, "key", auth_key_is_there),
    (8, "key", auth_key_is_a_string),
    (9, "key", auth_key_is_known),
    (10, "request", version_is_accepted),
    (11, "request", route_is_there),
    (12, "request", sender_is_displayable),
    (13, "request", signature_and_priority),
    (14, "request", customer_body_is_small),
    (15, "request", content_fits),
    (16, "request", list_is_an_array),
    (17, "destination", destinations_are_numbers),
    (18, "account", destinations_are_not_blacklisted),
    (19, "account", destinations_have_a_price),
)

BODY_CHECKS: tuple[Check, ...] = tuple(check for _, scope, check in CHECKS if scope == "body")
PACKET_CHECKS: tuple[Check, ...] = tuple(check for _, scope, check in CHECKS if scope == "packet")
KEY_CHECKS: tuple[Check, ...] = tuple(check for _, scope, check in CHECKS if scope == "key")
REQUEST_CHECKS: tuple[Check, ...] = tuple(check for _, scope, check in CHECKS if scope == "request")
DESTINATION_CHECKS: tuple[Check, ...] = tuple(check for _, scope, check in CHECKS if scope == "destination")
ACCOUNT_CHECKS: tuple[Check, ...] = tuple(check for _, scope, check in CHECKS if scope == "account")

SETTLED_BY_DECODING = frozenset({1, 2, 3, 4, 5, 6, 11, 13, 16})
"""Checks that an orderly packet passes, whatever the profile: see `packet.OrderlyPacket`."""
_UNSETTLED_REQUEST_CHECKS: tuple[Check, ...] = tuple(
    check for number, scope, check in CHECKS if scope == "request" and number not in SETTLED_BY_DECODING
)


def first_refusal(checks: tuple[Check, ...], candidate: Candidate) -> Refusal | None:
    """Runs checks in order up to the first that fails, and returns its refusal; None when all pass."""
    for check in checks:
        refusal = check(candidate)
        if refusal is not None:
            return refusal
    return None


def gateway_refusal(candidate: Candidate) -> Refusal | None:
    """Runs checks 1 to 9. A body that is one object, and nothing else, passes 1 to 4; a key that has an account passes
    7 to 9."""
    decoded = candidate.decoded
    if decoded.destinations is not None:
        return first_refusal(KEY_CHECKS, candidate) if candidate.account is None else None
    if decoded.form != "object" or decoded.trailing:
        refusal = first_refusal(BODY_CHECKS, candidate)
        if refusal is not None:
            return refusal
    refusal = first_refusal(PACKET_CHECKS, candidate)
    if refusal is None and candidate.account is None:
        return first_refusal(KEY_CHECKS, candidate)
    return refusal


def request_refusal(candidate: Candidate) -> Refusal | None:
    """Runs checks 10 to 16; for an orderly packet, those that decoding has not settled."""
    destinations = candidate.decoded.destinations
    if destinations is None:
        return first_refusal(REQUEST_CHECKS, candidate)
    refusal = first_refusal(_UNSETTLED_REQUEST_CHECKS, candidate)
    if refusal is None:
        # A copy: check 17 puts what is echoed in the place of a destination it refuses.
        candidate.destinations = destinations.copy()
    return refusal


# Everything worth telling about a packet.

_OF_THE_ENGINE = frozenset({"rate-limited", "queue-full"})
"""Rules of the engine's findings: no check makes them, and no finding on the packet as a whole stands for them."""


def diagnose(
    candidate: Candidate, circumstances: Circumstances, first: tuple[Finding, ...] = ()
) -> tuple[Finding, ...]:
    """Returns everything worth telling about a packet, `first` before the rest: in the order of the checks, then of
    mistakes.

    Runs every check on a fresh copy of the candidate without stopping at the first failure. After a failure of checks
    1 to 4 there is no packet to judge: then only those findings come, and those on what came around the packet. What is
    wrong as a whole (UIP v2, a question for a report, a form) is told in one finding. Names in another case are told in
    one finding too, followed by what is wrong with the packet they stand for.
    """
    whole = _wrong_as_a_whole(candidate, circumstances)
    if whole is not None:
        kept = [each for each in first if each.rule in _OF_THE_ENGINE]
        around = [finding for observe in OBSERVATIONS_WITHOUT_A_PACKET for finding in observe(candidate, circumstances)]
        return tuple(dict.fromkeys((*kept, whole, *around)))
    told = (*first, *_everything(candidate, circumstances))
    if candidate.decoded.form != "object" or not any(each.rule.endswith("-missing") for each in told):
        return tuple(dict.fromkeys(told))
    translation = from_other_names(_members(candidate, circumstances))
    if translation is None:
        return tuple(dict.fromkeys(told))
    body = msgspec.json.encode(translation.members)
    meant = candidate_of(decode(body), candidate.account, candidate.profile)
    left = {each for each in told if not each.rule.endswith("-missing")}
    unknown = candidate.account is None and readable_key(candidate.packet) is None
    again = [
        each
        for each in _everything(meant, msgspec.structs.replace(circumstances, body=body))
        if not (unknown and each.rule == "auth-key-unknown")
    ]
    kept = [each for each in first if each in left]
    return tuple(dict.fromkeys((*kept, names_finding(translation), *again)))


def _wrong_as_a_whole(candidate: Candidate, circumstances: Circumstances) -> Finding | None:
    """Returns the one finding that stands for all on a packet; None for one that is to be judged field by field."""
    decoded = candidate.decoded
    if decoded.destinations is not None:
        return None
    if decoded.form in {"broken", "cut"}:
        return disguise_finding(circumstances.body, circumstances.headers)
    if decoded.form != "object":
        return None
    if candidate.packet.uip_head != ABSENT:
        return v2_finding(_members(candidate, circumstances))
    if candidate.packet.sms_content is not None and candidate.packet.method == SEND_METHOD:
        return None
    return poll_finding(candidate.packet, _members(candidate, circumstances))


def _members(candidate: Candidate, circumstances: Circumstances) -> Members:
    return members_of(circumstances.body[: candidate.decoded.offset or None]) or {}


def _everything(candidate: Candidate, circumstances: Circumstances) -> tuple[Finding, ...]:
    fresh = candidate_of(candidate.decoded, candidate.account, candidate.profile)
    readable = fresh.decoded.form == "object"
    refusals = [check(fresh) for _, _scope, check in CHECKS if readable or check in BODY_CHECKS]
    findings = [finding for refusal in refusals if refusal is not None for finding in refusal.findings]
    findings += fresh.findings
    for observe in OBSERVATIONS if readable else OBSERVATIONS_WITHOUT_A_PACKET:
        findings += observe(fresh, circumstances)
    return tuple(dict.fromkeys(findings))
