"""How a search is written: its words, the patterns in them, and how the value of each type of field is read.

White space separates words; a word may begin with `-`, and then with a field and a colon. Quotes keep everything
together; a backslash takes away the special meaning of the character after it. A glob has `*`, `?` and `[abc]` and must
match the whole value; a text that may be found anywhere in the value has `*` only. Letters' case and width never count;
accents do, however they are encoded. A term reader returns a test and the pattern as it would be read again, with a
moment in place of a duration; it raises ValueError saying what would be right.

Spec: none; this is how the simulator is searched. Reading: R17.
"""

import re
from collections.abc import Callable, Iterable
from decimal import Decimal
from operator import eq, ge, gt, le, lt
from typing import TypeVar

import msgspec

from cloudsms_simulator import moments
from cloudsms_simulator.config import suggestion
from cloudsms_simulator.engine.rules import TextTest, glob_test
from cloudsms_simulator.expressions import lazy_pattern
from cloudsms_simulator.models.durations import read_duration
from cloudsms_simulator.moments import datetime
from cloudsms_simulator.protocol.codes import RESULT_CODES, STATES, ResultCode, desc_of, hex_code, state_desc
from cloudsms_simulator.protocol.timestamps import HONG_KONG
from cloudsms_simulator.protocol.unicode_text import folded

LONGEST_SEARCH = 2000
"""The most characters a search may have."""

_ESCAPED_CHARACTERS = frozenset("\\*?[]")
"""Characters that mean themselves in a pattern only after a backslash."""
_FIELD = lazy_pattern(r"[A-Za-z][A-Za-z_]*")
_NEEDS_NO_QUOTES = lazy_pattern(r"[^\s\":\\()<>=-][^\s\":\\()<>=]*")
_LOGIC = frozenset({"AND", "NOT", "OR"})


class SearchError(ValueError):
    """A search that cannot be read. The text says where, what came, and what would be right."""

    def __init__(self, column: int, text: str) -> None:
        super().__init__(f"search, column {column}: {text}")
        self.column = column
        """Where it is wrong, counted from 1."""


class SearchWord(msgspec.Struct, frozen=True):
    """One word; `value` is a pattern: a backslash in it stands before a special character that means itself."""

    column: int
    negated: bool
    field: str | None
    value: str
    quoted: bool
    """Whether any of it was in quotes."""


def split_words(text: str) -> list[SearchWord]:
    """The words of a search, in order. Raises SearchError for a quote that is not closed and the like."""
    if len(text) > LONGEST_SEARCH:
        raise SearchError(LONGEST_SEARCH + 1, f"got {len(text):,} characters, want at most {LONGEST_SEARCH:,}")
    words, at = [], 0
    while at < len(text):
        if text[at].isspace():
            at += 1
            continue
        word, at = _word(text, at)
        words.append(word)
    return words


def written_pattern(pattern: str, *, bare: bool) -> str:
    """A pattern as it is written in a search.

    `bare` says that no field stands before it: then more has to be quoted.
    """
    if pattern and not bare and not any(each.isspace() or each == '"' for each in pattern):
        return pattern
    if bare and _NEEDS_NO_QUOTES.fullmatch(pattern) and pattern not in _LOGIC:
        return pattern
    return '"' + pattern.replace('"', '\\"') + '"'


def _word(text: str, begin: int) -> tuple[SearchWord, int]:
    negated = text[begin] == "-"
    at = begin + negated
    if negated and (at == len(text) or text[at].isspace()):
        raise SearchError(begin + 1, 'got "-" alone, want a term after it; write "-" in quotes to look for one')
    field = None
    named = _FIELD.match(text, at)
    if named is not None and text[named.end() : named.end() + 1] == ":":
        field, at = named[0], named.end() + 1
    value, at, quoted = _value(text, at)
    if field is not None and not value and not quoted:
        raise SearchError(begin + 1, f'"{field}:" has no value; want one right after the colon, or "" for an empty one')
    if field is None and value in _LOGIC and not quoted:
        raise SearchError(
            begin + 1, f'got {value}; all terms must hold, and "-" excludes. Write "{value}" in quotes to look for it'
        )
    return SearchWord(begin + 1, negated, field, value, quoted), at


def _value(text: str, at: int) -> tuple[str, int, bool]:
    """The pattern that begins at `at`, the place where it ends, and whether any of it was in quotes."""
    pattern: list[str] = []
    opened, quoted = 0, False
    while at < len(text) and (opened or not text[at].isspace()):
        character = text[at]
        at += 1
        if character == '"':
            opened, quoted = 0 if opened else at, True
        elif character == "\\":
            if at == len(text):
                raise SearchError(at, 'nothing follows the backslash; want "\\\\" for a backslash')
            pattern.append(f"\\{text[at]}" if text[at] in _ESCAPED_CHARACTERS else text[at])
            at += 1
        else:
            pattern.append(character)
    if opened:
        raise SearchError(opened, "the quote that begins here is not closed")
    return "".join(pattern), at, quoted


_WILD = lazy_pattern(r"(?<!\\)(?:\\\\)*[*?\[]")
_ESCAPED = lazy_pattern(r"\\(.)", re.DOTALL)
_STAR_OR_ESCAPED = lazy_pattern(r"\\(.)|(\*)", re.DOTALL)
_GLOB_CHARACTERS = frozenset("*?[]!-")
_FNMATCH = {"*": "[*]", "?": "[?]", "[": "[[]"}


def literal_of(pattern: str) -> str | None:
    """The one text that a glob matches; None when it matches several."""
    return None if _WILD.search(pattern) else _ESCAPED.sub(r"\1", pattern)


def pattern_test(pattern: str) -> TextTest:
    """A test whether a glob matches the whole of a text, letters' case and width aside."""
    fits = glob_test(_glob(pattern))
    return lambda text: fits(folded(text))


def contains_test(pattern: str) -> TextTest:
    """A test whether a pattern is found anywhere in a text, its parts between `*` in their order."""
    parts = _parts(pattern)
    if len(parts) == 1:
        (only,) = parts
        return lambda text: only in folded(text)

    def holds(text: str) -> bool:
        whole, at = folded(text), 0
        for part in parts:
            found = whole.find(part, at)
            if found < 0:
                return False
            at = found + len(part)
        return True

    return holds


def _parts(pattern: str) -> list[str]:
    parts = [""]
    at = 0
    for special in _STAR_OR_ESCAPED.finditer(pattern):
        parts[-1] += pattern[at : special.start()]
        if special[2]:
            parts.append("")
        else:
            parts[-1] += special[1]
        at = special.end()
    parts[-1] += pattern[at:]
    return [folded(part) for part in parts]


def _glob(pattern: str) -> str:
    """A pattern as `fnmatch` writes it, what stands between wild characters folded. One that folding makes a special
    character means itself."""
    glob, plain, at = "", "", 0
    while at < len(pattern):
        character = pattern[at]
        at += 1
        if character in _GLOB_CHARACTERS:
            glob, plain = f"{glob}{_plain_glob(plain)}{character}", ""
            continue
        if character == "\\" and at < len(pattern):
            character = pattern[at]
            at += 1
        plain += character
    return glob + _plain_glob(plain)


def _plain_glob(text: str) -> str:
    return "".join(_FNMATCH.get(each, each) for each in folded(text))


T = TypeVar("T")
ValueTest = Callable[[T], bool]
TermReader = Callable[[str, datetime], tuple[ValueTest[T], str]]
"""Reads a pattern, given the moment it is now; returns the test and the pattern as it would be read again."""

_NUMBER_GLOB = lazy_pattern(r"[0-9*?\[\]!-]+")
_COMPARED = lazy_pattern(r"(>=|<=|>|<|=|)([0-9]{1,18}(?:\.[0-9]{1,9})?)", re.ASCII)
_RANGE = lazy_pattern(r"([0-9]{1,18}(?:\.[0-9]{1,9})?)\.\.([0-9]{1,18}(?:\.[0-9]{1,9})?)", re.ASCII)
_COMPARE: dict[str, Callable[[int | Decimal, int | Decimal], bool]] = {
    ">=": ge, "<=": le, ">": gt, "<": lt, "=": eq, "": eq,
}  # fmt: skip
_FLAGS = {"true": True, "yes": True, "false": False, "no": False}
_STATE_NAMES = tuple(row.state.name for row in STATES)
_DESCS = tuple(dict.fromkeys(row.desc for row in RESULT_CODES))


def read_glob_term(pattern: str, now: datetime) -> tuple[ValueTest[str], str]:
    """Reads a glob that must match the whole value."""
    return pattern_test(pattern), pattern


def read_text_term(pattern: str, now: datetime) -> tuple[ValueTest[str], str]:
    """Reads a text that may be found anywhere in the value."""
    return contains_test(pattern), pattern


def read_msisdn_term(pattern: str, now: datetime) -> tuple[ValueTest[str], str]:
    """Reads a glob on a telephone number; a + in front does not count."""
    digits = pattern.removeprefix("+")
    if _NUMBER_GLOB.fullmatch(digits):
        return pattern_test(digits), digits
    bare = re.sub(r"[+ ()-]", "", pattern)
    near = f'; did you mean "{bare}"?' if _NUMBER_GLOB.fullmatch(bare) else ""
    raise ValueError(f'digits, and * or ?, such as "852*"{near}')


def read_number_term(pattern: str, now: datetime) -> tuple[ValueTest[int | Decimal], str]:
    """Reads a number to compare with, after `>`, `>=`, `<`, `<=`, `=` or nothing, or a range such as `2..5`."""
    between = _RANGE.fullmatch(pattern)
    if between is not None:
        least, most = Decimal(between[1]), Decimal(between[2])
        return lambda value: least <= value <= most, pattern
    compared = _COMPARED.fullmatch(pattern.removeprefix("+"))
    if compared is None:
        raise ValueError('a number, such as "2", ">=2" or "2..5"')
    compare, bound = _COMPARE[compared[1]], Decimal(compared[2])
    return lambda value: compare(value, bound), pattern.removeprefix("+").removeprefix("=")


def read_state_term(pattern: str, now: datetime) -> tuple[ValueTest[int], str]:
    """Reads a state: its number, its name, or a glob on the name."""
    literal = literal_of(pattern)
    if literal is None:
        named = pattern_test(pattern)
        return lambda state: named(state_desc(state)), pattern
    if re.fullmatch(r"-?[0-9]{1,18}", literal, re.ASCII):
        number = int(literal)
        return lambda state: state == number, str(number)
    name = _one_of(literal, _STATE_NAMES, "a state by name or number")
    return lambda state: state_desc(state) == name, name


def read_code_term(pattern: str, now: datetime) -> tuple[ValueTest[int], str]:
    """Reads a result code: `0x05`, `5`, or its name. `Empty_data` is the name of two codes."""
    literal = literal_of(pattern) or ""
    try:
        code = ResultCode(int(literal, 0))
    except ValueError:
        if literal[:1].isdigit():
            raise ValueError("one of the 15 result codes, such as 0x05 or 0x10000001") from None
    else:
        return lambda value: value == code, hex_code(code)
    desc = _one_of(literal, _DESCS, "a result code such as 0x05, or its name")
    codes = frozenset(row.code for row in RESULT_CODES if desc_of(row.code) == desc)
    return lambda value: value in codes, desc


def read_flag_term(pattern: str, now: datetime) -> tuple[ValueTest[bool], str]:
    """Reads true or false, also as yes or no."""
    wanted = _FLAGS.get(pattern.lower())
    if wanted is None:
        raise ValueError("true or false")
    return lambda value: value is wanted, "true" if wanted else "false"


def word_term_reader(words: Iterable[str]) -> TermReader[str]:
    """A term reader that takes one of these words."""
    known = tuple(words)

    def read(pattern: str, now: datetime) -> tuple[ValueTest[str], str]:
        word = _one_of(literal_of(pattern) or "", known, f"one of {', '.join(known)}")
        return lambda value: value == word, word

    return read


def read_after_term(pattern: str, now: datetime) -> tuple[ValueTest[datetime], str]:
    """Reads a moment; the value must be that or later."""
    moment = _moment(pattern, now)
    return lambda value: value >= moment, moment.isoformat()


def read_before_term(pattern: str, now: datetime) -> tuple[ValueTest[datetime], str]:
    """Reads a moment; the value must be earlier."""
    moment = _moment(pattern, now)
    return lambda value: value < moment, moment.isoformat()


def _moment(pattern: str, now: datetime) -> datetime:
    """Reads an ISO 8601 moment or day, Hong Kong's where no zone is given, or a duration back from now.

    Any moment in the years 1 to 9999 in Hong Kong will do, since it is only compared: `before:9999-12-31` is for ever.
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
