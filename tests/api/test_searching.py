"""Searching in lists over the API. Reading: R17."""

from collections.abc import Callable
from decimal import Decimal

import httpx2
import pytest
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.testclient import TestClient

from cloudsms_simulator.api.context import account_or_nobody, searched_list
from cloudsms_simulator.api.http import on_http_exception, page_of_values
from cloudsms_simulator.journal.search_fields import SEARCH_FIELDS, JournalKind, SearchField
from cloudsms_simulator.journal.search_syntax import read_number_term
from cloudsms_simulator.journal.views import JournalView
from cloudsms_simulator.pytest_plugin.server import LocalServer


class Context:
    """What searching uses of an ApiContext."""

    def __init__(self, stage) -> None:
        self.store, self.wall, self._directory = stage.store, stage.wall, stage.directory

    def requested_account(self, request: Request):
        return self._directory.named(request.query_params.get("account", "default"))


@pytest.fixture
def listing(scene) -> Callable[..., dict[str, object]]:
    """The page of a kind, as a list that takes searches answers it."""

    def handler(kind: JournalKind) -> Callable[[Request], object]:
        context = Context(scene.stage)

        async def handle(request: Request) -> Response:
            account = account_or_nobody(context, request)
            found = await searched_list(context, request, account, kind)
            return await page_of_values(request, found, JournalView(context.store, account))

        return handle

    kinds: tuple[JournalKind, ...] = ("messages", "requests", "reports")
    routes = [Route(f"/{kind}", handler(kind)) for kind in kinds]
    client = TestClient(Starlette(routes=routes, exception_handlers={HTTPException: on_http_exception}))

    def get(kind: str, status: int = 200, **query: object) -> dict[str, object]:
        answer = client.get(f"/{kind}", params=query)
        assert answer.status_code == status, answer.text
        page: dict[str, object] = answer.json()
        return page

    return get


@pytest.mark.parametrize("kind", ["messages", "requests", "reports"])
def test_without_a_search_a_list_is_what_it_was(scene, listing, shop, kind: str) -> None:
    scene.send(shop, 3)
    plain = scene.get(f"/api/v1/{kind}", account="shop", limit=2)
    assert listing(kind, account="shop", limit=2) == plain
    assert listing(kind, account="shop", limit=2, q="") == plain


@pytest.mark.parametrize("name", ["q", "match"])
def test_a_search_finds_some_page_by_page(scene, listing, shop, name: str) -> None:
    for text in ("one", "two", "one", "one"):
        scene.send(shop, SMS_CONTENT=text)
    for kind in ("messages", "requests", "reports"):
        everything = listing(kind, account="shop", **{name: "one"})
        assert (len(everything["items"]), everything["total"], everything["cursor"]) == (3, 3, None)
        first = listing(kind, account="shop", limit=2, **{name: "one"})
        second = listing(kind, account="shop", limit=2, cursor=first["cursor"], **{name: "one"})
        assert [*first["items"], *second["items"]] == everything["items"]


def test_what_was_wrong_with_a_request_is_found_also_of_accepted_ones(scene, listing, shop) -> None:
    scene.send(shop)
    scene.send(shop, SENDER_ID="unknown to the platform")
    rules = [each["rule"] for each in listing("requests", account="shop")["items"][0]["findings"]]
    assert "unknown-field" in rules
    assert listing("requests", account="shop", q="finding:unknown-field")["total"] == 1


def test_exchanges_of_nobody_are_searched_too(scene, listing) -> None:
    scene.send(scene.stage.account, AUTH_KEY="nobody's")
    assert listing("requests", account="*", q="code:Channel_not_exist")["total"] == 1
    assert listing("requests", account="*", q="code:OK")["total"] == 0
    assert listing("messages", account="*")["total"] == 0


def test_a_search_that_is_none_is_told_so(listing) -> None:
    problem = listing("messages", 400, q="to:852* rout:x")
    assert (
        problem["detail"] == 'search, column 9: unknown field "rout"; did you mean "route"? Quote a word with a colon.'
    )


def test_one_more_row_is_searched_in_lists_and_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    row = SearchField[int | Decimal](read=read_number_term, messages=lambda each: (len(each.msisdn),))
    monkeypatch.setitem(SEARCH_FIELDS, "digits", row)
    server = LocalServer("optional", "spec")
    try:
        server.client.send(to="+852 67000011", text="hello")
        for search, count in (("digits:8", 1), ("digits:<8", 0)):
            assert httpx2.get(f"{server.admin_url}/api/v1/messages", params={"q": search}).json()["total"] == count
        for match, status in (("digits:>7", 200), ("digits:9", 408)):
            waited = httpx2.post(
                f"{server.admin_url}/api/v1/messages/wait", json={"match": match, "count": 1, "timeout": "0s"}
            )
            assert waited.status_code == status, waited.text
        reports = httpx2.get(f"{server.admin_url}/api/v1/reports", params={"q": "digits:8"})
        assert reports.status_code == 200, "reports have the fields of their message too"
        assert "digits:" in httpx2.get(f"{server.admin_url}/").text, "the page of messages offers it"
    finally:
        server.close()
