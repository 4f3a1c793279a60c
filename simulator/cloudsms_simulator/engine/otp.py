"""One-time passwords: the digits in a text that somebody is to type in.

Spec: Examples, SMS request (OTP). Reading: R14.
"""

import re
import unicodedata
from collections.abc import Iterator, Sequence

import msgspec

from cloudsms_simulator.protocol.content import DOCUMENT_BYTES

_FEWEST, _MOST = 4, 8
_WORD = re.compile(
    r"code|(?<![a-z])(?:otp|pin)(?![a-z])"
    r"|(?:验证|驗證|认证|認證|認証|校验|校驗|动态|動態|确认|確認)(?:密?[码碼]|コード|番号|番號)"
    r"|暗証番号|ワンタイムパスワード|一次性密[码碼]|인증\s?번호",
    re.IGNORECASE,
)
_NUMBER = re.compile(r"(?<!\d)\d++(?:(?P<between>[ \u00a0\u2009\u202f‐‑–-])\d++(?:(?P=between)\d++)*+)?")
"""A number, or several that one and the same blank or hyphen parts."""
_RUN = re.compile(r"\d++")
_CONTEXT = 24
"""Characters before a number, and behind it, that may say what it is."""

# What stands right before a number, or right behind it, when it is no password.
_NOT_AFTER = re.compile(
    r"(?:[*＊•●#]{2}|(?<![a-z])x[x*]+)[\s-]*$"
    r"|(?:尾[号號数數码碼]|[末后後][四4][位码碼]|末尾|下\s?[4４四]\s?[桁けた])[为為是:：]?\s*$"
    r"|(?:ending|ends)(?: (?:in|with|on))?:?\s*$|last (?:4|four)(?: digits)?(?: are| is)?:?\s*$"
    r"|[$¥￥€£]\s*$|(?<![a-z])(?:HKD|USD|CNY|RMB|TWD|JPY|EUR|GBP|SGD|NT|HK)\$?\s*$"
    r"|\+(?:\d[\d\s-]*)?$|\d[./]\d{1,2}[./]$",
    re.IGNORECASE,
)
_NOT_BEFORE = re.compile(
    r"[*＊•●]{2}|xx|\s?[元円圆圓年]|\s?(?:HKD|USD|CNY|RMB|TWD|JPY|EUR|GBP|SGD)(?![a-z])|[./-]\d{1,2}[./月-]\d",
    re.IGNORECASE,
)

# What makes a number doubtful: it counts only where the text has no better one.
_YEAR = re.compile(r"(?:19|20)\d\d")
_SAYS_SO_BEFORE = re.compile(
    r"(?:(?<![a-z])(?:is|are)|[:：=是为為は])[\s\"'「『【\[(]*$|(?:code|otp|pin|[码碼])\W*$", re.IGNORECASE
)
_SAYS_SO_BEHIND = re.compile(r"[\s\"'」』】\])]*(?:is(?![a-z])|[是为為は])(?!\W*\d)", re.IGNORECASE)
_TO_CALL = re.compile(
    r"(?:(?<![a-z])(?:call|dial|tel|phone|hotline|whatsapp)|致[电電]|[电電][话話]|[热熱][线線]|客服|查[询詢])\W*$",
    re.IGNORECASE,
)


class _Candidate(msgspec.Struct, frozen=True):
    digits: str
    doubtful: bool


def otp_in(text: str) -> str | None:
    """The 4 to 8 digits of a text that are to be typed in, as ASCII digits and nothing else; None without any.

    That is the first number of 4 to 8 digits after a word for it (code, OTP, PIN, 验证码, 驗證碼, 認証コード and the
    like, in any case; `code` counts within a word too, such as passcode), else the first of the text. Two groups of
    three or four digits, or three of two, that a blank or a hyphen parts are one number: `873-319`. Digits of any
    script count. The visible end of an account number (`**** 1234`, 尾号6789), a date, an amount and a telephone
    number with its country are none; a year, and a number to call, only where there is nothing else.

    Only as much of a text is looked at as ten segments can hold. Time is linear in it.
    """
    text = text[:DOCUMENT_BYTES]
    word = _WORD.search(text)
    doubtful: list[str] = []
    for begin in (0,) if word is None else (word.end(), 0):
        for each in _candidates(text, begin):
            if not each.doubtful:
                return each.digits
            doubtful.append(each.digits)
    return doubtful[0] if doubtful else None


def announces_otp(text: str) -> bool:
    """Whether a text says that it has a one-time password, by a word such as code or 验证码; digits alone do not."""
    return _WORD.search(text) is not None


def _candidates(text: str, begin: int) -> Iterator[_Candidate]:
    """The numbers of a text from a place on that may be passwords, in order."""
    for number in _NUMBER.finditer(text, begin):
        runs = list(_RUN.finditer(text, *number.span()))
        if len(runs) == 1 or _is_one(runs, number["between"]):
            yield from _judged(text, number.start(), number.end())
        elif len(runs) == 2 or (number["between"].isspace() and {len(run[0]) for run in runs} != {4}):
            # More than two with hyphens are a date or a telephone number, three fours the number of a card.
            for run in runs:
                yield from _judged(text, run.start(), run.end())


def _is_one(runs: Sequence[re.Match[str]], between: str) -> bool:
    """Whether groups of digits are written for one number. `26-11-30` is a date."""
    sizes = [len(run[0]) for run in runs]
    return sizes in ([3, 3], [4, 4]) or (sizes == [2, 2, 2] and between.isspace())


def _judged(text: str, start: int, end: int) -> Iterator[_Candidate]:
    digits = "".join(str(unicodedata.decimal(each)) for each in text[start:end] if each.isdecimal())
    if not _FEWEST <= len(digits) <= _MOST:
        return
    before, behind = text[max(0, start - _CONTEXT) : start], text[end : end + _CONTEXT]
    if _NOT_AFTER.search(before) or _NOT_BEFORE.match(behind):
        return
    is_year = _YEAR.fullmatch(digits) and not (_SAYS_SO_BEFORE.search(before) or _SAYS_SO_BEHIND.match(behind))
    yield _Candidate(digits, bool(is_year or _TO_CALL.search(before)))
