"""Rules: what a scenario says of answers and reports, its conditions, and how they are matched.

A `RuleBook` holds `Rule`s (what is replied to the destinations a condition holds for, and what becomes of their
messages), `FaultRule`s (what befalls answers) and a timeline of other rule books; the first rule that fits decides. A
`Condition` says which destinations a rule is for; everything said in one must hold. These are values, which scenario
files and the API are read into.

`CompiledRules` is a rule book made ready to be asked: a `Matcher` for each condition, made once, which asks only what
the condition says, and what is the same for all destinations of a request only once. What is asked is a
`RuleSubject`: one destination of a request, as conditions see it.

Reading: R21, R22.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from datetime import time, timedelta
from fnmatch import translate
from functools import lru_cache
from operator import attrgetter
from typing import Literal, TypeVar

import msgspec

from cloudsms_simulator.engine.faults import Fault
from cloudsms_simulator.engine.plan import Chance, Delay, Outlook, Plan
from cloudsms_simulator.expressions import lazy_pattern
from cloudsms_simulator.moments import datetime
from cloudsms_simulator.protocol.answer import echoes_of
from cloudsms_simulator.protocol.candidate import Candidate, present, unsigned
from cloudsms_simulator.protocol.codes import ResultCode
from cloudsms_simulator.protocol.packet import MOST_DESTINATIONS, Destination, members_of
from cloudsms_simulator.protocol.timestamps import HONG_KONG

# What a scenario says.


class TextMatch(msgspec.Struct, frozen=True, kw_only=True):
    """What a text is like; letters' case counts unless `ignore_case`. What is not said does not matter."""

    equals: str | None = None
    contains: str | None = None
    starts: str | None = None
    ends: str | None = None
    glob: tuple[str, ...] = ()
    """Globs of which one must fit."""
    regex: str | None = None
    """Found anywhere in the first 2,000 characters of the text."""
    ignore_case: bool = False


class Ordinal(msgspec.Struct, frozen=True, kw_only=True):
    """Selects some of a row of things: those at the places in `nth`, or each `every`-th, counted from 1."""

    nth: frozenset[int] = frozenset()
    every: int | None = None


class TimeWindow(msgspec.Struct, frozen=True, kw_only=True):
    """A span of the account's clock: `after` and `before` count from when the rules were put to use, `since` and
    `until` are times of the day in Hong Kong.

    It begins at the first moment and ends before the second; a span of the day that begins later than it ends goes over
    midnight.
    """

    after: timedelta | None = None
    before: timedelta | None = None
    since: time | None = None
    until: time | None = None


class MemberMatch(msgspec.Struct, frozen=True):
    """A key of CUSTOMER_BODY, and what its value is like (`words`); None: the key need only be there.

    A value that is no string is compared as compact JSON.
    """

    key: str
    words: TextMatch | None = None


class Condition(msgspec.Struct, frozen=True, kw_only=True):
    """What must hold of a destination and its request. What is not said does not matter."""

    to: tuple[str, ...] = ()
    """Globs on country code and number, of which one must fit."""
    country: frozenset[int] = frozenset()
    route: TextMatch | None = None
    sender: TextMatch | None = None
    content: TextMatch | None = None
    """SMS_CONTENT, unsigned."""
    signature: TextMatch | None = None
    priority: frozenset[int] = frozenset()
    version: frozenset[str] = frozenset()
    customer_body: tuple[MemberMatch, ...] = ()
    request: Ordinal | None = None
    """Which requests of the account, in order of arrival."""
    item: Ordinal | None = None
    """Which places in MULTI_MSISDN_LIST."""
    probability: float | None = None
    account: frozenset[str] = frozenset()
    time: TimeWindow | None = None
    state: frozenset[str] = frozenset()
    """Named states of which the account's rules must be in one."""
    all: tuple["Condition", ...] = ()
    any: tuple["Condition", ...] = ()
    none: tuple["Condition", ...] = ()
    """Conditions of which none may hold."""


RuleScope = Literal["destination", "packet"]


class ReplyStep(msgspec.Struct, frozen=True):
    """One reply of a sequence: each recipient gets its code so many times, or for ever (None). `delay` is wall time."""

    code: ResultCode = ResultCode.OK
    times: int | None = None
    delay: Delay | None = None


class Rule(msgspec.Struct, frozen=True, kw_only=True):
    """What is replied to the destinations a condition holds for, and what becomes of their messages.

    A sequence that is used up for a recipient decides nothing for it any more. With the scope `packet` one destination
    that is refused has all of them refused.
    """

    id: str
    condition: Condition = Condition()
    replies: tuple[ReplyStep, ...] = (ReplyStep(),)
    scope: RuleScope = "destination"
    outlook: Outlook | None = None
    """What becomes of the messages; None: what the rule book says."""
    then: str | None = None
    """The named state the account's rules are in once this rule has decided."""


class FaultRule(msgspec.Struct, frozen=True, kw_only=True):
    """What befalls answers to requests of which a destination fits; the first rule that fits decides."""

    id: str
    condition: Condition = Condition()
    fault: Fault | None = None
    """What goes wrong; None: the answer is only late."""
    delay: Delay | None = None
    """Wall time before the answer, or before the fault."""
    processed: bool | None = None
    """Whether the request has its effect; None: as is usual for the fault."""
    times: int | None = None
    """How many requests with the same first recipient it befalls; None: all that fit."""
    over: timedelta | None = None
    """How long a DRIBBLE takes, or ACCEPT_THEN_HANG holds the connection, in wall time."""


class RuleBook(msgspec.Struct, frozen=True, kw_only=True):
    """Rules, faults and what holds without any. The first rule that fits decides."""

    name: str = ""
    rules: tuple[Rule, ...] = ()
    faults: tuple[FaultRule, ...] = ()
    outlook: Outlook | None = None
    """What becomes of accepted messages no rule says anything about; None: what the account's `report` says."""
    states: tuple[str, ...] = ()
    """The named states; the account's rules begin in the first."""
    magic: bool = True
    """Whether numbers that end in a magic suffix mean something."""
    timeline: tuple["RuleBookChange", ...] = ()


class RuleBookChange(msgspec.Struct, frozen=True, kw_only=True):
    """Another rule book, from a moment after the first was put to use, or once so many messages were accepted."""

    book: RuleBook
    at: timedelta | None = None
    messages: int | None = None


# What is asked: one destination of a request.

_NO_CHANCE = Chance(0, "", 0)
_EMPTY_OBJECT = b"{}"
_destinations_decoder = msgspec.json.Decoder(list[Destination])


class RuleSubject(msgspec.Struct):
    """One destination of a request, as conditions see it.

    Of a request that is not in order it holds what could be read, and "" and 0 for the rest.
    """

    account: str
    to: str
    """Country code and number in one: `85267000011`."""
    country_code: int
    item: int
    """Its place in MULTI_MSISDN_LIST, from 1; 0 when there is none."""
    request: int
    """Which request of the account this is since the rules were put to use, in order of arrival, from 1."""
    route: str
    sender: str
    """ORIGINAL_ADDR, or the account's default sender."""
    content: str
    """SMS_CONTENT, unsigned."""
    signature: str
    priority: int
    version: str
    customer_body: Mapping[str, str]
    """The members of CUSTOMER_BODY: a string as it is, all else as compact JSON, numbers as they were spelled."""
    now: datetime
    """The moment on the account's clock."""
    elapsed: timedelta
    """On the account's clock, since the rules were put to use."""
    state: str
    """The named state the account's rules are in."""
    chance: Chance


def subject_of(
    candidate: Candidate,
    *,
    account: str,
    default_sender: str,
    request: int,
    now: datetime,
    elapsed: timedelta,
    state: str,
) -> RuleSubject:
    """Makes the subject of a request; what is about one destination is still empty."""
    packet = candidate.packet
    return RuleSubject(
        account=account,
        to="",
        country_code=0,
        item=0,
        request=request,
        route=_text_or_nothing(packet.route_id),
        sender=_text_or_nothing(packet.original_addr) or default_sender,
        content=_text_or_nothing(packet.sms_content),
        signature=_text_or_nothing(packet.signature),
        priority=unsigned(packet.priority, candidate.profile) or 0,
        version=_text_or_nothing(packet.version),
        customer_body=_customer_body_members(packet.customer_body),
        now=now,
        elapsed=elapsed,
        state=state,
        chance=_NO_CHANCE,
    )


def destinations_of(candidate: Candidate) -> list[Destination]:
    """Returns the destinations as they came: what can be read of each, and none of a list that is too long."""
    orderly = candidate.decoded.destinations
    if orderly is not None:
        return orderly
    try:
        destinations = _destinations_decoder.decode(candidate.packet.multi_msisdn_list)
    except msgspec.MsgspecError:
        return echoes_of(candidate)
    return destinations if len(destinations) <= MOST_DESTINATIONS else []


def _customer_body_members(customer_body: msgspec.Raw) -> dict[str, str]:
    if not present(customer_body) or bytes(customer_body) == _EMPTY_OBJECT:
        return {}
    return {key: _member_text(raw) for key, raw in (members_of(customer_body) or {}).items()}


def _member_text(raw: msgspec.Raw) -> str:
    text = msgspec.json.format(raw, indent=-1)
    return msgspec.json.decode(text, type=str) if text.startswith(b'"') else bytes(text).decode()


def _text_or_nothing(value: object) -> str:
    return value if isinstance(value, str) else ""


# From conditions to matchers.

SubjectTest = Callable[[RuleSubject], bool]
TextTest = Callable[[str], bool]
_Parts = tuple[list[SubjectTest], list[SubjectTest]]
"""The tests of the request, and those of each destination."""
_T = TypeVar("_T")

LONGEST_SEARCHED = 2000
"""Characters of a text that a regular expression is looked for in; no text that can be sent has more."""
_GLOB_CHARACTER = lazy_pattern(r"[*?\[]")


class Matcher(msgspec.Struct, frozen=True):
    """The two tests that a condition is made into: it holds where both do. None: there is nothing to test."""

    of_request: SubjectTest | None
    """The test of what is the same for each destination of a request."""
    of_destination: SubjectTest | None


def matcher_of(condition: Condition, rule: str, *, drawn_once: bool = False) -> Matcher:
    """Makes the matcher of a condition; chance is drawn under the name of `rule`, each probability by itself.

    `drawn_once`: chance is drawn once for the whole request, not for each destination.
    """
    of_request, of_destination = _parts(condition, rule, "match", drawn_once)
    return Matcher(
        _together(of_request) if of_request else None,
        _together(of_destination) if of_destination else None,
    )


def _parts(condition: Condition, rule: str, purpose: str, drawn_once: bool) -> _Parts:
    """Cheap questions come first, chance last. `purpose` tells the probabilities of one rule apart."""
    of_request, of_destination = _of_the_request(condition), _of_the_destination(condition)
    for index, each in enumerate(condition.all):
        more = _parts(each, rule, f"{purpose} all {index}", drawn_once)
        of_request += more[0]
        of_destination += more[1]
    for word, conditions in (("any", condition.any), ("none", condition.none)):
        if conditions:
            parts = [_parts(each, rule, f"{purpose} {word} {n}", drawn_once) for n, each in enumerate(conditions)]
            either = _either([_together([*both[0], *both[1]]) for both in parts])
            by_destination = any(both[1] for both in parts)
            (of_destination if by_destination else of_request).append(either if word == "any" else _not(either))
    if condition.probability is not None:
        by_chance = _by_chance(condition.probability, rule, purpose)
        (of_request if drawn_once else of_destination).append(by_chance)
    return of_request, of_destination


def _of_the_destination(condition: Condition) -> list[SubjectTest]:
    tests: list[SubjectTest] = []
    # A rule that decides may change the state for the destinations after it.
    state, country, item = condition.state, condition.country, condition.item
    if state:
        tests.append(lambda subject: subject.state in state)
    if country:
        tests.append(lambda subject: subject.country_code in country)
    if item is not None:
        of_item = _in_row(item)
        tests.append(lambda subject: of_item(subject.item))
    if condition.to:
        tests.append(_of_the_number(condition.to))
    return tests


def _of_the_number(globs: tuple[str, ...]) -> SubjectTest:
    beginnings = _beginnings(globs)
    if beginnings is not None:  # asked of every destination by every rule: one call less
        return lambda subject: subject.to.startswith(beginnings)
    fits = glob_test(*globs)
    return lambda subject: fits(subject.to)


def _of_the_request(condition: Condition) -> list[SubjectTest]:
    tests: list[SubjectTest] = []
    account, priority, version, request = condition.account, condition.priority, condition.version, condition.request
    if account:
        tests.append(lambda subject: subject.account in account)
    if priority:
        tests.append(lambda subject: subject.priority in priority)
    if version:
        tests.append(lambda subject: subject.version in version)
    if request is not None:
        of_request = _in_row(request)
        tests.append(lambda subject: of_request(subject.request))
    if condition.time is not None:
        tests.append(_at(condition.time))
    for name in ("route", "sender", "signature", "content"):
        match: TextMatch | None = getattr(condition, name)
        if match is not None:
            tests.append(_of_the_text(attrgetter(name), match))
    tests += [_has(member) for member in condition.customer_body]
    return tests


def _of_the_text(read: Callable[[RuleSubject], str], match: TextMatch) -> SubjectTest:
    word = match.contains
    if word is not None and match == TextMatch(contains=word):  # asked of every request by every rule: one call less
        return lambda subject: word in read(subject)
    fits = text_test(match)
    return lambda subject: fits(read(subject))


def text_test(match: TextMatch) -> TextTest:
    """Makes a test of a text. Letters are compared as `casefold` has them where case does not count.

    Linear in the text; a regular expression of the user's may take longer, but sees its first 2,000 characters alone.
    """
    as_written: list[TextTest] = []
    if match.glob:
        as_written.append(glob_test(*match.glob, ignore_case=match.ignore_case))
    if match.regex is not None:
        search = re.compile(match.regex, re.IGNORECASE if match.ignore_case else 0).search
        as_written.append(lambda text: search(text, 0, LONGEST_SEARCHED) is not None)
    by_letters = _text_tests(match)
    if by_letters and match.ignore_case:
        folded = _together(by_letters)
        return _together([lambda text: folded(text.casefold()), *as_written])
    return _together([*by_letters, *as_written])


def _text_tests(match: TextMatch) -> list[TextTest]:
    fold = str.casefold if match.ignore_case else str
    tests: list[TextTest] = []
    if match.equals is not None:
        equals = fold(match.equals)
        tests.append(lambda text: text == equals)
    if match.starts is not None:
        starts = fold(match.starts)
        tests.append(lambda text: text.startswith(starts))
    if match.ends is not None:
        ends = fold(match.ends)
        tests.append(lambda text: text.endswith(ends))
    if match.contains is not None:
        contains = fold(match.contains)
        tests.append(lambda text: contains in text)
    return tests


@lru_cache(maxsize=1024)
def glob_test(*globs: str, ignore_case: bool = False) -> TextTest:
    """Makes a test whether one of some globs matches the whole of a text: `*` anything, `?` one character, `[abc]` one
    of them.

    Linear in the text; globs without a wild character, or with a `*` at their end alone, need no regular expression.
    """
    if not ignore_case and not any(map(_GLOB_CHARACTER.search, globs)):
        return frozenset(globs).__contains__
    beginnings = None if ignore_case else _beginnings(globs)
    if beginnings is not None:
        return lambda text: text.startswith(beginnings)
    fits = re.compile("|".join(map(translate, globs)), re.IGNORECASE if ignore_case else 0).match
    return lambda text: fits(text) is not None


def _beginnings(globs: tuple[str, ...]) -> tuple[str, ...] | None:
    """Returns what a text has to begin with to fit one of the globs, if they say no more than that, as `852*` does."""
    beginnings = tuple(glob[:-1] for glob in globs if glob.endswith("*"))
    return beginnings if len(beginnings) == len(globs) and not any(map(_GLOB_CHARACTER.search, beginnings)) else None


def _in_row(ordinal: Ordinal) -> Callable[[int], bool]:
    nth, every = ordinal.nth, ordinal.every
    return lambda place: place in nth or (every is not None and place > 0 and place % every == 0)


def _at(window: TimeWindow) -> SubjectTest:
    def holds(subject: RuleSubject) -> bool:
        if window.after is not None and subject.elapsed < window.after:
            return False
        if window.before is not None and subject.elapsed >= window.before:
            return False
        return _of_day(window, subject.now.astimezone(HONG_KONG).time())

    return holds


def _of_day(window: TimeWindow, now: time) -> bool:
    since, until = window.since or time(), window.until
    if until is None:
        return now >= since
    if since <= until:
        return since <= now < until
    return now >= since or now < until


def _has(member: MemberMatch) -> SubjectTest:
    key = member.key
    if member.words is None:
        return lambda subject: key in subject.customer_body
    like = text_test(member.words)
    return lambda subject: (said := subject.customer_body.get(key)) is not None and like(said)


def _by_chance(probability: float, rule: str, purpose: str) -> SubjectTest:
    return lambda subject: subject.chance.draw(rule, purpose) < probability


def _not(test: SubjectTest) -> SubjectTest:
    return lambda subject: not test(subject)


def _together(tests: Sequence[Callable[[_T], bool]]) -> Callable[[_T], bool]:
    """Makes one test that holds where all of them do, asked in their order; without any it always holds."""
    if len(tests) == 1:
        return tests[0]
    if len(tests) == 2:
        first, second = tests
        return lambda asked: first(asked) and second(asked)

    def hold(asked: _T) -> bool:
        for test in tests:  # noqa: SIM110 a generator for each rule and destination costs more than most tests
            if not test(asked):
                return False
        return True

    return hold


def _either(tests: Sequence[SubjectTest]) -> SubjectTest:
    if len(tests) == 1:
        return tests[0]

    def holds(subject: RuleSubject) -> bool:
        for test in tests:  # noqa: SIM110 as above
            if test(subject):
                return True
        return False

    return holds


# A rule book made ready to be asked.


class CompiledRules:
    """A rule book with the matchers of its conditions. Made once, when an account or a scenario is put to use."""

    def __init__(self, book: RuleBook) -> None:
        self.book = book
        self.matchers: tuple[tuple[Rule, Matcher], ...] = tuple(
            (rule, matcher_of(rule.condition, rule.id)) for rule in book.rules
        )
        of_any_number: list[tuple[int, Rule, Matcher]] = []
        self._by_beginning: dict[str, list[int]] = {}
        for place, (rule, matcher) in enumerate(self.matchers):
            beginnings = _beginnings(rule.condition.to) if rule.condition.to else None
            if beginnings is None:
                of_any_number.append((place, rule, matcher))
            for beginning in dict.fromkeys(beginnings or ()):
                self._by_beginning.setdefault(beginning, []).append(place)
        self.of_any_number = tuple(of_any_number)
        """The rules that do not just want a number to begin in some way, each with its place in `matchers`."""
        self._lengths = tuple({len(beginning) for beginning in self._by_beginning})
        self.fault_matchers: tuple[tuple[FaultRule, Matcher], ...] = tuple(
            (rule, matcher_of(rule.condition, rule.id, drawn_once=True)) for rule in book.faults
        )
        self._changes: tuple[tuple[RuleBookChange, CompiledRules], ...] = tuple(
            (change, CompiledRules(change.book)) for change in book.timeline
        )
        self.is_plain = not (book.rules or book.faults or book.timeline) and isinstance(book.outlook, Plan | None)
        """Whether nothing but a magic number can make what becomes of one message differ from the next."""

    def of_number(self, number: str) -> list[int]:
        """Returns the places of the rules that want a number to begin as this one does, in no order, some twice."""
        found: list[int] = []
        for length in self._lengths:
            found += self._by_beginning.get(number[:length], ())
        return found

    def in_force(self, elapsed: timedelta, messages: int) -> "CompiledRules":
        """Returns the rules of the timeline's last change that is reached; before the first, these rules themselves."""
        reached = self
        for change, rules in self._changes:
            in_time = change.at is not None and elapsed >= change.at
            if in_time or (change.messages is not None and messages >= change.messages):
                reached = rules
        return reached
