"""The Remark under the table of result codes: each line, and the codes that go with it."""

from collections.abc import Callable

import msgspec
import pytest

from cloudsms_simulator.engine.account import Account
from cloudsms_simulator.protocol.profile import OBSERVED

Make = Callable[..., dict[str, object]]
Codes = Callable[..., list[int]]

OK, INVALID_PARAMETER = 0x01, 0x10000001

REQUIRED = "Remark: Required parameters missing or not filled in"
SENDER = "Remark: The character value of the SOURCE_MSISDN is not in the range of ASCII code 0x20 - 0x80"
COUNTRY = "Remark: Invalid country code"
NUMBER = "Remark: The value of the DEST_MSISDN parameter is non-numeric or longer than 32 bytes"
MAINLAND = "Remark: The number sent to mainland China is not 11 digits in length"


def to(country: object, msisdn: object) -> dict[str, object]:
    destination = {"COUNTRY_CODE": country, "DEST_MSISDN": msisdn}
    return {"MULTI_MSISDN_LIST": [{name: value for name, value in destination.items() if value is not msgspec.UNSET}]}


@pytest.mark.parametrize(
    "parameter",
    [
        pytest.param(parameter, id=f"{REQUIRED}: {parameter}")
        for parameter in ("METHOD", "TYPE", "SERIAL", "TIME", "AUTH_KEY", "ROUTE_ID", "VERSION")
    ],
)
@pytest.mark.parametrize("value", [msgspec.UNSET, None, ""], ids=["missing", "null", "not filled in"])
def test_required_parameters(packet: Make, codes: Codes, parameter: str, value: object) -> None:
    assert codes(packet(**{parameter: value})) == [INVALID_PARAMETER, INVALID_PARAMETER]


@pytest.mark.parametrize("value", [msgspec.UNSET, None, "", []], ids=["missing", "null", "not filled in", "no entry"])
def test_required_multi_msisdn_list(packet: Make, codes: Codes, value: object) -> None:
    assert codes(packet(MULTI_MSISDN_LIST=value)) == [INVALID_PARAMETER]


@pytest.mark.parametrize("value", [msgspec.UNSET, None, ""], ids=["missing", "null", "not filled in"])
def test_required_parameters_of_a_destination(packet: Make, codes: Codes, value: object) -> None:
    assert codes(packet(**to(value, "67000011"))) == [INVALID_PARAMETER, INVALID_PARAMETER]
    assert codes(packet(**to(852, value))) == [INVALID_PARAMETER, INVALID_PARAMETER]


@pytest.mark.parametrize("value", [msgspec.UNSET, None, ""], ids=["missing", "null", "not filled in"])
def test_lost_content_and_a_missing_key_on_the_wire_have_rows_of_their_own(
    packet: Make, codes: Codes, value: object
) -> None:
    assert codes(packet(SMS_CONTENT=value)) == [0x10000003, 0x10000003]
    assert codes(packet(AUTH_KEY=value, SMS_CONTENT=value)) == [INVALID_PARAMETER, INVALID_PARAMETER]


@pytest.mark.parametrize(
    "character", [chr(code) for code in range(0x20, 0x80)], ids=lambda it: f"{SENDER}: {ord(it):#x}"
)
def test_characters_of_a_sender_inside_the_range(packet: Make, codes: Codes, character: str) -> None:
    assert codes(packet(ORIGINAL_ADDR=f"a{character}")) == [OK, OK]


@pytest.mark.parametrize("character", [*"\x00\t\n\r\x1f\x80\x9fé\u00a0云😀"], ids=lambda it: f"{SENDER}: {ord(it):#x}")
def test_characters_of_a_sender_outside_the_range(packet: Make, codes: Codes, character: str) -> None:
    assert codes(packet(ORIGINAL_ADDR=f"a{character}")) == [INVALID_PARAMETER, INVALID_PARAMETER]


@pytest.mark.parametrize(
    "country", [0, 2, 85, 99, 210, 999, 1242, 1868, 8521, 10000, -86, 2**40], ids=lambda it: f"{COUNTRY}: {it}"
)
def test_country_codes_that_do_not_exist(packet: Make, codes: Codes, country: int) -> None:
    assert codes(packet(**to(country, "67000011"))) == [INVALID_PARAMETER, INVALID_PARAMETER]


@pytest.mark.parametrize(
    "country", [1, 7, 44, 65, 81, 82, 852, 853, 886, 971], ids=lambda it: f"{COUNTRY}: {it} is one"
)
def test_country_codes_that_exist(packet: Make, codes: Codes, country: int) -> None:
    assert codes(packet(**to(country, "81234567"))) == [OK, OK]


@pytest.mark.parametrize(
    "msisdn",
    ["67xxxx11", "+67000011", "6700 0011", "6700-0011", "６７００００１１", "1.5", "1e3", "-1", " ", "1" * 33],
    ids=lambda it: f"{NUMBER}: {it}",
)
def test_numbers_that_are_none(packet: Make, codes: Codes, msisdn: str) -> None:
    assert codes(packet(**to(852, msisdn))) == [INVALID_PARAMETER, INVALID_PARAMETER]


@pytest.mark.parametrize("msisdn", ["6", "67000011", "1" * 32], ids=lambda it: f"{NUMBER}: {len(it)} digits are none")
def test_numbers_up_to_32_digits(packet: Make, codes: Codes, msisdn: str) -> None:
    assert codes(packet(**to(852, msisdn))) == [OK, OK]


@pytest.mark.parametrize(
    ("digits", "code"),
    [(10, INVALID_PARAMETER), (11, OK), (12, INVALID_PARAMETER), (13, INVALID_PARAMETER)],
    ids=lambda it: f"{MAINLAND}: {it}",
)
def test_numbers_in_mainland_china(packet: Make, codes: Codes, digits: int, code: int) -> None:
    assert codes(packet(**to(86, "1380013800000"[:digits]))) == [code, code]


@pytest.mark.parametrize(
    ("refused", "expected"),
    [
        pytest.param(to(852, "67xxxx11"), [OK, OK, INVALID_PARAMETER], id=NUMBER),
        pytest.param(to(1242, "67000011"), [OK, OK, INVALID_PARAMETER], id=COUNTRY),
        pytest.param(to(86, "67000011"), [OK, OK, INVALID_PARAMETER], id=MAINLAND),
    ],
)
def test_a_destinations_error_is_that_destinations_only(
    packet: Make, codes: Codes, refused: dict[str, list[object]], expected: list[int]
) -> None:
    both = [{"COUNTRY_CODE": 852, "DEST_MSISDN": "67000011"}, *refused["MULTI_MSISDN_LIST"]]

    assert codes(packet(MULTI_MSISDN_LIST=both)) == expected


def test_digits_of_a_country_code_in_a_string_are_one_on_the_wire_only(packet: Make, codes: Codes) -> None:
    body = packet(**to("852", "67000011"))

    assert codes(body) == [INVALID_PARAMETER, INVALID_PARAMETER]
    assert codes(body, Account(profile=OBSERVED)) == [OK, OK]
