"""A candidate: a packet on its way through the checks, with what they worked out so far, and what it may mean.

A `Candidate` has the packet, the profile whose rules hold for it, the account, and what the checks fill in: the
signed text, its segmentation, the destinations and their verdicts. `submission_of` is what comes of one that passed.
`missing`, `present` and `unsigned` say what counts as a value, and `overall_code` what a batch is answered with.

Packets in other dialects are understood far enough to be told in one finding what they are: UIP v2 has the general
parameters in `uip_head` and the rest in `uip_body`, and other clients write the names of fields in another case. Both
can be translated (`from_v2`, `from_other_names`), which is how they are corrected. A request that asks for a report, a
form and compressed octets are told in one finding too; nothing can be made of those.

Spec: Interface specification and communication principle. Spec: Request UIP Format. Reading: R3, R24.
"""

import re
from collections.abc import Iterable, Mapping
from itertools import islice
from types import MappingProxyType
from typing import Protocol

import msgspec

from cloudsms_simulator.expressions import lazy_pattern
from cloudsms_simulator.protocol.codes import ResultCode
from cloudsms_simulator.protocol.findings import Finding, Told, found
from cloudsms_simulator.protocol.packet import (
    ABSENT,
    AUTH_KEY_OCTETS,
    HIGHEST_UINT,
    MOST_DESTINATIONS,
    PACKET_FIELDS,
    REPORT_METHOD,
    WHITE_SPACE,
    Decoded,
    Destination,
    Packet,
    Submission,
    entries_of,
    members_of,
    utf8_octets,
    value_of,
)
from cloudsms_simulator.protocol.profile import Profile
from cloudsms_simulator.protocol.segmentation import Segmentation

# A packet on its way through the checks.

Members = dict[str, msgspec.Raw]
Headers = tuple[tuple[bytes, bytes], ...]


class BlacklistView(Protocol):
    """What the checks may ask a blacklist."""

    def __bool__(self) -> bool: ...
    def blocks_number(self, number: str) -> str | None: ...
    def blocks_text(self, text: str) -> str | None: ...


class AccountView(Protocol):
    """What the checks may ask an account."""

    @property
    def profile(self) -> Profile: ...
    @property
    def blacklist(self) -> BlacklistView: ...
    @property
    def signatures(self) -> frozenset[str] | None: ...
    @property
    def prices_all_countries(self) -> bool: ...
    def price(self, country_code: int) -> object | None: ...
    def knows_route(self, route_id: str) -> bool: ...


class Refusal(msgspec.Struct, frozen=True):
    """A failed check: the code for the wire, and why."""

    code: ResultCode
    findings: tuple[Finding, ...]


class Candidate(msgspec.Struct, gc=False):
    """A packet with the profile whose rules hold for it, its account, and what the checks fill in: what it asks for."""

    decoded: Decoded
    packet: Packet
    profile: Profile
    account: AccountView | None
    text: str = ""
    """The signed text; check 15 fills it in, and `segmentation`."""
    segmentation: Segmentation | None = None
    destinations: list[Destination] = []
    """The entries of MULTI_MSISDN_LIST; check 16 fills them in."""
    verdicts: dict[int, ResultCode] = {}
    """Codes of the refused destinations by index; checks 17 to 19 fill them in."""
    findings: list[Finding] = []
    """Why those destinations were refused."""


def candidate_of(decoded: Decoded, account: AccountView | None, default: Profile) -> Candidate:
    """A packet before its checks; `account` is the one its AUTH_KEY names, whatever else is wrong with it."""
    return Candidate(decoded, decoded.packet, default if account is None else account.profile, account)


def readable_key(packet: Packet) -> str | None:
    """AUTH_KEY, of a UIP v2 packet also that in `uip_head`, if it is a string an account could have."""
    key = packet.auth_key
    if key is None and packet.uip_head is not ABSENT:
        key = key_of_v2(packet.uip_head)
    return key if type(key) is str and key and utf8_octets(key) <= AUTH_KEY_OCTETS else None


def submission_of(candidate: Candidate) -> Submission:
    """What a candidate that passed checks 1 to 16 asks for."""
    packet, segmentation = candidate.packet, candidate.segmentation
    route, sender, body = packet.route_id, packet.original_addr, bytes(packet.customer_body)
    assert segmentation is not None, "check 15 segments the text"
    assert isinstance(route, str), "check 11 wants a string"
    return Submission(
        unsigned(packet.serial, candidate.profile) or 0,
        route,
        sender if isinstance(sender, str) else "",
        candidate.text,
        segmentation,
        body if body and body != _NULL else None,
        tuple(candidate.destinations),
        candidate.verdicts,
    )


def refused(code: ResultCode, *findings: Finding) -> Refusal:
    """Makes a refusal of a code and its findings."""
    return Refusal(code, findings)


# What counts as a value.

_MOST_DIGITS = 4_300
"""A JSON integer of more digits is not read as an integer."""
_NULL = b"null"


def unsigned(value: object, profile: Profile) -> int | None:
    """An unsigned integer of 4 octets, the UINT of the tables, or None.

    Booleans and 1.0 are none; digits in a string are one if the profile says so.
    """
    if type(value) is str and profile.digit_strings == "accept" and len(value) <= _MOST_DIGITS:
        value = int(value) if value.isascii() and value.isdigit() else None
    return value if type(value) is int and 0 <= value <= HIGHEST_UINT else None


def present(raw: msgspec.Raw) -> bool:
    """Tells whether a raw field is there and not null."""
    text = bytes(raw)
    return bool(text) and text != _NULL


def missing(value: object) -> bool:
    """Tells whether a value is missing or not filled in: absent, null, or an empty string."""
    return value is None or value == ""


# Packets in other dialects, and what is no packet.

_MOST_MEMBERS = 1_000
"""So many members of an object are looked at; of a packet in another case with more, none: no packet has so many."""
_MOST_IN_AN_ENTRY = 20
_LIST = "MULTI_MSISDN_LIST"
_HEAD, _BODY = "uip_head", "uip_body"
REQUIRED = frozenset({"METHOD", "TYPE", "SERIAL", "TIME", "AUTH_KEY", "VERSION", "ROUTE_ID", "SMS_CONTENT", _LIST})
_OF_AN_ENTRY = ("COUNTRY_CODE", "DEST_MSISDN")
_NAME = lazy_pattern(r"[A-Za-z_ -]{1,40}")


def _plain_name(name: str) -> str:
    return name.replace("_", "").replace("-", "").replace(" ", "").lower()


_FIELDS: Mapping[str, str] = MappingProxyType({_plain_name(name): name for name in PACKET_FIELDS - {_HEAD}})
_ENTRY_FIELDS: Mapping[str, str] = MappingProxyType({_plain_name(name): name for name in _OF_AN_ENTRY})
_V2_FIELDS: Mapping[str, str] = MappingProxyType({**_FIELDS, "channel": "ROUTE_ID", "destinationaddr": _LIST})

_ASKS_FOR_A_REPORT = lazy_pattern(r"REPORT|STATUS|STATE|QUERY|RECEIPT|DLR", re.IGNORECASE)
_MAGIC_OF_COMPRESSION = (
    (b"\x1f\x8b", "gzip"),
    (b"\x28\xb5\x2f\xfd", "zstd"),
)
"""How octets of a compression begin, and its name in Content-Encoding."""
_FORM_TYPES = (b"application/x-www-form-urlencoded", b"multipart/")
_FORM = lazy_pattern(rb"[A-Za-z_]{1,40}=|--[^\r\n]{1,70}\r?\nContent-Disposition:", re.IGNORECASE)
_JSON_BEGINS = (b"{", b"[", b'"')
_WHITE_SPACE = b" \t\r\n"


class Renamed(msgspec.Struct, frozen=True):
    """One field: where it came, such as `uip_head.CHANNEL`, and what it is called in a packet of v1."""

    was: str
    name: str


class Translation(msgspec.Struct, frozen=True):
    """The members of a packet of v1, values as they were spelled, and which of them had other names."""

    members: Members
    renamed: tuple[Renamed, ...]


def field_for(name: str) -> str | None:
    """The field that a name stands for, whatever its case and separators: `smsContent` is SMS_CONTENT."""
    return _FIELDS.get(_plain_name(name)) if _NAME.fullmatch(name) else None


def from_v2(members: Members) -> Translation | None:
    """A packet of UIP v2 as one of v1; None for what has no `uip_head`. TYPE and VERSION are not in it."""
    if _HEAD not in members:
        return None
    flat: Members = {}
    renamed: list[Renamed] = []
    outside = {name: raw for name, raw in members.items() if name not in {_HEAD, _BODY}}
    for where, part in ((_HEAD, members[_HEAD]), (_BODY, members.get(_BODY, ABSENT)), ("", outside)):
        inside = part if isinstance(part, dict) else members_of(part) or {}
        for was, raw in islice(inside.items(), _MOST_MEMBERS):
            name = _V2_FIELDS.get(_plain_name(was)) if _NAME.fullmatch(was) else None
            if name is not None and name not in flat:
                flat[name] = raw
                if where or was != name:
                    renamed.append(Renamed(f"{where}.{was}" if where else was, name))
    return Translation(flat, tuple(renamed))


def from_other_names(members: Members) -> Translation | None:
    """A packet whose fields are named in another case, with the right names; None where that gives no required field.

    The entries of the list of destinations are looked at as well, unless there are more than 200.
    """
    if len(members) > _MOST_MEMBERS:
        return None
    flat: Members = {}
    renamed: list[Renamed] = []
    for was, raw in members.items():
        name = None if was in PACKET_FIELDS else field_for(was)
        if name is None or name in members or name in flat:
            flat[was] = raw
        else:
            flat[name] = raw
            renamed.append(Renamed(was, name))
    is_needed = any(each.name in REQUIRED for each in renamed)
    entries = entries_of(flat.get(_LIST, ABSENT)) or []
    if 0 < len(entries) <= MOST_DESTINATIONS:
        known = len(renamed)
        rewritten = [_entry(entry, index, renamed) for index, entry in enumerate(entries)]
        if len(renamed) > known:
            flat[_LIST] = msgspec.Raw(msgspec.json.encode(rewritten))
            is_needed = True
    return Translation(flat, tuple(renamed)) if is_needed else None


def _entry(raw: msgspec.Raw, index: int, renamed: list[Renamed]) -> msgspec.Raw:
    inside = members_of(raw)
    if inside is None or len(inside) > _MOST_IN_AN_ENTRY or all(name in inside for name in _OF_AN_ENTRY):
        return raw
    entry: Members = {}
    for was, value in inside.items():
        name = _ENTRY_FIELDS.get(_plain_name(was)) if was not in _OF_AN_ENTRY and _NAME.fullmatch(was) else None
        if name is None or name in inside or name in entry:
            entry[was] = value
        else:
            entry[name] = value
            renamed.append(Renamed(f"{_LIST}[{index}].{was}", name))
    return msgspec.Raw(msgspec.json.encode(entry))


def key_of_v2(uip_head: msgspec.Raw) -> object:
    """AUTH_KEY in a `uip_head`, whatever it is; None without one."""
    return value_of((members_of(uip_head) or {}).get("AUTH_KEY", ABSENT))


def v2_finding(members: Members) -> Finding:
    """What a packet of UIP v2 is told, with how its fields are called in v1."""
    translation = from_v2(members)
    fields = [] if translation is None else [f"{each.was} as {each.name}" for each in translation.renamed]
    mapping = ", ".join((*fields, "and all of it on the top level, with TYPE and VERSION"))
    return found("uip-v2", f"$.{_HEAD}", Told("a UIP v2 packet"), f"the flat packet of UIP v1: {mapping}")


def names_finding(translation: Translation) -> Finding:
    """What a packet is told whose fields have names in another case: each name once."""
    names = dict.fromkeys((each.was.rpartition(".")[2], each.name) for each in translation.renamed)
    got, want = ", ".join(was for was, _ in names), ", ".join(name for _, name in names)
    return found("names-misspelt", f"$.{translation.renamed[0].was}", Told(got), want)


def poll_finding(packet: Packet, names: Iterable[str]) -> Finding | None:
    """What a request is told that asks for a report instead of sending a message; None for any other.

    It has the METHOD of reports, or an SMS_UID or a METHOD that asks, and then neither a text nor a destination.
    `names` are those of its members.
    """
    method = packet.method.strip(WHITE_SPACE) if isinstance(packet.method, str) else ""
    want = "no request: reports are pushed, not polled; each comes as a POST to the account's callback"
    if method == REPORT_METHOD:
        return found("polled-for-report", "$.METHOD", method, want)
    if packet.sms_content is not None or packet.multi_msisdn_list != ABSENT:
        return None
    looked_at = islice(names, _MOST_MEMBERS)
    uid = next((name for name in looked_at if _NAME.fullmatch(name) and _plain_name(name) == "smsuid"), None)
    if uid is not None:
        return found("polled-for-report", f"$.{uid}", Told(f"{uid} in a request"), want)
    return found("polled-for-report", "$.METHOD", method, want) if _ASKS_FOR_A_REPORT.search(method[:100]) else None


def disguise_finding(body: bytes, headers: Headers) -> Finding | None:
    """What a body is told that is no JSON because it is compressed, or a form; None for any other."""
    said = {name.lower(): value.strip().lower() for name, value in headers}
    encoding = said.get(b"content-encoding", b"identity")
    magic = next((name for octets, name in _MAGIC_OF_COMPRESSION if body.startswith(octets)), None)
    begins_as_json = body.lstrip(_WHITE_SPACE).startswith(_JSON_BEGINS)
    if magic is not None or (encoding not in {b"", b"identity"} and not begins_as_json):
        header = f"Content-Encoding: {encoding.decode('latin-1')[:40]}"
        got = header if encoding not in {b"", b"identity"} else f"octets of {magic}"
        return found("body-compressed", "body", Told(got), "the JSON itself, without Content-Encoding")
    if begins_as_json:
        return None
    kind = said.get(b"content-type", b"")
    if kind.startswith(_FORM_TYPES) or _FORM.match(body):
        got = f"Content-Type: {kind.partition(b';')[0].decode('latin-1')[:60]}" if kind else "the fields of a form"
        return found("body-is-form", "body", Told(got), "a JSON object, with Content-Type: application/json")
    return None


def overall_code(
    verdicts: dict[int, ResultCode], count: int, profile: Profile
) -> tuple[ResultCode, dict[int, ResultCode]]:
    """Returns the top-level code of a batch of `count`, and the verdicts after the profile's `mixed_batch`."""
    if not verdicts:
        return ResultCode.OK, verdicts
    first = verdicts[min(verdicts)]
    if profile.mixed_batch == "all_or_nothing":
        return first, {index: verdicts.get(index, first) for index in range(count)}
    if profile.mixed_batch == "first_error" or len(verdicts) == count:
        return first, verdicts
    return ResultCode.OK, verdicts
