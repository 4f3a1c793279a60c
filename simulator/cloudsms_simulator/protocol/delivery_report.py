"""Delivery reports: the packet that tells a customer what became of one message.

The document promises quantity and cost here, but has no fields for them; nor does the platform send any.

Spec: Delivery Report (DR) Request Format.
"""

from typing import Literal

import msgspec

from cloudsms_simulator.protocol.moments import datetime
from cloudsms_simulator.protocol.states import name_of
from cloudsms_simulator.protocol.timestamps import wire_time


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


def encode(report: DeliveryReport) -> bytes:
    """The packet's bytes: compact JSON in UTF-8, keys in the order of the document's sample.

    CUSTOMER_BODY goes in as it came, with its key order, spacing, number spelling and escapes.
    """
    desc = name_of(report.state) if report.desc is None else report.desc
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
