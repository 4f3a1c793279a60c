"""One-time passwords: the digits in a text that somebody is to type in.

Spec: Examples, SMS request (OTP).
"""

import re

_WORD = re.compile(r"code|(?<![a-z])(?:otp|pin)(?![a-z])|验证码", re.IGNORECASE)
_RUN = re.compile(r"(?<!\d)\d{4,8}(?!\d)", re.ASCII)


def otp_in(text: str) -> str | None:
    """The first run of 4 to 8 digits after code, OTP, PIN or 验证码, else the first such run; None without any.

    Letters' case does not matter. `code` counts within a word too, such as passcode; OTP and PIN do not.
    """
    word = _WORD.search(text)
    found = None if word is None else _RUN.search(text, word.end())
    found = found or _RUN.search(text)
    return None if found is None else found.group()


def announces_otp(text: str) -> bool:
    """Whether a text says that it has a one-time password, by code, OTP, PIN or 验证码; digits alone do not."""
    return _WORD.search(text) is not None
