"""Delivery reports: the packet that tells a customer what became of one message, altered ones, and the answer to one.

`encode_report` writes a report. The document promises quantity and cost here, but has no fields for them; nor does the
platform send any. `altered` makes one say something else than it should, and `malformed` no JSON any more; whatever is
altered, CUSTOMER_BODY stays byte for byte, unless it is what is altered. `audit` reads the customer's answer whole: the
platform itself only looks at the HTTP status.

Spec: Delivery Report (DR) Request Format. Spec: Delivery Report (DR) response Format. Spec: Delivery Report (DR)
CallBack, DR callback response Sample. Reading: R22.
"""

from codecs import BOM_UTF8
from collections.abc import Callable, Iterator
from typing import Literal

import msgspec

from cloudsms_simulator.moments import datetime
from cloudsms_simulator.protocol.codes import state_desc
from cloudsms_simulator.protocol.findings import Finding, Told, found
from cloudsms_simulator.protocol.json_text import scan
from cloudsms_simulator.protocol.timestamps import read_wire_time, wire_time

# The report.


class DeliveryReport(msgspec.Struct, frozen=True):
    """One report: `time` is when it is pushed, `report_time` when the state was reached, both in Hong Kong time."""

    serial: int
    time: datetime
    report_time: datetime
    source_msisdn: str
    sms_uid: str
    country_code: int
    dest_msisdn: str
    state: int
    desc: str | None = None
    """RESULT_DESC; None: the name of the state."""
    customer_body: bytes | None = None
    """The JSON object of the request, byte for byte; None when the request had none."""
    auth_key: str | None = None
    """Sent after METHOD by a platform whose profile says so; None: not sent."""


class _Result(msgspec.Struct, frozen=True, rename="upper"):
    country_code: int
    dest_msisdn: str
    sms_state: int
    result_desc: str


class _Packet(msgspec.Struct, frozen=True, rename="upper", kw_only=True):
    method: Literal["SMS_PUSH_REPORT"] = "SMS_PUSH_REPORT"
    auth_key: str | msgspec.UnsetType = msgspec.UNSET
    type: Literal["REQUEST"] = "REQUEST"
    serial: int
    time: str
    report_time: str
    source_msisdn: str
    sms_uid: str
    sms_result_list: tuple[_Result]
    customer_body: msgspec.Raw | msgspec.UnsetType = msgspec.UNSET


_encoder = msgspec.json.Encoder()


def encode_report(report: DeliveryReport) -> bytes:
    """The packet's bytes: compact JSON in UTF-8, keys in the order of the document's sample.

    CUSTOMER_BODY goes in as it came, with its key order, spacing, number spelling and escapes.
    """
    desc = state_desc(report.state) if report.desc is None else report.desc
    return _encoder.encode(
        _Packet(
            auth_key=msgspec.UNSET if report.auth_key is None else report.auth_key,
            serial=report.serial,
            time=wire_time(report.time),
            report_time=wire_time(report.report_time),
            source_msisdn=report.source_msisdn,
            sms_uid=report.sms_uid,
            sms_result_list=(_Result(report.country_code, report.dest_msisdn, report.state, desc),),
            customer_body=msgspec.UNSET if report.customer_body is None else msgspec.Raw(report.customer_body),
        )
    )


def next_serial(serial: int, wrap: int) -> int:
    """The SERIAL after `serial`: counts from 1 to `wrap`, then from 1 again; 0 stands for none so far."""
    return serial + 1 if serial < wrap else 1


# Reports that say something else than they should.

_LIST = "SMS_RESULT_LIST"
_Members = dict[str, msgspec.Raw]


class Alterations(msgspec.Struct, frozen=True, kw_only=True):
    """What a report says otherwise than it should; by default nothing."""

    serial: int | None = None
    """Another SERIAL."""
    uid_case: Literal["lower"] | None = None
    """SMS_UID in the other case of letters."""
    desc: str | None = None
    """Another RESULT_DESC."""
    omit: frozenset[str] = frozenset()
    """Keys left out, of the packet or of the item in its list."""
    extra: tuple[tuple[str, bytes], ...] = ()
    """Keys added at the end of the packet, each with its JSON text. One that is there already gets another value."""


NO_ALTERATIONS = Alterations()

_members = msgspec.json.Decoder(_Members)
_items = msgspec.json.Decoder(list[_Members])


def altered(report: bytes, alterations: Alterations) -> bytes:
    """An encoded report with its alterations: compact JSON, in the order it had.

    Keys are left out before others are added, so a key that is both is moved to the end with another value. Names that
    the report does not have are nothing to leave out.
    """
    if alterations == NO_ALTERATIONS:
        return report
    packet = _members.decode(report)
    if alterations.serial is not None:
        packet["SERIAL"] = msgspec.Raw(b"%d" % alterations.serial)
    if alterations.uid_case == "lower":
        packet["SMS_UID"] = msgspec.Raw(bytes(packet["SMS_UID"]).lower())
    packet[_LIST] = _as_raw([_altered_item(item, alterations) for item in _items.decode(packet[_LIST])])
    packet = {key: value for key, value in packet.items() if key not in alterations.omit}
    packet.update((key, msgspec.Raw(value)) for key, value in alterations.extra)
    return _encoder.encode(packet)


def malformed(report: bytes) -> bytes:
    """An encoded report without its last brace: whatever else it says, it is no JSON."""
    return report[:-1]


def _altered_item(item: _Members, alterations: Alterations) -> _Members:
    if alterations.desc is not None:
        item["RESULT_DESC"] = _as_raw(alterations.desc)
    return {key: value for key, value in item.items() if key not in alterations.omit}


def _as_raw(value: object) -> msgspec.Raw:
    return msgspec.Raw(_encoder.encode(value))


# The customer's answer to a report.

_REPORT_METHOD = "SMS_PUSH_REPORT"
_TYPE = "ANSWER"
_LONGEST_DESC = 127
_MOST_LOOKED_THROUGH = 64 * 1024
"""Octets of an answer in which the place where it stops being JSON is looked for."""
_WHITE_SPACE = b" \t\r\n"
_AN_ANSWER = "an ANSWER packet: METHOD, TYPE, SERIAL, TIME, RESULT_CODE, RESULT_DESC"


class _Answer(msgspec.Struct, frozen=True, rename="upper"):
    method: object = msgspec.UNSET
    type: object = msgspec.UNSET
    serial: object = msgspec.UNSET
    time: object = msgspec.UNSET
    result_code: object = msgspec.UNSET
    result_desc: object = msgspec.UNSET


class _RightAnswer(msgspec.Struct, frozen=True, rename="upper", gc=False):
    """An answer as nearly every one is. SERIAL and TIME are still to be looked at."""

    method: Literal["SMS_PUSH_REPORT"]
    type: Literal["ANSWER"]
    serial: int
    time: str
    result_code: Literal[1]
    result_desc: Literal["OK"]


_decoder = msgspec.json.Decoder(_Answer)
_right_decoder = msgspec.json.Decoder(_RightAnswer)


def audit(serial: int, status: int, body: bytes) -> tuple[Finding, ...]:
    """Returns what is wrong with the answer to the report that carried `serial`; empty when nothing is.

    A status other than 2xx is the only finding then, whatever the body. Spaces around METHOD and TYPE are no finding:
    the document's own sample has one.
    """
    if not 200 <= status <= 299:
        return (found("dr-http-status", "answer", status, "200"),)
    if _is_right(serial, body):
        return ()
    if not body.strip(_WHITE_SPACE):
        return (found("dr-answer-empty", "answer", Told(f"HTTP {status} without a body"), _AN_ANSWER),)
    try:
        body.decode("utf-8")
        answer = _decoder.decode(body)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return (_why_unread(body),)
    return tuple(finding for check in _ANSWER_CHECKS for finding in check(answer, serial))


def _is_right(serial: int, body: bytes) -> bool:
    """Tells whether an answer is right word for word, with one decode: then the checks would find nothing."""
    if not body.isascii():
        return False
    try:
        answer = _right_decoder.decode(body)
    except (msgspec.MsgspecError, RecursionError):
        return False
    return answer.serial == serial and read_wire_time(answer.time) is not None


def _why_unread(body: bytes) -> Finding:
    """Returns the finding on an answer that cannot be read. Time is bounded, however long the answer is."""
    read = scan(body[:_MOST_LOOKED_THROUGH])
    goes_on = read.ending == "cut" and len(body) > _MOST_LOOKED_THROUGH
    if goes_on and read.kind == "object":
        got = f"what is no JSON object, from somewhere behind byte {_MOST_LOOKED_THROUGH}"
        return found("dr-answer-not-json", "answer", Told(got), _AN_ANSWER)
    if read.ending != "complete" and not goes_on:
        want = f"{_AN_ANSWER}; without a byte order mark" if body.startswith(BOM_UTF8) else _AN_ANSWER
        return found("dr-answer-not-json", "answer", Told(f"{read.reason}, at byte {read.offset}"), want)
    if read.ending == "complete" and body[read.end :].strip(_WHITE_SPACE):
        return found(
            "dr-answer-not-json", "answer", Told(f"more after the JSON value, from byte {read.end}"), _AN_ANSWER
        )
    return found("dr-answer-not-object", "answer", Told(f"JSON {read.kind}"), _AN_ANSWER)


def _check_method(answer: _Answer, serial: int) -> Iterator[Finding]:
    if not isinstance(answer.method, str) or answer.method.strip(" ") != _REPORT_METHOD:
        yield found("dr-answer-method", "$.METHOD", answer.method, _REPORT_METHOD)


def _check_type(answer: _Answer, serial: int) -> Iterator[Finding]:
    if not isinstance(answer.type, str) or answer.type.strip(" ") != _TYPE:
        yield found("dr-answer-type", "$.TYPE", answer.type, _TYPE)


def _check_serial(answer: _Answer, serial: int) -> Iterator[Finding]:
    if type(answer.serial) is not int or answer.serial != serial:
        yield found("dr-answer-serial", "$.SERIAL", answer.serial, f"{serial}, the report's SERIAL")


def _check_time(answer: _Answer, serial: int) -> Iterator[Finding]:
    if not isinstance(answer.time, str) or read_wire_time(answer.time) is None:
        yield found("dr-answer-time", "$.TIME", answer.time, "YYYY-MM-DD HH:MM:SS")


def _check_code(answer: _Answer, serial: int) -> Iterator[Finding]:
    if type(answer.result_code) is not int or answer.result_code != 1:
        yield found("dr-answer-code", "$.RESULT_CODE", answer.result_code, "1")


def _check_desc(answer: _Answer, serial: int) -> Iterator[Finding]:
    desc = answer.result_desc
    if not isinstance(desc, str) or not desc.strip() or len(desc.encode()) > _LONGEST_DESC:
        yield found("dr-answer-desc", "$.RESULT_DESC", desc, f"a string of at most {_LONGEST_DESC} octets, such as OK")


_ANSWER_CHECKS: tuple[Callable[[_Answer, int], Iterator[Finding]], ...] = (
    _check_method,
    _check_type,
    _check_serial,
    _check_time,
    _check_code,
    _check_desc,
)
