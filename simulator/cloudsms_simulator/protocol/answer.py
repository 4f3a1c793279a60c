"""The answer: one packet for each request, in the document's shape or the one seen on the wire.

Spec: Response UIP Format. Reading: R4.
"""

from collections.abc import Iterable, Sequence
from typing import Protocol

import msgspec

from cloudsms_simulator.protocol.limits import ANSWER_TYPE, METHOD
from cloudsms_simulator.protocol.moments import datetime
from cloudsms_simulator.protocol.profile import SPEC, Profile
from cloudsms_simulator.protocol.result_codes import ResultCode, desc_of
from cloudsms_simulator.protocol.timestamps import wire_time


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
    """Anything that says to whom."""

    @property
    def country_code(self) -> int: ...
    @property
    def msisdn(self) -> str: ...


class AllAccepted(msgspec.Struct, frozen=True):
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


def encode(answer: Answer, profile: Profile) -> bytes:
    """The bytes of an answer: compact JSON as the document orders it, or spaced and ordered as on the wire."""
    listed = [(item, item.uid, item.code) for item in answer.items]
    if profile.answer_shape == "document":
        return _document(answer, listed, profile)
    return _gateway(answer, profile) if answer.by_gateway else _wire(answer, listed)


def encode_accepted(accepted: AllAccepted) -> bytes:
    """The bytes of such an answer, without making its items first."""
    answer = Answer(accepted.serial, accepted.time, _OK, ())
    listed = zip(accepted.destinations, accepted.uids, strict=False)
    if accepted.profile.answer_shape == "wire":
        return _wire(answer, [(each, uid, _OK) for each, uid in listed])
    items = [
        f'{{"COUNTRY_CODE":{each.country_code},"DEST_MSISDN":"{each.msisdn}","SMS_UID":"{uid}",{_SAID_OK}}}'
        for each, uid in listed
    ]
    return _document_of(answer, _SAID_OK, items)


def desc(code: ResultCode, profile: Profile, *, by_gateway: bool) -> str:
    """RESULT_DESC: the table's, or of a gateway's failure on the wire `'channel not exist'`, quotes included."""
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
    return _document_of(answer, said, items)


def _document_of(answer: Answer, said: str, items: list[str]) -> bytes:
    return (
        f'{{"METHOD":"{METHOD}","TYPE":"{ANSWER_TYPE}","SERIAL":{answer.serial},"TIME":"{wire_time(answer.time)}",'
        f'{said},"DETAIL_LIST":[{",".join(items)}]}}'
    ).encode()


def _said(code: ResultCode, profile: Profile, *, by_gateway: bool) -> str:
    if code is _OK and not by_gateway:
        return _SAID_OK
    return f'"RESULT_CODE":{code:d},"RESULT_DESC":"{desc(code, profile, by_gateway=by_gateway)}"'


_OK = ResultCode.OK
_SAID_OK = f'"RESULT_CODE":{_OK:d},"RESULT_DESC":"{desc(_OK, SPEC, by_gateway=False)}"'
"""Written once: to write an enumeration's number takes as long as the rest of an item."""


def _gateway(answer: Answer, profile: Profile) -> bytes:
    said = desc(answer.code, profile, by_gateway=True)
    return (
        f'{{ "METHOD": "{METHOD}", "TYPE": "{ANSWER_TYPE}", "SERIAL": {answer.serial}, "TENANT_ID": 0, '
        f'"TIME": "{wire_time(answer.time)}", "RESULT_CODE": {answer.code:d}, "RESULT_DESC": "{said}" }}'
    ).encode()


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
        f'"METHOD": "{METHOD}", "TYPE": "{ANSWER_TYPE}", "SERIAL": {answer.serial}, '
        f'"TIME": "{wire_time(answer.time)}" }}'
    ).encode()


def _quoted(text: str) -> str:
    return f'"{text}"' if text.isdigit() and text.isascii() else _encoder.encode(text).decode()
