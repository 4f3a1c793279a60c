"""`/overview`: what is kept in a few charts and numbers, and what of the protocol it exercised.

The page reads itself again while things happen. Counting takes no more than a tenth of the time, whoever looks and
however often: in between everybody gets what was counted last. Findings on accepted requests are not worked out
when they are served, since that takes as long as serving them; `DeferredFindings` works them out here, a few at a
time and each once, and remembers the newest request under each rule. Reading: R20, R24, R26.
"""

import asyncio
import time
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from itertools import islice, takewhile

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from cloudsms_simulator.api.context import NOBODY, ApiContext
from cloudsms_simulator.engine.account import Account
from cloudsms_simulator.engine.diagnosis import SUSPECTED, ExchangeWindow, exchange_summary_of
from cloudsms_simulator.engine.money import Money
from cloudsms_simulator.engine.records import Exchange
from cloudsms_simulator.inbox.chart import Buckets, Chart, buckets_over, chart_of
from cloudsms_simulator.inbox.coverage import (
    ANSWERED_RIGHTLY,
    CoverageGroup,
    JournalStatistics,
    collect_statistics,
    coverage_of,
)
from cloudsms_simulator.inbox.page_context import PageContext, accounts_in_scope, page_context_of
from cloudsms_simulator.inbox.templates import Templates
from cloudsms_simulator.journal.views import JournalView
from cloudsms_simulator.protocol.codes import STATES, ResultCode, State, desc_of, hex_code, state_desc
from cloudsms_simulator.stores.store import Store

MESSAGES_AT_ONCE = 400
"""Messages whose requests are worked out on one look, about."""
MAX_SUSPECTS = 60
"""Requests, the newest ones, that are held against each other on every look, as long as they are not large."""
_MESSAGES_IN_ONE_GO = 20
"""Messages until others get their turn, about."""


class DeferredFindings:
    """What was found on the requests of one account so far, or on those that are nobody's.

    The account is handed in as it is by now; None stands for nobody.
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self._read_to = 0
        self._newest: dict[str, int] = {}
        self._suspected_at = 0

    async def go_on(self, account: Account | None) -> int:
        """Works out some more, the oldest first; how many requests are left for another time."""
        exchanges = self._store.exchanges(account)
        newest = next(iter(exchanges), None)
        if newest is None or newest.id < self._read_to:
            self._read_to, self._suspected_at = 0, 0  # they were reset, and begin anew
        waiting = [each for each in takewhile(self._is_new, exchanges) if each.findings is None]
        waiting.reverse()
        chosen = _so_many(waiting, MESSAGES_AT_ONCE)
        kept = JournalView(self._store, account)
        done = 0
        for exchange in chosen:
            self._newest |= dict.fromkeys((finding.rule for finding in kept.findings(exchange)), exchange.id)
            done += _size(exchange)
            if done >= _MESSAGES_IN_ONE_GO:
                done = 0
                await asyncio.sleep(0)
        if chosen:
            self._read_to = max(self._read_to, chosen[-1].id)
        if newest is not None and newest.id != self._suspected_at:
            self._suspected_at = newest.id
            await self._suspect(account)
        return len(waiting) - len(chosen)

    def newest(self, account: Account | None) -> Mapping[str, int]:
        """The number of the newest request under each rule, as far as it is kept."""
        return {
            rule: number for rule, number in self._newest.items() if self._store.exchange(account, number) is not None
        }

    def _is_new(self, exchange: Exchange) -> bool:
        return exchange.id > self._read_to

    async def _suspect(self, account: Account | None) -> None:
        newest = (each for each in self._store.exchanges(account) if each.kind == "uip")
        packets = _so_many(islice(newest, MAX_SUSPECTS), MESSAGES_AT_ONCE)
        traces = [exchange_summary_of(each) for each in reversed(packets)]
        await asyncio.sleep(0)
        real = self._store.standing(account).clock.is_real
        for at, trace in enumerate(traces):
            scene = ExchangeWindow(tuple(traces[:at]), trace, tuple(traces[at + 1 :]), real)
            found = (finding.rule for suspect in SUSPECTED for finding in suspect(scene))
            self._newest |= dict.fromkeys(found, trace.id)
            await asyncio.sleep(0)


def _size(exchange: Exchange) -> int:
    return max(1, len(exchange.uids))


def _so_many(exchanges: Iterable[Exchange], most: int) -> list[Exchange]:
    """The first of them, so that all together they have about so many messages; one at least."""
    chosen: list[Exchange] = []
    for exchange in exchanges:
        if most <= 0:
            break
        chosen.append(exchange)
        most -= _size(exchange)
    return chosen


REST_FACTOR = 10
"""How many times as long as a count took it is good for."""
LONGEST_REST = 5.0
"""Seconds that it is good for at most: on a loaded machine one may have taken very long."""
TOP_ROUTES = 5
"""Routes and countries that are shown."""
_DCS = (0, 3, 8)


class Overview(msgspec.Struct, frozen=True):
    """What the page shows. `unread` are accepted requests whose findings are not worked out yet."""

    survey: JournalStatistics
    charts: Mapping[str, Chart]
    """By what they are of; none at all when nothing happened."""
    groups: tuple[CoverageGroup, ...]
    spent: tuple[Money, ...]
    pushes: int
    right: int
    failures: tuple[tuple[str, int], ...]
    """Rules of what was wrong with pushes and the customer's answers, the most frequent first."""
    routes: tuple[tuple[str, int], ...]
    countries: tuple[tuple[int, int], ...]
    waiting: int
    """Messages with something still to come."""
    unread: int


class _Counted(msgspec.Struct, frozen=True):
    overview: Overview
    good_until: float


class OverviewPage:
    """`/overview`."""

    def __init__(self, office: ApiContext, press: Templates) -> None:
        self._office = office
        self._press = press
        self._lookbacks: dict[str | None, DeferredFindings] = {}
        self._counted: dict[str, _Counted] = {}
        self._counting: dict[str, asyncio.Lock] = {}

    async def show(self, request: Request) -> Response:
        """The page. Where it shows what was counted before, it says when to ask again."""
        visit = page_context_of(self._office, request)
        counted, again_in = await self._latest(visit)
        again_in = 1.0 if counted.unread and again_in is None else again_in
        again_ms = None if again_in is None else max(10, round(again_in * 1000))
        return self._press.page("overview.html", visit, view=counted, again_ms=again_ms)

    async def _latest(self, visit: PageContext) -> tuple[Overview, float | None]:
        """What was counted last if it is still good, and for how many seconds it is; else what is counted now."""
        lock = self._counting.setdefault(visit.scope, asyncio.Lock())
        async with lock:
            last = self._counted.get(visit.scope)
            begun = time.monotonic()
            if last is not None and begun < last.good_until:
                return last.overview, last.good_until - begun
            overview = await self._count(visit)
            ended = time.monotonic()
            self._counted[visit.scope] = _Counted(overview, ended + min(REST_FACTOR * (ended - begun), LONGEST_REST))
            self._forget_all_but(visit.accounts)
            return overview, None

    def _forget_all_but(self, accounts: Sequence[str]) -> None:
        """Forgets what it knows of accounts that are gone."""
        there = {None, "", NOBODY, *accounts}
        for known in (self._lookbacks, self._counted, self._counting):
            for name in known.keys() - there:
                del known[name]  # type: ignore[arg-type]

    async def _count(self, visit: PageContext) -> Overview:
        office = self._office
        accounts = accounts_in_scope(office, visit)
        survey = await collect_statistics(office.store, accounts)
        looked_back: dict[str, int] = {}
        unread = 0
        for account in accounts:
            name = None if account is None else account.name
            lookback = self._lookbacks.setdefault(name, DeferredFindings(office.store))
            unread += await lookback.go_on(account)
            looked_back |= lookback.newest(account)
        playing = [each for account in accounts if account is not None for each in office.scenarios.counted(account)]
        failures = {rule: sum(times.values()) for rule, times in survey.pushes.items()}
        right = failures.pop(ANSWERED_RIGHTLY, 0)
        return Overview(
            survey,
            _charts(survey),
            coverage_of(survey, looked_back, playing),
            tuple(Money(amount, currency) for currency, amount in sorted(survey.spent.items())),
            right + sum(failures.values()),
            right,
            tuple(Counter(failures).most_common()),
            tuple(survey.routes.most_common(TOP_ROUTES)),
            tuple(survey.countries.most_common(TOP_ROUTES)),
            sum(office.store.standing(account).outstanding for account in accounts),
            unread,
        )


def _charts(survey: JournalStatistics) -> Mapping[str, Chart]:
    span = survey.span
    if span is None:
        return {}
    buckets: Buckets = buckets_over(*span)
    codes: Iterable[ResultCode | str] = ResultCode
    return {
        "messages": chart_of(survey.encodings, buckets, _DCS, first=2, label=lambda dcs: f"DCS {dcs}"),
        "codes": chart_of(survey.codes, buckets, tuple(codes), ResultCode.OK, label=_code_label),
        "states": chart_of(survey.states, buckets, _BY_NUMBER, int(State.DELIVERED), first=2, label=_state_label),
        "pushes": chart_of(survey.pushes, buckets, (ANSWERED_RIGHTLY,), ANSWERED_RIGHTLY),
    }


_BY_NUMBER = tuple(int(row.state) for row in STATES)


def _code_label(code: ResultCode | str) -> str:
    return f"{desc_of(code)} {hex_code(code)}" if isinstance(code, ResultCode) else code


def _state_label(state: int) -> str:
    return state_desc(state) if state in _BY_NUMBER else f"{state_desc(state)} {state}"
