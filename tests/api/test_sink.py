"""The sink over the API."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.routing import Route
from starlette.testclient import TestClient

from cloudsms_simulator.api.http import on_http_exception
from cloudsms_simulator.api.tools import SinkHandlers
from cloudsms_simulator.engine.account import Account
from cloudsms_simulator.net.certificates import open_certificates
from cloudsms_simulator.net.tls import receiver_context
from cloudsms_simulator.push.receiver import Sink

PATH = "/api/v1/sink"


class Context:
    """Knows the account a request asks for."""

    def requested_account(self, request: Request) -> Account:
        return Account(name=request.query_params.get("account", "default"))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return open_certificates(tmp_path_factory.mktemp("certs")).directory


@pytest.fixture
def client(folder: Path) -> Iterator[TestClient]:
    sinks: list[Sink] = []

    async def app(scope: object, receive: object, send: object) -> None:
        if not sinks:
            sinks.append(Sink(lambda: receiver_context(open_certificates(folder), "required")))
            handlers = SinkHandlers(Context(), sinks[0])
            starlette.router.routes += [
                Route(PATH, handlers.show),
                Route(PATH, handlers.answer, methods=["PUT"]),
                Route(PATH, handlers.clear, methods=["DELETE"]),
            ]
        await starlette(scope, receive, send)

    starlette = Starlette(exception_handlers={HTTPException: on_http_exception})
    with TestClient(app) as client:
        yield client
        if sinks:
            assert client.portal is not None
            client.portal.call(sinks[0].close)


def test_it_shows_where_it_is_and_that_nothing_came(client: TestClient) -> None:
    shown = client.get(PATH).json()
    assert shown == {"url": shown["url"], "answer": {"answer": "ok", "delay": 0}, "total": 0, "received": []}
    assert shown["url"].endswith("/sink/default")
    assert client.get(PATH, params={"account": "shop"}).json()["url"].endswith("/sink/shop")


@pytest.mark.parametrize(
    ("put", "shown"),
    [
        ({"answer": "Busy"}, {"answer": "Busy", "delay": 0}),
        ({"status": 503, "delay": "2s"}, {"answer": "ok", "status": 503, "delay": "2s"}),
        ({"status": 200, "body": "hello"}, {"answer": "ok", "status": 200, "body": "hello", "delay": 0}),
        ({"sequence": [{"status": 500}]}, {"answer": "ok", "status": 500, "delay": 0}),
        (
            {"sequence": [{"status": 500}, {}]},
            {"sequence": [{"answer": "ok", "status": 500, "delay": 0}, {"answer": "ok", "delay": 0}]},
        ),
        ({"sequence": ["Busy"]}, {"answer": "Busy", "delay": 0}),
        (
            {"sequence": ["Busy", {"status": 500}]},
            {"sequence": [{"answer": "Busy", "delay": 0}, {"answer": "ok", "status": 500, "delay": 0}]},
        ),
        ({}, {"answer": "ok", "delay": 0}),
    ],
)
def test_its_answer_is_set_and_shown_and_forgotten(client: TestClient, put: object, shown: object) -> None:
    assert client.put(PATH, json=put).json()["answer"] == shown
    assert client.get(PATH).json()["answer"] == shown
    assert client.get(PATH, params={"account": "shop"}).json()["answer"] == {"answer": "ok", "delay": 0}
    assert client.delete(PATH).json()["answer"] == {"answer": "ok", "delay": 0}


@pytest.mark.parametrize(
    ("put", "told"),
    [
        ({"anser": "ok"}, 'unknown key "anser"; did you mean "answer"?'),
        ({"answer": "okay"}, 'answer: got "okay", want one of ok'),
        ({"status": 700}, "status: got 700, want an HTTP status, 200 to 599"),
        ({"sequence": []}, "sequence: got [], want a list of answers"),
        ({"sequence": [{"statsu": 500}]}, 'sequence: got [{"statsu":500}], want a list of answers'),
        ({"sequence": [{}], "status": 500}, "sequence: got status beside it, want that within its entries"),
        ({"sequence": ["Bussy"]}, 'answer: got "Bussy", want one of ok'),
        ({"sequence": [5]}, "sequence: got [5], want a list of answers"),
        ({"sequence": [{}, {"delay": "x"}]}, "delay: got x, want a duration"),
    ],
)
def test_a_mistake_is_told_and_changes_nothing(client: TestClient, put: object, told: str) -> None:
    answer = client.put(PATH, json=put)
    assert (answer.status_code, answer.json()["detail"][: len(told)]) == (400, told)
    assert client.get(PATH).json()["answer"] == {"answer": "ok", "delay": 0}
