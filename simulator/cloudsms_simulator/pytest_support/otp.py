"""One-time passwords: the digits in a text that somebody is to type in."""

import re

_AFTER_A_WORD = re.compile(r"(?:code|otp|pin|验证码)\D{0,20}?(?<!\d)(\d{4,8})(?!\d)", re.IGNORECASE)
_ANYWHERE = re.compile(r"(?<!\d)(\d{4,8})(?!\d)", re.ASCII)


def otp_in(text: str) -> str | None:
    """The first run of 4 to 8 digits after code, OTP, PIN or 验证码, else the first such run; None without any."""
    found = _AFTER_A_WORD.search(text) or _ANYWHERE.search(text)
    return None if found is None else found[1]
