"""Verifying requests over the API. Reading: R17."""

from collections.abc import Callable

import pytest
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.routing import Route
from starlette.testclient import TestClient

from cloudsms_simulator.api.http import on_http_exception
from cloudsms_simulator.api.waits import VerifyHandlers
from cloudsms_simulator.journal.waits import Waits
from cloudsms_simulator.stores.store import ChangeBus


class Context:
    """What a verification uses of an ApiContext."""

    def __init__(self, stage) -> None:
        self.store, self.wall, self._directory = stage.store, stage.wall, stage.directory

    def requested_account(self, request):
        return self._directory.named(request.query_params.get("account", "default"))


@pytest.fixture
def verifies(scenes) -> Callable[..., object]:
    """Makes a scene where the account `shop` sent what it is given, and a function that verifies it."""

    def make(shop, *texts: str, **how: object) -> Callable[..., dict[str, object]]:
        scene = scenes(shop, **how)
        stage = scene.stage
        waits = Waits(stage.store, ChangeBus(), stage.wall, lambda _account: False, None)
        app = Starlette(
            routes=[Route("/verify", VerifyHandlers(Context(stage), waits).requests, methods=["POST"])],
            exception_handlers={HTTPException: on_http_exception},
        )
        client = TestClient(app)
        for text in texts:
            scene.send(shop, SMS_CONTENT=text)

        def verify(status: int = 200, **body: object) -> dict[str, object]:
            answer = client.post("/verify", params={"account": "shop"}, json=body)
            assert answer.status_code == status, answer.text
            told: dict[str, object] = answer.json()
            return told

        return verify

    return make


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"match": "one"},
        {"match": "one", "exactly": 2},
        {"match": "two", "at_least": 1},
        {"match": "one", "at_least": 1, "at_most": 2},
        {"match": "three", "exactly": 0},
        {"match": "three", "at_most": 0},
        {"in_order": ["one", "two", "one"]},
        {"in_order": ["to:852* one", "one"]},
    ],
)
def test_what_is_as_expected_is_verified(verifies, shop, body: dict[str, object]) -> None:
    assert verifies(shop, "one", "two", "one")(**body)["verified"] is True


@pytest.mark.parametrize(
    ("body", "told"),
    [
        ({"match": "three"}, "there are 0 requests for three, expected at least 1"),
        ({"match": "two", "exactly": 2}, "there is 1 request for two, expected exactly 2"),
        ({"exactly": 0}, "there are 3 requests, expected exactly 0"),
        ({"at_least": 4, "at_most": 5}, "there are 3 requests, expected at least 4 and at most 5"),
        (
            {"in_order": ["two", "two"]},
            "there is no request for two after the one for two, which was expected as number 2",
        ),
        ({"in_order": ["three"]}, "there is no request for three, which was expected as number 1"),
    ],
)
def test_what_is_not_as_expected_is_told_with_what_came_close(
    verifies, shop, body: dict[str, object], told: str
) -> None:
    problem = verifies(shop, "one", "two", "one")(409, **body)
    assert (problem["title"], problem["detail"], problem["evicted"]) == ("not as expected", told, 0)


def test_what_came_close_is_shown(verifies, shop) -> None:
    [close] = verifies(shop, "one")(409, match="two code:OK")["closest"]
    assert close["misses"] == [{"term": "two", "got": "one"}]
    assert close["item"]["code"]["name"] == "OK"


@pytest.mark.parametrize("bound", [{"exactly": 1}, {"at_most": 1}, {"at_least": 0, "at_most": 1}])
def test_nothing_came_close_where_too_much_was_found(verifies, shop, bound: dict[str, int]) -> None:
    problem = verifies(shop, "one", "two", "one")(409, match="one", **bound)
    assert (problem["total"], problem["closest"]) == (2, [])


def test_what_is_gone_keeps_an_upper_bound_from_being_certain(verifies, shop) -> None:
    verify = verifies(shop, "one", "one", "one", most_messages=2)
    assert verify(at_least=2) == {"verified": True, "total": 2, "evicted": 1}
    problem = verify(409, match="one", at_most=2)
    assert (problem["total"], problem["evicted"]) == (2, 1)
    assert problem["detail"].endswith(
        "1 requests are gone from the journal, and nobody knows whether they were among them"
    )


@pytest.mark.parametrize(
    ("body", "told"),
    [
        ({"match": "a", "in_order": ["a"]}, "in_order stands alone"),
        ({"exactly": 1, "at_least": 1}, "want exactly, or at_least and at_most, not both"),
        ({"at_least": 2, "at_most": 1}, "at_most: got 1, want 2, as at_least says, or more"),
        ({"exactly": -1}, "exactly: got -1, want a whole number, 0 or more"),
        ({"in_order": []}, "in_order: got [], want a list of 1 to 100 searches"),
        ({"match": "state:2"}, '"state" is a field of messages and reports, not of requests'),
    ],
)
def test_nonsense_is_told_so(verifies, shop, body: dict[str, object], told: str) -> None:
    assert told in verifies(shop)(400, **body)["detail"]
