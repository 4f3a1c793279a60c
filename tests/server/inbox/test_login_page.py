"""The page that asks for the token: who has none learns nothing, who has it goes where they wanted. Reading: R19."""

from collections.abc import Iterator

import pytest
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.responses import PlainTextResponse
from starlette.routing import Route
from starlette.testclient import TestClient

from cloudsms_simulator.server.admin.gate import Gate
from cloudsms_simulator.server.admin.guard import Guard
from cloudsms_simulator.server.inbox.login_page import LoginPage
from cloudsms_simulator.server.inbox.press import Press

TOKEN = "secret"
PAGE = {"accept": "text/html,*/*"}
COOKIE = "cloudsms_61816"


def client_of(token: str | None) -> TestClient:
    login = LoginPage(Press("1"), token)

    async def inside(request: object) -> PlainTextResponse:
        return PlainTextResponse("inside")

    app = Starlette(
        routes=[
            Route("/login", login.show),
            Route("/login", login.enter, methods=["POST"]),
            Route("/logout", login.leave, methods=["POST"]),
            Route("/static/inbox.css", inside),
            Route("/{path:path}", inside, methods=["GET", "POST"]),
        ],
        middleware=[Middleware(Guard, names=frozenset({"localhost"}), token=token, asks=True)],
    )
    return TestClient(app, base_url="http://localhost:61816", follow_redirects=False)


@pytest.fixture
def client() -> Iterator[TestClient]:
    with client_of(TOKEN) as client:
        yield client


def test_who_opens_a_page_without_the_token_is_asked_for_it(client: TestClient) -> None:
    answer = client.get("/messages/1?account=shop", headers=PAGE)
    assert (answer.status_code, answer.headers["www-authenticate"]) == (401, "Bearer")
    assert 'value="/messages/1?account=shop"' in answer.text
    assert 'type="password"' in answer.text
    assert "inside" not in answer.text


@pytest.mark.parametrize(
    ("method", "path", "headers"),
    [("GET", "/", {}), ("POST", "/", PAGE), ("GET", "/api/v1/messages", PAGE)],
    ids=["no page", "no reading", "the API"],
)
def test_what_is_no_person_gets_a_problem(client: TestClient, method: str, path: str, headers: dict[str, str]) -> None:
    answer = client.request(method, path, headers=headers)
    assert (answer.status_code, answer.headers["content-type"]) == (401, "application/problem+json")
    assert answer.headers["www-authenticate"] == "Bearer"


def test_what_the_page_is_made_of_needs_no_token(client: TestClient) -> None:
    assert client.get("/static/inbox.css").text == "inside"


def test_the_right_token_lets_a_browser_in_until_it_leaves(client: TestClient) -> None:
    answer = client.post("/login", data={"token": TOKEN, "next": "/control?account=shop"})
    assert (answer.status_code, answer.headers["location"]) == (303, "/control?account=shop")
    assert answer.headers["set-cookie"] == f"{COOKIE}={Gate(TOKEN).session}; HttpOnly; Path=/; SameSite=strict"
    assert client.get("/control", headers=PAGE).text == "inside"
    assert client.post("/api/v1/reset").text == "inside"
    assert client.get("/login", headers=PAGE).headers["location"] == "/"
    left = client.post("/logout")
    assert (left.status_code, left.headers["location"]) == (303, "/login")
    assert client.get("/control", headers=PAGE).status_code == 401


def test_a_wrong_token_is_told_and_sets_nothing(client: TestClient) -> None:
    answer = client.post("/login", data={"token": "wrong", "next": "/control"})
    assert answer.status_code == 401
    assert "This is not the token." in answer.text
    assert "set-cookie" not in answer.headers
    assert client.post("/login", content=b"").status_code == 401


@pytest.mark.parametrize(
    "elsewhere",
    ["https://evil.test/", "//evil.test/", "/\\evil.test", "javascript:alert(1)", "evil", "/login?next=/", ""],
)
def test_nobody_is_led_to_another_host(client: TestClient, elsewhere: str) -> None:
    assert client.post("/login", data={"token": TOKEN, "next": elsewhere}).headers["location"] == "/"


def test_a_page_of_another_site_can_neither_enter_nor_use_the_cookie(client: TestClient) -> None:
    foreign = {"origin": "http://localhost:3000"}
    assert client.post("/login", data={"token": TOKEN}, headers=foreign).status_code == 403
    client.post("/login", data={"token": TOKEN})
    assert client.post("/api/v1/reset", headers=foreign).status_code == 403
    assert client.get("/api/v1/messages", headers={"sec-fetch-site": "same-site"}).status_code == 401


def test_a_form_that_is_too_large_is_refused(client: TestClient) -> None:
    assert client.post("/login", content=b"token=" + b"x" * 300_000).status_code == 413


def test_where_no_token_is_wanted_nobody_is_asked() -> None:
    with client_of(None) as client:
        assert client.get("/", headers=PAGE).text == "inside"
        assert client.get("/login", headers=PAGE).headers["location"] == "/"
        answer = client.post("/login", data={"token": "any"})
        assert (answer.headers["location"], "set-cookie" in answer.headers) == ("/", False)
