"""A late application: made once, and only when somebody calls."""

import asyncio

from starlette.types import Receive, Scope, Send

from cloudsms_simulator.server.late_app import LateApp


def test_it_is_made_at_the_first_call_and_serves_every_call() -> None:
    calls: list[str] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        calls.append(scope["path"])

    def make() -> object:
        calls.append("made")
        return app

    async def nothing(*_: object) -> dict[str, object]:
        return {}

    async def story() -> None:
        late = LateApp(make)  # type: ignore[arg-type]
        assert calls == []
        for path in ("/one", "/two"):
            await late({"type": "http", "path": path}, nothing, nothing)

    asyncio.run(story())
    assert calls == ["made", "/one", "/two"]
