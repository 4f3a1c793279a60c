"""The answer: one packet for each request, in the document's shape or the one seen on the wire.

Spec: Response UIP Format. Reading: R4.
"""

from datetime import datetime

import msgspec

from cloudsms_simulator.protocol.limits import ANSWER_TYPE, METHOD
from cloudsms_simulator.protocol.profile import Profile
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


_encoder = msgspec.json.Encoder()


def encode(answer: Answer, profile: Profile) -> bytes:
    """The bytes of an answer: compact JSON as the document orders it, or spaced and ordered as on the wire."""
    if profile.answer_shape == "document":
        return _document(answer, profile)
    return _gateway(answer, profile) if answer.by_gateway else _wire(answer, profile)


def desc(code: ResultCode, profile: Profile, *, by_gateway: bool) -> str:
    """RESULT_DESC: the table's, or of a gateway's failure on the wire `'channel not exist'`, quotes included."""
    name = desc_of(code)
    return f"'{name.lower().replace('_', ' ')}'" if by_gateway and profile.desc_style == "wire" else name


def _document(answer: Answer, profile: Profile) -> bytes:
    by_gateway = answer.by_gateway
    ends: dict[ResultCode, str] = {}
    items = []
    for item in answer.items:
        code = item.code
        if code not in ends:
            ends[code] = f'"RESULT_CODE":{code:d},"RESULT_DESC":"{desc(code, profile, by_gateway=by_gateway)}"}}'
        items.append(
            f'{{"COUNTRY_CODE":{item.country_code},"DEST_MSISDN":{_quoted(item.msisdn)},"SMS_UID":"{item.uid}",'
            f"{ends[code]}"
        )
    said = desc(answer.code, profile, by_gateway=by_gateway)
    return (
        f'{{"METHOD":"{METHOD}","TYPE":"{ANSWER_TYPE}","SERIAL":{answer.serial},"TIME":"{wire_time(answer.time)}",'
        f'"RESULT_CODE":{answer.code:d},"RESULT_DESC":"{said}","DETAIL_LIST":[{",".join(items)}]}}'
    ).encode()


def _gateway(answer: Answer, profile: Profile) -> bytes:
    said = desc(answer.code, profile, by_gateway=True)
    return (
        f'{{ "METHOD": "{METHOD}", "TYPE": "{ANSWER_TYPE}", "SERIAL": {answer.serial}, "TENANT_ID": 0, '
        f'"TIME": "{wire_time(answer.time)}", "RESULT_CODE": {answer.code:d}, "RESULT_DESC": "{said}" }}'
    ).encode()


def _wire(answer: Answer, profile: Profile) -> bytes:
    descs = {item.code: desc_of(item.code) for item in answer.items}
    items = ", ".join(
        f'{{ "RESULT_CODE": {item.code:d}, "RESULT_DESC": "{descs[item.code]}", "DEST_MSISDN": {_quoted(item.msisdn)}, '
        f'"COUNTRY_CODE": {item.country_code}, "SMS_UID": "{item.uid}" }}'
        for item in answer.items
    )
    listed = f"[ {items} ]" if items else "[ ]"
    return (
        f'{{ "RESULT_CODE": {answer.code:d}, "RESULT_DESC": "{desc_of(answer.code)}", "DETAIL_LIST": {listed}, '
        f'"METHOD": "{METHOD}", "TYPE": "{ANSWER_TYPE}", "SERIAL": {answer.serial}, '
        f'"TIME": "{wire_time(answer.time)}" }}'
    ).encode()


def _quoted(text: str) -> str:
    return f'"{text}"' if text.isdigit() and text.isascii() else _encoder.encode(text).decode()
