"""A lazy application: made once, and only when somebody calls."""

import asyncio
import sys

from starlette.types import ASGIApp, Receive, Scope, Send

from cloudsms_simulator.net.runtime import LazyApp


def test_calls_that_come_together_go_to_the_same_one() -> None:
    made: list[int] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        """Serves."""

    def make() -> ASGIApp:
        made.append(len(made))
        return app

    async def nothing(*_: object) -> dict[str, object]:
        return {}

    async def story() -> None:
        late = LazyApp("this", make)
        await asyncio.gather(*(late({"type": "http", "path": path}, nothing, nothing) for path in ("/one", "/two")))

    sys.modules.pop("this", None)
    asyncio.run(story())
    assert (made, "this" in sys.modules) == ([0], True)


def test_it_is_made_at_the_first_call_and_serves_every_call() -> None:
    calls: list[str] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        calls.append(scope["path"])

    def make() -> ASGIApp:
        calls.append("made")
        return app

    async def nothing(*_: object) -> dict[str, object]:
        return {}

    async def story() -> None:
        late = LazyApp("json", make)
        assert calls == []
        for path in ("/one", "/two"):
            await late({"type": "http", "path": path}, nothing, nothing)

    asyncio.run(story())
    assert calls == ["made", "/one", "/two"]
