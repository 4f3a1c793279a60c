"""Bodies: reading one that comes in pieces, within its limits of size and time.

Spec: Interface specification and communication principle. Reading: R5.
"""

import asyncio
from datetime import timedelta

import msgspec
from starlette.types import Receive, Scope

from cloudsms_simulator.server.peers import connection_of

_HUNG_UP = "the client hung up"


class BodyLimits(msgspec.Struct, frozen=True):
    """How large a body may be, in octets, and how long it may take to arrive."""

    size: int
    time: timedelta


class TooLarge(msgspec.Struct, frozen=True):
    """The body is, or says it will be, larger than allowed."""

    octets: int


class Unfinished(msgspec.Struct, frozen=True):
    """The body did not arrive whole: what did, and why no more came."""

    arrived: bytes
    why: str
    hung_up: bool


async def read_body(scope: Scope, receive: Receive, limits: BodyLimits) -> bytes | TooLarge | Unfinished:
    """The whole body, or what became of it. A body that is all there already costs no timer.

    One that says it will be too large is not waited for, nor invited with `100 Continue`.
    """
    body = connection_of(scope).whole_body()
    if body is not None:
        return body if len(body) <= limits.size else TooLarge(len(body))
    announced = _announced(scope)
    if announced > limits.size:
        return TooLarge(announced)
    return await _read_pieces(receive, limits)


async def _read_pieces(receive: Receive, limits: BodyLimits) -> bytes | TooLarge | Unfinished:
    pieces = bytearray()
    try:
        async with asyncio.timeout(limits.time.total_seconds()):
            while (message := await receive())["type"] == "http.request":
                pieces += message["body"]
                if len(pieces) > limits.size:
                    return TooLarge(len(pieces))
                if not message["more_body"]:
                    return bytes(pieces)
    except TimeoutError:
        return Unfinished(bytes(pieces), f"no more came within {limits.time}", hung_up=False)
    return Unfinished(bytes(pieces), _HUNG_UP, hung_up=True)


def _announced(scope: Scope) -> int:
    for name, value in scope["headers"]:
        if name == b"content-length":
            return int(value) if value.isdigit() else 0
    return 0
