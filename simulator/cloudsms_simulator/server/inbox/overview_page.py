"""The overview: what is kept in a few charts and numbers, and what of the protocol it exercised.

It reads itself again while things happen. Counting a large journal takes a while, so that no more of the time is spent
on it than a tenth, whoever looks and however often: in between everybody gets what was counted last.
"""

import asyncio
import time
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from cloudsms_simulator.engine.money import Money
from cloudsms_simulator.protocol.result_codes import ResultCode, desc_of, written
from cloudsms_simulator.protocol.states import STATES, State, name_of
from cloudsms_simulator.server.admin.office import Office
from cloudsms_simulator.server.admin.searching import NOBODY
from cloudsms_simulator.server.inbox.buckets import Buckets, buckets_over
from cloudsms_simulator.server.inbox.chart import Chart, chart_of
from cloudsms_simulator.server.inbox.coverage import Group, coverage_of
from cloudsms_simulator.server.inbox.lookback import Lookback
from cloudsms_simulator.server.inbox.press import Press
from cloudsms_simulator.server.inbox.survey import RIGHT, Survey, surveyed
from cloudsms_simulator.server.inbox.visit import Visit, accounts_in, visit_of

REST = 10
"""How many times as long as a count took it is good for."""
LONGEST_REST = 5.0
"""Seconds that it is good for at most: on a loaded machine one may have taken very long."""
TOP = 5
"""Routes and countries that are shown."""
_DCS = (0, 3, 8)


class Overview(msgspec.Struct, frozen=True):
    """What the page shows. `unread` are accepted requests whose findings are not worked out yet."""

    survey: Survey
    charts: Mapping[str, Chart]
    """By what they are of; none at all when nothing happened."""
    groups: tuple[Group, ...]
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

    def __init__(self, office: Office, press: Press) -> None:
        self._office = office
        self._press = press
        self._lookbacks: dict[str | None, Lookback] = {}
        self._counted: dict[str, _Counted] = {}
        self._counting: dict[str, asyncio.Lock] = {}

    async def show(self, request: Request) -> Response:
        """The page. Where it shows what was counted before, it says when to ask again."""
        visit = visit_of(self._office, request)
        counted, again_in = await self._latest(visit)
        again_in = 1.0 if counted.unread and again_in is None else again_in
        again_ms = None if again_in is None else max(10, round(again_in * 1000))
        return self._press.page("overview.html", visit, view=counted, again_ms=again_ms)

    async def _latest(self, visit: Visit) -> tuple[Overview, float | None]:
        """What was counted last if it is still good, and for how many seconds it is; else what is counted now."""
        lock = self._counting.setdefault(visit.scope, asyncio.Lock())
        async with lock:
            last = self._counted.get(visit.scope)
            begun = time.monotonic()
            if last is not None and begun < last.good_until:
                return last.overview, last.good_until - begun
            overview = await self._count(visit)
            ended = time.monotonic()
            self._counted[visit.scope] = _Counted(overview, ended + min(REST * (ended - begun), LONGEST_REST))
            self._forget_all_but(visit.accounts)
            return overview, None

    def _forget_all_but(self, accounts: Sequence[str]) -> None:
        """Forgets what it knows of accounts that are gone."""
        there = {None, "", NOBODY, *accounts}
        for known in (self._lookbacks, self._counted, self._counting):
            for name in known.keys() - there:
                del known[name]  # type: ignore[arg-type]

    async def _count(self, visit: Visit) -> Overview:
        office = self._office
        accounts = accounts_in(office, visit)
        survey = await surveyed(office.store, accounts)
        looked_back: dict[str, int] = {}
        unread = 0
        for account in accounts:
            name = None if account is None else account.name
            lookback = self._lookbacks.setdefault(name, Lookback(office.store))
            unread += await lookback.go_on(account)
            looked_back |= lookback.newest(account)
        playing = [each for account in accounts if account is not None for each in office.scenarios.counted(account)]
        failures = {rule: sum(times.values()) for rule, times in survey.pushes.items()}
        right = failures.pop(RIGHT, 0)
        return Overview(
            survey,
            _charts(survey),
            coverage_of(survey, looked_back, playing),
            tuple(Money(amount, currency) for currency, amount in sorted(survey.spent.items())),
            right + sum(failures.values()),
            right,
            tuple(Counter(failures).most_common()),
            tuple(survey.routes.most_common(TOP)),
            tuple(survey.countries.most_common(TOP)),
            sum(office.store.standing(account).outstanding for account in accounts),
            unread,
        )


def _charts(survey: Survey) -> Mapping[str, Chart]:
    span = survey.span
    if span is None:
        return {}
    buckets: Buckets = buckets_over(*span)
    codes: Iterable[ResultCode | str] = ResultCode
    return {
        "messages": chart_of(survey.encodings, buckets, _DCS, first=2, label=lambda dcs: f"DCS {dcs}"),
        "codes": chart_of(survey.codes, buckets, tuple(codes), ResultCode.OK, label=_code_label),
        "states": chart_of(survey.states, buckets, _BY_NUMBER, int(State.DELIVERED), first=2, label=_state_label),
        "pushes": chart_of(survey.pushes, buckets, (RIGHT,), RIGHT),
    }


_BY_NUMBER = tuple(int(row.state) for row in STATES)


def _code_label(code: ResultCode | str) -> str:
    return f"{desc_of(code)} {written(code)}" if isinstance(code, ResultCode) else code


def _state_label(state: int) -> str:
    return name_of(state) if state in _BY_NUMBER else f"{name_of(state)} {state}"
