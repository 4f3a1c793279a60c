import json
from datetime import datetime

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cloudsms_simulator.protocol.delivery_report import DeliveryReport, encode_report, next_serial
from cloudsms_simulator.protocol.timestamps import HONG_KONG

DELIVERED = DeliveryReport(
    serial=2,
    time=datetime(2026, 11, 1, 12, 0, 7, 999999, tzinfo=HONG_KONG),
    report_time=datetime(2026, 11, 1, 12, 0, 1, tzinfo=HONG_KONG),
    source_msisdn="CloudSMS",
    sms_uid="5A3B394096E50X01D1FA163E81BFFF",
    country_code=852,
    dest_msisdn="67123411",
    state=2,
    customer_body=b"{}",
)


def test_a_report_is_compact_json_with_its_keys_in_the_samples_order() -> None:
    assert encode_report(DELIVERED) == (
        b'{"METHOD":"SMS_PUSH_REPORT","TYPE":"REQUEST","SERIAL":2,"TIME":"2026-11-01 12:00:07",'
        b'"REPORT_TIME":"2026-11-01 12:00:01","SOURCE_MSISDN":"CloudSMS","SMS_UID":"5A3B394096E50X01D1FA163E81BFFF",'
        b'"SMS_RESULT_LIST":[{"COUNTRY_CODE":852,"DEST_MSISDN":"67123411","SMS_STATE":2,"RESULT_DESC":"DELIVERED"}],'
        b'"CUSTOMER_BODY":{}}'
    )


def test_an_absent_customer_body_stays_absent() -> None:
    without = msgspec.structs.replace(DELIVERED, customer_body=None)

    assert encode_report(without) == encode_report(DELIVERED).replace(b',"CUSTOMER_BODY":{}', b"")


@pytest.mark.parametrize(
    "raw",
    [
        b'{ "b":1.50, "a" : 1e400,"a":-0,\n"c":"\\u4f60\\/\\ud83d\\ude00" }',
        '{"order":"你好"}'.encode(),
        b'{"big":123456789012345678901234567890}',
    ],
)
def test_the_customer_body_goes_in_byte_for_byte(raw: bytes) -> None:
    report = msgspec.structs.replace(DELIVERED, customer_body=raw)

    assert encode_report(report) == encode_report(DELIVERED).replace(b'"CUSTOMER_BODY":{}', b'"CUSTOMER_BODY":' + raw)


def test_an_auth_key_stands_behind_the_method() -> None:
    report = msgspec.structs.replace(DELIVERED, auth_key="k/+=")

    assert encode_report(report) == encode_report(DELIVERED).replace(b'"TYPE"', b'"AUTH_KEY":"k/+=","TYPE"')


@pytest.mark.parametrize(
    ("state", "desc", "sent"),
    [(60, None, "LOCAL_REJECTED"), (77, None, "UNKNOWN"), (5, "Phone off", "Phone off"), (5, "", "")],
)
def test_the_description_is_the_states_name_unless_there_is_another(state: int, desc: str | None, sent: str) -> None:
    packet = json.loads(encode_report(msgspec.structs.replace(DELIVERED, state=state, desc=desc)))

    assert packet["SMS_RESULT_LIST"] == [
        {"COUNTRY_CODE": 852, "DEST_MSISDN": "67123411", "SMS_STATE": state, "RESULT_DESC": sent}
    ]


@pytest.mark.parametrize("wrap", [128, 65535])
def test_the_serial_counts_from_one_to_its_end_and_starts_again(wrap: int) -> None:
    serials = [0]
    for _ in range(wrap + 2):
        serials.append(next_serial(serials[-1], wrap))

    assert serials[1:] == [*range(1, wrap + 1), 1, 2]


def test_a_serial_beyond_its_end_starts_again_at_one() -> None:
    assert next_serial(300, 128) == 1


@given(st.text(st.characters(exclude_categories=["Cs"]), max_size=32), st.integers(0, 9999), st.integers(0, 1000))
def test_every_report_can_be_read_as_json(source: str, country_code: int, state: int) -> None:
    report = msgspec.structs.replace(DELIVERED, source_msisdn=source, country_code=country_code, state=state)

    packet = json.loads(encode_report(report))

    assert packet["SOURCE_MSISDN"] == source
    assert (packet["SMS_RESULT_LIST"][0]["COUNTRY_CODE"], packet["SMS_RESULT_LIST"][0]["SMS_STATE"]) == (
        country_code,
        state,
    )
