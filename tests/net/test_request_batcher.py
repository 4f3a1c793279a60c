"""The request batcher: who waits in it, who is served together, and who goes alone."""

import asyncio
from collections.abc import Callable, Coroutine, Sequence

import pytest
from starlette.types import ASGIApp, Receive, Scope, Send

from cloudsms_simulator.net.http_connection import LARGEST_BATCH, BatchApp, HttpRequest, RequestBatcher, ServeAlone

Story = Callable[["Office"], Coroutine[None, None, None]]


class Request:
    """A request as the desk sees it; a task of its own runs `run_asgi`."""

    def __init__(self, name: str) -> None:
        self.name = name

    async def run_asgi(self, app: ASGIApp) -> None:
        await app({"name": self.name}, None, None)  # type: ignore[arg-type]


class Office:
    """A desk, and a clerk who takes what has no `!` in its name and notes what he does."""

    def __init__(self) -> None:
        self.tasks: set[asyncio.Task[None]] = set()
        self.desk = RequestBatcher(self, self, self.tasks, asyncio.get_running_loop())
        self.together: list[list[str]] = []
        self.alone: list[str] = []
        self.meanwhile: list[str] = []
        self.leaving = ""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self.alone.append(scope["name"])

    def takes(self, request: HttpRequest) -> bool:
        return "!" not in name_of(request)

    def serve(self, requests: Sequence[HttpRequest], leave: ServeAlone) -> None:
        meanwhile, self.meanwhile = self.meanwhile, []
        self.add(*meanwhile)
        self.together.append([name_of(each) for each in requests])
        for request in requests:
            if name_of(request) == self.leaving:
                leave(request, self)

    def add(self, *names: str) -> None:
        for name in names:
            self.desk.add(Request(name))  # type: ignore[arg-type]

    async def closed(self) -> None:
        """Returns when nothing waits and nothing runs any more."""
        while self.desk.is_waiting or self.tasks:
            await asyncio.gather(asyncio.sleep(0), *self.tasks)


def name_of(request: object) -> str:
    assert isinstance(request, Request)
    return request.name


@pytest.fixture
def tell() -> Callable[[Story], None]:
    def telling(story: Story) -> None:
        async def begin() -> None:
            await story(Office())

        asyncio.run(begin())

    return telling


def test_requests_of_one_turn_are_served_together_in_the_order_they_came(tell: Callable[[Story], None]) -> None:
    async def story(office: Office) -> None:
        office.add("a", "b", "c")
        assert office.desk.is_waiting, "a stop has something to wait for"
        await office.closed()
        assert not office.desk.is_waiting
        assert (office.together, office.alone) == ([["a", "b", "c"]], [])
        office.add("d")
        await office.closed()
        assert office.together == [["a", "b", "c"], ["d"]]

    tell(story)


def test_what_comes_while_others_are_served_is_served_next(tell: Callable[[Story], None]) -> None:
    async def story(office: Office) -> None:
        office.meanwhile = ["c", "d"]
        office.add("a", "b")
        await office.closed()
        assert office.together == [["a", "b"], ["c", "d"]]

    tell(story)


def test_a_crowd_is_served_in_groups(tell: Callable[[Story], None]) -> None:
    async def story(office: Office) -> None:
        names = [str(number) for number in range(2 * LARGEST_BATCH + 1)]
        office.add(*names)
        await office.closed()
        assert office.together == [
            names[:LARGEST_BATCH],
            names[LARGEST_BATCH : 2 * LARGEST_BATCH],
            names[2 * LARGEST_BATCH :],
        ]

    tell(story)


def test_what_the_clerk_does_not_take_is_answered_by_the_application(tell: Callable[[Story], None]) -> None:
    async def story(office: Office) -> None:
        office.add("a", "b!", "c")
        await office.closed()
        assert (office.together, office.alone) == ([["a", "c"]], ["b!"])
        office.add("d!")
        await office.closed()
        assert (office.together, office.alone) == ([["a", "c"]], ["b!", "d!"]), "nobody is served in vain"

    tell(story)


def test_a_request_that_leaves_goes_on_in_a_task_that_a_stop_waits_for(tell: Callable[[Story], None]) -> None:
    async def story(office: Office) -> None:
        office.leaving = "b"
        office.add("a", "b", "c")
        await asyncio.sleep(0)
        assert office.together == [["a", "b", "c"]]
        assert len(office.tasks) == 1
        await office.closed()
        assert office.alone == ["b"]

    tell(story)


def test_an_application_is_a_clerk_when_it_can_serve_many(tell: Callable[[Story], None]) -> None:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        pass

    async def story(office: Office) -> None:
        assert isinstance(office, BatchApp)
        assert not isinstance(app, BatchApp)

    tell(story)
