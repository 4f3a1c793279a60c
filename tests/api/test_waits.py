"""Waits over the API. Reading: R15, R17."""

import asyncio
from collections.abc import Callable, Iterator
from functools import partial

import pytest
from patience import STORY
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.routing import Route
from starlette.testclient import TestClient

from cloudsms_simulator.api.http import on_called_off, on_http_exception
from cloudsms_simulator.api.waits import VerifyHandlers, WaitHandlers
from cloudsms_simulator.journal.waits import Waits
from cloudsms_simulator.net.runtime import CalledOffError
from cloudsms_simulator.stores.store import Change, ChangeBus

NOON = "2026-11-22T12:00:00+08:00"


class Desk:
    """The endpoints that wait and verify, before a scene's stage."""

    def __init__(self, scene) -> None:
        self.scene = scene
        self.news = ChangeBus()
        self.stopping = asyncio.Event()
        stage = scene.stage
        self.context = _Context(stage)
        self.waits = Waits(stage.store, self.news, stage.wall, lambda _account: False, self.stopping)
        self.points, verify = WaitHandlers(self.context, self.waits), VerifyHandlers(self.context, self.waits)
        both = ["GET", "POST"]
        app = Starlette(
            routes=[
                Route("/messages/wait", self.points.messages, methods=both),
                Route("/requests/wait", self.points.requests, methods=both),
                Route("/reports/wait", self.points.reports, methods=both),
                Route("/requests/verify", verify.requests, methods=["POST"]),
            ],
            exception_handlers={HTTPException: on_http_exception, CalledOffError: on_called_off},
        )
        self.client = TestClient(app, base_url="http://localhost")

    def wait(self, kind: str, body: object, status: int = 200, **query: object) -> dict[str, object]:
        answer = self.client.post(f"/{kind}/wait", params=query, json=body)
        media_type = "application/json" if status == 200 else "application/problem+json"
        assert (answer.status_code, answer.headers["content-type"]) == (status, media_type), answer.text
        told: dict[str, object] = answer.json()
        return told

    def verify(self, body: object, status: int = 200, **query: object) -> dict[str, object]:
        answer = self.client.post("/requests/verify", params=query, json=body)
        assert answer.status_code == status, answer.text
        told: dict[str, object] = answer.json()
        return told


class _Context:
    """What waits and verifications use of an ApiContext."""

    def __init__(self, stage) -> None:
        self.store, self.wall, self._directory = stage.store, stage.wall, stage.directory

    def requested_account(self, request: Request):
        return self._directory.named(request.query_params.get("account", "default"))


@pytest.fixture
def desks(scenes) -> Iterator[Callable[..., Desk]]:
    opened: list[Desk] = []

    def make(*accounts: object, **how: object) -> Desk:
        desk = Desk(scenes(*accounts, **how))
        desk.client.__enter__()
        opened.append(desk)
        return desk

    yield make
    for desk in opened:
        desk.client.__exit__(None, None, None)


@pytest.fixture
def desk(desks) -> Desk:
    return desks()


def test_what_is_there_comes_back_as_a_page(desk, shop) -> None:
    for text in ("first", "second"):
        desk.scene.send(shop, SMS_CONTENT=text)
    page = desk.wait("messages", {"match": "to:852* state:DELIVERED"}, account="shop")
    assert page == desk.scene.get("/api/v1/messages", account="shop", limit=1) | {"cursor": None}
    page = desk.wait("reports", {"match": "first", "count": 1, "timeout": "1s"}, account="shop")
    assert [item["state_name"] for item in page["items"]] == ["DELIVERED"]
    page = desk.wait("requests", {"count": 2}, account="shop")
    assert [item["body"].count("second") for item in page["items"]] == [1, 0]


def test_a_wait_may_be_said_in_the_query(desk, shop) -> None:
    desk.scene.send(shop, 2)
    for query in ({"match": "code", "count": "2", "timeout": "0.5"}, {"q": "code", "timeout": "1s"}, {}):
        answer = desk.client.get("/messages/wait", params={"account": "shop", **query})
        assert (answer.status_code, answer.json()["total"]) == (200, 2)


def test_out_of_time_it_says_what_came_close(desk, shop) -> None:
    desk.scene.send(shop)
    problem = desk.wait("messages", {"match": "to:86* code", "count": 2, "timeout": 0}, 408, account="shop")
    [close] = problem.pop("closest")
    assert problem == {
        "type": "about:blank",
        "title": "timed out",
        "status": 408,
        "detail": "there were 0 of 2 messages for to:86* code within 0s",
        "count": 2,
        "total": 0,
        "evicted": 0,
        "in_vain": False,
        "next_due_at": None,
    }
    assert close["misses"] == [{"term": "to:86*", "got": "85267000011"}]
    assert close["item"] == desk.scene.get("/api/v1/messages", account="shop")["items"][0]


def test_a_wait_in_vain_says_how_far_to_advance(desk) -> None:
    problem = desk.wait("reports", {}, 408)
    assert problem["detail"] == (
        f'there are 0 of 1 reports; the clock of "default" stands at {NOON} and nothing is due by then, nor later: '
        "send something first"
    )
    desk.scene.send(desk.scene.stage.account)
    problem = desk.wait("reports", {"match": "state:2", "timeout": 60}, 408)
    assert (problem["title"], problem["in_vain"]) == ("in vain", True)
    assert problem["next_due_at"] == "2026-11-22T12:00:01+08:00"
    assert problem["detail"] == (
        f'there are 0 of 1 reports for state:2; the clock of "default" stands at {NOON} and nothing is due by then. '
        "The next is due at 2026-11-22T12:00:01+08:00: advance the clock by 1s"
    )


def test_what_is_gone_is_said(desks, shop) -> None:
    desk = desks(shop, most_messages=2)
    for _ in range(5):
        desk.scene.send(shop)
    problem = desk.wait("requests", {"count": 3, "timeout": 0}, 408, account="shop")
    assert (problem["total"], problem["evicted"]) == (2, 3)
    assert problem["detail"].endswith("within 0s; 3 requests are gone from the journal and were not looked at")


@pytest.mark.parametrize(
    ("body", "told"),
    [
        ({"match": "rout:x"}, 'search, column 1: unknown field "rout"; did you mean "route"?'),
        ({"match": "outcome:lost"}, '"outcome" is a field of reports, not of messages'),
        ({"match": 7}, 'match: got 7, want a search such as "to:852* state:DELIVERED"'),
        ({"count": 0}, "count: got 0, want a whole number from 1 to 10,000"),
        ({"timeout": "soon"}, 'timeout: got "soon", want a duration'),
        ({"timeout": "2h"}, "timeout: got 2h, want at most an hour"),
        ({"search": "x"}, 'unknown key "search"'),
    ],
)
def test_a_wait_for_nonsense_is_told_so(desk, body: object, told: str) -> None:
    assert told in desk.wait("messages", body, 400)["detail"]


@pytest.mark.parametrize("count", ["0", "-1", "x", "9" * 5000, "１"])
def test_a_count_in_the_query_that_is_none_is_told_so(desk, count: str) -> None:
    answer = desk.client.get("/messages/wait", params={"count": count})
    assert (answer.status_code, "want a whole number from 1 to 10,000" in answer.text) == (400, True)


def test_a_wait_ends_with_a_reset_and_with_the_simulator(desk) -> None:
    async def receive() -> dict[str, object]:
        return await asyncio.get_running_loop().create_future()

    async def story() -> None:
        scope = {"type": "http", "method": "GET", "path": "/", "headers": [], "query_string": b"timeout=1h"}
        request = Request(scope, receive)
        stage = desk.scene.stage
        state = stage.store.standing(stage.account)
        gone = partial(desk.news.publish, Change("reset", stage.account.name, state, state))
        for end, status in ((gone, 409), (desk.stopping.set, 503)):
            call = asyncio.create_task(desk.points.messages(request))
            while not len(desk.waits):
                await asyncio.sleep(0)
            end()
            with pytest.raises(CalledOffError) as ended:
                await call
            assert (await on_called_off(request, ended.value)).status_code == status

    asyncio.run(asyncio.wait_for(story(), STORY))


def test_a_client_that_leaves_takes_its_wait_along(desk) -> None:
    async def story() -> None:
        left = asyncio.Event()

        async def receive() -> dict[str, object]:
            await left.wait()
            return {"type": "http.disconnect"}

        scope = {"type": "http", "method": "GET", "path": "/", "headers": [], "query_string": b"timeout=1h"}
        call = asyncio.create_task(desk.points.messages(Request(scope, receive)))
        while not len(desk.waits):
            await asyncio.sleep(0)
        left.set()
        assert (await call).status_code == 408
        await asyncio.sleep(0)
        assert len(desk.waits) == 0

    asyncio.run(asyncio.wait_for(story(), STORY))
