"""A search: one syntax for messages, requests and reports.

`to:852* state:DELIVERED -content:"old code" after:10m` finds what all terms hold for; `-` excludes, words without a
field are looked for in the text. A search is compiled once and matched often, also by a thousand waits at a time. For a
record that it does not match it says which terms do not hold, and what the record has instead.

Spec: none; this is how the simulator is searched. Reading: R17.
"""

from collections.abc import Sequence

import msgspec

from cloudsms_simulator.config import suggestion
from cloudsms_simulator.expressions import lazy_pattern
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
from cloudsms_simulator.models.journal import Difference
from cloudsms_simulator.moments import datetime

DEFAULT_FIELD = "text"
"""The field in which words without one are looked for."""
_IS = "is"
_WITHOUT_COLON = lazy_pattern(r"([A-Za-z_]+)((?:[<>]=?|=).+)")
_LONGEST_EXCERPT = 60


class Term(msgspec.Struct, frozen=True):
    """One term of a search: the field, the pattern, and whether the field must not match it."""

    field: str
    pattern: str
    negated: bool = False

    def __str__(self) -> str:
        sign = "-" if self.negated else ""
        if self.field == DEFAULT_FIELD:
            return sign + written_pattern(self.pattern, bare=True)
        return f"{sign}{self.field}:{written_pattern(self.pattern, bare=False)}"


class _CompiledTerm(msgspec.Struct, frozen=True):
    term: Term
    check: RecordCheck
    texts: RecordTexts
    effort: int

    def holds(self, record: JournalRecord, context: SearchContext) -> bool:
        return self.check(record, context) is not self.term.negated


class Search:
    """A search of messages, requests or reports. Searches of the same terms in the same order are equal.

    `str()` writes a search so that `parse_search` reads the same one again.
    """

    def __init__(self, compiled: Sequence[_CompiledTerm]) -> None:
        self.terms = tuple(each.term for each in compiled)
        self._compiled = tuple(compiled)
        self._easiest_first = tuple(sorted(compiled, key=lambda each: each.effort))
        self.recipient = self._demanded("to")
        """The one recipient that a record must have to match, country code and number in one; None if any may do."""
        self.uid = self._demanded("uid")
        """The one SMS_UID that a record must have to match, in upper case; None if any may do."""

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Search) and self.terms == other.terms

    def __hash__(self) -> int:
        return hash(self.terms)

    def __str__(self) -> str:
        return " ".join(map(str, self.terms))

    def __repr__(self) -> str:
        return f"<Search {self}>"

    def matches(self, record: JournalRecord, context: SearchContext = NO_CONTEXT) -> bool:
        """Whether every term holds for a message, an exchange or a report.

        A field that the record has not got fits no pattern. A report's message is looked at only if it is in `context`.
        """
        for compiled in self._easiest_first:  # noqa: SIM110  # a generator costs more than most checks
            if compiled.check(record, context) is compiled.term.negated:
                return False
        return True

    def misses(self, record: JournalRecord, context: SearchContext = NO_CONTEXT) -> tuple[str, ...]:
        """The terms that do not hold, as they are written in a search; empty when all do."""
        return tuple(str(compiled.term) for compiled in self._compiled if not compiled.holds(record, context))

    def count_misses(self, record: JournalRecord, context: SearchContext = NO_CONTEXT) -> int:
        """How many terms do not hold."""
        return sum([not compiled.holds(record, context) for compiled in self._compiled])

    def differences(self, record: JournalRecord, context: SearchContext = NO_CONTEXT) -> tuple[Difference, ...]:
        """The terms that do not hold, each with what the record has instead."""
        return tuple(
            Difference(str(compiled.term), _shown(compiled.texts(record, context)))
            for compiled in self._compiled
            if not compiled.holds(record, context)
        )

    @property
    def awaits_outcome(self) -> bool:
        """Whether a message matches only once it has reached some state, and never when it was just accepted."""
        return any(
            (term.pattern in {NONE_WORD, "false"}) is term.negated
            for term in self.terms
            if term.field in SEARCH_FIELDS and SEARCH_FIELDS[term.field].is_outcome
        )

    def _demanded(self, field: str) -> str | None:
        for term in self.terms:
            if term.field == field and not term.negated:
                literal = literal_of(term.pattern)
                if literal is not None:
                    return literal.upper()
        return None


def parse_search(text: str, now: datetime, kind: JournalKind | None = None) -> Search:
    """Reads a search; durations in it count back from `now`.

    Raises SearchError, saying where, what came and what would be right. With a `kind`, a field that records of that
    kind have not got is an error too.
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
        check, pattern = field.compile(pattern, now)
    except ValueError as error:
        raise _wrong(word, given, pattern, str(error)) from None
    return _CompiledTerm(Term(name, pattern, word.negated), check, field.texts, field.effort)


def _split(word: SearchWord) -> tuple[str, str]:
    """The field and the pattern of a word; `segments>1` names a field too."""
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
