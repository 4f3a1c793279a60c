"""The delivery report, field by field, against the table and the sample.

Spec: Delivery Report (DR) Request Format. Spec: DR callback request Sample.
"""

import json
from datetime import datetime

import pytest

from cloudsms_simulator.protocol.delivery_report import DeliveryReport, encode_report, next_serial
from cloudsms_simulator.protocol.timestamps import HONG_KONG

HEADING = "Delivery Report (DR) Request Format"
REPORT = DeliveryReport(
    serial=2,
    time=datetime(2021, 9, 13, 23, 59, 59, 999_999, tzinfo=HONG_KONG),
    report_time=datetime(2021, 9, 13, 23, 59, 58, tzinfo=HONG_KONG),
    source_msisdn="CloudSMS",
    sms_uid="5A3B394096E50X01D1FA163E81BFFF",
    country_code=852,
    dest_msisdn="67000011",
    state=2,
    customer_body=b"{}",
)
PACKET = json.loads(encode_report(REPORT))
[RESULT] = PACKET["SMS_RESULT_LIST"]

# Parameter, type, LMAX, as printed.
TABLE = [
    ("METHOD", str, None),
    ("TYPE", str, 8),
    ("SERIAL", int, None),
    ("TIME", str, 32),
    ("SMS_UID", str, 32),
    ("SOURCE_MSISDN", str, 32),
    ("SMS_RESULT_LIST", list, None),
    ("REPORT_TIME", str, 32),
    ("CUSTOMER_BODY", dict, None),
]
ITEM_TABLE = [
    ("COUNTRY_CODE", int, None),
    ("DEST_MSISDN", str, 32),
    ("SMS_STATE", int, None),
    ("RESULT_DESC", str, 32),
]


@pytest.mark.parametrize(("name", "kind", "longest"), TABLE, ids=[f"{HEADING}: {row[0]}" for row in TABLE])
def test_a_parameter_is_there_with_its_type_and_length(name: str, kind: type, longest: int | None) -> None:
    assert type(PACKET[name]) is kind
    assert longest is None or len(PACKET[name]) <= longest


@pytest.mark.parametrize(
    ("name", "kind", "longest"), ITEM_TABLE, ids=[f"{HEADING}: SMS_RESULT_LIST, {row[0]}" for row in ITEM_TABLE]
)
def test_a_parameter_of_the_list_is_there_with_its_type_and_length(name: str, kind: type, longest: int | None) -> None:
    assert type(RESULT[name]) is kind
    assert longest is None or len(RESULT[name]) <= longest


def test_there_is_nothing_but_the_tables_parameters() -> None:
    assert {row[0] for row in TABLE} == PACKET.keys()
    assert {row[0] for row in ITEM_TABLE} == RESULT.keys()


def test_the_packet_is_the_samples_in_the_order_of_its_keys() -> None:
    assert encode_report(REPORT) == (
        b'{"METHOD":"SMS_PUSH_REPORT","TYPE":"REQUEST","SERIAL":2,"TIME":"2021-09-13 23:59:59",'
        b'"REPORT_TIME":"2021-09-13 23:59:58","SOURCE_MSISDN":"CloudSMS","SMS_UID":"5A3B394096E50X01D1FA163E81BFFF",'
        b'"SMS_RESULT_LIST":[{"COUNTRY_CODE":852,"DEST_MSISDN":"67000011","SMS_STATE":2,"RESULT_DESC":"DELIVERED"}],'
        b'"CUSTOMER_BODY":{}}'
    )


@pytest.mark.parametrize("wrap", [128, 65535])
def test_serial_counts_from_1_to_the_wrap_and_then_from_1_again(wrap: int) -> None:
    serials = [next_serial(0, wrap)]
    while len(serials) <= wrap:
        serials.append(next_serial(serials[-1], wrap))
    assert serials == [*range(1, wrap + 1), 1]
