"""The table of signature types, and the samples that use it.

Spec: Parameter Details, SIGNATURE_TYPE.
"""

import pytest

from cloudsms_simulator.protocol.segmentation import SIGNATURE_ROWS, SignatureRow, signed_text, typed_signature

HEADING = "SIGNATURE_TYPE"

# SIGNATURE_TYPE, Type, Location, Description with xxx for the text. The print shows the solid brackets of row 2 as
# square ones and a space in front of them; its Type column says solid, and row 4 has no space.
ROWS = [
    (1, "Solid square brackets 【】", "At the beginning of the text message", "【Signature】xxx"),
    (2, "Solid square brackets 【】", "End of SMS", "xxx【Signature】"),
    (3, "Square brackets []", "At the beginning of the text message", "[Signature] xxx"),
    (4, "Square brackets []", "End of SMS", "xxx[Signature]"),
    (5, "None", "None", "xxx"),
]

LOCATIONS = {"At the beginning of the text message": "beginning", "End of SMS": "end", "None": "none"}


@pytest.mark.parametrize(
    ("signature_type", "brackets", "location", "description"),
    [pytest.param(*row, id=f"{HEADING} {row[0]}, {row[1]}, {row[2]}") for row in ROWS],
)
def test_a_signature_type_puts_the_signature_where_its_row_says(
    signature_type: int, brackets: str, location: str, description: str
) -> None:
    row = SIGNATURE_ROWS[signature_type - 1]

    assert signed_text("xxx", "Signature", signature_type) == description
    assert row.signature_type == signature_type
    assert row.location == LOCATIONS[location]
    assert f"{row.opening}{row.closing.rstrip()}" == brackets.removesuffix("None").split(" ")[-1]


def test_the_table_has_five_rows() -> None:
    assert [row.signature_type for row in SIGNATURE_ROWS] == [1, 2, 3, 4, 5]
    assert SIGNATURE_ROWS[4] == SignatureRow(5, "", "", "none")


def test_general_format_of_otp_sms_is_type_3() -> None:
    text = "Your Verification Code: 123456. Please do not disclose this code to anyone."

    assert signed_text(text, "CloudSMS", 3) == (
        "[CloudSMS] Your Verification Code: 123456. Please do not disclose this code to anyone."
    )


def test_example_1_single_sms_is_sent_in_solid_brackets() -> None:
    text = "Your verification code is 123345, please do not disclose it to others."

    assert signed_text(text, "CloudSMS", 1) == (
        "【CloudSMS】Your verification code is 123345, please do not disclose it to others."
    )


def test_the_sms_signature_does_not_need_to_be_filled_in_brackets() -> None:
    assert typed_signature("Your verification code is 123345", "[CloudSMS]", 1) == "[CloudSMS]"
