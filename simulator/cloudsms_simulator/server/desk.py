"""The desk: where requests that came in the same turn of the event loop wait, to be served together.

The same stage for many requests in a row costs little more than half of all stages for one request after the other,
since the processor keeps only so much code at hand; and they share one task.

Spec: Interface specification and communication principle.
"""

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from typing import Protocol, runtime_checkable

from starlette.types import ASGIApp
from uvicorn.protocols.http.httptools_impl import RequestResponseCycle

MOST = 64
"""Requests served together. More would save nothing, and the first would wait for all the others."""

Leave = Callable[[RequestResponseCycle, ASGIApp], None]
"""Has one request go on by itself: an application answers it, in a task of its own."""


@runtime_checkable
class Clerk(Protocol):
    """An ASGI application that can also serve many requests at once."""

    def takes(self, request: RequestResponseCycle) -> bool:
        """Whether a request can be served at the desk. It is asked once; others go their own way at once."""
        ...

    async def serve(self, requests: Sequence[RequestResponseCycle], leave: Leave) -> None:
        """Answers requests, in the order they came, or lets them leave. Raises nothing for the sake of one of them."""
        ...


class Desk:
    """The desk of one listener. `app` answers what its `clerk` does not take; `tasks` are those a stop waits for."""

    def __init__(
        self, clerk: Clerk, app: ASGIApp, tasks: set[asyncio.Task[None]], loop: asyncio.AbstractEventLoop
    ) -> None:
        self._clerk = clerk
        self._app = app
        self._tasks = tasks
        self._loop = loop
        self._waiting: list[RequestResponseCycle] = []

    def add(self, request: RequestResponseCycle) -> None:
        """Has a request served at the next turn of the loop, whether or not its body is there by then."""
        waiting = self._waiting
        if not waiting or len(waiting) == MOST:
            # Started with the first of them, so that a stop never finds nothing to wait for.
            waiting = self._waiting = []
            self._start(self._serve(waiting))
        waiting.append(request)

    def leave(self, request: RequestResponseCycle, app: ASGIApp) -> None:
        """Has `app` answer a request in a task of its own."""
        self._start(request.run_asgi(app))  # type: ignore[arg-type]

    async def _serve(self, waiting: list[RequestResponseCycle]) -> None:
        if self._waiting is waiting:
            self._waiting = []
        taken = []
        for request in waiting:
            if self._clerk.takes(request):
                taken.append(request)
            else:
                self.leave(request, self._app)
        if taken:
            await self._clerk.serve(taken, self.leave)

    def _start(self, work: Coroutine[None, None, None]) -> None:
        task = self._loop.create_task(work)
        task.add_done_callback(self._tasks.discard)
        self._tasks.add(task)
