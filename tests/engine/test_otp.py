"""One-time passwords in texts."""

import unicodedata

import pytest

from cloudsms_simulator.engine.diagnosis import announces_otp, otp_in


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
        # As Hong Kong, Taiwan, the mainland, Japan and Korea write it.
        ("2026 週年慶 驗證碼 873319，請勿透露", "873319"),
        ("您的認證碼為 4711", "4711"),
        ("订单 20261122，校验码：873319", "873319"),
        ("訂單 20261122，校驗碼：873319", "873319"),
        ("订单 20261122，认证码873319，5分钟内有效", "873319"),
        ("訂單 20261122，動態密碼 873319", "873319"),
        ("订单 20261122，动态密码 873319", "873319"),
        ("订单 20261122，确认码 873319", "873319"),
        ("注文 20261122 認証コード：873319", "873319"),
        ("注文 20261122 確認コード「873319」", "873319"),
        ("注文 20261122 ワンタイムパスワードは873319です", "873319"),
        ("注文 20261122 暗証番号は4711です", "4711"),
        ("주문 20261122 인증번호 [873319]", "873319"),
        # In groups, and in other digits.
        ("Your code is 873-319.", "873319"),
        ("Your code is 123 456", "123456"),
        ("Your code is 123\u00a0456, valid for 10 minutes", "123456"),
        ("Your code is 1234-5678", "12345678"),
        ("Your code is 12 34 56", "123456"),
        ("G-873319 is your code", "873319"),
        ("验证码：８７３３１９", "873319"),
        ("رمز التحقق ١٢٣٤٥٦", "123456"),
        ("code 873319 10 minutes", "873319"),
        ("code 873319-10 minutes", "873319"),
        ("验证码873319,10分钟内有效", "873319"),
        ("验证码873319.10分钟内有效", "873319"),
        # What only looks like one.
        ("2026 sale! 873319 is what you type", "873319"),
        ("Requested on 30 Nov 2026: 873319 is your code", "873319"),
        ("Your code requested on 30 Nov 2026 is 873319", "873319"),
        ("Your code of 2026-11-30 is 873319", "873319"),
        ("Your code of 2026/11/30 is 873319", "873319"),
        ("Your code of 30.11.2026 is 873319", "873319"),
        ("验证码于2026年11月30日过期：873319", "873319"),
        ("尾号6789的账户，873319（验证码）", "873319"),
        ("尾号6789的账户，验证码 873319", "873319"),
        ("您尾號為 6789 的信用卡", None),
        ("Card **** 1234: 873319 is your code", "873319"),
        ("Card xxxx-1234: 873319 is your code", "873319"),
        ("Card 6222****1234, 873319", "873319"),
        ("Card ending in 1234: 873319", "873319"),
        ("**** 1234", None),
        ("HKD 1234.00 at Shop, code sent by app", None),
        ("支付1234元，验证码873319", "873319"),
        ("code 1234 5678 9012", None),
        ("873319 is your code. Questions? Call 2345 6789", "873319"),
        ("Call +852 6123 4567 for help", None),
        ("Reserved 26-11-30", None),
        # A year may be a password all the same.
        ("Your code is 2026", "2026"),
        ("2026 is your code", "2026"),
        ("PIN 1999", "1999"),
        ("您的验证码是1999", "1999"),
        ("Ihr TAN 2024", "2024"),
        ("*873319* is your code", "873319"),
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


def test_a_one_time_password_is_always_4_to_8_ascii_digits() -> None:
    digits = [chr(point) for point in range(0x110000) if unicodedata.category(chr(point)) == "Nd"]
    for digit in digits:
        assert otp_in(f"code {digit * 6}") == str(unicodedata.decimal(digit)) * 6


@pytest.mark.parametrize(
    "piece", ["1234 ", "**** 1234 ", "1-1-", "2026 ", "x", " ", "12 34 ", "code", "+1 ", "尾号6789"]
)
def test_no_more_of_a_text_is_looked_at_than_ten_segments_hold(piece: str) -> None:
    longest = (piece * 1530)[:1530]
    assert otp_in(longest + " code 873319") == otp_in(longest)
