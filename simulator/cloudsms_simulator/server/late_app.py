"""A late application: made when it is first called, so that a start does not wait for what it imports."""

from collections.abc import Callable

from starlette.types import ASGIApp, Receive, Scope, Send

from cloudsms_simulator.server.late import Late


class LateApp:
    """An ASGI application that `make` makes at the first call, out of a `module` that is imported then."""

    def __init__(self, module: str, make: Callable[[], ASGIApp]) -> None:
        self._app = Late(module, make)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serves one request."""
        app = await self._app.get()
        await app(scope, receive, send)
