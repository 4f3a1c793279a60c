"""The page that asks for the token: who has none learns nothing, who has it goes where they wanted. Reading: R19."""

from collections.abc import Iterator

import pytest
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.responses import PlainTextResponse
from starlette.routing import Route
from starlette.testclient import TestClient

from cloudsms_simulator.api.auth import (
    RATE_OVERALL,
    RATE_PER_ADDRESS,
    AllowedHosts,
    AttemptLimiter,
    AuthMiddleware,
    TokenAuth,
)
from cloudsms_simulator.inbox.pages import LoginPage
from cloudsms_simulator.inbox.templates import Templates

TOKEN = "secret"
PAGE = {"accept": "text/html,*/*"}
COOKIE = "cloudsms_61816"


class Time:
    """Seconds that pass when a test says so."""

    now = 1000.0

    def __call__(self) -> float:
        return self.now


def client_of(token: str | None, time: Time | None = None, origin: str = "http://localhost:61816") -> TestClient:
    auth = TokenAuth(token, AttemptLimiter(time or Time()))
    login = LoginPage(Templates("1"), auth)

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
        middleware=[Middleware(AuthMiddleware, hosts=AllowedHosts({"localhost", "sms.test"}), auth=auth, asks=True)],
    )
    return TestClient(app, base_url=origin, follow_redirects=False)


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
    word = client.cookies[COOKIE]
    assert len(word) == 64
    assert TOKEN not in word
    assert answer.headers["set-cookie"] == f"{COOKIE}={word}; HttpOnly; Path=/; SameSite=strict"
    assert client.get("/control", headers=PAGE).text == "inside"
    assert client.post("/api/v1/reset").text == "inside"
    assert client.get("/login", headers=PAGE).headers["location"] == "/"
    left = client.post("/logout")
    assert (left.status_code, left.headers["location"]) == (303, "/login")
    assert client.get("/control", headers=PAGE).status_code == 401


def test_a_cookie_ends_when_its_browser_signs_out_and_no_other_does(client: TestClient) -> None:
    client.post("/login", data={"token": TOKEN})
    first = client.cookies[COOKIE]
    client.cookies.clear()
    client.post("/login", data={"token": TOKEN})
    second = client.cookies[COOKIE]
    assert first != second
    client.post("/logout")
    client.cookies.clear()

    def inside(word: str) -> bool:
        return client.get("/control", headers=PAGE | {"cookie": f"{COOKIE}={word}"}).status_code == 200

    assert (inside(first), inside(second), inside(""), inside("x" * 64)) == (True, False, False, False)


def test_who_tries_too_many_tokens_is_told_when_to_come_again(client: TestClient) -> None:
    time = Time()
    with client_of(TOKEN, time) as client:
        tried = [client.post("/login", data={"token": "wrong"}) for _ in range(RATE_PER_ADDRESS.at_once + 1)]
        assert [each.status_code for each in tried] == [401] * RATE_PER_ADDRESS.at_once + [429]
        assert tried[-1].headers["retry-after"] == "12"
        assert "Too many wrong tokens: try again in 12 s." in tried[-1].text
        right = client.post("/login", data={"token": TOKEN})
        assert (right.status_code, "set-cookie" in right.headers) == (429, False)
        assert client.get("/control", headers={"authorization": f"Bearer {TOKEN}"}).text == "inside"
        time.now += 12
        assert client.post("/login", data={"token": TOKEN}).status_code == 303


def test_the_right_token_may_be_said_any_number_of_times(client: TestClient) -> None:
    told = {client.post("/login", data={"token": TOKEN}).status_code for _ in range(2 * RATE_OVERALL.at_once)}
    assert told == {303}


def test_behind_a_proxy_that_ends_tls_a_person_signs_in_and_the_cookie_is_for_tls_only() -> None:
    page = {"origin": "https://sms.test"}
    with client_of(TOKEN, origin="https://sms.test") as client:
        answer = client.post("/login", data={"token": TOKEN}, headers=page)
        assert answer.status_code == 303
        assert answer.headers["set-cookie"].endswith("; HttpOnly; Path=/; SameSite=strict; Secure")
        assert client.post("/api/v1/reset", headers=page).text == "inside"
        assert client.post("/api/v1/reset", headers={"origin": "https://evil.test"}).status_code == 403


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
