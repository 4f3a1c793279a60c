"""The due queue: what is due when, ready to be taken in order.

`DueQueue` is a dict of short spans of time, each with what is due in it, and a heap of the spans. Taking what is due
then costs about the same with a million entries waiting as with a thousand; a heap of all entries costs several times
as much. The order is (due, put in). One thread at a time.
"""

from bisect import insort_right
from collections import deque
from collections.abc import Iterator
from heapq import heapify, heappop, heappush
from operator import itemgetter
from typing import Generic, TypeVar

from cloudsms_simulator.moments import datetime
from cloudsms_simulator.protocol.timestamps import microseconds

T = TypeVar("T")

_SPAN = 10_000
"""Microseconds."""
_due_of = itemgetter(0)


class DueQueue(Generic[T]):
    """Items with the moments they are due, in order of (due, insertion). One thread at a time."""

    __slots__ = ("_length", "_order", "_spans")

    def __init__(self) -> None:
        # What is due in a span: a tuple while it is one entry, which is the usual case, small, and no burden to the
        # garbage collector; a list of several; a deque in order from when the span has become the next one.
        self._spans: dict[int, tuple[datetime, T] | list[tuple[datetime, T]] | deque[tuple[datetime, T]]] = {}
        self._order: list[int] = []
        self._length = 0

    def __len__(self) -> int:
        return self._length

    def __iter__(self) -> Iterator[tuple[datetime, T]]:
        """The entries in order, found one by one, so that a first page is cheap. Nothing may change meanwhile."""
        order = self._order.copy()
        while order:
            entries = self._spans[heappop(order)]
            if isinstance(entries, tuple):
                yield entries
            else:
                yield from sorted(entries, key=_due_of)

    def add(self, due: datetime, item: T) -> None:
        """Adds an item; it comes after those that are due at the same moment already."""
        span = microseconds(due) // _SPAN
        entries = self._spans.get(span)
        self._length += 1
        if entries is None:
            self._spans[span] = (due, item)
            heappush(self._order, span)
        elif isinstance(entries, tuple):
            self._spans[span] = [entries, (due, item)]
        elif isinstance(entries, list) or due >= entries[-1][0]:
            entries.append((due, item))
        else:
            insort_right(entries, (due, item), key=_due_of)

    def take_out(self, due: datetime) -> list[T]:
        """Takes out what is due at exactly that moment, in order."""
        span = microseconds(due) // _SPAN
        entries = self._spans.get(span, ())
        there = [entries] if isinstance(entries, tuple) and entries else list(entries)
        taken = [entry for entry in there if entry[0] == due]
        if taken:
            left = [entry for entry in there if entry[0] != due]
            self._length -= len(taken)
            if not left:
                del self._spans[span]
                self._order.remove(span)
                heapify(self._order)
            elif isinstance(entries, deque):
                self._spans[span] = deque(left)
            else:
                self._spans[span] = left
        return [item for _, item in sorted(taken, key=_due_of)]

    def next_due(self) -> datetime | None:
        """The moment the earliest item is due, or None when there is none."""
        if not self._order:
            return None
        entries = self._next_entries()
        return entries[0] if isinstance(entries, tuple) else entries[0][0]

    def pop_due(self, now: datetime, limit: int) -> list[tuple[datetime, T]]:
        """Takes out at most `limit` entries that are due at `now` or before, the earliest first."""
        taken: list[tuple[datetime, T]] = []
        while self._order and len(taken) < limit:
            entries = self._next_entries()
            if isinstance(entries, tuple):
                if entries[0] > now:
                    break
                taken.append(entries)
            else:
                while entries and len(taken) < limit and entries[0][0] <= now:
                    taken.append(entries.popleft())
                if entries:
                    break
            del self._spans[heappop(self._order)]
        self._length -= len(taken)
        return taken

    def clear(self) -> None:
        """Forgets everything."""
        self._spans.clear()
        self._order.clear()
        self._length = 0

    def _next_entries(self) -> tuple[datetime, T] | deque[tuple[datetime, T]]:
        """What is due in the next span, in order."""
        span = self._order[0]
        entries = self._spans[span]
        if isinstance(entries, list):
            entries = self._spans[span] = deque(sorted(entries, key=_due_of))
        return entries
