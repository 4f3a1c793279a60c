"""Control: the clock, the scenario with its rules and faults, and the account with its callback, moved by hand."""

import asyncio
from collections.abc import Mapping
from itertools import islice

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from cloudsms_simulator.engine.account import Account
from cloudsms_simulator.engine.fault import Fault, Identity, TlsTrouble
from cloudsms_simulator.protocol.profile import PROFILES
from cloudsms_simulator.server.admin.office import Office
from cloudsms_simulator.server.admin.scenarios import ScenarioItem, bundled
from cloudsms_simulator.server.admin.searching import NOBODY
from cloudsms_simulator.server.clock_item import clock_item
from cloudsms_simulator.server.durations import duration_text
from cloudsms_simulator.server.inbox.dueline import due_line
from cloudsms_simulator.server.inbox.lately import fired_lately, health_of
from cloudsms_simulator.server.inbox.press import Press
from cloudsms_simulator.server.inbox.visit import Visit, visit_of
from cloudsms_simulator.server.items import account_item
from cloudsms_simulator.server.pending_item import PendingListing, pending_of
from cloudsms_simulator.server.rule_item import rule_item

_LOOKED_AT = 2_000
"""Messages, the newest ones, of which what is due is shown; and so many reports, of which the last are."""
RATES = (1, 60, 3600)
STEPS = (
    ("PT1S", "+1 s"),
    ("PT10S", "+10 s"),
    ("PT1M", "+1 min"),
    ("PT10M", "+10 min"),
    ("PT1H", "+1 h"),
    ("PT25H", "+25 h"),
)


class ControlPage:
    """`/control`, and `/control/live` with those parts of it that change by themselves."""

    def __init__(self, office: Office, press: Press) -> None:
        self._office = office
        self._press = press
        self._scenarios: list[ScenarioItem] | None = None
        """The bundled ones, read once: they stay what they are while a server runs."""

    async def show(self, request: Request) -> Response:
        """The page."""
        visit = visit_of(self._office, request)
        account = _account(visit)
        callback = account.callback
        if self._scenarios is None:
            self._scenarios = await asyncio.to_thread(bundled)
        return self._press.page(
            "control.html",
            visit,
            **await self._moving(account),
            rates=RATES,
            steps=STEPS,
            scenarios=self._scenarios,
            faults=tuple(Fault),
            troubles=tuple(TlsTrouble),
            identities=tuple(Identity),
            profiles=tuple(PROFILES),
            settings=self._office.scenarios.settings_of(account),
            retries="\n".join(duration_text(pause) for pause in callback.retries),
            timeouts=(duration_text(callback.connect_timeout), duration_text(callback.timeout)),
        )

    async def live(self, request: Request) -> Response:
        """What changes by itself; nothing when the account is gone."""
        if self._office.directory.named(request.query_params.get("account", "")) is None and _names_one(request):
            return Response(status_code=204)
        visit = visit_of(self._office, request)
        return self._press.page("_control_live.html", visit, **await self._moving(_account(visit)))

    async def _moving(self, account: Account) -> Mapping[str, object]:
        office, store = self._office, self._office.store
        standing = store.standing(account)
        clock = clock_item(office.timekeeper.read(account))
        messages = store.messages(account)
        due = await pending_of(store, account, islice(messages, _LOOKED_AT))
        reports = list(islice(store.reports(account), _LOOKED_AT))
        playing = office.scenarios.playing(account).scenario
        return {
            "account": account,
            "item": account_item(account, standing, clock.now),
            "clock": clock,
            "line": due_line(PendingListing(due, clock.now, messages.evicted)),
            "fired": fired_lately(reports),
            "health": health_of(reports),
            "playing": playing,
            "since": standing.rules_since,
            "rules": [rule_item(each) for each in office.scenarios.counted(account)],
            "listeners": office.tls_troubles.listeners,
            "made_here": office.keeper.made(account),
        }


def _names_one(request: Request) -> bool:
    return request.query_params.get("account", "") not in ("", NOBODY)


def _account(visit: Visit) -> Account:
    if visit.account is None:
        raise HTTPException(404, "there is no account to control; make one over the API")
    return visit.account
