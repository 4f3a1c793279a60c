"""The admin API: its lists, its pages, its guard and its errors. Reading: R19."""

import itertools
import json
from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal

import pytest
from starlette.testclient import TestClient

from cloudsms_simulator.engine.account import Account
from cloudsms_simulator.engine.clock import Clock
from cloudsms_simulator.engine.connection import Connection
from cloudsms_simulator.engine.directory import Directory
from cloudsms_simulator.engine.platform import Arrival, Platform, Reply
from cloudsms_simulator.engine.script import plan_of, step
from cloudsms_simulator.protocol.profile import SPEC
from cloudsms_simulator.server.admin import Admin, admin_app
from cloudsms_simulator.server.wall import WallClock
from cloudsms_simulator.stores.memory import MemoryStore

NAMES = ("localhost", "127.0.0.1", "[::1]", "sms.test")
PATHS = ("/api/v1/accounts", "/api/v1/messages", "/api/v1/requests", "/api/v1/reports")
SHOP = Account(name="shop", auth_key="the shop's own key", plan=plan_of(step(2, timedelta(0))))

Get = Callable[..., dict[str, object]]


class Scene:
    """A store with an admin API before it; packets are accepted, and their reports reached, straight away."""

    def __init__(self, *accounts: Account, token: str | None = None, **bounds: int) -> None:
        self.wall = WallClock()
        self.accounts = accounts or (Account(), SHOP)
        directory = Directory(self.accounts)
        nodes = itertools.count(1)
        self.store = MemoryStore(lambda _account: Clock.real(self.wall.now()), lambda: next(nodes), **bounds)
        self.platform = Platform(directory, SPEC)
        self.ready = True
        app = admin_app(Admin(directory, self.store, self.wall, lambda: self.ready), NAMES, token)
        self.client = TestClient(app, base_url="http://localhost:61816")

    def send(self, account: Account, count: int = 1, **fields: object) -> Reply:
        packet = {
            "METHOD": "SMS_SEND_REQUEST",
            "TYPE": "REQUEST",
            "SERIAL": 7,
            "TIME": "2021-09-13 12:00:00",
            "AUTH_KEY": account.auth_key,
            "ROUTE_ID": "VerifyCode_516",
            "MULTI_MSISDN_LIST": [{"COUNTRY_CODE": 852, "DEST_MSISDN": "67000011"}] * count,
            "SMS_CONTENT": "Your code is 123345",
            "VERSION": "2021-01-01",
        } | fields
        body = json.dumps(packet).encode()
        identified = self.platform.identify(body)
        transaction = done(self.store.begin(identified.account))
        arrival = Arrival(body, Connection(7, "127.0.0.1", 50_000))
        reply = self.platform.receive(transaction, identified, arrival, self.wall.now())
        done(self.store.commit(transaction))
        if reply.first_due is not None:
            done(self.store.release(identified.account, reply.request_id))
            uids = done(self.store.take_wakes(account, self.wall.now(), 1000))
            transaction = done(self.store.begin(account, tuple(uids)))
            self.platform.take_due(transaction, uids, self.wall.now())
            done(self.store.commit(transaction))
        return reply

    def get(self, path: str, **query: object) -> dict[str, object]:
        answer = self.client.get(path, params=query)
        assert (answer.status_code, answer.headers["content-type"]) == (200, "application/json")
        page: dict[str, object] = answer.json()
        return page


def done(coroutine: object) -> object:
    """What a coroutine that never waits returns."""
    with pytest.raises(StopIteration) as end:
        coroutine.send(None)  # type: ignore[attr-defined]
    return end.value.value


@pytest.fixture
def scene() -> Scene:
    return Scene()


# Probes


def test_it_is_alive_and_it_is_ready_or_not(scene: Scene) -> None:
    assert scene.get("/livez") == scene.get("/readyz") == {"status": "ok"}
    scene.ready = False
    answer = scene.client.get("/readyz")
    assert (answer.status_code, answer.json()) == (503, {"status": "not ready"})
    assert scene.get("/livez") == {"status": "ok"}


# Lists


@pytest.mark.parametrize("path", PATHS)
def test_every_list_has_the_same_form(scene: Scene, path: str) -> None:
    page = scene.get(path)
    assert list(page) == ["items", "total", "cursor", "evicted"]
    assert (page["total"], page["cursor"], page["evicted"]) == (len(page["items"]), None, 0)


def test_messages_requests_and_reports_are_those_of_one_account(scene: Scene) -> None:
    scene.send(SHOP, 2)
    for path, total in (("messages", 2), ("requests", 1), ("reports", 2)):
        assert scene.get(f"/api/v1/{path}", account="shop")["total"] == total
        assert scene.get(f"/api/v1/{path}")["total"] == scene.get(f"/api/v1/{path}", account="default")["total"] == 0


def test_a_request_is_shown_with_its_answer_and_its_findings(scene: Scene) -> None:
    reply = scene.send(SHOP, ROUTE_ID="nowhere", CUSTOMER_BODY={"order": 1}, TIME="now")
    [item] = scene.get("/api/v1/requests", account="shop")["items"]
    assert item["answer"] == reply.body.decode()
    assert [finding["rule"] for finding in item["findings"]] == ["time-format", "route-unknown", "local-rejected"]
    assert (item["peer"], item["connection_id"], item["code"]["name"]) == ("127.0.0.1:50000", 7, "OK")
    assert SHOP.auth_key not in json.dumps(item)


def test_a_star_shows_what_belongs_to_nobody(scene: Scene) -> None:
    scene.send(SHOP, AUTH_KEY="somebody's key that nobody knows")
    page = scene.get("/api/v1/requests", account="*")
    assert [item["account"] for item in page["items"]] == [None]
    assert "somebody's key" not in json.dumps(page)


def test_accounts_are_listed_with_their_standing_and_no_key(scene: Scene) -> None:
    scene.send(SHOP, 2)
    [default, shop] = scene.get("/api/v1/accounts")["items"]
    assert (default["name"], default["balance"]) == ("default", {"amount": "1000.00", "currency": "USD"})
    assert (shop["name"], Decimal(shop["balance"]["amount"])) == ("shop", Decimal("999.90"))
    assert not [account for account in scene.accounts if account.auth_key in json.dumps([default, shop])]


def test_what_is_gone_is_counted() -> None:
    scene = Scene(SHOP, most_messages=2)
    for _ in range(5):
        scene.send(SHOP)
    for path in ("messages", "requests", "reports"):
        page = scene.get(f"/api/v1/{path}", account="shop")
        assert (page["total"], page["evicted"]) == (2, 3)


# Pages


def test_pages_follow_one_another_newest_first(scene: Scene) -> None:
    scene.send(SHOP, 5)
    everything = [item["uid"] for item in scene.get("/api/v1/messages", account="shop")["items"]]
    for limit in (1, 2, 4, 5, 6):
        seen: list[object] = []
        cursor: dict[str, object] = {}
        while True:
            page = scene.get("/api/v1/messages", account="shop", limit=limit, **cursor)
            seen += [item["uid"] for item in page["items"]]
            assert page["total"] == 5
            if page["cursor"] is None:
                break
            cursor = {"cursor": page["cursor"]}
        assert seen == everything


def test_a_cursor_stays_where_it_was_when_more_arrives(scene: Scene) -> None:
    scene.send(SHOP, 3)
    first = scene.get("/api/v1/messages", account="shop", limit=1)
    scene.send(SHOP, 2)
    second = scene.get("/api/v1/messages", account="shop", limit=1, cursor=first["cursor"])
    assert [item["index"] for item in (*first["items"], *second["items"])] == [2, 1]


def test_a_cursor_to_what_is_gone_says_so(scene: Scene) -> None:
    answer = scene.client.get("/api/v1/messages", params={"cursor": "gone"})
    assert (answer.status_code, answer.headers["content-type"]) == (410, "application/problem+json")
    assert answer.json()["detail"] == 'what the cursor "gone" points at is gone; start again without it'


@pytest.mark.parametrize("limit", ["0", "1001", "-1", "x", "", "1.0", "９", "9" * 5000])
def test_a_limit_that_is_none_says_what_would_be_one(scene: Scene, limit: str) -> None:
    answer = scene.client.get("/api/v1/messages", params={"limit": limit})
    assert (answer.status_code, answer.headers["content-type"]) == (400, "application/problem+json")
    assert answer.json()["detail"].endswith("it is a number from 1 to 1000")


# Errors


def test_an_account_nobody_has_is_404_and_names_those_there_are(scene: Scene) -> None:
    for path in PATHS[1:]:
        answer = scene.client.get(path, params={"account": "shpo"})
        assert answer.status_code == 404
        assert answer.json() == {
            "title": "not found",
            "status": 404,
            "detail": 'there is no account "shpo"; there is default, shop',
            "type": "about:blank",
        }


@pytest.mark.parametrize(
    ("method", "path", "status"), [("GET", "/", 404), ("GET", "/api/v1/", 404), ("DELETE", "/api/v1/messages", 405)]
)
def test_another_path_or_method_is_a_problem_in_json(scene: Scene, method: str, path: str, status: int) -> None:
    answer = scene.client.request(method, path)
    assert (answer.status_code, answer.headers["content-type"]) == (status, "application/problem+json")
    assert answer.json()["status"] == status


def test_a_slip_of_ours_is_a_problem_in_json_without_a_traceback(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    def slip(_account: Account) -> None:
        raise RuntimeError("a slip of ours")

    monkeypatch.setattr(scene.store, "messages", slip)
    careless = TestClient(scene.client.app, base_url="http://localhost", raise_server_exceptions=False)
    answer = careless.get("/api/v1/messages")
    assert (answer.status_code, answer.headers["content-type"]) == (500, "application/problem+json")
    assert "slip" not in answer.text


# The guard


@pytest.mark.parametrize("host", ["localhost", "LOCALHOST:1", "127.0.0.1:61816", "[::1]:61816", "[::1]", "sms.test:80"])
def test_it_answers_to_its_own_names(scene: Scene, host: str) -> None:
    assert scene.client.get("/livez", headers={"host": host}).status_code == 200


@pytest.mark.parametrize("host", ["evil.test", "localhost.evil.test", "evil.test:61816", "", "127.0.0.1.evil.test:1"])
def test_it_does_not_answer_to_the_name_of_another(scene: Scene, host: str) -> None:
    answer = scene.client.get("/livez", headers={"host": host})
    assert (answer.status_code, answer.headers["content-type"]) == (421, "application/problem+json")


@pytest.mark.parametrize(
    ("origin", "status"),
    [
        ("http://localhost:61816", 200),
        ("https://evil.test", 403),
        ("http://localhost:3000", 403),
        ("https://localhost:61816", 403),
        ("null", 403),
    ],
)
def test_pages_of_other_sites_are_sent_away(scene: Scene, origin: str, status: int) -> None:
    assert scene.client.get("/api/v1/messages", headers={"origin": origin}).status_code == status


@pytest.mark.parametrize(
    ("authorization", "status"),
    [
        ({}, 401),
        ({"authorization": "Bearer wrong"}, 401),
        ({"authorization": "Bearer "}, 401),
        ({"authorization": "Bearer s\xe9cret"}, 401),
        ({"authorization": "Bearer secret"}, 200),
    ],
)
def test_where_there_is_a_token_everything_but_the_probes_needs_it(authorization: dict[str, str], status: int) -> None:
    scene = Scene(token="secret")
    headers = {name: value.encode("latin-1") for name, value in authorization.items()}
    for path in PATHS:
        answer = scene.client.get(path, headers=headers)
        assert answer.status_code == status
        assert "secret" not in answer.text
    for path in ("/livez", "/readyz"):
        assert scene.client.get(path).status_code == 200
