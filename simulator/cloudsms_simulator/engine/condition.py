"""A condition: which destinations a rule is for. Everything said in one condition must hold.

Reading: R21.
"""

import re
from collections.abc import Mapping
from datetime import time, timedelta
from fnmatch import fnmatchcase

import msgspec

from cloudsms_simulator.engine.subject import Subject


class Words(msgspec.Struct, frozen=True, kw_only=True):
    """What a text is like; letters' case counts unless `ignore_case`. What is not said does not matter."""

    equals: str | None = None
    contains: str | None = None
    starts: str | None = None
    ends: str | None = None
    glob: tuple[str, ...] = ()
    """Globs of which one must fit."""
    regex: str | None = None
    """Found anywhere in the text."""
    ignore_case: bool = False

    def holds(self, text: str) -> bool:
        """Whether a text is like this."""
        fold = str.casefold if self.ignore_case else str
        folded = fold(text)
        return (
            (self.equals is None or folded == fold(self.equals))
            and (self.contains is None or fold(self.contains) in folded)
            and (self.starts is None or folded.startswith(fold(self.starts)))
            and (self.ends is None or folded.endswith(fold(self.ends)))
            and (not self.glob or any(fnmatchcase(folded, fold(glob)) for glob in self.glob))
            and (self.regex is None or self._finds(text))
        )

    def _finds(self, text: str) -> bool:
        return re.search(self.regex or "", text, re.IGNORECASE if self.ignore_case else 0) is not None


class Ordinal(msgspec.Struct, frozen=True, kw_only=True):
    """Which of a row: these places, or each `every`-th, counted from 1."""

    nth: frozenset[int] = frozenset()
    every: int | None = None

    def holds(self, place: int) -> bool:
        """Whether a place is meant."""
        return place in self.nth or (self.every is not None and place % self.every == 0)


class Hours(msgspec.Struct, frozen=True, kw_only=True):
    """A span of the account's clock: since the rules were put to use, and of the day in Hong Kong.

    From a moment on and before another; a span of the day that begins later than it ends goes over midnight.
    """

    after: timedelta | None = None
    before: timedelta | None = None
    since: time | None = None
    until: time | None = None

    def holds(self, elapsed: timedelta, of_day: time) -> bool:
        """Whether it is that time."""
        if self.after is not None and elapsed < self.after:
            return False
        if self.before is not None and elapsed >= self.before:
            return False
        since, until = self.since or time(), self.until
        if until is None:
            return of_day >= since
        if since <= until:
            return since <= of_day < until
        return of_day >= since or of_day < until


class Member(msgspec.Struct, frozen=True):
    """A key of CUSTOMER_BODY, and what its value is like; without `words` the key need only be there."""

    key: str
    words: Words | None = None

    def holds(self, body: object) -> bool:
        """Whether a decoded CUSTOMER_BODY has it. A number is compared as it is written in JSON."""
        if not isinstance(body, Mapping) or self.key not in body:
            return False
        value = body[self.key]
        said = value if isinstance(value, str) else msgspec.json.encode(value).decode()
        return self.words is None or self.words.holds(said)


class Condition(msgspec.Struct, frozen=True, kw_only=True):
    """What must hold of a destination and its request. What is not said does not matter."""

    to: tuple[str, ...] = ()
    """Globs on country code and number, of which one must fit."""
    country: frozenset[int] = frozenset()
    route: Words | None = None
    sender: Words | None = None
    content: Words | None = None
    """Of SMS_CONTENT, unsigned."""
    signature: Words | None = None
    priority: frozenset[int] = frozenset()
    version: frozenset[str] = frozenset()
    customer_body: tuple[Member, ...] = ()
    request: Ordinal | None = None
    """Which requests of the account, in order of arrival."""
    item: Ordinal | None = None
    """Which places in MULTI_MSISDN_LIST."""
    probability: float | None = None
    account: frozenset[str] = frozenset()
    time: Hours | None = None
    state: frozenset[str] = frozenset()
    """Named states of which the account's rules must be in one."""
    all: tuple["Condition", ...] = ()
    any: tuple["Condition", ...] = ()
    none: tuple["Condition", ...] = ()
    """Conditions of which none may hold."""

    def holds(self, subject: Subject, rule: str) -> bool:
        """Whether a subject is meant; chance is drawn under the name of `rule`."""
        return (
            (not self.to or _fits(subject.to, self.to))
            and (not self.country or subject.country_code in self.country)
            and (self.item is None or self.item.holds(subject.item))
            and (self.request is None or self.request.holds(subject.request))
            and (not self.state or subject.state in self.state)
            and (not self.account or subject.account in self.account)
            and (not self.priority or subject.priority in self.priority)
            and (not self.version or subject.version in self.version)
            and (self.route is None or self.route.holds(subject.route))
            and (self.sender is None or self.sender.holds(subject.sender))
            and (self.content is None or self.content.holds(subject.content))
            and (self.signature is None or self.signature.holds(subject.signature))
            and (self.time is None or self.time.holds(subject.elapsed, subject.now.time()))
            and (not self.customer_body or all(each.holds(subject.customer_body) for each in self.customer_body))
            and (self.probability is None or subject.chance.draw(rule, "match") < self.probability)
            and all(each.holds(subject, rule) for each in self.all)
            and (not self.any or any(each.holds(subject, rule) for each in self.any))
            and not any(each.holds(subject, rule) for each in self.none)
        )


def _fits(number: str, globs: tuple[str, ...]) -> bool:
    return any(fnmatchcase(number, glob) for glob in globs)
