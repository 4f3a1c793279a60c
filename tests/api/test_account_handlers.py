"""Accounts made, changed, credited and deleted over the API."""

import asyncio
from collections.abc import Iterator

import pytest
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.routing import Route
from starlette.testclient import TestClient

from cloudsms_simulator.api.accounts import AccountHandlers, on_account_conflict
from cloudsms_simulator.api.http import on_http_exception, on_settings_error
from cloudsms_simulator.config import SettingsError
from cloudsms_simulator.engine.account import Account
from cloudsms_simulator.protocol.profile import PROFILES
from cloudsms_simulator.services.accounts import AccountConflictError, AccountService
from cloudsms_simulator.services.scenarios import ScenarioService


class Context:
    """What the handlers use of an ApiContext."""

    def __init__(self, stage: object) -> None:
        self.store, self.wall, self.directory = stage.store, stage.wall, stage.directory

    def named(self, name: str) -> Account:
        account = self.directory.named(name)
        if account is None:
            raise HTTPException(404, f'there is no account "{name}"')
        return account


class Scene:
    """A stage, and a client of the handlers."""

    def __init__(self, stage: object) -> None:
        self.stage = stage

        def profile_of(named: str | None) -> object:
            return PROFILES[named or "spec"]

        scenarios = ScenarioService(stage.store, stage.wall, profile_of, lambda account: None)
        accounts = AccountService(
            stage.store,
            scenarios,
            stage.timekeeper,
            stage.wall,
            new_clock=stage.new_clock,
            seed=1,
            profile_of=profile_of,
        )
        verbs = AccountHandlers(Context(stage), accounts)
        one = "/api/v1/accounts/{name}"
        self.client = TestClient(
            Starlette(
                routes=[
                    Route("/api/v1/accounts", verbs.create, methods=["POST"]),
                    Route(one, verbs.show),
                    Route(one, verbs.change, methods=["PATCH"]),
                    Route(one, verbs.delete, methods=["DELETE"]),
                    Route(f"{one}/credit", verbs.credit, methods=["POST"]),
                    Route(f"{one}/ledger", verbs.ledger),
                ],
                exception_handlers={
                    HTTPException: on_http_exception,
                    SettingsError: on_settings_error,
                    AccountConflictError: on_account_conflict,
                },
            )
        )

    def call(self, method: str, path: str, body: object = None, status: int = 200) -> object:
        """What is answered; of a problem that is expected, its detail."""
        answer = self.client.request(method, f"/api/v1/accounts{path}", **({} if body is None else {"json": body}))
        assert answer.status_code == status, answer.text
        if status == 204:
            assert answer.content == b""
            return None
        told = answer.json()
        return told if status < 400 else told["detail"]


@pytest.fixture
def scene(stage: type) -> Iterator[Scene]:
    made = Scene(stage())
    with made.client:
        yield made


def test_the_whole_key_is_in_the_answer_to_its_creation_and_nowhere_else(scene: Scene) -> None:
    answer = scene.client.post("/api/v1/accounts", json={"name": "shop"})
    assert (answer.status_code, answer.headers["location"]) == (201, "/api/v1/accounts/shop")
    created = answer.json()
    assert scene.stage.directory.find(created["auth_key"]).name == "shop"
    shown = scene.call("GET", "/shop")
    assert shown["auth_key"].startswith("key-")
    assert created | {"auth_key": shown["auth_key"]} == shown
    assert scene.call("PATCH", "/shop", {"routes": ["A"]})["auth_key"] == shown["auth_key"]


def test_an_account_needs_no_body(scene: Scene) -> None:
    created = scene.call("POST", "", status=201)
    assert scene.call("GET", f"/{created['name']}")["balance"] == {"amount": "1000.00", "currency": "USD"}


def test_mistakes_are_told_together_and_clashes_apart(scene: Scene) -> None:
    told = scene.call("POST", "", {"name": "!", "rotes": []}, 400)
    assert told.splitlines() == [
        'body: name: got "!", want a name of 1 to 64 letters, digits, dots, dashes and underscores',
        'body: unknown key "rotes"; did you mean "routes"?',
    ]
    assert scene.call("POST", "", {"name": "default"}, 409).startswith('there is an account "default" already')
    assert "keeps its currency" in scene.call("PATCH", "/default", {"currency": "HKD"}, 409)
    assert scene.call("PATCH", "/default", {"name": "x"}, 400).startswith("body: name: an account keeps its name")


def test_a_body_is_json_and_says_so(scene: Scene) -> None:
    answer = scene.client.post("/api/v1/accounts", content=b"name=shop")
    assert answer.status_code == 415


def test_a_changed_account_is_shown(scene: Scene) -> None:
    item = scene.call("PATCH", "/default", {"balance": "5", "callback": {"url": "http://127.0.0.1:1/"}})
    assert (item["balance"]["amount"], item["callback"]["url"]) == ("5", "http://127.0.0.1:1/")
    assert scene.call("GET", "/default") == item


def test_a_deleted_account_is_gone(scene: Scene) -> None:
    scene.call("POST", "", {"name": "shop"}, 201)
    scene.call("DELETE", "/shop", status=204)
    assert scene.call("GET", "/shop", status=404) == 'there is no account "shop"'
    assert "one of the configuration" in scene.call("DELETE", "/default", status=409)


def test_the_ledger_is_paged_newest_first(scene: Scene) -> None:
    scene.call("POST", "", {"name": "shop", "balance": "1"}, 201)
    entry = scene.call("POST", "/shop/credit", {"amount": "2.5"})
    assert (entry["id"], entry["amount"]) == ("credit-1", {"amount": "2.5", "currency": "USD"})
    account = scene.stage.directory.named("shop")
    [message] = asyncio.run(scene.stage.send(1, account))
    scene.call("POST", "/shop/credit", {"amount": 1})
    page = scene.call("GET", "/shop/ledger")
    assert [each["id"] for each in page["items"]] == ["credit-2", f"debit-{message.uid}", "credit-1", "opening-1"]
    assert [each["balance"]["amount"] for each in page["items"]] == ["4.45", "3.45", "3.5", "1"]
    assert (page["total"], page["cursor"], page["evicted"]) == (4, None, 0)
    first = scene.call("GET", "/shop/ledger?limit=2")
    second = scene.call("GET", f"/shop/ledger?limit=2&cursor={first['cursor']}")
    assert first["items"] + second["items"] == page["items"]


def test_a_credit_that_cannot_be_is_told(scene: Scene) -> None:
    scene.call("POST", "", {"name": "rich", "balance": "unlimited"}, 201)
    assert "is unlimited already" in scene.call("POST", "/rich/credit", {"amount": 1}, 409)
    assert scene.call("POST", "/default/credit", {"amount": -1}, 400).startswith("body: amount: got -1, want")
    assert scene.call("GET", "/rich/ledger")["items"] == []
