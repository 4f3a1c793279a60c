"""`/control`: the clock, the scenario with its rules and faults, and the account with its callback, moved by hand.

`/control/live` holds the parts that change by themselves: what is due along a line, what happened last to reports,
and how the callback does over the last pushes. A place on the line is the logarithm of one second more than the
time until then, so that the first second is as wide as the hours at the end; the scale goes to 26 hours, past the
last expiry of what is accepted now, or to whatever comes later. Spec: Delivery Report (DR) CallBack.
"""

import asyncio
import heapq
from collections.abc import Iterable, Mapping
from itertools import islice
from math import log1p

import msgspec
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from cloudsms_simulator.api.context import NOBODY, ApiContext
from cloudsms_simulator.api.rules import bundled_items
from cloudsms_simulator.config.account_body import account_settings, account_values
from cloudsms_simulator.config.sources import yaml_text
from cloudsms_simulator.engine.account import Account
from cloudsms_simulator.engine.faults import Fault, Identity, TlsTrouble
from cloudsms_simulator.engine.records import Attempt, Report
from cloudsms_simulator.inbox.page_context import PageContext, page_context_of
from cloudsms_simulator.inbox.templates import Templates
from cloudsms_simulator.journal.views import PendingListing, pending_of
from cloudsms_simulator.models.account import ScenarioItem
from cloudsms_simulator.models.durations import duration_text
from cloudsms_simulator.models.journal import PendingItem
from cloudsms_simulator.moments import datetime
from cloudsms_simulator.protocol.codes import state_desc
from cloudsms_simulator.protocol.findings import Finding
from cloudsms_simulator.protocol.profile import PROFILES
from cloudsms_simulator.services.accounts import account_item
from cloudsms_simulator.services.clocks import clock_item
from cloudsms_simulator.services.scenarios import rule_item

SHORTEST_SPAN = 26 * 3600.0
"""The least seconds that the scale shows."""
_SCALE_MARKS = (
    (1, "1 s"),
    (10, "10 s"),
    (60, "1 min"),
    (600, "10 min"),
    (3600, "1 h"),
    (6 * 3600, "6 h"),
    (25 * 3600, "25 h"),
)
_SCALE_STEPS = 200
"""Into how many parts the line is divided; things of one kind that fall into the same part are one dot."""


class DueDot(msgspec.Struct, frozen=True):
    """Things that are due at about the same time; `at` and `state` (its name) are those of the first of them."""

    x: float
    """Percent of the line."""
    kind: str
    at: datetime
    in_s: float
    state: str
    count: int


class ScaleMark(msgspec.Struct, frozen=True):
    """A line across the scale."""

    x: float
    label: str


class DueLine(msgspec.Struct, frozen=True):
    """What is due, soonest first, and the scale it stands on."""

    span: float
    """Seconds from one end of the scale to the other."""
    dots: tuple[DueDot, ...]
    marks: tuple[ScaleMark, ...]


def due_line(pending: Iterable[PendingItem]) -> DueLine:
    """The line for what is pending."""
    due = sorted(pending, key=lambda each: each.in_s)
    span = max(SHORTEST_SPAN, due[-1].in_s * 1.05 if due else 0.0)
    dots: dict[tuple[str, int], DueDot] = {}
    for each in due:
        x = place_of(each.in_s, span)
        key = (each.kind, round(x / 100 * _SCALE_STEPS))
        known = dots.get(key)
        if known is None:
            dots[key] = DueDot(round(x, 2), each.kind, each.due_at, each.in_s, each.state_name, 1)
        else:
            dots[key] = msgspec.structs.replace(known, count=known.count + 1)
    marks = tuple(ScaleMark(round(place_of(seconds, span), 2), label) for seconds, label in _SCALE_MARKS)
    return DueLine(span, tuple(dots.values()), marks)


def place_of(seconds: float, span: float) -> float:
    """The place of something due in so many seconds, in percent of a line of `span` seconds."""
    return 100 * log1p(min(seconds, span)) / log1p(span)


SHOWN_REPORTS = 8
"""How many reports and pushes are shown one by one."""
COUNTED_PUSHES = 100
"""How many of the last pushes the rate of success is computed from."""


class RecentReport(msgspec.Struct, frozen=True):
    """A report, and when something last happened to it: its state was reached, or it was pushed."""

    at: datetime
    uid: str
    state: int
    state_name: str
    outcome: str


class RecentPush(msgspec.Struct, frozen=True):
    """A push and what came of it; `findings` are what is wrong with the ANSWER, or with the way there."""

    at: datetime
    uid: str
    state_name: str
    succeeded: bool
    status: int | None
    error: str | None
    findings: tuple[Finding, ...]


class CallbackHealth(msgspec.Struct, frozen=True):
    """How a callback does: how many of the last pushes came through, the newest, and the last that went wrong."""

    tried: int
    succeeded: int
    newest: tuple[RecentPush, ...]
    trouble: RecentPush | None

    @property
    def percent(self) -> int:
        """How many pushes of a hundred succeed; 0 when none was tried."""
        return self.succeeded * 100 // self.tried if self.tried else 0


def recent_reports(reports: Iterable[Report]) -> tuple[RecentReport, ...]:
    """The reports to which something happened last, newest first."""
    newest = heapq.nlargest(SHOWN_REPORTS, reports, key=_last)
    return tuple(
        RecentReport(_last(each), each.uid, each.state, state_desc(each.state), each.outcome) for each in newest
    )


def callback_health(reports: Iterable[Report]) -> CallbackHealth:
    """How the pushes of these reports went."""
    made = ((attempt, report) for report in reports for attempt in report.attempts if _is_over(attempt))
    newest = [_recent_push(*each) for each in heapq.nlargest(COUNTED_PUSHES, made, key=lambda each: each[0].at)]
    wrong = (each for each in newest if not each.succeeded or any(told.severity == "error" for told in each.findings))
    return CallbackHealth(
        len(newest), sum(each.succeeded for each in newest), tuple(newest[:SHOWN_REPORTS]), next(wrong, None)
    )


def _last(report: Report) -> datetime:
    return report.attempts[-1].at if report.attempts else report.reached_at


def _is_over(attempt: Attempt) -> bool:
    return attempt.status is not None or attempt.error is not None


def _recent_push(attempt: Attempt, report: Report) -> RecentPush:
    return RecentPush(
        attempt.at,
        report.uid,
        state_desc(report.state),
        attempt.succeeded,
        attempt.status,
        attempt.error,
        attempt.findings,
    )


_NEWEST_REPORTS = 2_000
"""How many of the newest messages are searched for what is due, and how many reports for the latest pushes."""
CLOCK_RATES = (1, 60, 3600)
CLOCK_STEPS = (
    ("PT1S", "+1 s"),
    ("PT10S", "+10 s"),
    ("PT1M", "+1 min"),
    ("PT10M", "+10 min"),
    ("PT1H", "+1 h"),
    ("PT25H", "+25 h"),
)


class ControlPage:
    """`/control`, and `/control/live` with those parts of it that change by themselves."""

    def __init__(self, context: ApiContext, templates: Templates) -> None:
        self._context = context
        self._templates = templates
        self._scenarios: list[ScenarioItem] | None = None
        """The bundled scenarios, read once: they do not change while a server runs."""

    async def show(self, request: Request) -> Response:
        """The page."""
        page = page_context_of(self._context, request)
        account = _account(page)
        callback = account.callback
        if self._scenarios is None:
            self._scenarios = await asyncio.to_thread(bundled_items)
        return self._templates.page(
            "control.html",
            page,
            **await self._moving(account),
            rates=CLOCK_RATES,
            steps=CLOCK_STEPS,
            scenarios=self._scenarios,
            faults=tuple(Fault),
            troubles=tuple(TlsTrouble),
            identities=tuple(Identity),
            profiles=tuple(PROFILES),
            settings=self._context.scenarios.baseline(account).settings_now,
            retries="\n".join(duration_text(pause) for pause in callback.retries),
            timeouts=(duration_text(callback.connect_timeout), duration_text(callback.timeout)),
        )

    async def live(self, request: Request) -> Response:
        """The parts of the page that change by themselves; 204 when the account is gone."""
        if self._context.directory.named(request.query_params.get("account", "")) is None and _names_one(request):
            return Response(status_code=204)
        page = page_context_of(self._context, request)
        return self._templates.page("_control_live.html", page, **await self._moving(_account(page)))

    async def _moving(self, account: Account) -> Mapping[str, object]:
        context, store = self._context, self._context.store
        state = store.standing(account)
        clock = clock_item(context.clocks.read(account))
        messages = store.messages(account)
        due = await pending_of(store, account, islice(messages, _NEWEST_REPORTS))
        reports = list(islice(store.reports(account), _NEWEST_REPORTS))
        scenario = context.scenarios.playing(account).scenario
        return {
            "account": account,
            "item": account_item(account, state, clock.now, account_settings(account)),
            "values": _written(account),
            "clock": clock,
            "line": due_line(PendingListing(due, clock.now, messages.evicted)),
            "fired": recent_reports(reports),
            "health": callback_health(reports),
            "playing": scenario,
            "since": state.rules_since,
            "rules": [rule_item(each) for each in context.scenarios.counted(account)],
            "listeners": context.tls_troubles.listeners,
            "made_here": context.accounts.made(account),
        }


def _written(account: Account) -> Mapping[str, str]:
    """Every setting of an account, as a scenario file says it."""
    values = account_values(account)
    return {name: "" if value is None else yaml_text(value) for name, value in values.items()}


def _names_one(request: Request) -> bool:
    return request.query_params.get("account", "") not in ("", NOBODY)


def _account(page: PageContext) -> Account:
    if page.account is None:
        raise HTTPException(404, "there is no account to control; make one over the API")
    return page.account
