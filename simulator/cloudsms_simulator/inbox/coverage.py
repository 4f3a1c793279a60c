"""Statistics of the journal, counted in one pass; and what of the protocol it exercised, and what it did not.

`collect_statistics` counts the journals of some accounts: a hundred thousand messages take a few tenths of a second, in
pieces of some milliseconds between which other tasks get their turn. Seconds are those of each account's own clock.
`coverage_of` lists every result code, state, reason of a local rejection, fault and finding, each with how often it was
seen, or with how to exercise it: a magic number, a scenario, a call. Reading: R8, R17, R20, R21, R22, R23, R26.
"""

import asyncio
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from decimal import Decimal
from itertools import islice
from typing import TypeVar

import msgspec

from cloudsms_simulator.engine.acceptance import ADMISSION_RULES, rule_of_reason
from cloudsms_simulator.engine.account import Account
from cloudsms_simulator.engine.evaluation import MAGIC_NUMBERS
from cloudsms_simulator.engine.faults import Fault, PushFault
from cloudsms_simulator.engine.money import Currency
from cloudsms_simulator.engine.records import Attempt, Exchange, Message, Report, Sending
from cloudsms_simulator.journal.search_syntax import written_pattern
from cloudsms_simulator.moments import datetime
from cloudsms_simulator.protocol.codes import RESULT_CODES, STATES, ResultCode, desc_of, hex_code
from cloudsms_simulator.protocol.customer import read_answer
from cloudsms_simulator.protocol.findings import FINDING_RULES
from cloudsms_simulator.protocol.timestamps import EPOCH
from cloudsms_simulator.services.scenarios import CountedRule
from cloudsms_simulator.stores.store import Store

ANSWERED_RIGHTLY = "answered rightly"
"""The kind of a push that got a 2xx and an ANSWER without a mistake; others have the rule of what was wrong."""
NO_ANSWER = "no answer"

_IN_ONE_GO = 1_000
_CODES = frozenset(map(int, ResultCode))

ValueT = TypeVar("ValueT")


class Occurrences(msgspec.Struct, frozen=True):
    """That something occurred: the search of the list that shows it, and how often, None where that is not counted."""

    search: str
    times: int | None = None


class JournalStatistics:
    """What was counted. `evicted` counts messages and requests that are gone; no other number here has them."""

    def __init__(self) -> None:
        self.messages = self.requests = self.evicted = self.pending_reports = 0
        self.codes: defaultdict[ResultCode | str, Counter[int]] = defaultdict(Counter)
        """Requests by their result code, or by kind where there is none; each value counts by second."""
        self.encodings: defaultdict[int, Counter[int]] = defaultdict(Counter)
        """Messages by DCS."""
        self.segments: Counter[int] = Counter()
        """Segments by DCS."""
        self.states: defaultdict[int, Counter[int]] = defaultdict(Counter)
        """States that were reached, intermediate ones too."""
        self.pushes: defaultdict[str, Counter[int]] = defaultdict(Counter)
        self.spent: defaultdict[Currency, Decimal] = defaultdict(Decimal)
        self.routes: Counter[str] = Counter()
        self.countries: Counter[int] = Counter()
        self.faults: dict[str, Occurrences] = {}
        self.findings: dict[str, Occurrences] = {}
        self.reasons: Counter[str] = Counter()
        self.item_codes: dict[ResultCode, Occurrences] = {}
        """Codes of single destinations, in batches that were accepted in part."""
        self.state_occurrences: dict[int, Occurrences] = {}

    @property
    def span(self) -> tuple[int, int] | None:
        """The first and the last second in which anything was counted; None when nothing was."""
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
                if passage.state not in self.state_occurrences:
                    self.state_occurrences[passage.state] = Occurrences(f"uid:{message.uid}")
            if isinstance(message.admission, str):
                rule = rule_of_reason(message.admission)
                self.reasons["" if rule is None else rule.kind] += 1
            elif not message.refunded:
                self.spent[sending.currency] += message.admission * segments
        self.messages += len(messages)

    def count_exchanges(self, exchanges: Sequence[Exchange]) -> None:
        """Counts requests, and whatever else a client did."""
        for exchange in exchanges:
            key = exchange.code or (NO_ANSWER if exchange.kind == "uip" else exchange.kind)
            self.codes[key][second_of(exchange.received_at)] += 1
            if exchange.fault is not None:
                self.faults[exchange.fault] = _count_once(self.faults, exchange.fault, f"fault:{exchange.fault}")
            for finding in exchange.findings or ():
                self.findings[finding.rule] = _count_once(self.findings, finding.rule, f"finding:{finding.rule}")
            if isinstance(exchange, Sending) and exchange.places is not None and exchange.answer is not None:
                self._count_items(exchange)
        self.requests += len(exchanges)

    def count_reports(self, reports: Sequence[Report]) -> None:
        """Counts reports, and the pushes of each."""
        for report in reports:
            if report.outcome == "pending":
                self.pending_reports += 1
            for finding in report.findings:
                self.findings.setdefault(finding.rule, Occurrences(f"uid:{report.uid}"))
            for attempt in report.attempts:
                self._count_attempt(report, attempt)

    def _count_attempt(self, report: Report, attempt: Attempt) -> None:
        if attempt.fault is not None:
            self.faults.setdefault(attempt.fault, Occurrences(f"uid:{report.uid}"))
        if attempt.status is None and attempt.error is None:
            return  # still on its way
        wrong = None
        for finding in attempt.findings:
            self.findings.setdefault(finding.rule, Occurrences(f"uid:{report.uid}"))
            if wrong is None or (wrong.severity != "error" and finding.severity == "error"):
                wrong = finding
        self.pushes[ANSWERED_RIGHTLY if wrong is None else wrong.rule][second_of(attempt.at)] += 1

    def _count_items(self, exchange: Sending) -> None:
        answer = read_answer(exchange.answer or b"")
        for item in () if answer is None else answer.detail_list:
            if item.result_code in _CODES:
                self.item_codes.setdefault(ResultCode(item.result_code), Occurrences(f"request:{exchange.id}"))


async def collect_statistics(store: Store, accounts: Iterable[Account | None]) -> JournalStatistics:
    """The statistics of some accounts; None among them stands for the requests that belong to no account."""
    statistics = JournalStatistics()
    for account in accounts:
        exchanges = store.exchanges(account)
        statistics.evicted += exchanges.evicted
        if account is not None:
            messages = store.messages(account)
            statistics.evicted += messages.evicted
            for part in _parts(messages):
                statistics.count_messages(part)
                await asyncio.sleep(0)
            for reports in _parts(store.reports(account)):
                statistics.count_reports(reports)
                await asyncio.sleep(0)
        for requests in _parts(exchanges):
            statistics.count_exchanges(requests)
            await asyncio.sleep(0)
    return statistics


def second_of(moment: datetime) -> int:
    """The whole second since 1970 that a moment is in."""
    passed = moment - EPOCH
    return passed.days * 86_400 + passed.seconds


def _parts(values: Iterable[ValueT]) -> Iterator[list[ValueT]]:
    """The values as they are now, in lists of at most `_IN_ONE_GO`."""
    left = iter(list(values))
    while part := list(islice(left, _IN_ONE_GO)):
        yield part


def _count_once(occurrences: dict[str, Occurrences], name: str, search: str) -> Occurrences:
    seen = occurrences.get(name)
    return Occurrences(search, 1 if seen is None or seen.times is None else seen.times + 1)


NUMBER_PREFIX = "85267"
"""Put before magic suffixes to show them as numbers in Hong Kong."""
EVERY_STATE, EVERY_CODE = "every-state", "every-result-code"
"""Bundled scenarios that exercise all of a kind."""


class CoverageItem(msgspec.Struct, frozen=True):
    """One thing there is to exercise. Without `seen` it was not exercised, and the other fields say how it can be."""

    name: str
    about: str = ""
    seen: Occurrences | None = None
    number: str | None = None
    """Country code and number of a magic recipient that exercises it."""
    scenario: str | None = None
    """The bundled scenario that exercises it."""
    call: str | None = None
    """A POST of the admin API that exercises it, as path and JSON."""


class CoverageGroup(msgspec.Struct, frozen=True):
    """All there is to exercise of one kind."""

    name: str
    items: tuple[CoverageItem, ...]

    @property
    def seen(self) -> int:
        """How many of the items were exercised."""
        return sum(item.seen is not None for item in self.items)


def coverage_of(
    statistics: JournalStatistics, newest_by_rule: Mapping[str, int], counted: Iterable[CountedRule]
) -> tuple[CoverageGroup, ...]:
    """The groups, in the order in which a test plan would have them.

    `newest_by_rule` has the number of the newest accepted request with a finding of each rule; `counted` are the rules
    of the scenarios in use.
    """
    return (
        CoverageGroup("codes", tuple(_codes(statistics))),
        CoverageGroup("states", tuple(_states(statistics))),
        CoverageGroup("reasons", tuple(_reasons(statistics))),
        CoverageGroup("faults", tuple(_faults(statistics))),
        CoverageGroup("rules", tuple(map(_rule, counted))),
        CoverageGroup("findings", tuple(_findings(statistics, newest_by_rule))),
    )


def _codes(statistics: JournalStatistics) -> Iterator[CoverageItem]:
    numbers: dict[ResultCode, str] = {
        magic.code: suffix for suffix, magic in MAGIC_NUMBERS.items() if magic.code is not ResultCode.OK
    }
    for row in RESULT_CODES:
        times = sum(statistics.codes[row.code].values()) if row.code in statistics.codes else 0
        seen = Occurrences(f"code:{hex_code(row.code)}", times) if times else statistics.item_codes.get(row.code)
        suffix = numbers.get(row.code)
        number = None if suffix is None else NUMBER_PREFIX + suffix
        yield CoverageItem(f"{desc_of(row.code)} {hex_code(row.code)}", row.description, seen, number, EVERY_CODE)


def _states(statistics: JournalStatistics) -> Iterator[CoverageItem]:
    for row in STATES:
        seen = statistics.state_occurrences.get(row.state)
        if seen is not None:
            seen = msgspec.structs.replace(seen, times=sum(statistics.states[row.state].values()))
        number = f"{NUMBER_PREFIX}5550{row.state:02}"
        yield CoverageItem(f"{row.state.name} {int(row.state)}", row.description, seen, number, EVERY_STATE)


def _reasons(statistics: JournalStatistics) -> Iterator[CoverageItem]:
    for rule in ADMISSION_RULES:
        times = statistics.reasons.get(rule.kind)
        seen = Occurrences(f'reason:"{rule.said}"', times) if times else None
        yield CoverageItem(rule.kind, "", seen, scenario=rule.scenario)


def _faults(statistics: JournalStatistics) -> Iterator[CoverageItem]:
    numbers = {magic.fault: suffix for suffix, magic in MAGIC_NUMBERS.items() if magic.fault is not None}
    faults: Sequence[Fault | PushFault] = (*Fault, *PushFault)
    for fault in faults:
        suffix = numbers.get(fault) if isinstance(fault, Fault) else None
        number = None if suffix is None else NUMBER_PREFIX + suffix
        call = f'/api/v1/faults {{"fault": "{fault}"}}'
        if isinstance(fault, PushFault):
            call = f'/api/v1/rules {{"report": [{{"state": "DELIVERED", "after": "1s", "push": "{fault}"}}]}}'
        yield CoverageItem(fault, "", statistics.faults.get(fault), number, call=None if number else call)


def _rule(counted: CountedRule) -> CoverageItem:
    name = counted.rule.id
    seen = Occurrences(f"rule:{written_pattern(name, bare=False)}", counted.hits) if counted.hits else None
    return CoverageItem(name, counted.book, seen)


def _findings(statistics: JournalStatistics, newest_by_rule: Mapping[str, int]) -> Iterator[CoverageItem]:
    for rule in FINDING_RULES.values():
        seen = statistics.findings.get(rule.id)
        if seen is None and rule.id in newest_by_rule:
            seen = Occurrences(f"finding:{rule.id}")
        yield CoverageItem(rule.id, rule.summary, seen)
