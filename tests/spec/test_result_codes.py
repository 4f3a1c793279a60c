"""The table of result codes, transcribed from the specification, against the table in the code.

The cells the document damaged are transcribed as mended: `Invalide_paramete` as its Remark spells it, `0x100000D` with
the zero it lost.
"""

import pytest

from cloudsms_simulator.protocol.codes import RESULT_CODES, ResultCode, desc_of, hex_code, row_of

HEADING = "RESULT_CODE and RESULT_DESC"
AGAIN = "Please try again later (10 minutes)"
EXAMPLES = " For example: whether the Parameter is correct, whether the Type is correct"
TABLE = [
    ("0x01", "OK", "Success.", ""),
    ("0x02", "Unknown_error", "Unknown exception error.", "Please report to CloudSMS"),
    ("0x03", "Busy", "The platform is busy.", AGAIN),
    ("0x04", "Empty_data", "Empty packet.", "Please check that the API request packet is submitted correctly"),
    (
        "0x05",
        "Channel_not_exist",
        "AUTH_KEY mistakes.",
        "Please check whether the AUTH_KEY is filled in correctly",
    ),
    (
        "0x10000001",
        "Invalid_parameter",
        "Parameter error.",
        "Check that the API request package parameters are correct." + EXAMPLES,
    ),
    (
        "0x10000003",
        "Invalid_context",
        "Invalid SMS content, SMS content is lost or too long.",
        "Check whether the API packet is in JSON format; Check that the API packet required parameters are complete.",
    ),
    ("0x10000004", "Send_failed", "SMS sending failed.", "Please report to CloudSMS"),
    ("0x10000005", "Queue_too_large", "The cache is full.", AGAIN),
    ("0x10000006", "Intercept", "Text messages are intercepted (possibly blacklisted).", AGAIN),
    (
        "0x10000007",
        "Lost_info",
        "Incomplete packet (partial loss)",
        "Check that the API packet required parameters are complete.",
    ),
    (
        "0x1000000D",
        "Empty_data",
        "Received empty packet",
        "Please check that the customer API packet format and required parameters are complete.",
    ),
    ("0x1000000E", "DB_not_find", "Data storage error", AGAIN),
    (
        "0x1000000F",
        "Unpriced_area",
        "Prices are not allowed to be sent or set in this area",
        "Please check the SMS direction that supports sending.",
    ),
    (
        "0x10000010",
        "Invalid_Version",
        "Invalid version",
        "Please change to the latest Web API version number.",
    ),
]
rows = pytest.mark.parametrize("row", [pytest.param(row, id=f"{HEADING}: {row[0]} {row[1]}") for row in TABLE])


@rows
def test_a_row_of_the_table_of_result_codes(row: tuple[str, str, str, str]) -> None:
    code, desc, description, solution = row

    ours = row_of(ResultCode(int(code, 16)))

    assert (hex_code(ours.code), ours.desc, ours.description, ours.solution) == (code, desc, description, solution)


@rows
def test_a_description_fits_into_its_field(row: tuple[str, str, str, str]) -> None:
    desc = desc_of(ResultCode(int(row[0], 16)))

    assert len(desc) <= 127
    assert desc.isascii()
    assert desc.isprintable()


def test_result_codes_are_those_of_the_table_in_its_order() -> None:
    assert [hex_code(row.code) for row in RESULT_CODES] == [row[0] for row in TABLE]
    assert len(ResultCode) == len(TABLE) == 15


def test_invalid_parameter_is_a_decimal_integer_on_the_wire() -> None:
    assert int(ResultCode.INVALID_PARAMETER) == 268435457
