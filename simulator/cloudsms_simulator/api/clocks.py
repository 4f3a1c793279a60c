"""`/clock`: what time it is for an account, and how a test changes it: freeze, resume, advance, run until idle.

Durations are ISO 8601 such as `PT25H`, or `3s`, or a number of seconds; moments are ISO 8601 with their zone.
`timeout` is wall time, at most an hour: a call that reaches it answers with `settled` false.
"""

from datetime import timedelta
from typing import Annotated

import msgspec
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from cloudsms_simulator.api.context import ApiContext
from cloudsms_simulator.api.http import Nothing, json_response, read_json
from cloudsms_simulator.engine.clock import FASTEST, SLOWEST
from cloudsms_simulator.journal.views import JournalView
from cloudsms_simulator.models.durations import read_duration_or_seconds
from cloudsms_simulator.moments import datetime
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
