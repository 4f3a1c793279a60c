"""`/segments` over HTTP; how a text is billed is tested where it is."""

from collections.abc import Iterator
from decimal import Decimal
from types import SimpleNamespace

import msgspec
import pytest
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.routing import Route
from starlette.testclient import TestClient

from cloudsms_simulator.api.context import ApiContext
from cloudsms_simulator.api.http import on_http_exception
from cloudsms_simulator.api.tools import SegmentHandlers
from cloudsms_simulator.engine.account import Account, AccountDirectory
from cloudsms_simulator.engine.billing import bill
from cloudsms_simulator.engine.money import Money
from cloudsms_simulator.protocol.profile import SPEC

PACKED = Account(
    name="packed",
    auth_key="another key",
    prices={852: Decimal("0.0475")},
    currency="HKD",
    directions=frozenset({65}),
    profile=msgspec.structs.replace(SPEC, segmentation="packed"),
)


@pytest.fixture
def client() -> Iterator[TestClient]:
    context = SimpleNamespace(directory=AccountDirectory((Account(), PACKED)))
    context.named = lambda name: ApiContext.named(context, name)
    context.requested_account = lambda request: ApiContext.requested_account(context, request)
    routes = [Route("/segments", SegmentHandlers(context).count, methods=["POST"])]
    with TestClient(Starlette(routes=routes, exception_handlers={HTTPException: on_http_exception})) as client:
        yield client


def test_a_text_is_billed_as_the_account_is(client: TestClient) -> None:
    asked = {"text": "It’s", "signature": "Shop", "signature_type": 3, "country": 852}
    answer = client.post("/segments", json=asked)
    assert (answer.status_code, answer.headers["content-type"]) == (200, "application/json")
    price = Money(Decimal("0.05"), "USD")
    assert answer.content == msgspec.json.encode(bill("It’s", "Shop", 3, "table", price))


def test_another_account_has_another_price_and_way_of_counting(client: TestClient) -> None:
    item = client.post("/segments?account=packed", json={"text": "[" * 153, "country": 852}).json()
    assert (item["counting"], item["segments"], item["cost"]) == (
        "packed",
        3,
        {"amount": "0.1425", "currency": "HKD"},
    )
    assert item["warnings"][-1] == 'country 852 is no direction of account "packed"'
    item = client.post("/segments?account=packed", json={"text": "x", "counting": "table", "country": 65}).json()
    assert (item["counting"], item["cost"], item["warnings"]) == (
        "table",
        None,
        ['account "packed" has no price for country 65'],
    )


def test_without_a_country_there_is_no_price(client: TestClient) -> None:
    item = client.post("/segments", json={"text": ""}).json()
    assert (item["cost"], item["sendable"]) == (None, False)


@pytest.mark.parametrize(
    ("body", "told"),
    [
        ({}, "text is missing: want SMS_CONTENT, a string"),
        ({"text": 1}, "text: got 1, want SMS_CONTENT, a string"),
        ({"text": "x", "signature_type": 6}, "signature_type: got 6, want SIGNATURE_TYPE, 1 to 5"),
        ({"text": "x", "country": 1242}, "country: got 1242, want an assigned country calling code such as 852"),
        ({"text": "x", "counting": "loose"}, 'counting: got "loose", want "table" or "packed"'),
    ],
)
def test_what_cannot_be_counted_is_told_why(client: TestClient, body: object, told: str) -> None:
    answer = client.post("/segments", json=body)
    assert (answer.status_code, answer.json()["detail"]) == (400, told)
