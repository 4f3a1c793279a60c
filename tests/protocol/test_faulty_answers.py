"""Answers that are wrong in what they say, in both shapes."""

import json
from datetime import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cloudsms_simulator.engine.faults import Fault
from cloudsms_simulator.protocol.answer import Answer, AnswerItem, encode_answer
from cloudsms_simulator.protocol.codes import ResultCode
from cloudsms_simulator.protocol.profile import OBSERVED, SPEC, Profile
from cloudsms_simulator.protocol.timestamps import HONG_KONG

AT = datetime(2021, 10, 1, 9, 8, 7, tzinfo=HONG_KONG)
FIRST = AnswerItem(852, "67000011", "5A3B394096E50X01D1FA163E81BFFF", ResultCode.OK)
SECOND = AnswerItem(86, "1380013800", "5A3B394096E50X01D2FA163E81BFFF", ResultCode.INVALID_PARAMETER)
THIRD = AnswerItem(65, "é ] } \\", "5A3B394096E50X01D3FA163E81BFFF", ResultCode.INVALID_PARAMETER)
OK = Answer(1, AT, ResultCode.OK, (FIRST,))
MIXED = Answer(1, AT, ResultCode.OK, (FIRST, SECOND, THIRD))
NOTHING = Answer(0, AT, ResultCode.EMPTY_DATA, ())
UNKNOWN_KEY = Answer(7, AT, ResultCode.CHANNEL_NOT_EXIST, (FIRST,), by_gateway=True)

answers = st.sampled_from([OK, MIXED, NOTHING, UNKNOWN_KEY])
profiles = st.sampled_from([SPEC, OBSERVED])
both_shapes = pytest.mark.parametrize("profile", [SPEC, OBSERVED], ids=["document", "wire"])


MANGLED = [fault.value for fault in Fault if fault.effect.spoil is not None]


def mangled(name: str, answer: bytes) -> bytes:
    """What a fault makes of an answer."""
    spoil = Fault(name).effect.spoil
    assert spoil is not None
    return spoil(answer)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        (
            "BROKEN_JSON",
            '{"METHOD":"SMS_SEND_REQUEST","TYPE":"ANSWER","SERIAL":1,"TIME":"2021-10-01 09:08:07","RESULT_CODE":1,'
            '"RESULT_DESC":"OK","DETAIL_LIST":[{"COUNTRY_CODE":852,"DEST_MSISDN":"67000011",'
            '"SMS_UID":"5A3B394096E50X01D1FA163E81BFFF","RESULT_CODE":1,"RESULT_DESC":"OK"}]',
        ),
        (
            "NO_DETAIL_LIST",
            '{"METHOD":"SMS_SEND_REQUEST","TYPE":"ANSWER","SERIAL":1,"TIME":"2021-10-01 09:08:07","RESULT_CODE":1,'
            '"RESULT_DESC":"OK"}',
        ),
        (
            "CODE_AS_STRING",
            '{"METHOD":"SMS_SEND_REQUEST","TYPE":"ANSWER","SERIAL":1,"TIME":"2021-10-01 09:08:07","RESULT_CODE":"1",'
            '"RESULT_DESC":"OK","DETAIL_LIST":[{"COUNTRY_CODE":852,"DEST_MSISDN":"67000011",'
            '"SMS_UID":"5A3B394096E50X01D1FA163E81BFFF","RESULT_CODE":"1","RESULT_DESC":"OK"}]}',
        ),
        (
            "WRONG_SERIAL",
            '{"METHOD":"SMS_SEND_REQUEST","TYPE":"ANSWER","SERIAL":2,"TIME":"2021-10-01 09:08:07","RESULT_CODE":1,'
            '"RESULT_DESC":"OK","DETAIL_LIST":[{"COUNTRY_CODE":852,"DEST_MSISDN":"67000011",'
            '"SMS_UID":"5A3B394096E50X01D1FA163E81BFFF","RESULT_CODE":1,"RESULT_DESC":"OK"}]}',
        ),
        (
            "WRONG_METHOD",
            '{"METHOD":"SMS_PUSH_REPORT","TYPE":"ANSWER","SERIAL":1,"TIME":"2021-10-01 09:08:07","RESULT_CODE":1,'
            '"RESULT_DESC":"OK","DETAIL_LIST":[{"COUNTRY_CODE":852,"DEST_MSISDN":"67000011",'
            '"SMS_UID":"5A3B394096E50X01D1FA163E81BFFF","RESULT_CODE":1,"RESULT_DESC":"OK"}]}',
        ),
    ],
)
def test_what_is_not_spoilt_stays_as_the_document_prints_it(name: str, expected: str) -> None:
    assert mangled(name, encode_answer(OK, SPEC)) == expected.encode()


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        (
            "BROKEN_JSON",
            '{ "RESULT_CODE": 1, "RESULT_DESC": "OK", "DETAIL_LIST": [ { "RESULT_CODE": 1, "RESULT_DESC": "OK", '
            '"DEST_MSISDN": "67000011", "COUNTRY_CODE": 852, "SMS_UID": "5A3B394096E50X01D1FA163E81BFFF" } ], '
            '"METHOD": "SMS_SEND_REQUEST", "TYPE": "ANSWER", "SERIAL": 1, "TIME": "2021-10-01 09:08:07" ',
        ),
        (
            "NO_DETAIL_LIST",
            '{ "RESULT_CODE": 1, "RESULT_DESC": "OK", "METHOD": "SMS_SEND_REQUEST", "TYPE": "ANSWER", "SERIAL": 1, '
            '"TIME": "2021-10-01 09:08:07" }',
        ),
        (
            "CODE_AS_STRING",
            '{ "RESULT_CODE": "1", "RESULT_DESC": "OK", "DETAIL_LIST": [ { "RESULT_CODE": "1", "RESULT_DESC": "OK", '
            '"DEST_MSISDN": "67000011", "COUNTRY_CODE": 852, "SMS_UID": "5A3B394096E50X01D1FA163E81BFFF" } ], '
            '"METHOD": "SMS_SEND_REQUEST", "TYPE": "ANSWER", "SERIAL": 1, "TIME": "2021-10-01 09:08:07" }',
        ),
        (
            "WRONG_SERIAL",
            '{ "RESULT_CODE": 1, "RESULT_DESC": "OK", "DETAIL_LIST": [ { "RESULT_CODE": 1, "RESULT_DESC": "OK", '
            '"DEST_MSISDN": "67000011", "COUNTRY_CODE": 852, "SMS_UID": "5A3B394096E50X01D1FA163E81BFFF" } ], '
            '"METHOD": "SMS_SEND_REQUEST", "TYPE": "ANSWER", "SERIAL": 2, "TIME": "2021-10-01 09:08:07" }',
        ),
        (
            "WRONG_METHOD",
            '{ "RESULT_CODE": 1, "RESULT_DESC": "OK", "DETAIL_LIST": [ { "RESULT_CODE": 1, "RESULT_DESC": "OK", '
            '"DEST_MSISDN": "67000011", "COUNTRY_CODE": 852, "SMS_UID": "5A3B394096E50X01D1FA163E81BFFF" } ], '
            '"METHOD": "SMS_PUSH_REPORT", "TYPE": "ANSWER", "SERIAL": 1, "TIME": "2021-10-01 09:08:07" }',
        ),
    ],
)
def test_what_is_not_spoilt_stays_spaced_as_on_the_wire(name: str, expected: str) -> None:
    assert mangled(name, encode_answer(OK, OBSERVED)) == expected.encode()


@both_shapes
def test_shuffling_leaves_no_item_in_its_place_and_loses_none(profile: Profile) -> None:
    shuffled = Answer(1, AT, ResultCode.OK, (SECOND, THIRD, FIRST))
    assert mangled("SHUFFLED_ITEMS", encode_answer(MIXED, profile)) == encode_answer(shuffled, profile)


@both_shapes
def test_two_items_change_places(profile: Profile) -> None:
    two = encode_answer(Answer(1, AT, ResultCode.OK, (FIRST, SECOND)), profile)
    assert mangled("SHUFFLED_ITEMS", two) == encode_answer(Answer(1, AT, ResultCode.OK, (SECOND, FIRST)), profile)


@both_shapes
@pytest.mark.parametrize("answer", [OK, NOTHING, UNKNOWN_KEY], ids=["one item", "no item", "by the gateway"])
def test_with_fewer_than_two_items_there_is_nothing_to_shuffle(answer: Answer, profile: Profile) -> None:
    assert mangled("SHUFFLED_ITEMS", encode_answer(answer, profile)) == encode_answer(answer, profile)


def test_a_gateways_failure_on_the_wire_has_no_detail_list_to_lack() -> None:
    assert mangled("NO_DETAIL_LIST", encode_answer(UNKNOWN_KEY, OBSERVED)) == encode_answer(UNKNOWN_KEY, OBSERVED)


def test_the_codes_of_all_items_become_strings() -> None:
    said = json.loads(mangled("CODE_AS_STRING", encode_answer(MIXED, SPEC)))
    assert [said["RESULT_CODE"], *(item["RESULT_CODE"] for item in said["DETAIL_LIST"])] == [
        "1",
        "1",
        "268435457",
        "268435457",
    ]


@both_shapes
@pytest.mark.parametrize(("serial", "wrong"), [(0, 1), (1, 2), (65534, 65535), (65535, 1)])
def test_a_wrong_serial_is_another_one_within_the_range(serial: int, wrong: int, profile: Profile) -> None:
    answer = encode_answer(Answer(serial, AT, ResultCode.OK, (FIRST,)), profile)
    assert mangled("WRONG_SERIAL", answer) == encode_answer(Answer(wrong, AT, ResultCode.OK, (FIRST,)), profile)


@given(answers, profiles)
def test_broken_json_is_no_json(answer: Answer, profile: Profile) -> None:
    with pytest.raises(json.JSONDecodeError):
        json.loads(mangled("BROKEN_JSON", encode_answer(answer, profile)))


@given(st.sampled_from(sorted(set(MANGLED) - {"BROKEN_JSON"})), answers, profiles)
def test_all_others_are_json_in_the_same_spacing(name: str, answer: Answer, profile: Profile) -> None:
    spoilt = mangled(name, encode_answer(answer, profile))
    assert json.loads(spoilt)
    assert spoilt.startswith(b"{ ") is (profile is OBSERVED)
    assert b"  " not in spoilt
