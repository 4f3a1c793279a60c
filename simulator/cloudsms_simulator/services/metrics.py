"""What the server counts: how often what happened since the start, and how long answers took, over all accounts.

Counts only grow, whatever is evicted or reset. They are in the way of every request, so they are added to and nothing
else; `api` puts them into words. Answer times go from the moment the whole request was there until the answer was
handed to the connection, what a scenario adds included; requests that are served together share the time.

Reading: R16.
"""

from bisect import bisect_left
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from itertools import accumulate

from cloudsms_simulator.engine.money import Currency
from cloudsms_simulator.engine.records import Exchange, ExchangeKind, Message, Outcome
from cloudsms_simulator.protocol.codes import ResultCode
from cloudsms_simulator.protocol.findings import Finding
from cloudsms_simulator.protocol.packet import MOST_SEGMENTS
from cloudsms_simulator.stores.store import Change

BUCKET_BOUNDS = (
    *(0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5),
    *(1.0, 2.5, 5.0, 10.0, 60.0, float("inf")),
)
"""Seconds, each the most of its bucket."""


class AnswerTimes:
    """How many requests were answered within each of `BUCKET_BOUNDS`."""

    __slots__ = ("_counts", "seconds")

    def __init__(self) -> None:
        self._counts = [0] * len(BUCKET_BOUNDS)
        self.seconds = 0.0
        """The sum of all answer times."""

    def add(self, seconds: float, requests: int = 1) -> None:
        """Counts requests that were answered after so many seconds."""
        self._counts[bisect_left(BUCKET_BOUNDS, seconds)] += requests
        self.seconds += seconds * requests

    def cumulated(self) -> Iterator[tuple[float, int]]:
        """For each bound how many were answered by then."""
        return zip(BUCKET_BOUNDS, accumulate(self._counts), strict=True)


_OK = ResultCode.OK


class Counters:
    """Counts the changes of all accounts, and those of none."""

    def __init__(self) -> None:
        self._singles: defaultdict[Currency, list[int]] = defaultdict(lambda: [0] * (MOST_SEGMENTS + 1))
        """Requests that brought one message at a price, which nearly all do, by its segments."""
        self._requests: defaultdict[tuple[ExchangeKind, ResultCode | None], int] = defaultdict(int)
        self._messages = self._segments = 0
        self._billed: defaultdict[Currency, int] = defaultdict(int)
        self.final_states: defaultdict[int, int] = defaultdict(int)
        self.pushes: defaultdict[tuple[Outcome, int | None], int] = defaultdict(int)
        """By the outcome of the report after the push, `pending` when there is to be another, and by HTTP status."""
        self.findings: defaultdict[str, int] = defaultdict(int)
        """By rule: those that were found at once, on refused requests and on pushes."""
        self.handshakes: defaultdict[str, int] = defaultdict(int)
        """Refused ones, by reason."""
        self.answer_times = AnswerTimes()

    @property
    def requests(self) -> Mapping[tuple[ExchangeKind, ResultCode | None], int]:
        """Exchanges, by kind and result code."""
        total = Counter(self._requests)
        if singles := sum(map(sum, self._singles.values())):
            total["uip", _OK] += singles
        return total

    @property
    def messages(self) -> int:
        """Accepted messages, including those rejected locally."""
        return self._messages + sum(map(sum, self._singles.values()))

    @property
    def segments(self) -> int:
        """Segments of accepted messages, including those rejected locally."""
        return self._segments + sum(map(_segments_in, self._singles.values()))

    @property
    def billed(self) -> Mapping[Currency, int]:
        """Segments of messages not rejected locally, refunded or not."""
        return Counter(self._billed) + Counter({name: _segments_in(each) for name, each in self._singles.items()})

    def hear(self, change: Change) -> None:
        """Counts a change. What happened has happened: a reset takes nothing off."""
        exchange = change.exchange
        if exchange is None:
            self._went_on(change)
            return
        messages = change.messages
        if len(messages) == 1 and exchange.code is _OK and not change.rejected:
            sending = messages[0].sending
            self._singles[sending.currency][sending.segmentation.segments] += 1
        else:
            self._requests[exchange.kind, exchange.code] += 1
            if messages:
                self._accepted(messages, change.rejected)
        if exchange.findings:
            self._found(exchange, exchange.findings)

    def _went_on(self, change: Change) -> None:
        for state in change.final_states:
            self.final_states[state] += 1
        for outcome, attempt in change.pushed:
            self.pushes[outcome, attempt.status] += 1
            for finding in attempt.findings:
                self.findings[finding.rule] += 1

    def _accepted(self, messages: tuple[Message, ...], rejected: int) -> None:
        sending, count = messages[0].sending, len(messages)
        segments = sending.segmentation.segments
        self._messages += count
        self._segments += segments * count
        self._billed[sending.currency] += segments * (count - rejected)

    def _found(self, exchange: Exchange, findings: tuple[Finding, ...]) -> None:
        for finding in findings:
            self.findings[finding.rule] += 1
        if exchange.kind == "handshake":
            self.handshakes[str(findings[0].got)] += 1


def _segments_in(singles: list[int]) -> int:
    return sum(segments * count for segments, count in enumerate(singles))
