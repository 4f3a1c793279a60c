"""`/explain` over HTTP; what an explanation holds is tested where it is made."""

import base64
import ipaddress
from collections.abc import Callable, Iterator
from types import SimpleNamespace

import pytest
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.routing import Route
from starlette.testclient import TestClient

from cloudsms_simulator.api.context import ApiContext
from cloudsms_simulator.api.http import on_http_exception
from cloudsms_simulator.api.tools import ExplainHandlers
from cloudsms_simulator.engine.account import Account
from cloudsms_simulator.services.explainer import Explainer
from cloudsms_simulator.services.ready_file import Ready

READY = Ready("http://localhost:61815/dave/io", "http://localhost:61816", "", "", "", "", "", 1)
SHOP = Account(name="shop", auth_key="the key of the shop", whitelist=(ipaddress.ip_network("10.0.0.0/8"),))
PACKET = {
    "METHOD": "SMS_SEND_REQUEST",
    "TYPE": "REQUEST",
    "SERIAL": 7,
    "TIME": "2026-11-22 12:00:00",
    "AUTH_KEY": "$CLOUDSMS_AUTH_KEY",
    "ROUTE_ID": "VerifyCode_516",
    "MULTI_MSISDN_LIST": [{"COUNTRY_CODE": 852, "DEST_MSISDN": "67000011"}],
    "SMS_CONTENT": "Your code is 123345",
    "VERSION": "2021-01-01",
}
PATH = "/api/v1/explain"
WANTED = 'want one of body, body_base64 and request, such as {"request": 7}'


class Counter:
    """The endpoint before a stage."""

    def __init__(self, stage) -> None:
        self.stage = stage(Account(), SHOP)
        context = SimpleNamespace(directory=self.stage.directory, store=self.stage.store)
        context.named = lambda name: ApiContext.named(context, name)
        context.default_account = lambda: ApiContext.default_account(context)
        context.requested_account = lambda request: ApiContext.requested_account(context, request)
        explainer = Explainer(self.stage.platform, self.stage.store, self.stage.wall, lambda: READY)
        explain = ExplainHandlers(context, explainer)
        routes = [Route(PATH, explain.show), Route(PATH, explain.ask, methods=["POST"])]
        self.client = TestClient(Starlette(routes=routes, exception_handlers={HTTPException: on_http_exception}))

    def get(self, status: int = 200, **query: object) -> dict[str, object]:
        answer = self.client.get(PATH, params=query)
        assert answer.status_code == status, answer.text
        told: dict[str, object] = answer.json()
        return told

    def post(self, body: object, status: int = 200, **query: object) -> dict[str, object]:
        answer = self.client.post(PATH, params=query, json=body)
        assert answer.status_code == status, answer.text
        told: dict[str, object] = answer.json()
        return told

    def send(self, account: Account | None = None, **fields: object) -> None:
        async def story() -> None:
            await self.stage.receive(1, account, **fields)

        assert self.client.portal is not None
        self.client.portal.call(story)


@pytest.fixture
def counters(stage) -> Iterator[Callable[[], Counter]]:
    """Makes counters."""
    open_ones: list[Counter] = []

    def make() -> Counter:
        open_ones.append(Counter(stage))
        open_ones[-1].client.__enter__()
        return open_ones[-1]

    yield make
    for each in open_ones:
        each.client.__exit__(None, None, None)


@pytest.fixture
def counter(counters: Callable[[], Counter]) -> Counter:
    return counters()


def test_a_kept_exchange_is_explained_by_its_number_or_as_the_newest(counter: Counter) -> None:
    counter.send()
    counter.send(SERIAL=0)
    first, newest = counter.get(request=1), counter.get()
    assert (first["request_id"], first["code"]["name"], first["correction"]) == (1, "OK", None)
    assert (newest["request_id"], newest["code"]["name"], newest["correction"]["passes"]) == (
        2,
        "Invalid_parameter",
        True,
    )
    assert counter.post({"request": 2}) == newest


def test_a_packet_is_explained_as_an_object_as_text_and_in_base64(counter: Counter) -> None:
    text = '{"AUTH_KEY":"$CLOUDSMS_AUTH_KEY"'
    as_object = counter.post({"body": PACKET})
    assert (as_object["request_id"], as_object["account"], as_object["code"]["name"]) == (None, "default", "OK")
    as_text, as_octets = (
        counter.post({"body": text}),
        counter.post({"body_base64": base64.b64encode(text.encode()).decode()}),
    )
    assert as_text == as_octets
    assert as_text["code"]["name"] == "Lost_info"
    assert counter.post({"body": None})["code"]["hex"] == "0x1000000D"
    assert counter.post({"body": ""})["code"]["hex"] == "0x04"


def test_the_account_is_the_one_that_is_asked_for(counter: Counter) -> None:
    counter.send(SHOP)
    assert counter.get(account="shop")["account"] == "shop"
    assert counter.post({"body": PACKET}, account="shop")["account"] == "shop"
    assert counter.get(404, account="bank")["detail"] == 'there is no account "bank"; there is default, shop'


def test_the_whitelist_is_asked_about_a_peer_that_is_said(counter: Counter) -> None:
    def rules(**said: object) -> list[str]:
        told = counter.post({"body": PACKET | {"CUSTOMER_BODY": {}}} | said, account="shop")
        return [finding["rule"] for finding in told["findings"]]

    assert (rules(), rules(peer="10.0.0.7"), rules(peer=None)) == ([], [], [])
    assert (rules(peer="203.0.113.7"), rules(peer="2001:db8::1")) == (["source-not-whitelisted"],) * 2


def test_what_belongs_to_no_account_is_explained_too(counter: Counter) -> None:
    counter.send(AUTH_KEY="nobody's key")
    nobodys = counter.get(account="*")
    assert (nobodys["account"], nobodys["correction"]["changes"][0]["path"]) == (None, "$.AUTH_KEY")


@pytest.mark.parametrize(
    ("query", "told"),
    [
        ({"request": 9}, 'there is no request "9" of account "default", and nothing is gone from its journal'),
        ({}, 'nothing of account "default" is kept; what belongs to no account is under account=*'),
        ({"account": "*"}, "nothing of nobody is kept"),
    ],
)
def test_what_is_not_kept_says_so(counter: Counter, query: dict[str, object], told: str) -> None:
    assert counter.get(404, **query)["detail"] == told


@pytest.mark.parametrize("number", ["x", "-1", "1.0", "", "９", "1" * 19])
def test_a_number_that_is_none_says_so(counter: Counter, number: str) -> None:
    told = counter.get(400, request=number)["detail"]
    assert told == f'request is "{number[:20]}"; it is the number of an exchange'


@pytest.mark.parametrize(
    ("body", "told"),
    [
        ({}, WANTED),
        ({"request": 1, "body": {}}, WANTED),
        ({"body_base64": "?"}, "body_base64 is not base64: "),
        ({"request": "1"}, 'request: got "1", want the number of an exchange, as /requests lists it'),
        ({"request": 1, "peer": "10.0.0.1"}, "peer goes with a body; a request has the one it came from"),
        ({"body": {}, "peer": "localhost"}, 'peer: got "localhost", want an IP address such as "203.0.113.7"'),
        ({"bodi": {}}, 'unknown key "bodi"; did you mean "body"?'),
    ],
)
def test_a_question_that_cannot_be_answered_says_what_would_be_one(counter: Counter, body: object, told: str) -> None:
    assert str(counter.post(body, 400)["detail"]).startswith(told)
