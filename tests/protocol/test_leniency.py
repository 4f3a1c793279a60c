"""What values of the wrong type stand for."""

import pytest

from cloudsms_simulator.protocol.packet import parsed, whole_number


@pytest.mark.parametrize(
    ("value", "number"),
    [
        (7, 7),
        ("7", 7),
        (" 7 ", 7),
        (7.0, 7),
        (-1, -1),
        (True, None),
        (7.5, None),
        (float("inf"), None),
        ("-7", None),
        ("７", None),
        ("", None),
        ("1" * 20, 11_111_111_111_111_111_111),
        ("1" * 21, None),
        (None, None),
        ([7], None),
    ],
)
def test_a_whole_number_is_one_however_it_is_spelled(value: object, number: int | None) -> None:
    assert whole_number(value) == number


@pytest.mark.parametrize(
    ("text", "value"), [("[1]", [1]), ('{"a":1}', {"a": 1}), ("7", 7), ("hello", None), ("", None), ("\ud800", None)]
)
def test_json_in_a_string_is_read(text: str, value: object) -> None:
    assert parsed(text) == value
