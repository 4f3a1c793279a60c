"""Which account a request is about."""

import pytest

from cloudsms_simulator.engine.account import Account


@pytest.mark.parametrize("path", ["messages", "requests", "reports", "clock"])
def test_an_account_nobody_has_is_404_and_names_those_there_are(scene, path: str) -> None:
    answer = scene.client.get(f"/api/v1/{path}", params={"account": "shpo"})
    assert answer.status_code == 404
    assert answer.json() == {
        "title": "not found",
        "status": 404,
        "detail": 'there is no account "shpo"; there is default, shop',
        "type": "about:blank",
    }


def test_messages_requests_and_reports_are_those_of_one_account(scene, shop) -> None:
    scene.send(shop, 2)
    for path, total in (("messages", 2), ("requests", 1), ("reports", 2)):
        assert scene.get(f"/api/v1/{path}", account="shop")["total"] == total
        assert scene.get(f"/api/v1/{path}")["total"] == scene.get(f"/api/v1/{path}", account="default")["total"] == 0


def test_while_it_stops_no_listener_is_opened(scene, monkeypatch: pytest.MonkeyPatch) -> None:
    async def closed(_trouble: object) -> str:
        raise RuntimeError("no listener is opened any more: the server stops")

    monkeypatch.setattr(scene.troubles, "url_of", closed)
    told = scene.post("/api/v1/faults/tls", {"trouble": "expired"}, 503)
    assert told == "no listener with the trouble expired: no listener is opened any more: the server stops"


@pytest.mark.parametrize(
    ("path", "whose"),
    [
        ("/api/v1/messages?account=shop", ["shop"]),
        ("/api/v1/messages?account=*", [None]),
        ("/api/v1/accounts", [None]),
        ("/overview?account=shop", ["shop"]),
        ("/livez", []),
    ],
)
def test_a_request_reads_what_was_kept_before_it_of_the_account_it_names_else_of_all(
    scene, monkeypatch: pytest.MonkeyPatch, path: str, whose: list[str | None]
) -> None:
    fresh: list[str | None] = []

    async def freshen(account: Account | None) -> None:
        fresh.append(None if account is None else account.name)

    monkeypatch.setattr(scene.stage.store, "fresh", freshen)
    assert scene.client.get(path).status_code in {200, 404}
    assert fresh == whose
