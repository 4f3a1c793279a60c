"""The table of the request, transcribed: each parameter's type, LMAX at the boundary, and whether it is required."""

import json
from collections.abc import Callable
from typing import Any

import msgspec
import pytest

from cloudsms_simulator.engine.account import Account
from cloudsms_simulator.protocol.profile import OBSERVED

Make = Callable[..., dict[str, object]]
Codes = Callable[..., list[int]]

HEADING = "Request UIP Format"

# Parameter, Type, LMAX, Required. COUNTRY_CODE and DEST_MSISDN are those inside MULTI_MSISDN_LIST.
TABLE: list[tuple[str, str, int | None, bool]] = [
    ("METHOD", "STR", None, True),
    ("TYPE", "STR", 8, True),
    ("SERIAL", "UINT", 4, True),
    ("TIME", "STR", 32, True),
    ("AUTH_KEY", "STR", 128, True),
    ("MULTI_MSISDN_LIST", "Array", None, True),
    ("COUNTRY_CODE", "UINT", 4, True),
    ("DEST_MSISDN", "STR", 32, True),
    ("SMS_CONTENT", "STR", 1600, True),
    ("ROUTE_ID", "STR", 255, True),
    ("ORIGINAL_ADDR", "STR", 32, False),
    ("SIGNATURE", "STR", 64, False),
    ("SIGNATURE_TYPE", "UINT", 4, False),
    ("PRIORITY", "UINT", 4, False),
    ("VERSION", "STR", 12, True),
    ("CUSTOMER_BODY", "OBJ", 255, False),
]
OK, INVALID_PARAMETER, INVALID_CONTEXT, INVALID_VERSION = 0x01, 0x10000001, 0x10000003, 0x10000010

# Where a check is about more than its parameter's form, the document gives it a code of its own.
CODES = {"SMS_CONTENT": INVALID_CONTEXT}
IN_THE_LIST = {"COUNTRY_CODE", "DEST_MSISDN"}

WRONG_TYPES: dict[str, list[object]] = {
    "STR": [1, 1.5, True, False, [], {}, ["x"]],
    "UINT": ["1", "x", 1.5, 1.0, -1, True, False, [], {}],
    "Array": ["x", "[]", 1, True, {}, {"COUNTRY_CODE": 852, "DEST_MSISDN": "67000011"}],
    "OBJ": ["x", "{}", 1, True, [], [{}]],
}


def of_length(length: int) -> str:
    return "7" * length


# What fills a parameter to a length, where the length is all that matters.
FILLED: dict[str, Callable[[int], object]] = {
    "TIME": of_length,
    "DEST_MSISDN": of_length,
    "ROUTE_ID": of_length,
    "ORIGINAL_ADDR": of_length,
    "SIGNATURE": of_length,
    "CUSTOMER_BODY": lambda length: {"a": of_length(length - len('{"a":""}'))},
}


@pytest.fixture
def with_value(packet: Make) -> Make:
    """The smallest packet with one parameter of the table changed, wherever it belongs."""

    def make(parameter: str, value: object) -> dict[str, object]:
        if parameter not in IN_THE_LIST:
            return packet(**{parameter: value})
        destination = {"COUNTRY_CODE": 852, "DEST_MSISDN": "67000011", parameter: value}
        entry = {name: field for name, field in destination.items() if field is not msgspec.UNSET}
        return packet(MULTI_MSISDN_LIST=[entry])

    return make


def rows(rows: list[Any]) -> Any:
    return pytest.mark.parametrize(
        ("parameter", "kind", "lmax", "required"),
        [pytest.param(*row, id=f"{HEADING}: {row[0]} {row[1]} {row[2] or '-'}") for row in rows],
    )


@rows(TABLE)
@pytest.mark.parametrize("value", [msgspec.UNSET, None, ""], ids=["absent", "null", "empty"])
def test_a_required_parameter_is_filled_in_and_an_optional_one_may_be_left_out(
    with_value: Make, codes: Codes, value: object, parameter: str, kind: str, lmax: int | None, required: bool
) -> None:
    told = codes(with_value(parameter, value))

    if value == "" and not required and kind != "STR":
        assert told == [INVALID_PARAMETER, INVALID_PARAMETER]  # an empty string is no integer and no object
    elif not required:
        assert told == [OK, OK]
    else:
        code = CODES.get(parameter, INVALID_PARAMETER)
        assert told == ([code] if parameter == "MULTI_MSISDN_LIST" else [code, code])


@rows(TABLE)
def test_a_value_of_another_type_is_a_parameter_error(
    with_value: Make, codes: Codes, parameter: str, kind: str, lmax: int | None, required: bool
) -> None:
    for value in WRONG_TYPES[kind]:
        body = json.dumps(with_value(parameter, value)).encode()

        assert set(codes(body)) == {CODES.get(parameter, INVALID_PARAMETER)}, value


@rows([row for row in TABLE if row[0] in FILLED])
def test_a_value_of_lmax_octets_is_taken_and_one_more_is_too_long(
    with_value: Make, codes: Codes, parameter: str, kind: str, lmax: int, required: bool
) -> None:
    fill = FILLED[parameter]

    assert codes(with_value(parameter, fill(lmax))) == [OK, OK]
    assert codes(with_value(parameter, fill(lmax + 1))) == [INVALID_PARAMETER, INVALID_PARAMETER]


@rows([row for row in TABLE if row[0] in {"TIME", "ROUTE_ID", "SIGNATURE"}])
def test_lmax_is_in_octets_of_utf_8(
    with_value: Make, codes: Codes, parameter: str, kind: str, lmax: int, required: bool
) -> None:
    most, rest = divmod(lmax, 3)

    assert codes(with_value(parameter, "验" * most + "a" * rest)) == [OK, OK]
    assert codes(with_value(parameter, "验" * most + "a" * (rest + 1))) == [INVALID_PARAMETER] * 2


@rows([row for row in TABLE if row[0] == "AUTH_KEY"])
def test_a_key_of_128_octets_can_be_an_accounts_and_a_longer_one_cannot(
    packet: Make, codes: Codes, parameter: str, kind: str, lmax: int, required: bool
) -> None:
    key = "k" * lmax

    assert codes(packet(AUTH_KEY=key), Account(auth_key=key)) == [OK, OK]
    assert codes(packet(AUTH_KEY=key + "k"), Account(auth_key="*")) == [INVALID_PARAMETER] * 2


@rows([row for row in TABLE if row[0] == "SMS_CONTENT"])
def test_ten_segments_decide_where_the_documents_limits_conflict(
    packet: Make, codes: Codes, parameter: str, kind: str, lmax: int, required: bool
) -> None:
    assert codes(packet(SMS_CONTENT="A" * 1530)) == [OK, OK]
    assert codes(packet(SMS_CONTENT="A" * lmax)) == [INVALID_CONTEXT, INVALID_CONTEXT]


@rows([row for row in TABLE if row[0] == "MULTI_MSISDN_LIST"])
def test_up_to_200_numbers_at_a_time(
    packet: Make, codes: Codes, parameter: str, kind: str, lmax: None, required: bool
) -> None:
    entries = [{"COUNTRY_CODE": 852, "DEST_MSISDN": str(number)} for number in range(67000000, 67000201)]

    assert codes(packet(MULTI_MSISDN_LIST=entries[:1])) == [OK] * 2
    assert codes(packet(MULTI_MSISDN_LIST=entries[:200])) == [OK] * 201
    assert codes(packet(MULTI_MSISDN_LIST=entries)) == [INVALID_PARAMETER]
    assert codes(packet(MULTI_MSISDN_LIST=[])) == [INVALID_PARAMETER]


@pytest.mark.parametrize(
    ("parameter", "value", "code"),
    [
        ("METHOD", "SMS_SEND_REQUEST", OK),
        ("METHOD", "SMS_PUSH_REPORT", INVALID_PARAMETER),
        ("TYPE", "REQUEST", OK),
        ("TYPE", "ANSWER", INVALID_PARAMETER),
        ("SERIAL", 1, OK),
        ("SERIAL", 65535, OK),
        ("SERIAL", 0, INVALID_PARAMETER),
        ("SERIAL", 65536, INVALID_PARAMETER),
        ("COUNTRY_CODE", 86, INVALID_PARAMETER),  # 67000011 has no 11 digits
        ("COUNTRY_CODE", 852, OK),
        ("COUNTRY_CODE", 1242, INVALID_PARAMETER),
        ("SIGNATURE_TYPE", 1, OK),
        ("SIGNATURE_TYPE", 5, OK),
        ("SIGNATURE_TYPE", 0, INVALID_PARAMETER),
        ("SIGNATURE_TYPE", 6, INVALID_PARAMETER),
        ("PRIORITY", 0, OK),
        ("PRIORITY", 1, OK),
        ("PRIORITY", 2, OK),
        ("PRIORITY", 2**32 - 1, OK),
        ("PRIORITY", 2**32, INVALID_PARAMETER),
        ("VERSION", "2021-01-01", OK),
        ("VERSION", "2020-07-12", INVALID_VERSION),
        ("VERSION", "2021-01-01 12", INVALID_VERSION),
        ("CUSTOMER_BODY", {}, OK),
        ("CUSTOMER_BODY", {"a": {"b": [1, "x", None]}}, OK),
        ("ORIGINAL_ADDR", "", OK),
        ("ORIGINAL_ADDR", "CloudSMS", OK),
        ("ORIGINAL_ADDR", "10690000", OK),
    ],
    ids=lambda value: str(value),
)
def test_the_values_its_description_names(
    with_value: Make, codes: Codes, parameter: str, value: object, code: int
) -> None:
    assert codes(with_value(parameter, value)) == [code, code]


@pytest.mark.parametrize("parameter", [row[0] for row in TABLE if row[1] == "UINT" and row[0] != "COUNTRY_CODE"])
def test_digits_in_a_string_are_an_integer_on_the_wire_only(with_value: Make, codes: Codes, parameter: str) -> None:
    body = with_value(parameter, "1")

    assert codes(body) == [INVALID_PARAMETER] * 2
    assert codes(body, Account(profile=OBSERVED)) == [OK, OK]


SINGLE_SMS = """{
    "METHOD": "SMS_SEND_REQUEST",
    "TYPE": "REQUEST",
    "SERIAL": 1,
    "TIME": "Please input your local time",
    "AUTH_KEY": "Please input your auth_key here",
    "ROUTE_ID": "Please input your Route_ID here",
    "MULTI_MSISDN_LIST":
    [
        {
            "DEST_MSISDN": "67xxxx11",
            "COUNTRY_CODE": 852
        }
    ],
    "SMS_CONTENT": "Your verification code is 123345, please do not disclose it to others.",
    "SIGNATURE": "CloudSMS",
    "SIGNATURE_TYPE": 1,
    "ORIGINAL_ADDR":"",
    "VERSION": "2021-01-01",
    "REPEAT":0,
    "CUSTOMER_BODY":{}
}"""


def test_example_1_single_sms_is_taken_once_its_placeholder_is_a_number(codes: Codes) -> None:
    account = Account(auth_key="Please input your auth_key here")

    assert codes(SINGLE_SMS.encode()) == [0x05, 0x05]
    assert codes(SINGLE_SMS.encode(), account) == [INVALID_PARAMETER, INVALID_PARAMETER]
    assert codes(SINGLE_SMS.replace("x", "0").replace("te0t", "text").encode(), account) == [OK, OK]


def test_example_2_bulk_sms_gets_a_code_for_each_number(codes: Codes) -> None:
    bulk = SINGLE_SMS.replace('"67xxxx11",', '"67000011",').replace(
        "        }\n    ]", '        },\n        { "DEST_MSISDN": "67000028", "COUNTRY_CODE": 852 }\n    ]'
    )

    assert codes(bulk.encode(), Account(auth_key="Please input your auth_key here")) == [OK, OK, OK]
