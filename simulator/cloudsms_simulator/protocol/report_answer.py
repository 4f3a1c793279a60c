"""The customer's answer to a delivery report, audited. The platform only looks at the HTTP status; we read it all.

Spec: Delivery Report (DR) response Format. Spec: Delivery Report (DR) CallBack, DR callback response Sample.
"""

from codecs import BOM_UTF8
from collections.abc import Callable, Iterator
from typing import Literal

import msgspec

from cloudsms_simulator.protocol.finding import Finding
from cloudsms_simulator.protocol.finding_rules import Told, found
from cloudsms_simulator.protocol.json_scan import scan
from cloudsms_simulator.protocol.timestamps import read_wire_time

_METHOD = "SMS_PUSH_REPORT"
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
    """What is wrong with the answer to the report that carried `serial`; empty when nothing is.

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
    return tuple(finding for check in _CHECKS for finding in check(answer, serial))


def _is_right(serial: int, body: bytes) -> bool:
    """Whether an answer is right word for word, found out with one decode: then the checks would find nothing."""
    if not body.isascii():
        return False
    try:
        answer = _right_decoder.decode(body)
    except (msgspec.MsgspecError, RecursionError):
        return False
    return answer.serial == serial and read_wire_time(answer.time) is not None


def _why_unread(body: bytes) -> Finding:
    """The finding on what cannot be read. Time is bounded, however long the answer is."""
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


def _method(answer: _Answer, serial: int) -> Iterator[Finding]:
    if not isinstance(answer.method, str) or answer.method.strip(" ") != _METHOD:
        yield found("dr-answer-method", "$.METHOD", answer.method, _METHOD)


def _type(answer: _Answer, serial: int) -> Iterator[Finding]:
    if not isinstance(answer.type, str) or answer.type.strip(" ") != _TYPE:
        yield found("dr-answer-type", "$.TYPE", answer.type, _TYPE)


def _serial(answer: _Answer, serial: int) -> Iterator[Finding]:
    if type(answer.serial) is not int or answer.serial != serial:
        yield found("dr-answer-serial", "$.SERIAL", answer.serial, f"{serial}, the report's SERIAL")


def _time(answer: _Answer, serial: int) -> Iterator[Finding]:
    if not isinstance(answer.time, str) or read_wire_time(answer.time) is None:
        yield found("dr-answer-time", "$.TIME", answer.time, "YYYY-MM-DD HH:MM:SS")


def _code(answer: _Answer, serial: int) -> Iterator[Finding]:
    if type(answer.result_code) is not int or answer.result_code != 1:
        yield found("dr-answer-code", "$.RESULT_CODE", answer.result_code, "1")


def _desc(answer: _Answer, serial: int) -> Iterator[Finding]:
    desc = answer.result_desc
    if not isinstance(desc, str) or not desc.strip() or len(desc.encode()) > _LONGEST_DESC:
        yield found("dr-answer-desc", "$.RESULT_DESC", desc, f"a string of at most {_LONGEST_DESC} octets, such as OK")


_CHECKS: tuple[Callable[[_Answer, int], Iterator[Finding]], ...] = (_method, _type, _serial, _time, _code, _desc)
