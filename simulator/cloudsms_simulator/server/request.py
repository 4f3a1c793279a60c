"""A request and its answer, as uvicorn hands them to an application, made with no more than most requests need.

Most are here whole before anybody looks at them, and are answered in one piece: nobody waits for anything of them.

Spec: Interface specification and communication principle.
"""

import asyncio
import logging
from collections.abc import Callable
from functools import cached_property
from typing import Literal
from urllib.parse import unquote

import httptools
from uvicorn._types import HTTPScope
from uvicorn.protocols.http.flow_control import FlowControl
from uvicorn.protocols.http.httptools_impl import RequestResponseCycle


def scope_of(
    url: bytes,
    scheme: Literal["http", "https"] | None,
    client: tuple[str, int] | None,
    server: tuple[str, int | None] | None,
) -> HTTPScope:
    """What the scopes of all requests for a target have in common; raises what httptools raises for no target."""
    target = httptools.parse_url(url)
    path = target.path.decode("ascii")
    return {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.3"},
        "http_version": "1.1",
        "method": "POST",
        "scheme": scheme or "http",
        "path": unquote(path) if "%" in path else path,
        "raw_path": target.path,
        "query_string": target.query or b"",
        "root_path": "",
        "headers": [],
        "client": client,
        "server": server,
    }


class Request(RequestResponseCycle):
    """uvicorn's cycle. What is the same for every request in the beginning belongs to the class."""

    logger = access_logger = logging.getLogger("cloudsms_simulator.http")
    access_log = False
    disconnected = False
    body = b""  # type: ignore[assignment]  # bytes are not copied when there is one piece of them
    more_body = True
    response_started = False
    response_complete = False
    chunked_encoding = None
    expected_content_length = 0

    def __init__(
        self,
        scope: HTTPScope,
        transport: asyncio.Transport,
        flow: FlowControl,
        default_headers: list[tuple[bytes, bytes]],
        on_response: Callable[[], None],
        *,
        keep_alive: bool,
        expects_continue: bool,
    ) -> None:
        self.scope = scope
        self.transport = transport
        self.flow = flow
        self.default_headers = default_headers
        self.on_response = on_response
        self.keep_alive = keep_alive
        self.waiting_for_100_continue = expects_continue

    @cached_property
    def message_event(self) -> asyncio.Event:  # type: ignore[override]
        """Set when something happened that `receive` tells. Made when somebody first waits for that."""
        event = asyncio.Event()
        if self.body or not self.more_body or self.disconnected or self.response_complete:
            event.set()
        return event

    def wake(self) -> None:
        """Something happened: a piece of the body, its end, the end of the answer, or of the connection."""
        if "message_event" in self.__dict__:
            self.message_event.set()
