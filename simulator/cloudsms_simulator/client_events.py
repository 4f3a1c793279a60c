"""Events as a client reads them: a stream of what happens, from now on."""

from collections.abc import Iterator, Mapping
from typing import Literal

import msgspec

from cloudsms_simulator.client_call import Call
from cloudsms_simulator.client_errors import UnreachableError
from cloudsms_simulator.client_http import Request
from cloudsms_simulator.client_said import API

SILENCE = 60.0
"""Seconds without a word, its signs of life among them, after which a server is gone."""


class Event(msgspec.Struct, frozen=True):
    """Something that happened; after a `gap` or a `reset` the lists tell how things are."""

    name: Literal["request", "message", "report", "clock", "reset", "gap"]
    data: Mapping[str, object]


def events_request(headers: Mapping[str, str], accounts: tuple[str, ...]) -> Request:
    """What to ask a server for."""
    return Request("GET", f"{API}/events", {"account": list(accounts)}, headers)


class EventReader:
    """The events in a stream of `text/event-stream`, as its octets arrive."""

    def __init__(self) -> None:
        self._rest = b""
        self._name = ""
        self._data: list[bytes] = []

    def feed(self, octets: bytes) -> Iterator[Event]:
        """Those that are whole now. Comments, which are signs of life, are passed over."""
        *lines, self._rest = (self._rest + octets).split(b"\n")
        for line in lines:
            field, _, value = line.removesuffix(b"\r").partition(b":")
            if field == b"event":
                self._name = value.removeprefix(b" ").decode()
            elif field == b"data":
                self._data.append(value.removeprefix(b" "))
            elif line in (b"", b"\r") and self._data:
                data, self._data = b"\n".join(self._data), []
                yield msgspec.convert({"name": self._name, "data": msgspec.json.decode(data)}, Event)


def broke_off(error: Exception) -> UnreachableError:
    """What a stream ends with when its connection does."""
    return UnreachableError(f"the stream of events broke off: {str(error) or 'there was no sign of life'}")


def refuse(status: int | None, body: bytes) -> None:
    """Raises what the server said instead of a stream."""
    Call[None]("GET", f"{API}/events").read(status or 0, body)
