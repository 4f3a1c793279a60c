"""The result codes: whether the platform took a packet, or one of its destinations.

The table is the specification's, row by row, with the three damaged cells mended: `Invalide_paramete` is spelled as
the Remark below the table spells it, `0x100000D` has its lost zero back, and both rows named `Empty_data` stay.

Spec: RESULT_CODE and RESULT_DESC.
"""

from enum import IntEnum

import msgspec


class ResultCode(IntEnum):
    """The fifteen codes. On the wire they are decimal JSON integers: `INVALID_PARAMETER` is 268435457."""

    OK = 0x01
    UNKNOWN_ERROR = 0x02
    BUSY = 0x03
    EMPTY_DATA = 0x04
    CHANNEL_NOT_EXIST = 0x05
    INVALID_PARAMETER = 0x10000001
    INVALID_CONTEXT = 0x10000003
    SEND_FAILED = 0x10000004
    QUEUE_TOO_LARGE = 0x10000005
    INTERCEPT = 0x10000006
    LOST_INFO = 0x10000007
    EMPTY_DATA_RECEIVED = 0x1000000D
    DB_NOT_FIND = 0x1000000E
    UNPRICED_AREA = 0x1000000F
    INVALID_VERSION = 0x10000010

    __hash__ = int.__hash__
    """An Enum hashes its name, in Python; a code is looked up for every destination."""


class ResultCodeRow(msgspec.Struct, frozen=True):
    """One row of the table: the code, RESULT_DESC, what it means, and what the document tells the customer to do."""

    code: ResultCode
    desc: str
    description: str
    solution: str


_AGAIN = "Please try again later (10 minutes)"
_COMPLETE = "Check that the API packet required parameters are complete."

RESULT_CODES: tuple[ResultCodeRow, ...] = (
    ResultCodeRow(ResultCode.OK, "OK", "Success.", ""),
    ResultCodeRow(ResultCode.UNKNOWN_ERROR, "Unknown_error", "Unknown exception error.", "Please report to CloudSMS"),
    ResultCodeRow(ResultCode.BUSY, "Busy", "The platform is busy.", _AGAIN),
    ResultCodeRow(
        ResultCode.EMPTY_DATA,
        "Empty_data",
        "Empty packet.",
        "Please check that the API request packet is submitted correctly",
    ),
    ResultCodeRow(
        ResultCode.CHANNEL_NOT_EXIST,
        "Channel_not_exist",
        "AUTH_KEY mistakes.",
        "Please check whether the AUTH_KEY is filled in correctly",
    ),
    ResultCodeRow(
        ResultCode.INVALID_PARAMETER,
        "Invalid_parameter",
        "Parameter error.",
        "Check that the API request package parameters are correct. For example: whether the Parameter is correct, "
        "whether the Type is correct",
    ),
    ResultCodeRow(
        ResultCode.INVALID_CONTEXT,
        "Invalid_context",
        "Invalid SMS content, SMS content is lost or too long.",
        f"Check whether the API packet is in JSON format; {_COMPLETE}",
    ),
    ResultCodeRow(ResultCode.SEND_FAILED, "Send_failed", "SMS sending failed.", "Please report to CloudSMS"),
    ResultCodeRow(ResultCode.QUEUE_TOO_LARGE, "Queue_too_large", "The cache is full.", _AGAIN),
    ResultCodeRow(ResultCode.INTERCEPT, "Intercept", "Text messages are intercepted (possibly blacklisted).", _AGAIN),
    ResultCodeRow(ResultCode.LOST_INFO, "Lost_info", "Incomplete packet (partial loss)", _COMPLETE),
    ResultCodeRow(
        ResultCode.EMPTY_DATA_RECEIVED,
        "Empty_data",
        "Received empty packet",
        "Please check that the customer API packet format and required parameters are complete.",
    ),
    ResultCodeRow(ResultCode.DB_NOT_FIND, "DB_not_find", "Data storage error", _AGAIN),
    ResultCodeRow(
        ResultCode.UNPRICED_AREA,
        "Unpriced_area",
        "Prices are not allowed to be sent or set in this area",
        "Please check the SMS direction that supports sending.",
    ),
    ResultCodeRow(
        ResultCode.INVALID_VERSION,
        "Invalid_Version",
        "Invalid version",
        "Please change to the latest Web API version number.",
    ),
)

_BY_CODE = {row.code: row for row in RESULT_CODES}


def row_of(code: ResultCode) -> ResultCodeRow:
    """The table's row of a code."""
    return _BY_CODE[code]


def desc_of(code: ResultCode) -> str:
    """RESULT_DESC as the table names it: `Channel_not_exist`. At most 127 octets, all of them displayable ASCII."""
    return _BY_CODE[code].desc


def written(code: ResultCode) -> str:
    """The code as people write it: `0x05`, `0x10000001`."""
    return f"0x{code:02X}" if code < 0x10 else f"0x{code:08X}"
