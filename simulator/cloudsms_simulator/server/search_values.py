r"""Search values: how the value of each kind of field is read, and what it then asks.

A reader gives back the test and the value as it would be read again, a moment in place of a duration. It raises
ValueError saying what would be right.

Spec: none; this is how the simulator is searched. Reading: R17.
"""

import re
from collections.abc import Callable, Iterable
from decimal import Decimal
from operator import eq, ge, gt, le, lt
from typing import TypeVar

from cloudsms_simulator.protocol import moments
from cloudsms_simulator.protocol.moments import datetime
from cloudsms_simulator.protocol.result_codes import RESULT_CODES, ResultCode, desc_of, written
from cloudsms_simulator.protocol.states import STATES, name_of
from cloudsms_simulator.protocol.timestamps import HONG_KONG
from cloudsms_simulator.server.durations import read_duration
from cloudsms_simulator.server.problems import suggestion
from cloudsms_simulator.server.search_patterns import like, literal_of, within

T = TypeVar("T")
Test = Callable[[T], bool]
Reader = Callable[[str, datetime], tuple[Test[T], str]]
"""From a pattern and the moment it is to a test and the pattern again."""

_NUMBER_GLOB = re.compile(r"[0-9*?\[\]!-]+")
_COMPARED = re.compile(r"(>=|<=|>|<|=|)([0-9]{1,18}(?:\.[0-9]{1,9})?)", re.ASCII)
_RANGE = re.compile(r"([0-9]{1,18}(?:\.[0-9]{1,9})?)\.\.([0-9]{1,18}(?:\.[0-9]{1,9})?)", re.ASCII)
_COMPARE: dict[str, Callable[[int | Decimal, int | Decimal], bool]] = {
    ">=": ge, "<=": le, ">": gt, "<": lt, "=": eq, "": eq,
}  # fmt: skip
_FLAGS = {"true": True, "yes": True, "false": False, "no": False}
_STATE_NAMES = tuple(row.state.name for row in STATES)
_DESCS = tuple(dict.fromkeys(row.desc for row in RESULT_CODES))


def read_glob(pattern: str, now: datetime) -> tuple[Test[str], str]:
    """A glob on all of the value."""
    return like(pattern), pattern


def read_text(pattern: str, now: datetime) -> tuple[Test[str], str]:
    """Something found anywhere in the value."""
    return within(pattern), pattern


def read_number(pattern: str, now: datetime) -> tuple[Test[str], str]:
    """A glob on a telephone number; a + in front does not count."""
    digits = pattern.removeprefix("+")
    if _NUMBER_GLOB.fullmatch(digits):
        return like(digits), digits
    bare = re.sub(r"[+ ()-]", "", pattern)
    near = f'; did you mean "{bare}"?' if _NUMBER_GLOB.fullmatch(bare) else ""
    raise ValueError(f'digits, and * or ?, such as "852*"{near}')


def read_amount(pattern: str, now: datetime) -> tuple[Test[int | Decimal], str]:
    """A number, compared with `>`, `>=`, `<`, `<=` or `=`, or a range such as `2..5`."""
    between = _RANGE.fullmatch(pattern)
    if between is not None:
        least, most = Decimal(between[1]), Decimal(between[2])
        return lambda value: least <= value <= most, pattern
    compared = _COMPARED.fullmatch(pattern.removeprefix("+"))
    if compared is None:
        raise ValueError('a number, such as "2", ">=2" or "2..5"')
    compare, bound = _COMPARE[compared[1]], Decimal(compared[2])
    return lambda value: compare(value, bound), pattern.removeprefix("+").removeprefix("=")


def read_state(pattern: str, now: datetime) -> tuple[Test[int], str]:
    """A state by its number, its name, or a glob on that."""
    literal = literal_of(pattern)
    if literal is None:
        named = like(pattern)
        return lambda state: named(name_of(state)), pattern
    if re.fullmatch(r"-?[0-9]{1,18}", literal, re.ASCII):
        number = int(literal)
        return lambda state: state == number, str(number)
    name = _one_of(literal, _STATE_NAMES, "a state by name or number")
    return lambda state: name_of(state) == name, name


def read_code(pattern: str, now: datetime) -> tuple[Test[int], str]:
    """A result code as `0x05`, as `5`, or by name; `Empty_data` is two of them."""
    literal = literal_of(pattern) or ""
    try:
        code = ResultCode(int(literal, 0))
    except ValueError:
        if literal[:1].isdigit():
            raise ValueError("one of the 15 result codes, such as 0x05 or 0x10000001") from None
    else:
        return lambda value: value == code, written(code)
    desc = _one_of(literal, _DESCS, "a result code such as 0x05, or its name")
    codes = frozenset(row.code for row in RESULT_CODES if desc_of(row.code) == desc)
    return lambda value: value in codes, desc


def read_flag(pattern: str, now: datetime) -> tuple[Test[bool], str]:
    """Whether something is so."""
    wanted = _FLAGS.get(pattern.lower())
    if wanted is None:
        raise ValueError("true or false")
    return lambda value: value is wanted, "true" if wanted else "false"


def word_reader(words: Iterable[str]) -> Reader[str]:
    """A reader for one of some words."""
    known = tuple(words)

    def read(pattern: str, now: datetime) -> tuple[Test[str], str]:
        word = _one_of(literal_of(pattern) or "", known, f"one of {', '.join(known)}")
        return lambda value: value == word, word

    return read


def read_after(pattern: str, now: datetime) -> tuple[Test[datetime], str]:
    """At a moment or later."""
    moment = _moment(pattern, now)
    return lambda value: value >= moment, moment.isoformat()


def read_before(pattern: str, now: datetime) -> tuple[Test[datetime], str]:
    """Earlier than a moment."""
    moment = _moment(pattern, now)
    return lambda value: value < moment, moment.isoformat()


def _moment(pattern: str, now: datetime) -> datetime:
    """An ISO 8601 moment or day, Hong Kong's where no zone is said, or a duration back from now.

    Any that has a year in Hong Kong, so that `before:9999-12-31` is for ever: it is only compared.
    """
    try:
        return now - read_duration(pattern)
    except ValueError:
        pass
    try:
        moment = moments.datetime.fromisoformat(pattern)
        day = None if len(pattern) > len("2026-11-22") else moments.date.fromisoformat(pattern)
        moment = moment if day is None else moments.datetime(day.year, day.month, day.day, tzinfo=HONG_KONG)
        return (moment if moment.tzinfo else moment.replace(tzinfo=HONG_KONG)).astimezone(HONG_KONG)
    except OverflowError:
        raise ValueError("a moment that is in the years 1 to 9999 in Hong Kong") from None
    except ValueError:
        wanted = 'a moment such as "2026-11-22T12:00:00+08:00", or a duration back from now, such as "10m"'
        raise ValueError(wanted) from None


def _one_of(word: str, known: tuple[str, ...], want: str) -> str:
    for each in known:
        if each.casefold() == word.casefold():
            return each
    raise ValueError(f"{want}{suggestion(word, known)}")
