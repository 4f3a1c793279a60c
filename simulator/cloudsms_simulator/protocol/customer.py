"""The customer's side of the wire: the packets a customer writes, and what it reads out of the platform's.

`SendRequest` and `SendAnswer`, `ReceivedPacket` (a delivery report) and `ReportAnswer`, each with the function that
writes or reads its bytes; `split_number` parts a number in international form. The platform itself uses none of the
packets; the commands and receivers that play a customer do, and the API's description shows them.

Spec: SMS Dispatching, Request UIP Format, Response UIP Format. Spec: Delivery Report (DR) CallBack.
"""

from typing import Annotated, Literal

import msgspec

from cloudsms_simulator.moments import datetime
from cloudsms_simulator.protocol import packet as fields
from cloudsms_simulator.protocol.codes import COUNTRY_CODES, ResultCode, desc_of
from cloudsms_simulator.protocol.packet import MOST_DESTINATIONS, Destination
from cloudsms_simulator.protocol.timestamps import wire_time

_LONGEST_COUNTRY_CODE = 3
_TO_WHOM = msgspec.Meta(
    description="To whom.", extra_json_schema={"minItems": 1, "maxItems": MOST_DESTINATIONS, "type": "array"}
)

_CODES = frozenset(int(code) for code in ResultCode)


class SendRequest(msgspec.Struct, frozen=True, rename="upper", kw_only=True):
    """A request to send one text to some destinations. What is UNSET is not sent."""

    method: Literal["SMS_SEND_REQUEST"] = "SMS_SEND_REQUEST"
    type: Literal["REQUEST"] = "REQUEST"
    serial: fields.SerialParameter
    time: fields.TimeParameter
    """Hong Kong time, as `wire_time` writes it."""
    auth_key: fields.AuthKeyParameter
    route_id: fields.RouteIdParameter
    multi_msisdn_list: Annotated[tuple[Destination, ...], _TO_WHOM]
    sms_content: fields.ContentParameter
    signature: fields.SignatureParameter | msgspec.UnsetType = msgspec.UNSET
    signature_type: fields.SignatureTypeParameter | msgspec.UnsetType = msgspec.UNSET
    original_addr: fields.SenderParameter | msgspec.UnsetType = msgspec.UNSET
    priority: fields.PriorityParameter | msgspec.UnsetType = msgspec.UNSET
    repeat: fields.RepeatParameter | msgspec.UnsetType = msgspec.UNSET
    version: str = "2021-01-01"
    customer_body: fields.CustomerBodyParameter | msgspec.UnsetType = msgspec.UNSET


class DestinationAnswer(msgspec.Struct, frozen=True, rename="upper"):
    """One item of DETAIL_LIST."""

    country_code: fields.EchoedCountryCodeParameter
    dest_msisdn: fields.EchoedMsisdnParameter
    sms_uid: fields.SmsUidParameter
    result_code: fields.CodeParameter
    result_desc: fields.CodeTextParameter


class SendAnswer(msgspec.Struct, frozen=True, rename="upper", kw_only=True):
    """The answer to a request."""

    method: Literal["SMS_SEND_REQUEST"]
    type: Literal["ANSWER"]
    serial: fields.EchoedSerialParameter
    time: fields.TimeParameter
    result_code: fields.CodeParameter
    result_desc: fields.CodeTextParameter
    detail_list: tuple[DestinationAnswer, ...] = ()
    """One item for each entry of MULTI_MSISDN_LIST, in its order."""

    @property
    def accepted(self) -> bool:
        """Whether the packet and every one of its destinations were accepted."""
        codes = (self.result_code, *(item.result_code for item in self.detail_list))
        return all(code == ResultCode.OK for code in codes)


class ReportedState(msgspec.Struct, frozen=True, rename="upper"):
    """The item of SMS_RESULT_LIST: who was reached, and how it went."""

    country_code: fields.EchoedCountryCodeParameter
    dest_msisdn: fields.EchoedMsisdnParameter
    sms_state: fields.StateParameter
    result_desc: fields.StateNameParameter


class ReceivedPacket(msgspec.Struct, frozen=True, rename="upper", kw_only=True):
    """A delivery report as a customer reads it; the list has exactly one item."""

    method: Literal["SMS_PUSH_REPORT"]
    type: Literal["REQUEST"]
    serial: fields.SerialParameter
    time: fields.TimeParameter
    report_time: fields.ReportTimeParameter = ""
    source_msisdn: str
    """The sender the handset shows."""
    sms_uid: fields.SmsUidParameter
    sms_result_list: tuple[ReportedState]
    customer_body: fields.CustomerBodyParameter | msgspec.UnsetType = msgspec.UNSET


class ReportAnswer(msgspec.Struct, frozen=True, rename="upper"):
    """A customer's answer to a delivery report."""

    method: Literal["SMS_PUSH_REPORT"]
    type: Literal["ANSWER"]
    serial: fields.EchoedSerialParameter
    time: fields.TimeParameter
    result_code: fields.CodeParameter
    result_desc: fields.CodeTextParameter


_encoder = msgspec.json.Encoder()
_answer_decoder = msgspec.json.Decoder(SendAnswer)
_report_decoder = msgspec.json.Decoder(ReceivedPacket)


def encode_request(request: SendRequest) -> bytes:
    """The bytes to POST: compact JSON in UTF-8."""
    return _encoder.encode(request)


def read_answer(body: bytes) -> SendAnswer | None:
    """The answer in a response's body, in either shape; None when it is none."""
    try:
        return _answer_decoder.decode(body)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return None


def read_report(body: bytes) -> ReceivedPacket | None:
    """The delivery report in a request's body; None when it is none."""
    try:
        return _report_decoder.decode(body)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return None


def encode_report_answer(serial: int, now: datetime, code: int = ResultCode.OK) -> bytes:
    """The answer to a report: its SERIAL, the moment in Hong Kong time, and a result code with the table's text."""
    desc = desc_of(ResultCode(code) if code in _CODES else ResultCode.UNKNOWN_ERROR)
    return _encoder.encode(ReportAnswer("SMS_PUSH_REPORT", "ANSWER", serial, wire_time(now), code, desc))


def split_number(number: str) -> Destination | None:
    """Country code and the rest of a number in international form; a `+` in front is dropped.

    The longest assigned country code counts. None when the number begins with none, or is not made of ASCII digits.
    """
    digits = number.removeprefix("+")
    if not digits.isascii() or not digits.isdigit():
        return None
    for length in range(_LONGEST_COUNTRY_CODE, 0, -1):
        if len(digits) > length and int(digits[:length]) in COUNTRY_CODES and digits[0] != "0":
            return Destination(int(digits[:length]), digits[length:])
    return None
