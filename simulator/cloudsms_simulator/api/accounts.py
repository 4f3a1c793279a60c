"""`/accounts`: list, make, show, change, delete and reset them, their money and ledger; `/reset`; and `/clock`.

Settings come as JSON with the keys of the configuration; what does not fit is a problem, line by line. 409 for what
does not go with the accounts there are. Of these answers only that of creation has the whole AUTH_KEY.

`/clock` is what time it is for an account, and how a test changes it: freeze, resume, advance, run until idle.
Durations are ISO 8601 such as `PT25H`, or `3s`, or a number of seconds; moments are ISO 8601 with their zone. `timeout`
is wall time, at most an hour: a call that reaches it answers with `settled` false.
"""

from datetime import timedelta
from typing import Annotated

import msgspec
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from cloudsms_simulator.api.context import ApiContext
from cloudsms_simulator.api.http import (
    Nothing,
    WholeListing,
    json_response,
    page_response,
    problem_response,
    read_json,
    read_octets,
)
from cloudsms_simulator.config.account_body import account_settings, read_credit
from cloudsms_simulator.config.sources import JsonTable, read_json_table
from cloudsms_simulator.engine.account import Account
from cloudsms_simulator.engine.clock import FASTEST, SLOWEST
from cloudsms_simulator.journal.views import JournalView
from cloudsms_simulator.models.account import AccountItem
from cloudsms_simulator.models.durations import read_duration_or_seconds
from cloudsms_simulator.models.server import Page, Problem
from cloudsms_simulator.moments import datetime
from cloudsms_simulator.net.http_parser import base_path
from cloudsms_simulator.services.accounts import (
    AccountConflictError,
    AccountService,
    LedgerListing,
    account_item,
    ledger_item,
)
from cloudsms_simulator.services.clocks import advance_item, clock_item

MAX_TIMEOUT = timedelta(hours=1)

AdvanceBy = Annotated[str | float | None, msgspec.Meta(description='a duration such as "PT25H" or "3s", or seconds')]
AdvanceTo = Annotated[
    Annotated[datetime, msgspec.Meta(tz=True)] | None,
    msgspec.Meta(description='an ISO 8601 moment with its zone, such as "2026-11-23T12:00:00+08:00"'),
]
CallTimeout = Annotated[
    str | float, msgspec.Meta(description='seconds, or a duration such as "30s", of at most an hour')
]
Rate = Annotated[
    float, msgspec.Meta(ge=SLOWEST, le=FASTEST, description=f"how many times as fast, {SLOWEST} to {FASTEST:,.0f}")
]


class Advance(msgspec.Struct, frozen=True):
    """How far to move a clock ahead, one of `by` and `to`, and how long the call may take."""

    by: AdvanceBy = None
    to: AdvanceTo = None
    timeout: CallTimeout = 30.0


class Resume(msgspec.Struct, frozen=True):
    """How fast a clock goes on."""

    rate: Rate = 1.0


class RunUntilIdle(msgspec.Struct, frozen=True):
    """How long the call may take."""

    timeout: CallTimeout = 30.0


class ClockHandlers:
    """`/clock` and what is below it."""

    def __init__(self, context: ApiContext) -> None:
        self._context = context

    async def show(self, request: Request) -> Response:
        """What the clock shows."""
        return json_response(clock_item(self._context.clocks.read(self._context.requested_account(request))))

    async def freeze(self, request: Request) -> Response:
        """Stops the clock where it is."""
        account = self._context.requested_account(request)
        await read_json(request, Nothing)
        return json_response(clock_item(await self._context.clocks.freeze(account)))

    async def resume(self, request: Request) -> Response:
        """Lets the clock go on at a rate, 1 unless said."""
        account = self._context.requested_account(request)
        wanted = await read_json(request, Resume)
        return json_response(clock_item(await self._context.clocks.resume(account, wanted.rate)))

    async def advance(self, request: Request) -> Response:
        """Moves the clock ahead; what fired on the way."""
        account = self._context.requested_account(request)
        wanted = await read_json(request, Advance)
        timeout = _timeout(wanted.timeout)
        clocks = self._context.clocks
        try:
            if wanted.by is not None and wanted.to is None:
                reading = await clocks.advance(account, _duration("by", wanted.by), timeout)
            elif wanted.to is not None and wanted.by is None:
                reading = await clocks.advance_to(account, wanted.to, timeout)
            else:
                raise HTTPException(400, 'want one of by and to, such as {"by": "PT25H"}')
        except ValueError as error:
            raise HTTPException(400, str(error)) from error
        return json_response(advance_item(reading, JournalView(self._context.store, account)))

    async def run_until_idle(self, request: Request) -> Response:
        """Moves the clock ahead until nothing is planned any more; what fired on the way."""
        account = self._context.requested_account(request)
        wanted = await read_json(request, RunUntilIdle)
        reading = await self._context.clocks.run_until_idle(account, _timeout(wanted.timeout))
        return json_response(advance_item(reading, JournalView(self._context.store, account)))


def _timeout(value: str | float) -> timedelta:
    timeout = _duration("timeout", value)
    if timeout > MAX_TIMEOUT:
        raise HTTPException(400, f"timeout: got {value}, want at most an hour; call again for what is left")
    return timeout


def _duration(name: str, value: str | float) -> timedelta:
    try:
        return read_duration_or_seconds(value)
    except ValueError as error:
        shown = f'"{value[:60]}"' if isinstance(value, str) else value
        raise HTTPException(400, f"{name}: got {shown}, want {error}") from error


class AccountHandlers:
    """`/accounts` and what is below it, and `/reset`."""

    def __init__(self, context: ApiContext, accounts: AccountService) -> None:
        self._context = context
        self._accounts = accounts

    async def listing(self, request: Request) -> Response:
        """Every account with its standing."""
        return page_response(request, WholeListing(tuple(self._context.directory)), lambda each: each.name, self._item)

    async def reset(self, request: Request) -> Response:
        """One account as it was created, but for its clock; the account. Nothing scheduled before fires after.

        It plays what it played at first, and rules laid down since are gone. Its sink is empty and answers rightly.
        """
        account = self._account(request)
        await read_json(request, Nothing)
        return json_response(self._item(await self._reset(account)))

    async def reset_all(self, request: Request) -> Response:
        """Every account as it was created, those made over the API gone, and no exchange of nobody's; the accounts."""
        await read_json(request, Nothing)
        await self._accounts.delete_all()
        for account in self._context.directory:
            await self._reset(account)
        now = self._context.wall.now()
        await self._context.store.step(None, lambda transaction: transaction.begin_anew(now))
        return self._all()

    async def create(self, request: Request) -> Response:
        """Makes an account; 201 and the account, with its whole AUTH_KEY this once."""
        account = await self._accounts.create(await _table(request))
        response = json_response(msgspec.structs.replace(self._item(account), auth_key=account.auth_key), 201)
        response.headers["Location"] = f"{base_path(request.scope)}/api/v1/accounts/{account.name}"
        return response

    async def show(self, request: Request) -> Response:
        """One account with its standing."""
        return json_response(self._item(self._account(request)))

    async def change(self, request: Request) -> Response:
        """Changes some settings of an account, until it is reset; the account."""
        account = self._account(request)
        return json_response(self._item(await self._accounts.change(account, await _table(request))))

    async def delete(self, request: Request) -> Response:
        """Deletes an account made over the API, its pushes on the way aborted first; 204."""
        account = self._account(request)
        await read_json(request, Nothing)
        await self._accounts.delete(account)
        return Response(status_code=204)

    async def credit(self, request: Request) -> Response:
        """Puts money on an account; the movement."""
        account = self._account(request)
        entry = await self._accounts.credit(account, read_credit(await _table(request)))
        return json_response(ledger_item(self._context.store.ledger(account), entry, account.currency))

    async def ledger(self, request: Request) -> Response:
        """Every movement on an account."""
        account = self._account(request)
        listing = LedgerListing(self._context.store.ledger(account), account.currency)
        return page_response(request, listing, lambda each: each.id, lambda each: each)

    def _account(self, request: Request) -> Account:
        return self._context.named(request.path_params["name"])

    async def _reset(self, account: Account) -> Account:
        created = await self._context.clocks.reset(account)
        self._context.sink.clear(account.name)
        return created

    def _all(self) -> Response:
        shown = [self._item(account) for account in self._context.directory]
        return json_response(Page(tuple(shown), len(shown), None, 0))

    def _item(self, account: Account) -> AccountItem:
        state = self._context.store.standing(account)
        return account_item(account, state, state.clock.now(self._context.wall.now()), account_settings(account))


async def _table(request: Request) -> JsonTable:
    return read_json_table(await read_octets(request))


async def on_account_conflict(request: Request, error: Exception) -> Response:
    """Answers what does not go with the accounts there are with 409."""
    assert isinstance(error, AccountConflictError)
    return problem_response(Problem("conflict", 409, str(error)))
