"""A survey: what is kept of some accounts, counted in one pass.

A hundred thousand messages take a few tenths of a second, in pieces of some milliseconds between which others get
their turn. Seconds are those of each account's own clock.

Reading: R17, R26.
"""

import asyncio
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from decimal import Decimal
from itertools import islice
from typing import TypeVar

import msgspec

from cloudsms_simulator.engine.account import Account
from cloudsms_simulator.engine.exchange import Exchange
from cloudsms_simulator.engine.message import Message, Sending
from cloudsms_simulator.engine.money import Currency
from cloudsms_simulator.engine.report import Attempt, Report
from cloudsms_simulator.protocol.customer import read_answer
from cloudsms_simulator.protocol.moments import datetime
from cloudsms_simulator.protocol.result_codes import ResultCode
from cloudsms_simulator.protocol.timestamps import EPOCH
from cloudsms_simulator.server.inbox.reasons import reason_kind
from cloudsms_simulator.stores.store import Store

RIGHT = "answered rightly"
"""The kind of a push that got a 2xx and an ANSWER without a mistake; others have the rule of what was wrong."""
NO_ANSWER = "no answer"

_IN_ONE_GO = 1_000
_CODES = frozenset(map(int, ResultCode))

T = TypeVar("T")


class Sight(msgspec.Struct, frozen=True):
    """That something was seen: how often, where that was counted, and the search of the list that shows it."""

    search: str
    times: int | None = None


class Survey:
    """What was counted. `evicted` are messages and requests that are kept no more, and missing everywhere here."""

    def __init__(self) -> None:
        self.messages = self.requests = self.evicted = self.pending_reports = 0
        self.codes: defaultdict[ResultCode | str, Counter[int]] = defaultdict(Counter)
        """Requests by what they were answered, or by the kind of what was none."""
        self.encodings: defaultdict[int, Counter[int]] = defaultdict(Counter)
        """Messages by their DCS."""
        self.segments: Counter[int] = Counter()
        """Segments by their DCS."""
        self.states: defaultdict[int, Counter[int]] = defaultdict(Counter)
        """States as they were reached, intermediate ones too."""
        self.pushes: defaultdict[str, Counter[int]] = defaultdict(Counter)
        self.spent: defaultdict[Currency, Decimal] = defaultdict(Decimal)
        self.routes: Counter[str] = Counter()
        self.countries: Counter[int] = Counter()
        self.faults: dict[str, Sight] = {}
        self.findings: dict[str, Sight] = {}
        self.reasons: Counter[str] = Counter()
        self.item_codes: dict[ResultCode, Sight] = {}
        """Codes of single destinations in batches that were accepted in part."""
        self.state_sights: dict[int, Sight] = {}

    @property
    def span(self) -> tuple[int, int] | None:
        """The first and the last second in which anything happened; None when nothing did."""
        counted = (self.codes, self.encodings, self.states, self.pushes)
        seconds = [second for each in counted for times in each.values() for second in times]
        return (min(seconds), max(seconds)) if seconds else None

    def count_messages(self, messages: Sequence[Message]) -> None:
        """Counts messages, those of one request best in a row."""
        encodings, states, countries = self.encodings, self.states, self.countries
        last: Sending | None = None
        second = dcs = segments = 0
        for message in messages:
            sending = message.sending
            if sending is not last:
                last, second = sending, second_of(sending.accepted_at)
                dcs, segments = sending.segmentation.dcs, sending.segmentation.segments
            encodings[dcs][second] += 1
            self.segments[dcs] += segments
            self.routes[sending.route_id] += 1
            countries[message.country_code] += 1
            for passage in message.passages:
                states[passage.state][second_of(passage.at)] += 1
                if passage.state not in self.state_sights:
                    self.state_sights[passage.state] = Sight(f"uid:{message.uid}")
            if isinstance(message.admission, str):
                self.reasons[reason_kind(message.admission)] += 1
            elif not message.refunded:
                self.spent[sending.currency] += message.admission * segments
        self.messages += len(messages)

    def count_exchanges(self, exchanges: Sequence[Exchange]) -> None:
        """Counts requests, and whatever else a client did."""
        for exchange in exchanges:
            key = exchange.code or (NO_ANSWER if exchange.kind == "uip" else exchange.kind)
            self.codes[key][second_of(exchange.received_at)] += 1
            if exchange.fault is not None:
                self.faults[exchange.fault] = _once_more(self.faults, exchange.fault, f"fault:{exchange.fault}")
            for finding in exchange.findings or ():
                self.findings[finding.rule] = _once_more(self.findings, finding.rule, f"finding:{finding.rule}")
            if isinstance(exchange, Sending) and exchange.places is not None and exchange.answer is not None:
                self._count_items(exchange)
        self.requests += len(exchanges)

    def count_reports(self, reports: Sequence[Report]) -> None:
        """Counts reports, and the pushes of each."""
        for report in reports:
            if report.outcome == "pending":
                self.pending_reports += 1
            for finding in report.findings:
                self.findings.setdefault(finding.rule, Sight(f"uid:{report.uid}"))
            for attempt in report.attempts:
                self._count_attempt(report, attempt)

    def _count_attempt(self, report: Report, attempt: Attempt) -> None:
        if attempt.fault is not None:
            self.faults.setdefault(attempt.fault, Sight(f"uid:{report.uid}"))
        if attempt.status is None and attempt.error is None:
            return  # still on its way
        wrong = None
        for finding in attempt.findings:
            self.findings.setdefault(finding.rule, Sight(f"uid:{report.uid}"))
            if wrong is None or (wrong.severity != "error" and finding.severity == "error"):
                wrong = finding
        self.pushes[RIGHT if wrong is None else wrong.rule][second_of(attempt.at)] += 1

    def _count_items(self, exchange: Sending) -> None:
        answer = read_answer(exchange.answer or b"")
        for item in () if answer is None else answer.detail_list:
            if item.result_code in _CODES:
                self.item_codes.setdefault(ResultCode(item.result_code), Sight(f"request:{exchange.id}"))


async def surveyed(store: Store, accounts: Iterable[Account | None]) -> Survey:
    """The survey of some accounts; None among them stands for the requests that are nobody's."""
    survey = Survey()
    for account in accounts:
        exchanges = store.exchanges(account)
        survey.evicted += exchanges.evicted
        if account is not None:
            messages = store.messages(account)
            survey.evicted += messages.evicted
            for part in _parts(messages):
                survey.count_messages(part)
                await asyncio.sleep(0)
            for reports in _parts(store.reports(account)):
                survey.count_reports(reports)
                await asyncio.sleep(0)
        for requests in _parts(exchanges):
            survey.count_exchanges(requests)
            await asyncio.sleep(0)
    return survey


def second_of(moment: datetime) -> int:
    """The whole second since 1970 that a moment is in."""
    passed = moment - EPOCH
    return passed.days * 86_400 + passed.seconds


def _parts(values: Iterable[T]) -> Iterator[list[T]]:
    """Values as they are now, in parts; they may change afterwards."""
    left = iter(list(values))
    while part := list(islice(left, _IN_ONE_GO)):
        yield part


def _once_more(sights: dict[str, Sight], name: str, search: str) -> Sight:
    seen = sights.get(name)
    return Sight(search, 1 if seen is None or seen.times is None else seen.times + 1)
