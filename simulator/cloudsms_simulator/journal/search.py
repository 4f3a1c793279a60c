"""A search: one syntax for messages, requests and reports.

`to:852* state:DELIVERED -content:"old code" after:10m` finds what all terms hold for; `-` excludes, words without a
field are looked for in the text. A search is put together once and asked often, also by a thousand who wait; for what
it does not find it can say which terms do not hold and what the record has instead.

Spec: none; this is how the simulator is searched. Reading: R17.
"""

import re
from collections.abc import Sequence

import msgspec

from cloudsms_simulator.config.problems import suggestion
from cloudsms_simulator.journal.search_fields import (
    ALIASES,
    COMPARABLE,
    FLAGS,
    NO_CONTEXT,
    NONE_WORD,
    SEARCH_FIELDS,
    JournalKind,
    JournalRecord,
    RecordCheck,
    RecordTexts,
    SearchContext,
)
from cloudsms_simulator.journal.search_syntax import SearchError, SearchWord, literal_of, split_words, written_pattern
from cloudsms_simulator.moments import datetime

DEFAULT_FIELD = "text"
"""The field in which words without one are looked for."""
_IS = "is"
_OUTCOMES = frozenset({"final", "refunded", "state"})
_WITHOUT_COLON = re.compile(r"([A-Za-z_]+)((?:[<>]=?|=).+)")
_LONGEST_EXCERPT = 60


class Term(msgspec.Struct, frozen=True):
    """One thing a search asks: the field, the pattern, and whether it must not be so."""

    field: str
    pattern: str
    negated: bool = False

    def __str__(self) -> str:
        sign = "-" if self.negated else ""
        if self.field == DEFAULT_FIELD:
            return sign + written_pattern(self.pattern, bare=True)
        return f"{sign}{self.field}:{written_pattern(self.pattern, bare=False)}"


class Difference(msgspec.Struct, frozen=True):
    """A term that does not hold for a value, and what the value has instead; None when it has nothing there."""

    term: str
    got: str | None


class _CompiledTerm(msgspec.Struct, frozen=True):
    term: Term
    check: RecordCheck
    told: RecordTexts
    effort: int

    def holds(self, value: JournalRecord, beside: SearchContext) -> bool:
        return self.check(value, beside) is not self.term.negated


class Search:
    """What is looked for. Two that ask the same in the same order are equal; `str()` is read back as the same."""

    def __init__(self, asked: Sequence[_CompiledTerm]) -> None:
        self.terms = tuple(each.term for each in asked)
        self._asked = tuple(asked)
        self._easiest_first = tuple(sorted(asked, key=lambda each: each.effort))
        self.recipient = self._demanded("to")
        """The one recipient, country code and number in one, if all that is found must have it."""
        self.uid = self._demanded("uid")
        """The one SMS_UID, in upper case, if all that is found must have it."""

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Search) and self.terms == other.terms

    def __hash__(self) -> int:
        return hash(self.terms)

    def __str__(self) -> str:
        return " ".join(map(str, self.terms))

    def __repr__(self) -> str:
        return f"<Search {self}>"

    def matches(self, value: JournalRecord, beside: SearchContext = NO_CONTEXT) -> bool:
        """Whether every term holds for a message, an exchange or a report.

        A field that a value has not got fits no pattern. What a report's message says is known from `beside` only.
        """
        for asked in self._easiest_first:  # noqa: SIM110  # a generator costs more than most checks
            if asked.check(value, beside) is asked.term.negated:
                return False
        return True

    def misses(self, value: JournalRecord, beside: SearchContext = NO_CONTEXT) -> tuple[str, ...]:
        """The terms that do not hold, as they are written; empty when all do."""
        return tuple(str(asked.term) for asked in self._asked if not asked.holds(value, beside))

    def count_misses(self, value: JournalRecord, beside: SearchContext = NO_CONTEXT) -> int:
        """How many terms do not hold."""
        return sum([not asked.holds(value, beside) for asked in self._asked])

    def differences(self, value: JournalRecord, beside: SearchContext = NO_CONTEXT) -> tuple[Difference, ...]:
        """The terms that do not hold, each with what the value has instead."""
        return tuple(
            Difference(str(asked.term), _shown(asked.told(value, beside)))
            for asked in self._asked
            if not asked.holds(value, beside)
        )

    @property
    def awaits_outcome(self) -> bool:
        """Whether no message that was only just accepted is found: one must have reached some state."""
        return any(
            term.field in _OUTCOMES and (term.pattern in {NONE_WORD, "false"}) is term.negated for term in self.terms
        )

    def _demanded(self, field: str) -> str | None:
        for term in self.terms:
            if term.field == field and not term.negated:
                literal = literal_of(term.pattern)
                if literal is not None:
                    return literal.upper()
        return None


MATCH_ALL = Search(())
"""Holds for whatever there is."""


def parse_search(text: str, now: datetime, kind: JournalKind | None = None) -> Search:
    """The search a text stands for; `now` is what durations in it count back from.

    Raises SearchError, saying where, what came and what would be right; of a field that things of `kind` have not got
    too, if one is given.
    """
    return Search([_compile_term(word, now, kind) for word in split_words(text)])


def _compile_term(word: SearchWord, now: datetime, kind: JournalKind | None) -> _CompiledTerm:
    given, pattern = _split(word)
    name = ALIASES.get(given.lower(), given.lower())
    if name == _IS:
        if pattern.lower() not in FLAGS:
            raise _wrong(word, given, pattern, f"one of {', '.join(FLAGS)}{suggestion(pattern, FLAGS)}")
        name, pattern = pattern.lower(), "true"
    field = SEARCH_FIELDS.get(name)
    if field is None:
        near = suggestion(given, (*SEARCH_FIELDS, *ALIASES, _IS))
        known = near or f"; there is {', '.join(SEARCH_FIELDS)}."
        raise SearchError(word.column, f'unknown field "{given[:_LONGEST_EXCERPT]}"{known} Quote a word with a colon.')
    if kind is not None and kind not in field.kinds:
        raise SearchError(word.column, f'"{name}" is a field of {" and ".join(field.kinds)}, not of {kind}')
    try:
        check, pattern = field.asked(pattern, now)
    except ValueError as error:
        raise _wrong(word, given, pattern, str(error)) from None
    return _CompiledTerm(Term(name, pattern, word.negated), check, field.told, field.effort)


def _split(word: SearchWord) -> tuple[str, str]:
    """Field and pattern of a word; `segments>1` has a field too."""
    if word.field is not None:
        return word.field, word.value
    compared = None if word.quoted else _WITHOUT_COLON.fullmatch(word.value)
    if compared is not None and ALIASES.get(compared[1].lower(), compared[1].lower()) in COMPARABLE:
        return compared[1], compared[2]
    return DEFAULT_FIELD, word.value


def _wrong(word: SearchWord, given: str, pattern: str, want: str) -> SearchError:
    shown = pattern if len(pattern) <= _LONGEST_EXCERPT else f"{pattern[:_LONGEST_EXCERPT]}…"
    return SearchError(word.column, f'{given}: got "{shown}", want {want}')


def _shown(values: tuple[str, ...]) -> str | None:
    if not values:
        return None
    text = ", ".join(values[:5]) + (", …" if len(values) > 5 else "")
    return text if len(text) <= 200 else f"{text[:200]}…"
