"""Retention: how much a memory store keeps in all its partitions together, and what goes when that is too much.

The oldest exchange goes first, with its messages, reports and ledger entries, but never one whose messages still have
something to do: that one goes once they have not. Everything that is kept of it counts; what it shares with others, its
connection's facts and the headers that came on it again and again, counts once, as long as one of them is kept.

Reading: R16, R17.
"""

import sys
from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import chain

from cloudsms_simulator.engine.records import (
    Attempt,
    ConnectionFacts,
    Exchange,
    Headers,
    Message,
    Report,
    Sending,
    TlsFacts,
)
from cloudsms_simulator.protocol.findings import Finding
from cloudsms_simulator.stores.account_partition import AccountPartition

_EXCHANGE_OCTETS = 450
"""What an exchange takes beside its bodies, about."""
_MESSAGE_OCTETS = 350
"""What each of its messages takes, about, without its reports."""
_FINDING_OCTETS = 300
"""What a finding takes beside what it quotes."""
_REPORT_OCTETS = 230
_ATTEMPT_OCTETS = 350
_ENTRY_OCTETS = 250
"""What an entry of the ledger takes."""
_HEADER_OCTETS = 130
"""What a header takes beside its name and value: two objects and what holds them together."""
_CONNECTION_OCTETS = 300
_TLS_OCTETS = 600


class Retention:
    """Keeps the partitions of a store within so many messages and about so many octets, all of them together."""

    def __init__(self, partitions: Mapping[str | None, AccountPartition], most_messages: int, most_bytes: int) -> None:
        self._partitions = partitions
        self._most_messages = most_messages
        self._most_bytes = most_bytes
        self._arrivals: deque[Exchange] = deque()
        self._overdue: dict[int, int] = {}
        """Exchanges that ought to be gone, by number, and how many of their messages still have something to do."""
        self._messages = 0
        self._shared: dict[int, int] = {}
        """How many exchanges share a value, by its identity, which is its own as long as one of them is kept."""
        self.evicted: Callable[[AccountPartition, Exchange], None] = lambda partition, exchange: None
        """Called with what is evicted."""
        self.octets = 0
        """What is kept takes about so many."""

    def arrived(self, exchange: Exchange) -> None:
        """An exchange was kept: others may have to go. It stays itself, however little room there is."""
        arrivals = self._arrivals
        arrivals.append(exchange)
        room, octets = _messages_and_octets(exchange)
        self._messages += room
        self.octets += octets + self._begins_to_share(exchange)
        while self._is_too_much and len(arrivals) > 1:
            oldest = arrivals.popleft()
            partition = self._partitions[oldest.account]
            unsettled = partition.unsettled(oldest)
            if unsettled:
                self._overdue[oldest.id] = unsettled
            else:
                self._evict(partition, oldest)

    def pushed(self, before: Sequence[Report], after: Sequence[Report]) -> None:
        """Reports took the place of what they were."""
        self.octets += _octets_pushed(after)
        if before:
            self.octets -= _octets_pushed(before)

    def ledger_changed(self, partition: AccountPartition) -> None:
        """A partition's ledger has more entries, or fewer, than when this was last said. The first is always there."""
        entries = max(0, len(partition.ledger) - 1)
        self.octets += _ENTRY_OCTETS * (entries - partition.entries_counted)
        partition.entries_counted = entries

    def settled(self, partition: AccountPartition, message: Message) -> None:
        """A message was settled: an exchange that was only waiting for that can go now, if there is still no room.

        Or it has something left to do again: then an exchange that is to go waits for it too.
        """
        request_id = message.sending.id
        unsettled = self._overdue.get(request_id)
        if unsettled is None:
            return
        unsettled += -1 if message.settled else 1
        if unsettled:
            self._overdue[request_id] = unsettled
            return
        del self._overdue[request_id]
        exchange = partition.exchanges[request_id]
        if self._is_too_much:
            self._evict(partition, exchange)
        else:
            self._arrivals.appendleft(exchange)

    def partition_removed(self, partition: AccountPartition) -> None:
        """Counts what is in a partition no more."""
        for exchange in partition.exchanges.values():
            self._take_off(exchange)
            self._overdue.pop(exchange.id, None)
        self.octets -= sum(map(_octets_pushed, partition.reports.values()))
        self.octets -= _ENTRY_OCTETS * partition.entries_counted
        partition.entries_counted = 0
        if partition.exchanges:
            self._arrivals = deque(exchange for exchange in self._arrivals if exchange.account != partition.name)

    def recount(self) -> None:
        """Counts what is on the partitions, which were filled in another way, from the oldest exchange on."""
        self._arrivals.clear()
        self._overdue.clear()
        self._shared.clear()
        self._messages = 0
        partitions = self._partitions.values()
        self.octets = sum(_octets_pushed(reports) for partition in partitions for reports in partition.reports.values())
        for partition in partitions:
            partition.entries_counted = 0
            self.ledger_changed(partition)
        exchanges = [exchange for partition in partitions for exchange in partition.exchanges.values()]
        for exchange in sorted(exchanges, key=lambda each: each.id):
            self.arrived(exchange)

    def add(self, partition: AccountPartition) -> None:
        """Counts a partition that is full already. What is too much goes with the next exchange that arrives."""
        self.ledger_changed(partition)
        self.octets += sum(map(_octets_pushed, partition.reports.values()))
        for exchange in partition.exchanges.values():
            room, octets = _messages_and_octets(exchange)
            self._messages += room
            self.octets += octets + self._begins_to_share(exchange)
        arrivals = chain(self._arrivals, partition.exchanges.values())
        self._arrivals = deque(sorted(arrivals, key=lambda each: each.id))

    @property
    def _is_too_much(self) -> bool:
        return self._messages > self._most_messages or self.octets > self._most_bytes

    def _evict(self, partition: AccountPartition, exchange: Exchange) -> None:
        self._take_off(exchange)
        reports = partition.evict(exchange)
        self.evicted(partition, exchange)
        if reports:
            self.octets -= _octets_pushed(reports)
        self.ledger_changed(partition)

    def _take_off(self, exchange: Exchange) -> None:
        room, octets = _messages_and_octets(exchange)
        self._messages -= room
        self.octets -= octets + self._ends_to_share(exchange)

    def _begins_to_share(self, exchange: Exchange) -> int:
        """The octets of what an exchange is the first to have."""
        shared, octets = self._shared, 0
        connection, headers = exchange.connection, exchange.headers
        if connection is not None:
            sharing = shared.get(id(connection), 0)
            shared[id(connection)] = sharing + 1
            if not sharing:
                octets += _octets_of_connection(connection)
        if headers:
            sharing = shared.get(id(headers), 0)
            shared[id(headers)] = sharing + 1
            if not sharing:
                octets += _octets_of_headers(headers)
        return octets

    def _ends_to_share(self, exchange: Exchange) -> int:
        """The octets of what an exchange was the last to have."""
        octets = 0
        if exchange.connection is not None and self._was_last(exchange.connection):
            octets += _octets_of_connection(exchange.connection)
        if exchange.headers and self._was_last(exchange.headers):
            octets += _octets_of_headers(exchange.headers)
        return octets

    def _was_last(self, value: ConnectionFacts | Headers) -> bool:
        left = self._shared[id(value)] - 1
        if left:
            self._shared[id(value)] = left
        else:
            del self._shared[id(value)]
        return not left


def _messages_and_octets(exchange: Exchange) -> tuple[int, int]:
    """The messages an exchange counts for (one that brought none counts as one), and the octets it has for itself."""
    messages = 1 if isinstance(exchange.accepted, str) else len(exchange.accepted)
    octets = _EXCHANGE_OCTETS + _MESSAGE_OCTETS * messages + len(exchange.kept_body)
    if exchange.line is not None:
        octets += len(exchange.line.target)
    if exchange.answer is not None:
        octets += len(exchange.answer)
    if exchange.findings is not None:
        octets += _octets_of_findings(exchange.findings)
    if isinstance(exchange, Sending):
        if exchange.customer_body is not None:
            octets += len(exchange.customer_body)
        if exchange.kept_text is not None:
            octets += sys.getsizeof(exchange.kept_text)
    return messages or 1, octets


def _octets_of_findings(findings: Iterable[Finding]) -> int:
    return sum([_FINDING_OCTETS + len(each.got) + len(each.path) + len(each.want) for each in findings])


def _octets_of_headers(headers: Headers) -> int:
    return sum([_HEADER_OCTETS + len(name) + len(value) for name, value in headers])


def _octets_of_connection(connection: ConnectionFacts) -> int:
    return _CONNECTION_OCTETS + (0 if connection.tls is None else _octets_of_tls(connection.tls))


def _octets_of_tls(tls: TlsFacts) -> int:
    peer = tls.peer
    return _TLS_OCTETS + (0 if peer is None else len(peer.subject) + len(peer.issuer) + sum(map(len, peer.san)))


def _octets_pushed(reports: Sequence[Report]) -> int:
    octets = _REPORT_OCTETS * len(reports)
    for report in reports:
        if report.findings:
            octets += _octets_of_findings(report.findings)
        for attempt in report.attempts:
            octets += _octets_of_attempt(attempt)
    return octets


def _octets_of_attempt(attempt: Attempt) -> int:
    octets = _ATTEMPT_OCTETS + len(attempt.request) + len(attempt.body) + len(attempt.url) + len(attempt.error or "")
    if attempt.findings:
        octets += _octets_of_findings(attempt.findings)
    return octets if attempt.tls is None else octets + _octets_of_tls(attempt.tls)
