"""The byte rule of SMS_CONTENT, and how its limit stands beside the slicing tables.

Spec: Parameter Details, SMS_CONTENT. Spec: Request UIP Format, SMS_CONTENT, LMAX.
"""

import pytest

from cloudsms_simulator.protocol.packet import MOST_SEGMENTS
from cloudsms_simulator.protocol.segmentation import DOCUMENT_BYTES, byte_rule, segment

HEADING = "SMS_CONTENT"


@pytest.mark.parametrize(
    ("text", "octets"),
    [
        pytest.param("Hello, world!", 13, id=f"{HEADING}: In English, one character and one byte"),
        pytest.param("验证码", 6, id=f"{HEADING}: The rest is calculated as one character and two bytes"),
        pytest.param("Code 验证码", 16, id=f"{HEADING}: mixed Chinese and English, and English is also two bytes"),
        pytest.param("Hello，world!", 24, id=f"{HEADING}: punctuation marks that are not half corners are the rest"),
    ],
)
def test_the_bytes_of_a_text_follow_the_rule(text: str, octets: int) -> None:
    assert byte_rule(text) == octets


def test_allows_a_maximum_length_of_1530_bytes_which_is_ten_segments_in_english() -> None:
    english = "A" * DOCUMENT_BYTES

    assert byte_rule(english) == DOCUMENT_BYTES == 1530
    assert segment(english, "table").segments == MOST_SEGMENTS == 10


def test_the_1600_bytes_of_the_request_format_are_more_than_ten_segments_in_english() -> None:
    assert segment("A" * 1600, "table").segments == MOST_SEGMENTS + 1


def test_a_latin_1_text_of_ten_segments_is_over_the_bytes_and_a_chinese_one_is_not() -> None:
    latin_1, chinese = "ç" * 1340, "验" * 670

    assert segment(latin_1, "table").segments == segment(chinese, "table").segments == MOST_SEGMENTS
    assert byte_rule(latin_1) == 2680 > DOCUMENT_BYTES
    assert byte_rule(chinese) == 1340 < DOCUMENT_BYTES
