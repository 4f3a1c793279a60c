"""One-time passwords in texts."""

import pytest

from cloudsms_simulator.engine.otp import announces_otp, otp_in


@pytest.mark.parametrize(
    ("text", "otp"),
    [
        ("Your code is 123456", "123456"),
        ("Order 20261122: your OTP is 9876.", "9876"),
        ("Order 20261122, valid for 5 minutes: your OTP, if you asked for one within 10 minutes, is 9876.", "9876"),
        ("验证码：445566，请勿泄露", "445566"),
        ("PIN-4711", "4711"),
        ("passcode1234", "1234"),
        ("Shopping 5555, pin 1234", "1234"),
        ("1234 is your code", "1234"),
        ("Call 12345 now", "12345"),
        ("Your code: 123456789 or 5555", "5555"),
        ("no code at all", None),
        ("123 and 1234567890", None),
        ("", None),
    ],
)
def test_a_one_time_password_is_found(text: str, otp: str | None) -> None:
    assert otp_in(text) == otp


@pytest.mark.parametrize(
    ("text", "announced"),
    [("Your code is 4711", True), ("您的验证码是4711", True), ("Pump 4711 is down", False), ("", False)],
)
def test_a_password_is_announced_by_its_word_and_not_by_digits(text: str, announced: bool) -> None:
    assert announces_otp(text) is announced
