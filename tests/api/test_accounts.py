"""Accounts as the API lists them, and their resets."""

import json
from decimal import Decimal

import pytest


def test_accounts_are_listed_with_their_standing_and_no_key(scene, shop) -> None:
    scene.send(shop, 2)
    [default, shown] = scene.get("/api/v1/accounts")["items"]
    assert (default["name"], default["balance"]) == ("default", {"amount": "1000.00", "currency": "USD"})
    assert (shown["name"], Decimal(shown["balance"]["amount"])) == ("shop", Decimal("999.90"))
    shown_keys = [each.auth_key for each in scene.stage.accounts if each.auth_key in json.dumps([default, shown])]
    assert shown_keys == []


def test_accounts_come_in_pages_too(scene) -> None:
    first = scene.get("/api/v1/accounts", limit=1)
    second = scene.get("/api/v1/accounts", limit=1, cursor=first["cursor"])
    assert [item["name"] for item in (*first["items"], *second["items"])] == ["default", "shop"]
    assert (first["total"], second["cursor"]) == (2, None)


def test_a_reset_account_is_as_it_was_created_and_the_others_are_as_they_were(scene, shop) -> None:
    default = scene.stage.accounts[0]
    scene.send(default, 2)
    scene.send(shop)
    scene.post("/api/v1/clock/advance", {"by": "1h"})
    item = scene.post("/api/v1/accounts/default/reset")
    assert (item["name"], item["balance"]["amount"], item["outstanding"]) == ("default", "1000.00", 0)
    assert item["now"] == "2026-11-22T13:00:00+08:00"
    for path in ("messages", "requests", "reports"):
        assert scene.get(f"/api/v1/{path}")["total"] == 0
        assert scene.get(f"/api/v1/{path}", account="shop")["total"] == 1


def test_a_reset_of_everything_takes_what_belongs_to_nobody_too(scene, shop) -> None:
    scene.send(shop)
    scene.send(shop, AUTH_KEY="nobody's")
    page = scene.post("/api/v1/reset")
    assert page == scene.get("/api/v1/accounts")
    assert [item["balance"]["amount"] for item in page["items"]] == ["1000.00", "1000.00"]
    for account in ("default", "shop", "*"):
        assert scene.get("/api/v1/requests", account=account)["total"] == 0


def test_what_was_planned_before_a_reset_does_not_fire_after_it(scene) -> None:
    scene.send(scene.stage.accounts[0], 3)
    scene.post("/api/v1/reset")
    item = scene.post("/api/v1/clock/run-until-idle")
    assert (item["fired"], item["pending"], item["now"]) == ([], 0, "2026-11-22T12:00:00+08:00")


@pytest.mark.parametrize(
    ("path", "status", "told"),
    [
        ("/api/v1/accounts/shpo/reset", 404, 'there is no account "shpo"; there is default, shop'),
        (
            "/api/v1/accounts//reset",
            404,
            "there is nothing at /api/v1/accounts//reset; /api/v1/docs lists what there is",
        ),
    ],
)
def test_only_an_account_there_is_is_reset(scene, path: str, status: int, told: str) -> None:
    assert scene.post(path, status=status) == told


def test_a_reset_takes_no_choices(scene) -> None:
    assert scene.post("/api/v1/reset", {"keep": "journal"}, 400) == 'unknown key "keep"; there is none'


@pytest.mark.parametrize("path", ["/api/v1/accounts/default/reset", "/api/v1/reset"])
def test_a_reset_brings_back_what_was_played_at_first(scene, path: str) -> None:
    text = "version: 1\nname: poor\nrules: [{}]\naccounts: [{ name: default, balance: '0.25', credit_limit: 5 }]"
    scene.post("/api/v1/scenarios/use", {"text": text, "seed": 3})
    scene.post("/api/v1/rules", {"reply": "Busy"})
    scene.post("/api/v1/clock/advance", {"by": "1h"})
    [item, _] = scene.get("/api/v1/accounts")["items"]
    assert (item["seed"], item["scenario"], item["rules"]) == (3, "poor", 2)
    assert (item["balance"]["amount"], item["credit_limit"]["amount"]) == ("0.25", "5")
    scene.post(path)
    [item, _] = scene.get("/api/v1/accounts")["items"]
    assert (item["seed"], item["scenario"], item["rules"]) == (0, None, 0)
    assert (item["balance"]["amount"], item["credit_limit"]["amount"]) == ("1000.00", "0")
    assert scene.send(scene.stage.accounts[0]).code == 1
