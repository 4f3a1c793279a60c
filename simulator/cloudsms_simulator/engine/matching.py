"""Matching: from a condition to tests. They are made once for each rule, and ask only what it says.

Much of what a condition asks is the same for all destinations of a request, and is asked once.

Reading: R21.
"""

import re
from collections.abc import Callable, Sequence
from datetime import time
from fnmatch import translate
from typing import TypeVar

import msgspec

from cloudsms_simulator.engine.condition import Condition, Hours, Member, Ordinal, Words
from cloudsms_simulator.engine.subject import Subject
from cloudsms_simulator.protocol.timestamps import HONG_KONG

Test = Callable[[Subject], bool]
_TextTest = Callable[[str], bool]
_Parts = tuple[list[Test], list[Test]]
"""What is asked of the request, and what of each destination."""
_T = TypeVar("_T")

LONGEST_SEARCHED = 2000
"""Characters of a text that a regular expression is looked for in; no text that can be sent has more."""
_PATTERN = re.compile(r"[*?\[]")


class Matcher(msgspec.Struct, frozen=True):
    """What a condition comes to: it holds where both tests do. None: there is nothing to ask."""

    of_request: Test | None
    """The same for each destination of a request."""
    of_destination: Test | None


def matcher_of(condition: Condition, rule: str, *, drawn_once: bool = False) -> Matcher:
    """The matcher of a condition; chance is drawn under the name of `rule`, each probability by itself.

    `drawn_once`: chance is that of the whole request, not of each destination.
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


def _of_the_destination(condition: Condition) -> list[Test]:
    tests: list[Test] = []
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


def _of_the_number(globs: tuple[str, ...]) -> Test:
    beginnings = _beginnings(globs)
    if beginnings is not None:
        return lambda subject: subject.to.startswith(beginnings)
    fits = _glob(globs)
    return lambda subject: fits(subject.to)


def _of_the_request(condition: Condition) -> list[Test]:
    tests: list[Test] = []
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
    if condition.route is not None:
        route = text_test(condition.route)
        tests.append(lambda subject: route(subject.route))
    if condition.sender is not None:
        sender = text_test(condition.sender)
        tests.append(lambda subject: sender(subject.sender))
    if condition.signature is not None:
        signature = text_test(condition.signature)
        tests.append(lambda subject: signature(subject.signature))
    if condition.content is not None:
        content = text_test(condition.content)
        tests.append(lambda subject: content(subject.content))
    tests += [_has(member) for member in condition.customer_body]
    return tests


def text_test(words: Words) -> _TextTest:
    """A test of a text. Letters are compared as `casefold` has them where case does not count.

    Linear in the text; a regular expression of the user's may take longer, but sees its first 2,000 characters alone.
    """
    as_written: list[_TextTest] = []
    if words.glob:
        as_written.append(_glob(words.glob, ignore_case=words.ignore_case))
    if words.regex is not None:
        search = re.compile(words.regex, re.IGNORECASE if words.ignore_case else 0).search
        as_written.append(lambda text: search(text, 0, LONGEST_SEARCHED) is not None)
    said = _said(words)
    if said and words.ignore_case:
        folded = _together(said)
        return _together([lambda text: folded(text.casefold()), *as_written])
    return _together([*said, *as_written])


def _said(words: Words) -> list[_TextTest]:
    fold = str.casefold if words.ignore_case else str
    tests: list[_TextTest] = []
    if words.equals is not None:
        equals = fold(words.equals)
        tests.append(lambda text: text == equals)
    if words.starts is not None:
        starts = fold(words.starts)
        tests.append(lambda text: text.startswith(starts))
    if words.ends is not None:
        ends = fold(words.ends)
        tests.append(lambda text: text.endswith(ends))
    if words.contains is not None:
        contains = fold(words.contains)
        tests.append(lambda text: contains in text)
    return tests


def _glob(globs: tuple[str, ...], *, ignore_case: bool = False) -> _TextTest:
    beginnings = None if ignore_case else _beginnings(globs)
    if beginnings is not None:
        return lambda text: text.startswith(beginnings)
    fits = re.compile("|".join(map(translate, globs)), re.IGNORECASE if ignore_case else 0).match
    return lambda text: fits(text) is not None


def _beginnings(globs: tuple[str, ...]) -> tuple[str, ...] | None:
    """What texts begin with that globs fit, if that is all they say, as of most: `852*`."""
    beginnings = tuple(glob[:-1] for glob in globs if glob.endswith("*"))
    return beginnings if len(beginnings) == len(globs) and not any(map(_PATTERN.search, beginnings)) else None


def _in_row(ordinal: Ordinal) -> Callable[[int], bool]:
    nth, every = ordinal.nth, ordinal.every
    return lambda place: place in nth or (every is not None and place > 0 and place % every == 0)


def _at(hours: Hours) -> Test:
    def holds(subject: Subject) -> bool:
        if hours.after is not None and subject.elapsed < hours.after:
            return False
        if hours.before is not None and subject.elapsed >= hours.before:
            return False
        return _of_day(hours, subject.now.astimezone(HONG_KONG).time())

    return holds


def _of_day(hours: Hours, now: time) -> bool:
    since, until = hours.since or time(), hours.until
    if until is None:
        return now >= since
    if since <= until:
        return since <= now < until
    return now >= since or now < until


def _has(member: Member) -> Test:
    key = member.key
    if member.words is None:
        return lambda subject: key in subject.customer_body
    like = text_test(member.words)
    return lambda subject: (said := subject.customer_body.get(key)) is not None and like(said)


def _by_chance(probability: float, rule: str, purpose: str) -> Test:
    return lambda subject: subject.chance.draw(rule, purpose) < probability


def _not(test: Test) -> Test:
    return lambda subject: not test(subject)


def _together(tests: Sequence[Callable[[_T], bool]]) -> Callable[[_T], bool]:
    """Whether all hold, asked in their order; without any, always."""
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


def _either(tests: Sequence[Test]) -> Test:
    if len(tests) == 1:
        return tests[0]

    def holds(subject: Subject) -> bool:
        for test in tests:  # noqa: SIM110 as above
            if test(subject):
                return True
        return False

    return holds
