"""Events as a client reads them: a stream of what happens, from now on."""

from collections.abc import AsyncIterator, Iterator, Mapping
from typing import TYPE_CHECKING, Literal

import msgspec

from cloudsms_simulator.client_call import Call
from cloudsms_simulator.client_errors import UnreachableError
from cloudsms_simulator.client_said import API

if TYPE_CHECKING:
    import httpx2

SILENCE = 60.0
"""Seconds without a word, its signs of life among them, after which a server is gone."""


class Event(msgspec.Struct, frozen=True):
    """Something that happened; after a `gap` or a `reset` the lists tell how things are."""

    name: Literal["request", "message", "report", "clock", "reset", "gap"]
    data: Mapping[str, object]


def events_request(url: str, headers: Mapping[str, str], accounts: tuple[str, ...]) -> "httpx2.Request":
    """What to ask a server for."""
    import httpx2

    timeout = httpx2.Timeout(SILENCE).as_dict()
    query = {"account": list(accounts)}
    return httpx2.Request(
        "GET", f"{url}{API}/events", params=query, headers=dict(headers), extensions={"timeout": timeout}
    )


def events_of(response: "httpx2.Response") -> Iterator[Event]:
    """The events of a stream, until the server stops. UnreachableError when it breaks off."""
    import httpx2

    if response.status_code != 200:
        _refuse(response.status_code, response.read())
    try:
        for each in httpx2.EventSource(response):
            if each.data:
                yield _event(each)
    except httpx2.TransportError as error:
        raise UnreachableError(f"the stream of events broke off: {error}") from error


async def awaited_events_of(response: "httpx2.Response") -> AsyncIterator[Event]:
    """The same, awaited."""
    import httpx2

    if response.status_code != 200:
        _refuse(response.status_code, await response.aread())
    try:
        async for each in httpx2.EventSource(response):
            if each.data:
                yield _event(each)
    except httpx2.TransportError as error:
        raise UnreachableError(f"the stream of events broke off: {error}") from error


def _event(sent: "httpx2.ServerSentEvent") -> Event:
    return msgspec.convert({"name": sent.event, "data": msgspec.json.decode(sent.data)}, Event)


def _refuse(status: int, body: bytes) -> None:
    Call[None]("GET", f"{API}/events").read(status, body)
