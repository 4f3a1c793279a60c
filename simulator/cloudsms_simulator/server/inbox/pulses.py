"""`/pulse`: the pulse of what a page shows, as server-sent events."""

import asyncio

from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from cloudsms_simulator.server.admin.office import Office
from cloudsms_simulator.server.inbox.pulse import Beat, Pulse
from cloudsms_simulator.server.inbox.visit import visit_of
from cloudsms_simulator.server.news import News

_MEDIA_TYPE = "text/event-stream"


class Pulses:
    """`/pulse`."""

    def __init__(self, office: Office, news: News, stopping: asyncio.Event) -> None:
        self._office = office
        self._news = news
        self._stopping = stopping

    async def stream(self, request: Request) -> Response:
        """Beats for as long as the page is open: of the account of `?account=`, of all without one."""
        visit = visit_of(self._office, request)
        names = {"": None, "*": (None,)}.get(visit.scope, (visit.scope,))
        pulse = Pulse(self._news, names, self._stopping)

        def beat() -> Beat:
            account = None if visit.account is None else self._office.directory.named(visit.account.name)
            clock = self._office.store.standing(account).clock
            return Beat(clock.now(self._office.wall.now()), clock.mode, clock.rate)

        headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
        return StreamingResponse(pulse.frames(beat), media_type=_MEDIA_TYPE, headers=headers)
