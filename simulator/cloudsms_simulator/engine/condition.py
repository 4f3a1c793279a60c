"""A condition: which destinations a rule is for. Everything said in one condition must hold.

These are values; `matching.py` makes tests of them.

Reading: R21.
"""

from datetime import time, timedelta

import msgspec


class Words(msgspec.Struct, frozen=True, kw_only=True):
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
    """Which of a row: these places, or each `every`-th, counted from 1."""

    nth: frozenset[int] = frozenset()
    every: int | None = None


class Hours(msgspec.Struct, frozen=True, kw_only=True):
    """A span of the account's clock: since the rules were put to use, and of the day in Hong Kong.

    From a moment on and before another; a span of the day that begins later than it ends goes over midnight.
    """

    after: timedelta | None = None
    before: timedelta | None = None
    since: time | None = None
    until: time | None = None


class Member(msgspec.Struct, frozen=True):
    """A key of CUSTOMER_BODY, and what its value is like; without `words` the key need only be there.

    A value that is no string is compared as compact JSON.
    """

    key: str
    words: Words | None = None


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
