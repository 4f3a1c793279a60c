"""Checks 10 to 16: is the request as a whole in order? Any failure refuses every destination.

Spec: Request UIP Format. Spec: Parameter Details. Reading: R3.
"""

import re

import msgspec

from cloudsms_simulator.protocol import limits, uip
from cloudsms_simulator.protocol.candidate import (
    Candidate,
    Refusal,
    candidate_of,
    missing,
    present,
    refused,
    unsigned,
)
from cloudsms_simulator.protocol.content import signed_text
from cloudsms_simulator.protocol.finding_rules import Told, found
from cloudsms_simulator.protocol.limits import octets
from cloudsms_simulator.protocol.profile import Profile
from cloudsms_simulator.protocol.result_codes import ResultCode
from cloudsms_simulator.protocol.segmentation import segment
from cloudsms_simulator.protocol.submission import Destination


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
    if not isinstance(route, str) or octets(route) > limits.ROUTE_OCTETS:
        finding = found("route-wrong", "$.ROUTE_ID", route, "a string of at most 255 octets")
        return refused(ResultCode.INVALID_PARAMETER, finding)
    return None


def sender_is_displayable(candidate: Candidate) -> Refusal | None:
    """Check 12: ORIGINAL_ADDR, which the Remark calls SOURCE_MSISDN. Absent or "": the account's default sender."""
    sender = candidate.packet.original_addr
    if sender is None or (
        isinstance(sender, str)
        and len(sender) <= limits.SENDER_OCTETS
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
    if signature is not None and not (isinstance(signature, str) and octets(signature) <= limits.SIGNATURE_OCTETS):
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
    if is_object and (len(text) <= limits.CUSTOMER_BODY_OCTETS or _is_small(text)):
        return None
    got = Told(_size_of(text)) if is_object else uip.value_of(text)
    want = "an object of at most 255 octets of compact JSON"
    return refused(ResultCode.INVALID_PARAMETER, found("customer-body-wrong", "$.CUSTOMER_BODY", got, want))


_LONGEST_ESCAPE = 6
"""Octets that may stand for one: an escape such as `\\u0041`."""
_MOST_MEASURED = 16 * 1024
"""Octets of a CUSTOMER_BODY, white space aside, of which it is told exactly how many are left once compact."""


def _is_small(text: bytes) -> bool:
    compact = msgspec.json.format(text, indent=-1)
    if len(compact) > _LONGEST_ESCAPE * limits.CUSTOMER_BODY_OCTETS:
        return False
    return _compact_octets(compact) <= limits.CUSTOMER_BODY_OCTETS


def _size_of(text: bytes) -> str:
    compact = msgspec.json.format(text, indent=-1)
    if len(compact) > _MOST_MEASURED:
        return f"{len(compact)} octets, escapes as they came"
    return f"{_compact_octets(compact)} octets"


def _compact_octets(compact: bytes) -> int:
    """The size of a JSON text without white space as compact UTF-8: no needless escapes, numbers as spelled."""
    return len(_STRING.sub(_without_needless_escapes, compact)) if b"\\" in compact else len(compact)


def _without_needless_escapes(string: re.Match[bytes]) -> bytes:
    return msgspec.json.encode(msgspec.json.decode(string[0])) if b"\\" in string[0] else string[0]


# The quote at the end may be missing: an expression that always fits looks at nothing twice.
_STRING = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+"?', re.DOTALL)


def content_fits(candidate: Candidate) -> Refusal | None:
    """Check 15: a text that needs at most 10 segments once signed. Composes and segments it, once."""
    packet = candidate.packet
    content = packet.sms_content
    if missing(content):
        return refused(ResultCode.INVALID_CONTEXT, found("content-missing", "$.SMS_CONTENT", content, "a text"))
    if not isinstance(content, str):
        return refused(ResultCode.INVALID_CONTEXT, found("content-wrong", "$.SMS_CONTENT", content, "a string"))
    if len(content) > limits.LONGEST_COUNTED:
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
    if segmentation.segments <= limits.MOST_SEGMENTS:
        return None
    got = Told(f"{segmentation.segments} segments of DCS {segmentation.dcs}")
    return refused(
        ResultCode.INVALID_CONTEXT, found("content-too-long", "$.SMS_CONTENT", got, "at most 10 segments once signed")
    )


def signed_text_in(body: bytes, profile: Profile) -> str:
    """The signed text in a body that passed check 15."""
    candidate = candidate_of(uip.decode(body), None, profile)
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
    entries = uip.entries_of(raw)
    if entries is None:
        rule, got = "list-wrong", uip.value_of(raw)
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
    if 0 < count <= limits.MOST_DESTINATIONS:
        candidate.destinations = destinations
        return None
    return _wrong_count(count)


def _wrong_count(count: int) -> Refusal:
    rule = "list-too-long" if count else "list-missing"
    finding = found(rule, "$.MULTI_MSISDN_LIST", Told(f"{count} entries"), "1 to 200 entries")
    return refused(ResultCode.INVALID_PARAMETER, finding)


def echo_of(entry: msgspec.Raw, profile: Profile) -> Destination:
    """What an answer echoes of an entry: COUNTRY_CODE from 0 to 9999, else 0; a number of 32 octets, else ""."""
    members = uip.members_of(entry) or {}
    country = unsigned(uip.value_of(members.get("COUNTRY_CODE", uip.ABSENT)), profile)
    msisdn = uip.value_of(members.get("DEST_MSISDN", uip.ABSENT))
    return Destination(
        country if country is not None and country <= limits.HIGHEST_ECHOED_COUNTRY else 0,
        msisdn if isinstance(msisdn, str) and octets(msisdn) <= limits.MSISDN_OCTETS else "",
    )
