"""A late application: made when it is first called, so that a start does not wait for what it imports."""

from collections.abc import Callable

from starlette.types import ASGIApp, Receive, Scope, Send

from cloudsms_simulator.server.importing import imported


class LateApp:
    """An ASGI application that `make` makes at the first call, out of a `module` that is imported then.

    Every call goes to the same one.
    """

    def __init__(self, module: str, make: Callable[[], ASGIApp]) -> None:
        self._module = module
        self._make = make
        self._app: ASGIApp | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serves one request."""
        if self._app is None:
            await imported(self._module)
        if self._app is None:
            self._app = self._make()
        await self._app(scope, receive, send)
