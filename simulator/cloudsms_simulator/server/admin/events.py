"""Events: a stream of what happens, as server-sent events."""

from collections.abc import Sequence

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.types import Receive, Scope, Send

from cloudsms_simulator.engine.account import Account
from cloudsms_simulator.server.admin.office import DEFAULT, Office
from cloudsms_simulator.server.admin.searching import NOBODY
from cloudsms_simulator.server.events import Events

_MEDIA_TYPE = "text/event-stream"
MOST_ACCOUNTS = 100


class EventStreams:
    """`/events`."""

    def __init__(self, office: Office, events: Events) -> None:
        self._office = office
        self._events = events

    async def stream(self, request: Request) -> Response:
        """What happens to the accounts of `?account=`, which may be said several times, from now on until it is left.

        Events are `request`, `message`, `report`, `clock`, `reset` and `gap`. Nothing is told again: who comes with a
        Last-Event-ID gets a `gap` first.
        """
        names = list(dict.fromkeys(request.query_params.getlist("account"))) or [DEFAULT]
        if len(names) > MOST_ACCOUNTS:
            raise HTTPException(400, f"account: got {len(names)} of them, want at most {MOST_ACCOUNTS}")
        accounts = [None if name == NOBODY else self._office.named(name) for name in names]
        if request.method == "HEAD":
            return Response(media_type=_MEDIA_TYPE)
        return _EventResponse(self._events, accounts, resumed="last-event-id" in request.headers)


class _EventResponse(StreamingResponse):
    """Streams for as long as the client reads and the simulator runs."""

    def __init__(self, events: Events, accounts: Sequence[Account | None], *, resumed: bool) -> None:
        super().__init__((), media_type=_MEDIA_TYPE, headers={"Cache-Control": "no-store", "X-Accel-Buffering": "no"})
        self._events = events
        self._accounts = accounts
        self._resumed = resumed

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        with self._events.stream(self._accounts, resumed=self._resumed) as stream:
            self.body_iterator = stream.frames()
            await super().__call__(scope, receive, send)
