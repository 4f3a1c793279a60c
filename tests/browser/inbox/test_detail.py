"""The pages of messages and requests, whatever came: each is there, in both languages, and none shows an AUTH_KEY."""

import json
from collections.abc import Callable
from contextlib import suppress

import httpx2
import pytest

from cloudsms_simulator.pytest_plugin.fixture import Cloudsms
from cloudsms_simulator.pytest_plugin.server import Server

Packet = dict[str, object]
MAGIC = [
    *(f"6755{each}" for each in ("5008", "5060", "5042")),
    *(f"6755510{each}" for each in range(1, 6)),
    "67555216",
    *(f"6755530{each}" for each in range(1, 8)),
    *(f"6755540{each}" for each in (1, 2, 3, 5, 6, 7, 8)),
]
ODD = [
    b"",
    b"{}",
    b"[1]",
    b"\xef\xbb\xbf{}",
    b'{"A": "\xff"}',
    b"{'A': 1}",
    b'{"METHOD": "SMS_SEND',
    b'"' + b"x" * 50_000,
]
LANGUAGES = ["en", "zh"]


@pytest.fixture
def pages(cloudsms: Cloudsms, cloudsms_server: Server) -> Callable[[str], str]:
    """What a page of the inbox says, in every language; it has to be there."""
    with httpx2.Client(base_url=cloudsms_server.admin_url) as client:

        def read(path: str, **query: str) -> str:
            answers = [client.get(path, params=query | {"lang": language}) for language in LANGUAGES]
            assert [answer.status_code for answer in answers] == [200, 200], answers
            assert all(cloudsms.auth_key not in answer.text for answer in answers)
            return answers[0].text

        yield read


def test_every_kind_of_exchange_and_of_message_has_its_page(
    cloudsms: Cloudsms, send: Callable[..., Packet], pages: Callable[..., str]
) -> None:
    for number in MAGIC:
        with suppress(httpx2.TransportError, json.JSONDecodeError):
            send("Your code is 123345", number)
    send(f"my key is {cloudsms.auth_key}", ROUTE_ID=cloudsms.auth_key)
    send("to Singapore", "61234567", country=65)
    send("half", "abc", "67000011", CUSTOMER_BODY={}, VERSION="2021-01-01", SIGNATURE="x", SIGNATURE_TYPE=4)
    cloudsms.clock.advance(seconds=2)
    with httpx2.Client(verify=cloudsms.ssl_context) as client:
        for body in ODD:
            client.post(cloudsms.url, content=body.replace(b'"A"', b'"AUTH_KEY"'))
        client.get(cloudsms.url)
        client.post(f"{cloudsms.url}/nowhere", content=b"{}")
    cloudsms.clock.advance(hours=26)
    messages, requests = list(cloudsms.messages), list(cloudsms.requests)
    assert len(messages) >= 13
    for message in messages:
        text = pages(f"/messages/{message.uid}", of=message.account)
        assert message.uid in text
    for request in requests:
        assert f"Request {request.id}" in pages(f"/requests/{request.id}", of=cloudsms.account.show().name)


def test_what_is_nobodys_has_its_page(cloudsms: Cloudsms, cloudsms_server: Server, pages: Callable[..., str]) -> None:
    with httpx2.Client(verify=cloudsms.ssl_context) as client:
        for body in ODD:
            client.post(cloudsms.url, content=body)
        client.get(cloudsms.url)
        client.post(f"{cloudsms.url}/nowhere", content=b"{}")
    page = httpx2.get(f"{cloudsms_server.admin_url}/api/v1/requests", params={"account": "*", "limit": len(ODD) + 2})
    items = page.json()["items"]
    assert {each["kind"] for each in items} == {"uip", "http"}
    for item in items:
        assert f"Request {item['id']}" in pages(f"/requests/{item['id']}", of="*")


def test_a_page_is_found_without_saying_whose_it_is(
    send: Callable[..., Packet], cloudsms: Cloudsms, pages: Callable[..., str]
) -> None:
    send("whose")
    [message] = cloudsms.messages
    assert message.uid in pages(f"/messages/{message.uid}")
    assert f"/requests/{message.request_id}?" in pages(f"/messages/{message.uid}")
    assert message.uid in pages(f"/requests/{message.request_id}")


def test_a_batch_of_mistakes_stays_a_page(
    send: Callable[..., Packet], cloudsms: Cloudsms, pages: Callable[..., str]
) -> None:
    send("many", MULTI_MSISDN_LIST=[{"COUNTRY_CODE": "852", "DEST_MSISDN": f"+85267{nth:04d}"} for nth in range(200)])
    [request] = cloudsms.requests
    page = pages(f"/requests/{request.id}")
    assert "350 more are in" in page
    assert len(page) < 200_000, "some 100 KB of scripts and styles come with it"
