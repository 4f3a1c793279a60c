"""Reads every page of an inbox as a browser does, and holds every address in it to a base path."""

import html
import re
from collections.abc import Callable
from typing import Any

import httpx2

ADDRESSES = re.compile(r'\b(href|src|action|hx-get|hx-post|sse-connect|data-url|data-then)="([^"]*)"')
READ = {"href", "src", "hx-get"}
"""Attributes with addresses that are read, as a browser does it."""


def addresses_of(page: str) -> set[tuple[str, str]]:
    """The attributes of a page that are addresses on its server."""
    found = {(name, html.unescape(value)) for name, value in ADDRESSES.findall(page)}
    return {(name, value) for name, value in found if not value.startswith(("#", "data:"))}


async def follow_everything(client: httpx2.AsyncClient, base: str, packet: Callable[..., bytes], post: Any) -> None:
    """Reads every page, and all that pages lead to and are made of: every address begins with the base path."""
    [uid] = (await post(packet())).uids
    await post(packet(ROUTE_ID="none"))
    refused, accepted = (each["id"] for each in (await client.get(f"{base}/api/v1/requests")).json()["items"])
    paths = [
        "/",
        "/window",
        "/compose",
        "/control",
        "/overview",
        f"/messages/{uid}",
        "/messages/0",
        "/nowhere?account=0",
    ]
    paths += [f"/requests/{refused}", f"/requests/{accepted}", f"/compose/sent?request={accepted}&of=default"]
    seen: set[tuple[str, str]] = set()
    for path in paths:
        seen |= addresses_of((await client.get(base + path, headers={"accept": "text/html"})).text)
    assert {name for name, _ in seen} == {
        "href",
        "src",
        "action",
        "hx-get",
        "hx-post",
        "sse-connect",
        "data-url",
        "data-then",
    }
    assert [value for _, value in seen if not value.startswith(f"{base}/")] == []
    led_to = sorted({value for name, value in seen if name in READ and not value.startswith(f"{base}/messages/0?")})
    statuses = {value: (await client.get(value)).status_code for value in led_to}
    assert {value: status for value, status in statuses.items() if status != 200} == {}


async def first_octets(client: httpx2.AsyncClient, path: str) -> tuple[int, bytes]:
    """The status of a stream of events, and its first octets."""
    async with client.stream("GET", path) as answer:
        async for octets in answer.aiter_raw():
            return answer.status_code, octets
    return 0, b""
