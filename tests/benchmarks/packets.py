"""The packets on the wire of the benchmarks: the document's examples, filled in.

Spec: Examples, SMS Request (Single SMS). Spec: Examples, SMS request (Bulk SMS).
"""

import json
from collections.abc import Sequence
from datetime import timedelta

from cloudsms_simulator.engine.account import DEFAULT_AUTH_KEY
from cloudsms_simulator.protocol.answer import UidSequence, issue_uids
from cloudsms_simulator.protocol.codes import State
from cloudsms_simulator.protocol.delivery_report import DeliveryReport, encode_report
from cloudsms_simulator.protocol.timestamps import EPOCH

BULK = 200
"""Recipients of a request to many: as many as the platform takes."""

_DAYS = timedelta(days=20_000)


def request_to(*numbers: str) -> bytes:
    """A request to these numbers in Hong Kong, as a customer's JSON library writes it."""
    return json.dumps(
        {
            "METHOD": "SMS_SEND_REQUEST",
            "TYPE": "REQUEST",
            "SERIAL": 1,
            "TIME": "2026-01-01 12:00:00",
            "AUTH_KEY": DEFAULT_AUTH_KEY,
            "ROUTE_ID": "VerifyCode_516",
            "MULTI_MSISDN_LIST": [{"DEST_MSISDN": number, "COUNTRY_CODE": 852} for number in numbers],
            "SMS_CONTENT": "Your verification code is 123345, please do not disclose it to others.",
            "SIGNATURE": "CloudSMS",
            "SIGNATURE_TYPE": 1,
            "ORIGINAL_ADDR": "",
            "VERSION": "2021-01-01",
            "REPEAT": 0,
            "CUSTOMER_BODY": {},
        }
    ).encode()


def numbers_from(first: int, count: int) -> Sequence[str]:
    """So many numbers of eight digits, one after the other."""
    return [f"{67_000_000 + (first + index) % 1_000_000:08}" for index in range(count)]


SINGLE = request_to(*numbers_from(0, 1))
MANY = request_to(*numbers_from(0, BULK))


def report() -> bytes:
    """A delivery report as the platform pushes it for such a request."""
    moment = EPOCH + _DAYS
    _, (uid,) = issue_uids(UidSequence(0xE81BFF), moment, 1, "x4")
    return encode_report(
        DeliveryReport(
            serial=1,
            time=moment,
            report_time=moment,
            source_msisdn="CloudSMS",
            sms_uid=uid,
            country_code=852,
            dest_msisdn=numbers_from(0, 1)[0],
            state=State.DELIVERED,
            customer_body=b"{}",
        )
    )
