"""The answer: one packet for each request, in the document's shape or the one seen on the wire.

Four parts. SMS_UIDs, the 30 characters that name a message: `5A3B394096E50` `X` `01D1` `FA163E81BFFF` are the
microseconds since 1970, a counter in one of two styles, and the node that issued it; no two are the same for the life
of a store, on whatever clock (`issue_uids`). The bytes (`encode_answer`, and `encode_accepted` where everything is
OK). The echo, what an answer repeats of its request (`echoes_of`). And answers that arrive as they should and are
wrong in what they say: one function for each such fault, which keeps the bytes of everything it does not spoil,
spaces included.

Spec: Response UIP Format, SMS_UID. Reading: R4, R22.
"""

from collections.abc import Iterable, Sequence
from functools import cache, lru_cache
from typing import Literal, Protocol

import msgspec

from cloudsms_simulator.moments import datetime
from cloudsms_simulator.protocol import packet
from cloudsms_simulator.protocol.candidate import Candidate, unsigned
from cloudsms_simulator.protocol.checks import echo_of
from cloudsms_simulator.protocol.codes import ResultCode, desc_of
from cloudsms_simulator.protocol.packet import (
    ANSWER_TYPE,
    HIGHEST_SERIAL,
    REPORT_METHOD,
    SEND_METHOD,
    Destination,
    Submission,
)
from cloudsms_simulator.protocol.profile import SPEC, Profile
from cloudsms_simulator.protocol.timestamps import microseconds, wire_time

# SMS_UIDs.

UidStyle = Literal["x4", "x3h"]
"""`x4`: the counter as four hex digits, as the document prints it. `x3h`: three and an `H`, as seen since 2022."""

NODE_PREFIX = "FA163E"
_COUNTERS = 0x1000
"""How many values the counter has."""


class UidSequence(msgspec.Struct, frozen=True, gc=False):
    """How far the SMS_UIDs of one node have been issued."""

    node: int
    """24 bits, written behind FA163E; no two sequences of a store may share it."""
    counter: int = 0
    """The next counter, 0 to 0xFFF; it runs on from request to request."""
    instant: int = 0
    """The microsecond last issued in."""
    since: int = 0
    """How many were issued in that microsecond."""


def issue_uids(
    sequence: UidSequence, now: datetime, count: int, style: UidStyle
) -> tuple[UidSequence, tuple[str, ...]]:
    """Returns the sequence to go on with, and the next `count` SMS_UIDs.

    The instant is `now`, or the last one used when the clock stands or went back; after 4,096 in one instant the next
    microsecond is borrowed.
    """
    instant, since, counter = sequence.instant, sequence.since, sequence.counter
    moment = microseconds(now)
    before, behind = _around_counter(sequence.node, style)
    if moment > instant:
        instant, since = moment, 0
    if count == 1 and since < _COUNTERS:
        following = UidSequence(sequence.node, (counter + 1) % _COUNTERS, instant, since + 1)
        return following, (f"{instant:013X}{before}{counter:03X}{behind}",)
    issued: list[str] = []
    written = _written_counters()
    while len(issued) < count:
        if since == _COUNTERS:
            instant, since = instant + 1, 0
        head = f"{instant:013X}{before}"
        run = written[counter : counter + min(count - len(issued), _COUNTERS - since)]
        issued += [f"{head}{digits}{behind}" for digits in run]
        since += len(run)
        counter = (counter + len(run)) % _COUNTERS
    return UidSequence(sequence.node, counter, instant, since), tuple(issued)


@cache
def _written_counters() -> tuple[str, ...]:
    """Every value of the counter, written out once: a request of 200 needs 200 of them."""
    return tuple(f"{counter:03X}" for counter in range(_COUNTERS))


@lru_cache(maxsize=1024)
def _around_counter(node: int, style: UidStyle) -> tuple[str, str]:
    """Returns what stands between the microseconds and the counter, and behind it. Cached: a sequence has one node."""
    written = f"{NODE_PREFIX}{node:06X}"
    return ("X0", written) if style == "x4" else ("X", f"H{written}")


# The answer, and its bytes.


class AnswerItem(msgspec.Struct, frozen=True, gc=False):
    """One item of DETAIL_LIST: what the request said, the SMS_UID, and the destination's code."""

    country_code: int
    msisdn: str
    uid: str
    code: ResultCode


class Answer(msgspec.Struct, frozen=True):
    """An answer. `by_gateway`: checks 1 to 9 failed, which the wire words differently."""

    serial: int
    time: datetime
    code: ResultCode
    items: tuple[AnswerItem, ...]
    by_gateway: bool = False


class Addressed(Protocol):
    """Anything that has a country code and a number."""

    @property
    def country_code(self) -> int: ...
    @property
    def msisdn(self) -> str: ...


class AllAccepted(msgspec.Struct, frozen=True, gc=False):
    """An answer in which the packet and every destination is OK: to whom, and their SMS_UIDs, in the same order.

    Numbers that are OK are digits: check 17 refuses all others.
    """

    serial: int
    time: datetime
    destinations: Sequence[Addressed]
    uids: Sequence[str]
    profile: Profile


_Listed = Iterable[tuple[Addressed, str, ResultCode]]
"""The items: to whom, the SMS_UID, the destination's code."""

_encoder = msgspec.json.Encoder()


def encode_answer(answer: Answer, profile: Profile) -> bytes:
    """Writes an answer: compact JSON as the document orders it, or spaced and ordered as on the wire."""
    listed = [(item, item.uid, item.code) for item in answer.items]
    if profile.answer_shape == "document":
        return _document(answer, listed, profile)
    return _gateway(answer, profile) if answer.by_gateway else _wire(answer, listed)


def encode_accepted(accepted: AllAccepted) -> bytes:
    """Writes an answer in which everything is OK, without making its items first."""
    listed = zip(accepted.destinations, accepted.uids, strict=False)
    if accepted.profile.answer_shape == "wire":
        answer = Answer(accepted.serial, accepted.time, _OK, ())
        return _wire(answer, [(each, uid, _OK) for each, uid in listed])
    items = [
        f'{{"COUNTRY_CODE":{each.country_code},"DEST_MSISDN":"{each.msisdn}","SMS_UID":"{uid}",{_SAID_OK}}}'
        for each, uid in listed
    ]
    return _document_of(accepted.serial, accepted.time, _SAID_OK, items)


def result_desc(code: ResultCode, profile: Profile, *, by_gateway: bool) -> str:
    """Returns RESULT_DESC: the table's; for a gateway's failure on the wire `'channel not exist'`, quotes included."""
    name = desc_of(code)
    return f"'{name.lower().replace('_', ' ')}'" if by_gateway and profile.desc_style == "wire" else name


def _document(answer: Answer, listed: _Listed, profile: Profile) -> bytes:
    by_gateway = answer.by_gateway
    said = _said(answer.code, profile, by_gateway=by_gateway)
    last, result = answer.code, said
    items = []
    for each, uid, code in listed:
        if code is not last:
            last, result = code, _said(code, profile, by_gateway=by_gateway)
        items.append(
            f'{{"COUNTRY_CODE":{each.country_code},"DEST_MSISDN":{_quoted(each.msisdn)},"SMS_UID":"{uid}",{result}}}'
        )
    return _document_of(answer.serial, answer.time, said, items)


def _document_of(serial: int, time: datetime, said: str, items: list[str]) -> bytes:
    return (
        f'{{"METHOD":"{SEND_METHOD}","TYPE":"{ANSWER_TYPE}","SERIAL":{serial},"TIME":"{wire_time(time)}",'
        f'{said},"DETAIL_LIST":[{",".join(items)}]}}'
    ).encode()


def _said(code: ResultCode, profile: Profile, *, by_gateway: bool) -> str:
    if code is _OK and not by_gateway:
        return _SAID_OK
    return f'"RESULT_CODE":{code:d},"RESULT_DESC":"{result_desc(code, profile, by_gateway=by_gateway)}"'


_OK = ResultCode.OK
_SAID_OK = f'"RESULT_CODE":{_OK:d},"RESULT_DESC":"{result_desc(_OK, SPEC, by_gateway=False)}"'
"""The code OK as an answer says it, written once: writing an enumeration's number takes as long as the rest of an
item."""


def _wire(answer: Answer, listed: _Listed) -> bytes:
    said = f'"RESULT_CODE": {answer.code:d}, "RESULT_DESC": "{desc_of(answer.code)}"'
    last, result = answer.code, said
    items = []
    for each, uid, code in listed:
        if code is not last:
            last, result = code, f'"RESULT_CODE": {code:d}, "RESULT_DESC": "{desc_of(code)}"'
        items.append(
            f'{{ {result}, "DEST_MSISDN": {_quoted(each.msisdn)}, "COUNTRY_CODE": {each.country_code}, '
            f'"SMS_UID": "{uid}" }}'
        )
    details = f"[ {', '.join(items)} ]" if items else "[ ]"
    return (
        f'{{ {said}, "DETAIL_LIST": {details}, '
        f'"METHOD": "{SEND_METHOD}", "TYPE": "{ANSWER_TYPE}", "SERIAL": {answer.serial}, '
        f'"TIME": "{wire_time(answer.time)}" }}'
    ).encode()


def _gateway(answer: Answer, profile: Profile) -> bytes:
    said = result_desc(answer.code, profile, by_gateway=True)
    return (
        f'{{ "METHOD": "{SEND_METHOD}", "TYPE": "{ANSWER_TYPE}", "SERIAL": {answer.serial}, "TENANT_ID": 0, '
        f'"TIME": "{wire_time(answer.time)}", "RESULT_CODE": {answer.code:d}, "RESULT_DESC": "{said}" }}'
    ).encode()


def _quoted(text: str) -> str:
    return f'"{text}"' if text.isdigit() and text.isascii() else _encoder.encode(text).decode()


def items_of(submission: Submission, uids: tuple[str, ...], verdicts: dict[int, ResultCode]) -> tuple[AnswerItem, ...]:
    """Makes an item for each destination, with its SMS_UID and its verdict, OK where there is none."""
    told = zip(submission.destinations, uids, strict=True)
    return tuple(
        AnswerItem(each.country_code, each.msisdn, uid, verdicts.get(index, ResultCode.OK))
        for index, (each, uid) in enumerate(told)
    )


# What an answer repeats of its request.


def echoed_serial(candidate: Candidate) -> int:
    """Returns the SERIAL that an answer repeats: the request's, if it is an unsigned integer up to 65535, else 0."""
    if candidate.decoded.form != "object":
        return 0
    serial = unsigned(candidate.packet.serial, candidate.profile)
    return serial if serial is not None and serial <= packet.HIGHEST_SERIAL else 0


def echoes_of(candidate: Candidate) -> list[Destination]:
    """Returns what a refusal of everything echoes: each entry of the list; empty when it is no array or too long."""
    if candidate.decoded.form != "object":
        return []
    return [echo_of(entry, candidate.profile) for entry in packet.listed(candidate.decoded)]


# Answers that are wrong in what they say: one function for each such fault of `engine.faults`.
#
# Without the field in question, as a gateway's failure on the wire has no DETAIL_LIST, an answer stays as it is.

_Members = dict[str, msgspec.Raw]


def broken_json(answer: bytes) -> bytes:
    """Makes an answer that is no JSON: the last brace is missing."""
    return answer.rstrip().removesuffix(b"}")


def no_detail_list(answer: bytes) -> bytes:
    """Takes DETAIL_LIST out of an answer."""
    members = _members_of_answer(answer)
    members.pop("DETAIL_LIST", None)
    return _object_like(members, like=answer)


def shuffled_items(answer: bytes) -> bytes:
    """Puts the first destination's item last, so that with two or more none is where the request had it."""
    members = _members_of_answer(answer)
    items = _items_of_answer(members)
    return _with_items(answer, members, (*items[1:], *items[:1]))


def code_as_string(answer: bytes) -> bytes:
    """Puts every RESULT_CODE in quotation marks, those of the items too."""
    members = _members_of_answer(answer)
    items = [_object_like(_quoted_code(_members_of_answer(item)), like=answer) for item in _items_of_answer(members)]
    return _with_items(answer, _quoted_code(members), items)


def wrong_serial(answer: bytes) -> bytes:
    """Answers with the SERIAL that follows the request's; 1 after 65535."""
    members = _members_of_answer(answer)
    serial = msgspec.json.decode(members["SERIAL"], type=int)
    return _object_like(members | {"SERIAL": msgspec.Raw(b"%d" % (serial % HIGHEST_SERIAL + 1))}, like=answer)


def wrong_method(answer: bytes) -> bytes:
    """Answers with the METHOD of a delivery report."""
    return _object_like(_members_of_answer(answer) | {"METHOD": msgspec.Raw(f'"{REPORT_METHOD}"')}, like=answer)


def _members_of_answer(packet: bytes | msgspec.Raw) -> _Members:
    return msgspec.json.decode(packet, type=_Members)


def _items_of_answer(members: _Members) -> list[msgspec.Raw]:
    return msgspec.json.decode(members.get("DETAIL_LIST", b"[]"), type=list[msgspec.Raw])


def _quoted_code(members: _Members) -> _Members:
    return members | {"RESULT_CODE": msgspec.Raw(b'"%b"' % bytes(members["RESULT_CODE"]))}


def _with_items(answer: bytes, members: _Members, items: Iterable[bytes | msgspec.Raw]) -> bytes:
    if "DETAIL_LIST" in members:
        members = members | {"DETAIL_LIST": msgspec.Raw(_joined_like(b"[", map(bytes, items), b"]", like=answer))}
    return _object_like(members, like=answer)


def _object_like(members: _Members, *, like: bytes) -> bytes:
    colon = b": " if _is_spaced(like) else b":"
    pairs = (b'"%b"%b%b' % (name.encode(), colon, bytes(value)) for name, value in members.items())
    return _joined_like(b"{", pairs, b"}", like=like)


def _joined_like(begin: bytes, parts: Iterable[bytes], end: bytes, *, like: bytes) -> bytes:
    if not _is_spaced(like):
        return begin + b",".join(parts) + end
    inside = b", ".join(parts)
    return b"%b %b %b" % (begin, inside, end) if inside else b"%b %b" % (begin, end)


def _is_spaced(answer: bytes) -> bool:
    """Whether it is written as on the wire, with spaces, and not compactly as in the document."""
    return answer.startswith(b"{ ")
