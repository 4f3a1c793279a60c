"""The bytes of an answer, in both shapes."""

import json
from datetime import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cloudsms_simulator.protocol.answer import (
    AllAccepted,
    Answer,
    AnswerItem,
    encode_accepted,
    encode_answer,
    result_desc,
)
from cloudsms_simulator.protocol.codes import RESULT_CODES, ResultCode
from cloudsms_simulator.protocol.profile import OBSERVED, SPEC, Profile
from cloudsms_simulator.protocol.timestamps import HONG_KONG

AT = datetime(2021, 10, 1, 9, 8, 7, 999_999, tzinfo=HONG_KONG)
FIRST = AnswerItem(852, "67000011", "5A3B394096E50X01D1FA163E81BFFF", ResultCode.OK)
SECOND = AnswerItem(86, "1380013800", "5A3B394096E50X01D2FA163E81BFFF", ResultCode.INVALID_PARAMETER)

OK = Answer(1, AT, ResultCode.OK, (FIRST,))
MIXED = Answer(65535, AT, ResultCode.OK, (FIRST, SECOND))
REFUSED = Answer(7, AT, ResultCode.INVALID_VERSION, (AnswerItem(0, "", FIRST.uid, ResultCode.INVALID_VERSION),))
UNKNOWN_KEY = Answer(
    7, AT, ResultCode.CHANNEL_NOT_EXIST, (AnswerItem(852, "67000011", FIRST.uid, ResultCode.CHANNEL_NOT_EXIST),), True
)
NOTHING = Answer(0, AT, ResultCode.EMPTY_DATA, (), True)


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        pytest.param(
            OK,
            '{"METHOD":"SMS_SEND_REQUEST","TYPE":"ANSWER","SERIAL":1,"TIME":"2021-10-01 09:08:07","RESULT_CODE":1,'
            '"RESULT_DESC":"OK","DETAIL_LIST":[{"COUNTRY_CODE":852,"DEST_MSISDN":"67000011",'
            '"SMS_UID":"5A3B394096E50X01D1FA163E81BFFF","RESULT_CODE":1,"RESULT_DESC":"OK"}]}',
            id="accepted",
        ),
        pytest.param(
            MIXED,
            '{"METHOD":"SMS_SEND_REQUEST","TYPE":"ANSWER","SERIAL":65535,"TIME":"2021-10-01 09:08:07","RESULT_CODE":1,'
            '"RESULT_DESC":"OK","DETAIL_LIST":[{"COUNTRY_CODE":852,"DEST_MSISDN":"67000011",'
            '"SMS_UID":"5A3B394096E50X01D1FA163E81BFFF","RESULT_CODE":1,"RESULT_DESC":"OK"},'
            '{"COUNTRY_CODE":86,"DEST_MSISDN":"1380013800","SMS_UID":"5A3B394096E50X01D2FA163E81BFFF",'
            '"RESULT_CODE":268435457,"RESULT_DESC":"Invalid_parameter"}]}',
            id="mixed",
        ),
        pytest.param(
            REFUSED,
            '{"METHOD":"SMS_SEND_REQUEST","TYPE":"ANSWER","SERIAL":7,"TIME":"2021-10-01 09:08:07",'
            '"RESULT_CODE":268435472,"RESULT_DESC":"Invalid_Version","DETAIL_LIST":[{"COUNTRY_CODE":0,"DEST_MSISDN":"",'
            '"SMS_UID":"5A3B394096E50X01D1FA163E81BFFF","RESULT_CODE":268435472,"RESULT_DESC":"Invalid_Version"}]}',
            id="refused",
        ),
        pytest.param(
            UNKNOWN_KEY,
            '{"METHOD":"SMS_SEND_REQUEST","TYPE":"ANSWER","SERIAL":7,"TIME":"2021-10-01 09:08:07","RESULT_CODE":5,'
            '"RESULT_DESC":"Channel_not_exist","DETAIL_LIST":[{"COUNTRY_CODE":852,"DEST_MSISDN":"67000011",'
            '"SMS_UID":"5A3B394096E50X01D1FA163E81BFFF","RESULT_CODE":5,"RESULT_DESC":"Channel_not_exist"}]}',
            id="refused by the gateway",
        ),
        pytest.param(
            NOTHING,
            '{"METHOD":"SMS_SEND_REQUEST","TYPE":"ANSWER","SERIAL":0,"TIME":"2021-10-01 09:08:07","RESULT_CODE":4,'
            '"RESULT_DESC":"Empty_data","DETAIL_LIST":[]}',
            id="no packet",
        ),
    ],
)
def test_the_documents_shape_is_compact_and_in_the_tables_order(answer: Answer, expected: str) -> None:
    assert encode_answer(answer, SPEC) == expected.encode()


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        pytest.param(
            OK,
            '{ "RESULT_CODE": 1, "RESULT_DESC": "OK", "DETAIL_LIST": [ { "RESULT_CODE": 1, "RESULT_DESC": "OK", '
            '"DEST_MSISDN": "67000011", "COUNTRY_CODE": 852, "SMS_UID": "5A3B394096E50X01D1FA163E81BFFF" } ], '
            '"METHOD": "SMS_SEND_REQUEST", "TYPE": "ANSWER", "SERIAL": 1, "TIME": "2021-10-01 09:08:07" }',
            id="accepted",
        ),
        pytest.param(
            MIXED,
            '{ "RESULT_CODE": 1, "RESULT_DESC": "OK", "DETAIL_LIST": [ { "RESULT_CODE": 1, "RESULT_DESC": "OK", '
            '"DEST_MSISDN": "67000011", "COUNTRY_CODE": 852, "SMS_UID": "5A3B394096E50X01D1FA163E81BFFF" }, '
            '{ "RESULT_CODE": 268435457, "RESULT_DESC": "Invalid_parameter", "DEST_MSISDN": "1380013800", '
            '"COUNTRY_CODE": 86, "SMS_UID": "5A3B394096E50X01D2FA163E81BFFF" } ], "METHOD": "SMS_SEND_REQUEST", '
            '"TYPE": "ANSWER", "SERIAL": 65535, "TIME": "2021-10-01 09:08:07" }',
            id="mixed",
        ),
        pytest.param(
            REFUSED,
            '{ "RESULT_CODE": 268435472, "RESULT_DESC": "Invalid_Version", "DETAIL_LIST": [ '
            '{ "RESULT_CODE": 268435472, "RESULT_DESC": "Invalid_Version", "DEST_MSISDN": "", "COUNTRY_CODE": 0, '
            '"SMS_UID": "5A3B394096E50X01D1FA163E81BFFF" } ], "METHOD": "SMS_SEND_REQUEST", "TYPE": "ANSWER", '
            '"SERIAL": 7, "TIME": "2021-10-01 09:08:07" }',
            id="refused after the gateway",
        ),
        pytest.param(
            UNKNOWN_KEY,
            '{ "METHOD": "SMS_SEND_REQUEST", "TYPE": "ANSWER", "SERIAL": 7, "TENANT_ID": 0, '
            '"TIME": "2021-10-01 09:08:07", "RESULT_CODE": 5, "RESULT_DESC": "\'channel not exist\'" }',
            id="refused by the gateway",
        ),
        pytest.param(
            NOTHING,
            '{ "METHOD": "SMS_SEND_REQUEST", "TYPE": "ANSWER", "SERIAL": 0, "TENANT_ID": 0, '
            '"TIME": "2021-10-01 09:08:07", "RESULT_CODE": 4, "RESULT_DESC": "\'empty data\'" }',
            id="no packet",
        ),
    ],
)
def test_the_shape_of_the_wire_is_spaced_and_the_gateways_has_no_list(answer: Answer, expected: str) -> None:
    assert encode_answer(answer, OBSERVED) == expected.encode()


def test_a_refusal_after_the_gateway_of_a_packet_without_entries_has_an_empty_list() -> None:
    answer = Answer(7, AT, ResultCode.INVALID_PARAMETER, ())

    assert json.loads(encode_answer(answer, OBSERVED))["DETAIL_LIST"] == []
    assert json.loads(encode_answer(answer, SPEC))["DETAIL_LIST"] == []


@pytest.mark.parametrize(
    ("shape", "style", "gateways", "others"),
    [
        ("document", "table", "Channel_not_exist", "Channel_not_exist"),
        ("document", "wire", "'channel not exist'", "Channel_not_exist"),
        ("wire", "table", "Channel_not_exist", "Channel_not_exist"),
        ("wire", "wire", "'channel not exist'", "Channel_not_exist"),
    ],
)
def test_the_style_of_result_desc_is_a_switch_of_its_own(shape: str, style: str, gateways: str, others: str) -> None:
    profile = Profile(answer_shape=shape, desc_style=style)  # type: ignore[arg-type]
    code = ResultCode.CHANNEL_NOT_EXIST

    said = [json.loads(encode_answer(Answer(1, AT, code, (), by), profile))["RESULT_DESC"] for by in (True, False)]

    assert said == [gateways, others]


@pytest.mark.parametrize(
    ("code", "quoted"),
    [
        (ResultCode.EMPTY_DATA, "'empty data'"),
        (ResultCode.CHANNEL_NOT_EXIST, "'channel not exist'"),
        (ResultCode.INVALID_PARAMETER, "'invalid parameter'"),
        (ResultCode.INVALID_CONTEXT, "'invalid context'"),
        (ResultCode.LOST_INFO, "'lost info'"),
        (ResultCode.EMPTY_DATA_RECEIVED, "'empty data'"),
    ],
)
def test_the_gateway_of_the_wire_says_result_desc_in_quotes_lower_case_and_spaces(
    code: ResultCode, quoted: str
) -> None:
    assert result_desc(code, OBSERVED, by_gateway=True) == quoted


@pytest.mark.parametrize("row", RESULT_CODES, ids=lambda row: f"0x{row.code:08X} {row.desc}")
def test_every_code_is_a_decimal_integer_with_its_desc(row: object) -> None:
    code = row.code  # type: ignore[attr-defined]
    answer = Answer(1, AT, code, (AnswerItem(852, "67000011", FIRST.uid, code),))

    for profile in (SPEC, OBSERVED):
        told = encode_answer(answer, profile)
        read = json.loads(told)
        assert str(int(code)).encode() in told
        assert (read["RESULT_CODE"], read["DETAIL_LIST"][0]["RESULT_CODE"]) == (int(code), int(code))
        assert read["RESULT_DESC"] == read["DETAIL_LIST"][0]["RESULT_DESC"] == row.desc  # type: ignore[attr-defined]


texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=32)
items = st.builds(AnswerItem, st.integers(0, 9999), texts, st.just(FIRST.uid), st.sampled_from(ResultCode))


@given(st.lists(items, max_size=5), st.integers(0, 65535), st.sampled_from(ResultCode), st.booleans())
def test_both_shapes_say_the_same(listed: list[AnswerItem], serial: int, code: ResultCode, by_gateway: bool) -> None:
    answer = Answer(serial, AT, code, tuple(listed), by_gateway)

    document = json.loads(encode_answer(answer, SPEC))
    wire = json.loads(encode_answer(answer, Profile(answer_shape="wire")))

    assert [item["DEST_MSISDN"] for item in document["DETAIL_LIST"]] == [item.msisdn for item in listed]
    if by_gateway:
        assert wire.pop("TENANT_ID") == 0
        del document["DETAIL_LIST"]
    assert wire == document


accepted_items = st.builds(
    AnswerItem,
    st.integers(1, 999),
    st.text("0123456789", min_size=1, max_size=32),
    st.just(FIRST.uid),
    st.just(ResultCode.OK),
)


@given(st.lists(accepted_items, max_size=5), st.integers(0, 65535), st.sampled_from([SPEC, OBSERVED]))
def test_an_answer_to_an_accepted_request_is_the_same_to_the_byte_without_its_items(
    listed: list[AnswerItem], serial: int, profile: Profile
) -> None:
    expected = encode_answer(Answer(serial, AT, ResultCode.OK, tuple(listed)), profile)
    assert encode_accepted(AllAccepted(serial, AT, listed, [item.uid for item in listed], profile)) == expected


def test_a_list_of_200_is_in_order() -> None:
    items = tuple(AnswerItem(852, str(67000000 + index), f"{index:030}", ResultCode.OK) for index in range(200))

    for profile in (SPEC, OBSERVED):
        listed = json.loads(encode_answer(Answer(1, AT, ResultCode.OK, items), profile))["DETAIL_LIST"]
        assert [item["SMS_UID"] for item in listed] == [f"{index:030}" for index in range(200)]
