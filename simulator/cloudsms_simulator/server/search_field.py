"""A search field: how its value in a search is read, and where it stands in messages, requests and reports.

Spec: none; this is how the simulator is searched. Reading: R17.
"""

from collections.abc import Callable
from typing import Generic, TypeVar

import msgspec

from cloudsms_simulator.engine.exchange import Exchange
from cloudsms_simulator.engine.message import Message
from cloudsms_simulator.engine.report import Report
from cloudsms_simulator.protocol.moments import datetime
from cloudsms_simulator.server.search_values import Reader, Test
from cloudsms_simulator.server.sought import Beside, Kind, SoughtRequest, Value

T = TypeVar("T")
Check = Callable[[Value, Beside], bool]
Told = Callable[[Value, Beside], tuple[str, ...]]

NONE = "none"
"""`rule:none` finds what has no rule."""


class Field(msgspec.Struct, Generic[T], frozen=True, kw_only=True):
    """One field: how its value in a search is read, and where it stands in each kind; None where there is none."""

    read: Reader[T]
    messages: Callable[[Message], tuple[T, ...]] | None = None
    requests: Callable[[SoughtRequest], tuple[T, ...]] | None = None
    reports: Callable[[Report], tuple[T, ...]] | None = None
    shown: Callable[[T], str] = str
    optional: bool = False
    """Whether `none` stands for there being none."""
    effort: int = 0
    """Fields of less effort are asked first."""

    @property
    def kinds(self) -> tuple[Kind, ...]:
        """What has the field."""
        found: dict[Kind, bool] = {
            "messages": self.messages is not None,
            "requests": self.requests is not None,
            "reports": self.reports is not None or self.messages is not None,
        }
        return tuple(kind for kind, there in found.items() if there)

    def values_of(self, value: Value, beside: Beside) -> tuple[T, ...]:
        """The field's values; empty when there are none."""
        if isinstance(value, Message):
            return () if self.messages is None else self.messages(value)
        if isinstance(value, Exchange):
            return () if self.requests is None else self.requests(beside.request or SoughtRequest(value, beside))
        if self.reports is not None:
            return self.reports(value)
        return () if self.messages is None or beside.message is None else self.messages(beside.message)

    def asked(self, pattern: str, now: datetime) -> tuple[Check, str]:
        """What a value in a search asks, and the value as it would be read again; ValueError as the reader raises."""
        if self.optional and pattern == NONE:
            return lambda value, beside: not self.values_of(value, beside), NONE
        test, written = self.read(pattern, now)
        return self._check(test), written

    def told(self, value: Value, beside: Beside) -> tuple[str, ...]:
        """The field's values for people."""
        return tuple([self.shown(each) for each in self.values_of(value, beside)])

    def _check(self, test: Test[T]) -> Check:
        def check(value: Value, beside: Beside) -> bool:
            found = self.values_of(value, beside)
            return test(found[0]) if len(found) == 1 else any(map(test, found))

        return check
