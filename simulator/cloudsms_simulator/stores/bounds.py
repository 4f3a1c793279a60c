"""The bounds of a memory store: how much is on its shelves, and what goes when that is too much.

The oldest exchange goes first, with its messages, reports and ledger entries, but never one whose messages still have
something to do: that one goes once they have not.

Reading: R16, R17.
"""

from collections import deque
from collections.abc import Iterable, Mapping

from cloudsms_simulator.engine.exchange import Exchange
from cloudsms_simulator.engine.message import Message
from cloudsms_simulator.engine.report import Report
from cloudsms_simulator.stores.shelf import Shelf

_EXCHANGE_OCTETS = 450
"""What an exchange takes beside its bodies, about."""
_MESSAGE_OCTETS = 580
"""What each of its messages takes, about, with a report that is pushed nowhere."""
_FINDING_OCTETS = 300


class Bounds:
    """Keeps the shelves of a store within so many messages and about so many octets, all of them together."""

    def __init__(self, shelves: Mapping[str | None, Shelf], most_messages: int, most_bytes: int) -> None:
        self._shelves = shelves
        self._most_messages = most_messages
        self._most_bytes = most_bytes
        self._arrivals: deque[Exchange] = deque()
        self._overdue: dict[int, int] = {}
        """Exchanges that ought to be gone, by number, and how many of their messages still have something to do."""
        self._messages = 0
        self.octets = 0
        """What is kept takes about so many."""

    def arrived(self, exchange: Exchange) -> None:
        """An exchange was put on its shelf: others may have to go. It stays itself, however little room there is."""
        arrivals = self._arrivals
        arrivals.append(exchange)
        room, octets = _size(exchange)
        self._messages += room
        self.octets += octets
        while self._is_too_much and len(arrivals) > 1:
            oldest = arrivals.popleft()
            shelf = self._shelves[oldest.account]
            unsettled = shelf.unsettled(oldest)
            if unsettled:
                self._overdue[oldest.id] = unsettled
            else:
                self._evict(shelf, oldest)

    def pushed(self, before: Iterable[Report], after: Iterable[Report]) -> None:
        """Reports took the place of what they were."""
        self.octets += _octets_pushed(after) - _octets_pushed(before)

    def settled(self, shelf: Shelf, message: Message) -> None:
        """A message was settled: an exchange that was only waiting for that can go now, if there is still no room.

        Or it has something left to do again: then an exchange that is to go waits for it too.
        """
        request_id = message.sending.request_id
        unsettled = self._overdue.get(request_id)
        if unsettled is None:
            return
        unsettled += -1 if message.settled else 1
        if unsettled:
            self._overdue[request_id] = unsettled
            return
        del self._overdue[request_id]
        exchange = shelf.exchanges[request_id]
        if self._is_too_much:
            self._evict(shelf, exchange)
        else:
            self._arrivals.appendleft(exchange)

    def leave_out(self, shelf: Shelf) -> None:
        """Counts what is on a shelf no more."""
        for exchange in shelf.exchanges.values():
            self._take_off(exchange)
            self._overdue.pop(exchange.id, None)
        self.octets -= sum(map(_octets_pushed, shelf.reports.values()))
        if shelf.exchanges:
            self._arrivals = deque(exchange for exchange in self._arrivals if exchange.account != shelf.name)

    def begin_anew(self) -> None:
        """Counts what is on the shelves, which were filled in another way, from the oldest exchange on."""
        self._arrivals.clear()
        self._overdue.clear()
        self._messages = 0
        shelves = self._shelves.values()
        self.octets = sum(_octets_pushed(reports) for shelf in shelves for reports in shelf.reports.values())
        exchanges = [exchange for shelf in shelves for exchange in shelf.exchanges.values()]
        for exchange in sorted(exchanges, key=lambda each: each.id):
            self.arrived(exchange)

    @property
    def _is_too_much(self) -> bool:
        return self._messages > self._most_messages or self.octets > self._most_bytes

    def _evict(self, shelf: Shelf, exchange: Exchange) -> None:
        self._take_off(exchange)
        reports = shelf.evict(exchange)
        if reports:
            self.octets -= _octets_pushed(reports)

    def _take_off(self, exchange: Exchange) -> None:
        room, octets = _size(exchange)
        self._messages -= room
        self.octets -= octets


def _size(exchange: Exchange) -> tuple[int, int]:
    """The messages an exchange counts for (one that brought none counts as one), and the octets it takes."""
    messages = 1 if isinstance(exchange.accepted, str) else len(exchange.accepted)
    octets = _EXCHANGE_OCTETS + _MESSAGE_OCTETS * messages + len(exchange.kept_body)
    if exchange.answer is not None:
        octets += len(exchange.answer)
    if exchange.findings is not None:
        octets += _FINDING_OCTETS * len(exchange.findings)
    return messages or 1, octets


def _octets_pushed(reports: Iterable[Report]) -> int:
    octets = 0
    for report in reports:
        for attempt in report.attempts:
            octets += len(attempt.request) + len(attempt.body)
    return octets
