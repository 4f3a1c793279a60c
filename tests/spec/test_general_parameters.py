"""The four parameters of every packet, transcribed, and the paragraphs about them."""

import json
import re
from collections.abc import Callable
from datetime import datetime

import msgspec
import pytest

Make = Callable[..., dict[str, object]]
Send = Callable[..., bytes]
Codes = Callable[..., list[int]]

HEADING = "General Parameters"
OK, INVALID_PARAMETER = 0x01, 0x10000001

# Parameter, Type, LMAX, Required, and a value of another type
TABLE: list[tuple[str, str, int | None, bool, object]] = [
    ("METHOD", "STR", None, True, 1),
    ("TYPE", "STR", 8, True, 1),
    ("SERIAL", "UINT", 4, True, "1"),
    ("TIME", "STR", 32, True, 1633060800),
]
rows = pytest.mark.parametrize(
    ("parameter", "kind", "lmax", "required", "other"),
    [pytest.param(*row, id=f"{HEADING}: {row[0]} {row[1]} {row[2] or '-'}") for row in TABLE],
)


@rows
def test_each_packet_must_contain_it(
    packet: Make, codes: Codes, parameter: str, kind: str, lmax: int | None, required: bool, other: object
) -> None:
    for value in (msgspec.UNSET, None, "", other):
        assert codes(packet(**{parameter: value})) == [INVALID_PARAMETER] * 2


@rows
def test_the_answer_contains_it_too(
    packet: Make, send: Send, parameter: str, kind: str, lmax: int | None, required: bool, other: object
) -> None:
    for sent in (packet(), packet(**{parameter: other}), b"", b"hello"):
        value = json.loads(send(sent))[parameter]
        assert type(value) is (int if kind == "UINT" else str)
        assert lmax is None or isinstance(value, int) or len(value) <= lmax


@pytest.mark.parametrize(
    ("method", "code"),
    [
        pytest.param("SMS_SEND_REQUEST", OK, id="METHOD: means requesting SMS sending operation"),
        pytest.param("SMS_PUSH_REPORT", INVALID_PARAMETER, id="METHOD: the platform sends it, and takes none"),
    ],
)
def test_method_provides_two_choices(packet: Make, codes: Codes, method: str, code: int) -> None:
    assert codes(packet(METHOD=method)) == [code, code]


@pytest.mark.parametrize(
    ("kind", "code"),
    [
        pytest.param("REQUEST", OK, id="TYPE: the requested UIP message"),
        pytest.param("ANSWER", INVALID_PARAMETER, id="TYPE: the response UIP message"),
    ],
)
def test_type_provides_two_choices(packet: Make, codes: Codes, kind: str, code: int) -> None:
    assert codes(packet(TYPE=kind)) == [code, code]


@pytest.mark.parametrize(
    ("serial", "code"),
    [
        pytest.param(0, INVALID_PARAMETER, id="SERIAL: greater than or equal to 1"),
        pytest.param(1, OK, id="SERIAL: starting from 1"),
        pytest.param(128, OK, id="SERIAL: to 128 for cyclic counting"),
        pytest.param(129, OK, id="SERIAL: above 128"),
        pytest.param(65535, OK, id="SERIAL: less than or equal to 65535"),
        pytest.param(65536, INVALID_PARAMETER, id="SERIAL: above 65535"),
    ],
)
def test_serial_is_from_1_to_65535(packet: Make, codes: Codes, serial: int, code: int) -> None:
    assert codes(packet(SERIAL=serial)) == [code, code]


@pytest.mark.parametrize("sent", [b"", b"hello", b"{}"], ids=["TIME: no body", "TIME: no JSON", "TIME: no member"])
def test_the_time_of_an_answer_is_yyyy_mm_dd_hh_mm_ss_in_utc_plus_8(packet: Make, send: Send, sent: bytes) -> None:
    for body in (sent, packet()):
        time = json.loads(send(body))["TIME"]
        assert re.fullmatch(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d", time)
        assert datetime.strptime(time, "%Y-%m-%d %H:%M:%S") == datetime(2021, 10, 1, 12)  # noqa: DTZ001, DTZ007


@pytest.mark.parametrize("time", ["2021-10-01 12:00:00", "Please input your local time", "1633060800", "2" * 32])
def test_the_time_of_a_request_is_recorded_whatever_its_format(packet: Make, codes: Codes, time: str) -> None:
    assert codes(packet(TIME=time)) == [OK, OK]
