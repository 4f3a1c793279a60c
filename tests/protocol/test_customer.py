"""The customer's side, against the platform's: each reads what the other writes."""

from datetime import datetime

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cloudsms_simulator.protocol import answer, delivery_report
from cloudsms_simulator.protocol.codes import COUNTRY_CODES, RESULT_CODES, ResultCode
from cloudsms_simulator.protocol.customer import (
    SendRequest,
    encode_report_answer,
    encode_request,
    read_answer,
    read_report,
    split_number,
)
from cloudsms_simulator.protocol.delivery_report import audit
from cloudsms_simulator.protocol.packet import Destination, decode, value_of
from cloudsms_simulator.protocol.profile import OBSERVED, SPEC, Profile
from cloudsms_simulator.protocol.timestamps import HONG_KONG

NOW = datetime(2021, 9, 13, 12, 0, 0, tzinfo=HONG_KONG)
REQUEST = SendRequest(
    serial=1,
    time="2021-09-13 12:00:00",
    auth_key="key",
    route_id="VerifyCode_516",
    multi_msisdn_list=(Destination(852, "67000011"),),
    sms_content="Your code is 123345",
)
REPORT = delivery_report.DeliveryReport(
    serial=2,
    time=NOW,
    report_time=NOW,
    source_msisdn="CloudSMS",
    sms_uid="5A3B394096E50X01D1FA163E81BFFF",
    country_code=852,
    dest_msisdn="67000011",
    state=2,
)


def test_a_request_is_a_packet_in_order() -> None:
    packet = decode(encode_request(REQUEST)).packet

    assert (packet.method, packet.type, packet.serial) == ("SMS_SEND_REQUEST", "REQUEST", 1)
    assert (packet.time, packet.auth_key, packet.version) == ("2021-09-13 12:00:00", "key", "2021-01-01")
    assert (packet.route_id, packet.sms_content) == ("VerifyCode_516", "Your code is 123345")
    assert value_of(packet.multi_msisdn_list) == [{"COUNTRY_CODE": 852, "DEST_MSISDN": "67000011"}]


def test_what_is_not_given_is_not_sent() -> None:
    body = encode_request(REQUEST)

    for name in (b"SIGNATURE", b"ORIGINAL_ADDR", b"PRIORITY", b"CUSTOMER_BODY"):
        assert name not in body


def test_customer_body_is_sent_as_it_is_written() -> None:
    request = msgspec.structs.replace(REQUEST, customer_body=msgspec.Raw(b'{ "n": 0.10 }'))

    assert encode_request(request).endswith(b'"CUSTOMER_BODY":{ "n": 0.10 }}')


@pytest.mark.parametrize("profile", [SPEC, OBSERVED], ids=lambda profile: profile.name)
def test_an_answer_is_read_in_either_shape(profile: Profile) -> None:
    items = (answer.AnswerItem(852, "67000011", "UID", ResultCode.OK),)

    read = read_answer(answer.encode_answer(answer.Answer(7, NOW, ResultCode.OK, items), profile))

    assert read is not None
    assert (read.serial, read.result_code, read.accepted) == (7, 1, True)
    (item,) = read.detail_list
    assert (item.country_code, item.dest_msisdn, item.sms_uid, item.result_code) == (852, "67000011", "UID", 1)


def test_the_answer_of_a_gateway_is_read_without_items() -> None:
    refusal = answer.Answer(7, NOW, ResultCode.CHANNEL_NOT_EXIST, (), by_gateway=True)

    read = read_answer(answer.encode_answer(refusal, OBSERVED))

    assert read is not None
    assert (read.result_code, read.result_desc, read.accepted) == (5, "'channel not exist'", False)


def test_a_batch_with_one_refusal_was_not_accepted() -> None:
    items = (
        answer.AnswerItem(852, "67000011", "A", ResultCode.OK),
        answer.AnswerItem(852, "x", "B", ResultCode.INVALID_PARAMETER),
    )

    read = read_answer(answer.encode_answer(answer.Answer(7, NOW, ResultCode.OK, items), SPEC))

    assert read is not None
    assert not read.accepted


def test_a_report_is_read() -> None:
    body = delivery_report.encode_report(msgspec.structs.replace(REPORT, customer_body=b'{"n": 0.10}', auth_key="key"))

    read = read_report(body)

    assert read is not None
    assert (read.serial, read.sms_uid, read.source_msisdn) == (2, "5A3B394096E50X01D1FA163E81BFFF", "CloudSMS")
    assert (read.time, read.report_time) == ("2021-09-13 12:00:00", "2021-09-13 12:00:00")
    assert (read.sms_result_list[0].sms_state, read.sms_result_list[0].result_desc) == (2, "DELIVERED")
    assert read.customer_body == msgspec.Raw(b'{"n": 0.10}')


@pytest.mark.parametrize("body", [b"", b"{}", b"[]", b"\xff", b'{"METHOD":"SMS_PUSH_REPORT"}', b"[" * 5000])
def test_what_is_no_packet_is_read_as_none(body: bytes) -> None:
    assert read_answer(body) is None
    assert read_report(body) is None


def test_the_answer_to_a_report_has_nothing_wrong_with_it() -> None:
    assert audit(2, 200, encode_report_answer(2, NOW)) == ()


@pytest.mark.parametrize("row", RESULT_CODES, ids=lambda row: f"{row.code:#x}")
def test_the_answer_to_a_report_can_have_any_code(row: msgspec.Struct) -> None:
    body = encode_report_answer(2, NOW, row.code)  # type: ignore[attr-defined]

    assert msgspec.json.decode(body)["RESULT_DESC"] == row.desc  # type: ignore[attr-defined]


def test_a_code_outside_the_table_is_an_unknown_error() -> None:
    assert b'"RESULT_CODE":99,"RESULT_DESC":"Unknown_error"' in encode_report_answer(2, NOW, 99)


@pytest.mark.parametrize(
    ("number", "destination"),
    [
        ("85267000011", Destination(852, "67000011")),
        ("+85267000011", Destination(852, "67000011")),
        ("8613800138000", Destination(86, "13800138000")),
        ("12425551234", Destination(1, "2425551234")),
        ("6581234567", Destination(65, "81234567")),
        ("852", None),
        ("", None),
        ("+", None),
        ("0085267000011", None),
        ("21067000011", None),
        ("67xxxx11", None),
        ("852٦", None),
    ],
)
def test_a_number_is_split_after_its_longest_country_code(number: str, destination: Destination | None) -> None:
    assert split_number(number) == destination


@given(st.from_regex(r"\+?[0-9]{0,20}", fullmatch=True))
def test_a_split_number_is_the_number(number: str) -> None:
    found = split_number(number)

    assert found is None or (found.number == number.removeprefix("+") and found.country_code in COUNTRY_CODES)
