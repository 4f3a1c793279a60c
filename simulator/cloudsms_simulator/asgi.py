"""The platform as an ASGI application: `uvicorn cloudsms_simulator.asgi:app`.

`app` serves `/dave/io`, the admin API and the inbox, with settings from the environment (`CLOUDSMS_SIM_…`). Importing
this module loads nothing else of the simulator and starts nothing: that happens when a server begins, or with the first
request. `Simulator(settings).app` is the same with settings of its own.

Reading: R27.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Receive, Scope, Send

__all__ = ["app"]


class _AppFromEnvironment:
    """The application, made by the first who calls it."""

    def __init__(self) -> None:
        self._app: ASGIApp | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serves one request, or follows the lifespan of a server, whose start fails with what is wrong in settings."""
        if self._app is None:
            try:
                self._app = _made()
            except Exception as error:
                if scope["type"] != "lifespan":
                    raise
                await receive()
                await send({"type": "lifespan.startup.failed", "message": f"cloudsms_simulator.asgi: {error}"})
                return
        await self._app(scope, receive, send)


def _made() -> ASGIApp:
    import logging
    import os

    from cloudsms_simulator import Simulator
    from cloudsms_simulator.config.settings import load_settings

    loaded = load_settings({}, os.environ)
    for warning in loaded.warnings:
        logging.getLogger(__name__).warning("%s", warning)
    return Simulator(loaded.settings, loaded.scenario, loaded.fixed).app


app = _AppFromEnvironment()
"""The ASGI application."""
