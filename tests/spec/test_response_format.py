"""The table of the response, transcribed: each parameter's name, type and LMAX, in its order; and what it echoes."""

import json
from collections.abc import Callable
from typing import Any

import msgspec
import pytest

from cloudsms_simulator.engine.account import Account
from cloudsms_simulator.protocol.profile import OBSERVED

Make = Callable[..., dict[str, object]]
Send = Callable[..., bytes]

HEADING = "Response UIP Format"

# Parameter, Type, LMAX
TABLE = [
    ("METHOD", "STR", None),
    ("TYPE", "STR", 8),
    ("SERIAL", "UINT", 4),
    ("TIME", "STR", 32),
    ("RESULT_CODE", "INT", 4),
    ("RESULT_DESC", "STR", 127),
    ("DETAIL_LIST", "Array", None),
]
DETAIL_LIST = [
    ("COUNTRY_CODE", "UINT", 4),
    ("DEST_MSISDN", "STR", 32),
    ("SMS_UID", "STR", 32),
    ("RESULT_CODE", "INT", 4),
    ("RESULT_DESC", "STR", 127),
]
TYPES: dict[str, type] = {"STR": str, "UINT": int, "INT": int, "Array": list}


def rows(table: list[Any], where: str) -> Any:
    return pytest.mark.parametrize(
        ("parameter", "kind", "lmax"),
        [pytest.param(*row, id=f"{HEADING}: {where}{row[0]} {row[1]} {row[2] or '-'}") for row in table],
    )


@pytest.fixture(params=["accepted", "refused", "mixed", "of an unknown key", "of no packet"])
def answer(request: pytest.FixtureRequest, packet: Make, send: Send) -> dict[str, Any]:
    """An answer of each kind."""
    destinations = [{"COUNTRY_CODE": 852, "DEST_MSISDN": number} for number in ("67000011", "+1")]
    sent: dict[str, dict[str, object] | bytes] = {
        "accepted": packet(),
        "refused": packet(VERSION="2.3"),
        "mixed": packet(MULTI_MSISDN_LIST=destinations),
        "of an unknown key": packet(AUTH_KEY="nobody's"),
        "of no packet": b"hello",
    }
    read: dict[str, Any] = json.loads(send(sent[request.param]))
    return read


def holds(value: object, kind: str, lmax: int | None) -> bool:
    """Whether a value is of a type and fits into its octets."""
    if type(value) is not TYPES[kind]:
        return False
    if isinstance(value, str):
        return lmax is None or len(value.encode()) <= lmax
    return not isinstance(value, int) or 0 <= value < 2**31


@rows(TABLE, "")
def test_a_parameter_of_the_answer(answer: dict[str, Any], parameter: str, kind: str, lmax: int | None) -> None:
    assert holds(answer[parameter], kind, lmax)


@rows(DETAIL_LIST, "DETAIL_LIST ")
def test_a_parameter_of_an_item(answer: dict[str, Any], parameter: str, kind: str, lmax: int | None) -> None:
    assert all(holds(item[parameter], kind, lmax) for item in answer["DETAIL_LIST"])


def test_parameters_are_those_of_the_table_in_its_order(answer: dict[str, Any]) -> None:
    assert list(answer) == [row[0] for row in TABLE]
    assert all(list(item) == [row[0] for row in DETAIL_LIST] for item in answer["DETAIL_LIST"])
    assert (answer["METHOD"], answer["TYPE"]) == ("SMS_SEND_REQUEST", "ANSWER")


def test_result_desc_is_displayable(answer: dict[str, Any]) -> None:
    assert answer["RESULT_DESC"].isascii()
    assert answer["RESULT_DESC"].isprintable()


def test_the_whole_answer_to_the_smallest_packet(packet: Make, send: Send) -> None:
    assert send(packet(SERIAL=7)) == (
        b'{"METHOD":"SMS_SEND_REQUEST","TYPE":"ANSWER","SERIAL":7,"TIME":"2021-10-01 12:00:00","RESULT_CODE":1,'
        b'"RESULT_DESC":"OK","DETAIL_LIST":[{"COUNTRY_CODE":852,"DEST_MSISDN":"67000011",'
        b'"SMS_UID":"5CD4298E17000X0000FA163E81BFFF","RESULT_CODE":1,"RESULT_DESC":"OK"}]}'
    )
    assert send(packet(SERIAL=7), Account(profile=OBSERVED)) == (
        b'{ "RESULT_CODE": 1, "RESULT_DESC": "OK", "DETAIL_LIST": [ { "RESULT_CODE": 1, "RESULT_DESC": "OK", '
        b'"DEST_MSISDN": "67000011", "COUNTRY_CODE": 852, "SMS_UID": "5CD4298E17000X000HFA163E81BFFF" } ], '
        b'"METHOD": "SMS_SEND_REQUEST", "TYPE": "ANSWER", "SERIAL": 7, "TIME": "2021-10-01 12:00:00" }'
    )


def test_remark_each_sms_will_be_assigned_a_sms_uid(packet: Make, send: Send) -> None:
    destinations = [{"COUNTRY_CODE": 852, "DEST_MSISDN": "67000011" if index % 3 else "+"} for index in range(200)]

    for sent in (packet(MULTI_MSISDN_LIST=destinations), packet(MULTI_MSISDN_LIST=destinations, VERSION="2.3")):
        items = json.loads(send(sent))["DETAIL_LIST"]
        assert len({item["SMS_UID"] for item in items}) == len(items) == 200


@pytest.mark.parametrize(
    ("serial", "echoed"),
    [
        (1, 1),
        (65535, 65535),
        (0, 0),
        (65536, 0),
        (-1, 0),
        (2**64, 0),
        ("7", 0),
        (7.0, 0),
        (True, 0),
        (None, 0),
        (msgspec.UNSET, 0),
        ([7], 0),
    ],
)
def test_serial_echoes_an_integer_from_0_to_65535(packet: Make, send: Send, serial: object, echoed: int) -> None:
    body = json.dumps(packet(SERIAL=serial)).encode()

    answer = json.loads(send(body))

    assert (answer["SERIAL"], type(answer["SERIAL"])) == (echoed, int)


def test_serial_is_echoed_whatever_failed(packet: Make, send: Send) -> None:
    for change in ({"METHOD": None}, {"AUTH_KEY": "nobody's"}, {"VERSION": "2.3"}, {"MULTI_MSISDN_LIST": []}):
        assert json.loads(send(packet(SERIAL=77, **change)))["SERIAL"] == 77


ENTRIES = [
    ({"COUNTRY_CODE": 852, "DEST_MSISDN": "67000011"}, (852, "67000011"), 0x01),
    ({"COUNTRY_CODE": 1242, "DEST_MSISDN": "+1 (242)"}, (1242, "+1 (242)"), 0x10000001),
    ({"COUNTRY_CODE": 9999, "DEST_MSISDN": "1" * 32}, (9999, "1" * 32), 0x10000001),
    ({"COUNTRY_CODE": 10000, "DEST_MSISDN": "1" * 33}, (0, ""), 0x10000001),
    ({"COUNTRY_CODE": -1, "DEST_MSISDN": "６" * 10}, (0, "６" * 10), 0x10000001),
    ({"COUNTRY_CODE": "852", "DEST_MSISDN": "６" * 11}, (0, ""), 0x10000001),
    ({"COUNTRY_CODE": True, "DEST_MSISDN": 67000011}, (0, ""), 0x10000001),
    ({}, (0, ""), 0x10000001),
    ("67000011", (0, ""), 0x10000001),
    (None, (0, ""), 0x10000001),
]


@pytest.mark.parametrize(
    "entries",
    [ENTRIES, [row for row in ENTRIES if isinstance(row[0], dict) and row[0] and type(row[0]["COUNTRY_CODE"]) is int]],
)
@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({}, None),
        ({"METHOD": None}, 0x10000001),
        ({"SERIAL": "x"}, 0x10000001),
        ({"AUTH_KEY": None}, 0x10000001),
        ({"AUTH_KEY": "nobody's"}, 0x05),
        ({"VERSION": "2.3"}, 0x10000010),
        ({"SMS_CONTENT": ""}, 0x10000003),
    ],
)
def test_detail_list_has_an_item_for_each_entry_whatever_failed(
    packet: Make, send: Send, entries: list[Any], changes: dict[str, object], code: int | None
) -> None:
    answer = json.loads(send(packet(MULTI_MSISDN_LIST=[row[0] for row in entries], **changes)))

    items = [(item["COUNTRY_CODE"], item["DEST_MSISDN"], item["RESULT_CODE"]) for item in answer["DETAIL_LIST"]]
    assert items == [(*echo, own if code is None else code) for _entry, echo, own in entries]
    assert answer["RESULT_CODE"] == (code or 0x01)


@pytest.mark.parametrize("value", [msgspec.UNSET, None, "", "[]", {}, {"COUNTRY_CODE": 852}, 1, True, [], [{}] * 201])
def test_detail_list_is_empty_without_an_array_and_with_more_than_200_entries(
    packet: Make, send: Send, value: object
) -> None:
    answer = json.loads(send(packet(MULTI_MSISDN_LIST=value)))

    assert (answer["RESULT_CODE"], answer["DETAIL_LIST"]) == (0x10000001, [])


@pytest.mark.parametrize("body", [b"", b"{", b"hello", b"{}", b"[]"])
def test_nothing_is_echoed_of_a_body_that_holds_no_packet(send: Send, body: bytes) -> None:
    answer = json.loads(send(body))

    assert (answer["SERIAL"], answer["DETAIL_LIST"]) == (0, [])


def test_the_gateway_of_the_wire_answers_without_detail_list(packet: Make, send: Send) -> None:
    account = Account(profile=OBSERVED)

    assert send(packet(SERIAL=0), account) == (
        b'{ "METHOD": "SMS_SEND_REQUEST", "TYPE": "ANSWER", "SERIAL": 0, "TENANT_ID": 0, '
        b'"TIME": "2021-10-01 12:00:00", "RESULT_CODE": 268435457, "RESULT_DESC": "\'invalid parameter\'" }'
    )
    assert send(packet(SERIAL=9, VERSION="2.3", MULTI_MSISDN_LIST=[]), account) == (
        b'{ "RESULT_CODE": 268435472, "RESULT_DESC": "Invalid_Version", "DETAIL_LIST": [ ], '
        b'"METHOD": "SMS_SEND_REQUEST", "TYPE": "ANSWER", "SERIAL": 9, "TIME": "2021-10-01 12:00:00" }'
    )


@pytest.mark.parametrize("description", ["SMS Response (Single SMS)", "SMS response (Bulk SMS)"])
def test_the_samples_have_the_parameters_of_an_answer(packet: Make, send: Send, description: str) -> None:
    item = {
        "RESULT_CODE": 1,
        "RESULT_DESC": "'OK'",
        "DEST_MSISDN": "67xxxx11",
        "COUNTRY_CODE": 852,
        "SMS_UID": "5A3B394096E50X01D1FA163E81BFFF",
    }
    sample: dict[str, Any] = {
        "METHOD": "SMS_SEND_REQUEST",
        "TYPE": "ANSWER",
        "SERIAL": 1,
        "TIME": "System Response Time",
        "RESULT_CODE": 1,
        "RESULT_DESC": "'OK'",
        "DETAIL_LIST": [item] * (1 if "Single" in description else 2),
    }

    answer = json.loads(
        send(packet(MULTI_MSISDN_LIST=[{"COUNTRY_CODE": 852, "DEST_MSISDN": "67000011"}] * len(sample["DETAIL_LIST"])))
    )

    assert set(answer) == set(sample)
    assert [set(each) for each in answer["DETAIL_LIST"]] == [set(each) for each in sample["DETAIL_LIST"]]
    assert len(answer["DETAIL_LIST"][0]["SMS_UID"]) == len(item["SMS_UID"]) == 30
