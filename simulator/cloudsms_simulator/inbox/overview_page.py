"""`/overview`: what is kept in a few charts and numbers, and what of the protocol it exercised.

The page loads itself again while things happen. Counting takes no more than a tenth of the time, whoever looks and
however often: in between everybody gets what was counted last. Findings on accepted requests are not worked out
when they are served, since that takes as long as serving them; `DeferredFindings` works them out here, a few at a
time and each once, and remembers the newest request under each rule. Reading: R20, R24, R26.

A chart is stacked bars for an SVG: what was counted in each bucket of virtual time, with sizes and places. Buckets are
of one of some round lengths, begin where clocks in Hong Kong have round times, and are at most 60. Seconds are whole
ones since 1970. Series differ in pattern as well as in colour, and every number is in a table too.
"""

import asyncio
import time
from collections import Counter
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from datetime import timedelta
from itertools import islice, takewhile
from typing import TypeVar

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from cloudsms_simulator import moments
from cloudsms_simulator.api.context import NOBODY, ApiContext
from cloudsms_simulator.engine.acceptance import ADMISSION_RULES
from cloudsms_simulator.engine.account import Account
from cloudsms_simulator.engine.diagnosis import SUSPECTED, ExchangeWindow, exchange_summary_of
from cloudsms_simulator.engine.money import Money
from cloudsms_simulator.engine.records import Exchange
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
from cloudsms_simulator.models.server import StoreInfo
from cloudsms_simulator.moments import datetime
from cloudsms_simulator.protocol.codes import STATES, ResultCode, State, desc_of, hex_code, state_desc
from cloudsms_simulator.protocol.timestamps import HONG_KONG
from cloudsms_simulator.services.info import store_info
from cloudsms_simulator.stores.store import Store

MAX_BUCKETS = 60
"""The most buckets over any span."""
BUCKET_LENGTHS = (
    *(1, 2, 5, 10, 15, 30, 60),
    *(120, 300, 600, 900, 1_800, 3_600),
    *(7_200, 10_800, 21_600, 43_200, 86_400),
)
"""Lengths of a bucket in seconds; a span of more than 60 days has buckets of several days."""
_DAY_SECONDS = BUCKET_LENGTHS[-1]
_OFFSET = 8 * 3_600
"""How far clocks in Hong Kong are ahead of UTC, in seconds."""


class Buckets(msgspec.Struct, frozen=True):
    """Buckets in a row: the moment the first begins, the length of each, and how many there are."""

    first: int
    length: int
    count: int

    def of(self, second: int) -> int:
        """The number of the bucket a second belongs to, from 0."""
        return (second - self.first) // self.length

    def begin(self, number: int) -> datetime:
        """When a bucket begins."""
        return moments.datetime.fromtimestamp(self.first + number * self.length, HONG_KONG)


def buckets_over(earliest: int, latest: int) -> Buckets:
    """The shortest buckets of which at most 60 cover all from one second to another."""
    for length in BUCKET_LENGTHS:
        buckets = _of_length(length, earliest, latest)
        if buckets.count <= MAX_BUCKETS:
            return buckets
    days = (latest - earliest) // (_DAY_SECONDS * (MAX_BUCKETS - 1)) + 1
    return _of_length(days * _DAY_SECONDS, earliest, latest)


def _of_length(length: int, earliest: int, latest: int) -> Buckets:
    first = (earliest + _OFFSET) // length
    last = (latest + _OFFSET) // length
    return Buckets(first * length - _OFFSET, length, last - first + 1)


WIDTH, HEIGHT = 600, 120
"""The size of the drawing, in its own units."""
STYLES = 8
"""How many styles series can have: 0 is for what went well, 1 looks like an error, the last is for all others."""
OTHERS = "others"

_WIDEST = 24
_GAP = 0.15
"""Share of a bar's place that stays empty."""
_DAY = timedelta(days=1)

KeyT = TypeVar("KeyT", bound=Hashable)
CountsBySecond = Mapping[int, int]
"""How often something happened, by the second since 1970."""


class Series(msgspec.Struct, frozen=True):
    """One series of a chart: its name, its style, and its total."""

    label: str
    style: int
    total: int


class BarPiece(msgspec.Struct, frozen=True):
    """One series' part of a bar, from the top of the drawing down."""

    style: int
    y: float
    height: float


class Bar(msgspec.Struct, frozen=True):
    """One bucket of which there is something to show; `counts` has one number for each series."""

    when: str
    x: float
    counts: tuple[int, ...]
    pieces: tuple[BarPiece, ...]


class Chart(msgspec.Struct, frozen=True):
    """Stacked bars. `top` is the count of the highest one, `step` the length of a bucket in seconds."""

    series: tuple[Series, ...]
    bars: tuple[Bar, ...]
    width: float
    """The width of a bar."""
    top: int
    step: int
    begin: str
    end: str


def chart_of(
    counted: Mapping[KeyT, CountsBySecond],
    buckets: Buckets,
    order: Sequence[KeyT] = (),
    good: KeyT | None = None,
    first: int = 1,
    label: Callable[[KeyT], str] = str,
) -> Chart:
    """A chart of what was counted by key and second.

    Series stand in `order`, unknown ones after that. `good` has the style of what went well, the others have styles
    from `first` on. Those for which no style is left are added up as `OTHERS`.
    """
    known = {key: place for place, key in enumerate(order)}
    keys = sorted((key for key in counted if counted[key]), key=lambda key: (known.get(key, len(known)), str(key)))
    series: list[Series] = []
    filled: list[list[int]] = []
    free = iter(range(first, STYLES - 1))
    for key in keys:
        style = 0 if key == good else next(free, STYLES - 1)
        counts = _filled(counted[key], buckets)
        if style == STYLES - 1 and series[-1].style == style:
            series[-1] = Series(OTHERS, style, series[-1].total + sum(counts))
            filled[-1] = [one + more for one, more in zip(filled[-1], counts, strict=True)]
        else:
            series.append(Series(label(key), style, sum(counts)))
            filled.append(counts)
    return _drawn(tuple(series), filled, buckets)


def _drawn(series: tuple[Series, ...], filled: Sequence[Sequence[int]], buckets: Buckets) -> Chart:
    columns = list(zip(*filled, strict=True)) if filled else []
    top = max(map(sum, columns), default=0)
    place = WIDTH / buckets.count
    shape = _shape(buckets)
    bars = tuple(
        Bar(
            buckets.begin(number).strftime(shape),
            round(number * place, 2),
            counts,
            tuple(_pieces(series, counts, top)),
        )
        for number, counts in enumerate(columns)
        if any(counts)
    )
    return Chart(
        series,
        bars,
        round(min(place * (1 - _GAP), _WIDEST), 2),
        top,
        buckets.length,
        buckets.begin(0).strftime(shape),
        buckets.begin(buckets.count).strftime(shape),
    )


def _filled(times: CountsBySecond, buckets: Buckets) -> list[int]:
    counts = [0] * buckets.count
    for second, number in times.items():
        counts[buckets.of(second)] += number
    return counts


def _pieces(series: Sequence[Series], counts: Sequence[int], top: int) -> Iterable[BarPiece]:
    below = 0
    for each, number in zip(series, counts, strict=True):
        if number:
            below += number
            yield BarPiece(each.style, round(HEIGHT * (1 - below / top), 2), round(HEIGHT * number / top, 2))


def _shape(buckets: Buckets) -> str:
    """The format of moments: with the day where there are several, with seconds where they matter."""
    if buckets.length % _DAY.total_seconds() == 0:
        return "%Y-%m-%d"
    one_day = buckets.begin(0).date() == buckets.begin(buckets.count - 1).date()
    return ("" if one_day else "%m-%d ") + ("%H:%M" if buckets.length % 60 == 0 else "%H:%M:%S")


MESSAGES_AT_ONCE = 400
"""About how many messages have their requests worked out in one call of `go_on`."""
MAX_SUSPECTS = 60
"""How many of the newest requests are compared with each other in one call, as long as they are not large."""
_MESSAGES_IN_ONE_GO = 20
"""After about how many messages other tasks get their turn."""


class DeferredFindings:
    """Works out the findings on the requests of one account little by little, and remembers the newest of each rule.

    Methods take the account as it is by now; None stands for requests that belong to no account.
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self._read_to = 0
        self._newest: dict[str, int] = {}
        self._suspected_at = 0

    async def go_on(self, account: Account | None) -> int:
        """Works out the findings on some more requests, oldest first; returns how many requests are left."""
        exchanges = self._store.exchanges(account)
        newest = next(iter(exchanges), None)
        if newest is None or newest.id < self._read_to:
            self._read_to, self._suspected_at = 0, 0  # the account was reset, and its numbers begin anew
        waiting = [each for each in takewhile(self._is_new, exchanges) if each.findings is None]
        waiting.reverse()
        chosen = _first_with(waiting, MESSAGES_AT_ONCE)
        view = JournalView(self._store, account)
        done = 0
        for exchange in chosen:
            self._newest |= dict.fromkeys((finding.rule for finding in view.findings(exchange)), exchange.id)
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
        """The number of the newest request with a finding of each rule; requests that are gone are left out."""
        return {
            rule: number for rule, number in self._newest.items() if self._store.exchange(account, number) is not None
        }

    def _is_new(self, exchange: Exchange) -> bool:
        return exchange.id > self._read_to

    async def _suspect(self, account: Account | None) -> None:
        newest = (each for each in self._store.exchanges(account) if each.kind == "uip")
        packets = _first_with(islice(newest, MAX_SUSPECTS), MESSAGES_AT_ONCE)
        summaries = [exchange_summary_of(each) for each in reversed(packets)]
        await asyncio.sleep(0)
        real = self._store.standing(account).clock.is_real
        for at, summary in enumerate(summaries):
            window = ExchangeWindow(tuple(summaries[:at]), summary, tuple(summaries[at + 1 :]), real)
            found = (finding.rule for suspect in SUSPECTED for finding in suspect(window))
            self._newest |= dict.fromkeys(found, summary.id)
            await asyncio.sleep(0)


def _size(exchange: Exchange) -> int:
    return max(1, len(exchange.uids))


def _first_with(exchanges: Iterable[Exchange], most: int) -> list[Exchange]:
    """The first exchanges that together have about so many messages; at least one."""
    chosen: list[Exchange] = []
    for exchange in exchanges:
        if most <= 0:
            break
        chosen.append(exchange)
        most -= _size(exchange)
    return chosen


REST_FACTOR = 10
"""A count is shown for that many times as long as counting took."""
LONGEST_REST = 5.0
"""The most seconds that a count is shown: on a loaded machine counting may have taken very long."""
TOP_ROUTES = 5
"""How many routes and countries are shown."""
_DCS = (0, 3, 8)


class Overview(msgspec.Struct, frozen=True):
    """What the page shows. `unread` are accepted requests whose findings are not worked out yet."""

    survey: JournalStatistics
    charts: Mapping[str, Chart]
    """The charts by what they count; none at all when nothing happened."""
    groups: tuple[CoverageGroup, ...]
    spent: tuple[Money, ...]
    pushes: int
    right: int
    failures: tuple[tuple[str, int], ...]
    """Rules of what was wrong with pushes and the customer's answers, the most frequent first."""
    routes: tuple[tuple[str, int], ...]
    countries: tuple[tuple[int, int], ...]
    waiting: int
    """How many messages have something still to come."""
    unread: int
    store: StoreInfo


class _Counted(msgspec.Struct, frozen=True):
    overview: Overview
    good_until: float


class OverviewPage:
    """`/overview`."""

    def __init__(self, context: ApiContext, templates: Templates) -> None:
        self._context = context
        self._templates = templates
        self._findings: dict[str | None, DeferredFindings] = {}
        self._counted: dict[str, _Counted] = {}
        self._counting: dict[str, asyncio.Lock] = {}

    async def show(self, request: Request) -> Response:
        """The page. Where it shows what was counted before, it says when to load it again."""
        page = page_context_of(self._context, request)
        counted, again_in = await self._latest(page)
        again_in = 1.0 if counted.unread and again_in is None else again_in
        again_ms = None if again_in is None else max(10, round(again_in * 1000))
        reasons = {rule.kind: rule.chinese if page.language == "zh" else rule.english for rule in ADMISSION_RULES}
        return self._templates.page("overview.html", page, view=counted, again_ms=again_ms, reasons=reasons)

    async def _latest(self, page: PageContext) -> tuple[Overview, float | None]:
        """The last count, and for how many seconds it is still shown; or a new count and None."""
        lock = self._counting.setdefault(page.scope, asyncio.Lock())
        async with lock:
            last = self._counted.get(page.scope)
            begun = time.monotonic()
            if last is not None and begun < last.good_until:
                return last.overview, last.good_until - begun
            overview = await self._count(page)
            ended = time.monotonic()
            self._counted[page.scope] = _Counted(overview, ended + min(REST_FACTOR * (ended - begun), LONGEST_REST))
            self._forget_all_but(page.accounts)
            return overview, None

    def _forget_all_but(self, accounts: Sequence[str]) -> None:
        """Drops what is remembered of accounts that are gone."""
        there = {None, "", NOBODY, *accounts}
        for known in (self._findings, self._counted, self._counting):
            for name in known.keys() - there:
                del known[name]  # type: ignore[arg-type]

    async def _count(self, page: PageContext) -> Overview:
        context = self._context
        accounts = accounts_in_scope(context, page)
        statistics = await collect_statistics(context.store, accounts)
        newest_by_rule: dict[str, int] = {}
        unread = 0
        for account in accounts:
            name = None if account is None else account.name
            findings = self._findings.setdefault(name, DeferredFindings(context.store))
            unread += await findings.go_on(account)
            newest_by_rule |= findings.newest(account)
        counted = [each for account in accounts if account is not None for each in context.scenarios.counted(account)]
        failures = {rule: sum(times.values()) for rule, times in statistics.pushes.items()}
        right = failures.pop(ANSWERED_RIGHTLY, 0)
        return Overview(
            statistics,
            _charts(statistics),
            coverage_of(statistics, newest_by_rule, counted),
            tuple(Money(amount, currency) for currency, amount in sorted(statistics.spent.items())),
            right + sum(failures.values()),
            right,
            tuple(Counter(failures).most_common()),
            tuple(statistics.routes.most_common(TOP_ROUTES)),
            tuple(statistics.countries.most_common(TOP_ROUTES)),
            sum(context.store.standing(account).outstanding for account in accounts),
            unread,
            store_info(context.store),
        )


def _charts(statistics: JournalStatistics) -> Mapping[str, Chart]:
    span = statistics.span
    if span is None:
        return {}
    buckets: Buckets = buckets_over(*span)
    codes: Iterable[ResultCode | str] = ResultCode
    return {
        "messages": chart_of(statistics.encodings, buckets, _DCS, first=2, label=lambda dcs: f"DCS {dcs}"),
        "codes": chart_of(statistics.codes, buckets, tuple(codes), ResultCode.OK, label=_code_label),
        "states": chart_of(statistics.states, buckets, _BY_NUMBER, int(State.DELIVERED), first=2, label=_state_label),
        "pushes": chart_of(statistics.pushes, buckets, (ANSWERED_RIGHTLY,), ANSWERED_RIGHTLY),
    }


_BY_NUMBER = tuple(int(row.state) for row in STATES)


def _code_label(code: ResultCode | str) -> str:
    return f"{desc_of(code)} {hex_code(code)}" if isinstance(code, ResultCode) else code


def _state_label(state: int) -> str:
    return state_desc(state) if state in _BY_NUMBER else f"{state_desc(state)} {state}"
