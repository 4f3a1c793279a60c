"""aiohttp's request, response and connector, with only the headers a report needs, and no answer lost that broke off.

Imported at the first push, as aiohttp is; goes away with it (house.md section 6).

Spec: Delivery Report (DR) CallBack.
"""

import asyncio
import ssl
from collections.abc import Coroutine, Iterable
from functools import partial
from typing import Any

import aiohttp
from aiohttp.client_proto import ResponseHandler
from aiohttp.http_exceptions import HttpProcessingError

_KEPT_OCTETS = 64 * 1024
"""Octets of an answer that are kept in case it turns out to be none."""


class PushResponse(aiohttp.ClientResponse):
    """The answer to a push, and the TLS it came over, None on plain HTTP. aiohttp lets go of a connection too early."""

    secured: ssl.SSLObject | None = None


class PushRequest(aiohttp.ClientRequest):
    """One POST of a report.

    aiohttp leaves out the headers a session does not want, too, but sorts and copies their names for each request: a
    twentieth of what a push costs. To look for what a report never has costs a little as well.
    """

    def update_auto_headers(self, skip_auto_headers: Iterable[str] | None) -> None:
        """Adds neither User-Agent nor Accept nor Accept-Encoding."""

    def update_cookies(self, cookies: object) -> None:
        """There are none."""

    def update_content_encoding(self, data: object) -> None:
        """It is sent as it is."""

    def update_transfer_encoding(self) -> None:
        """Its length is known."""

    def update_expect_continue(self, expect: bool = False) -> None:
        """Nobody is asked whether it may come."""

    def send(self, conn: aiohttp.connector.Connection) -> Coroutine[None, None, aiohttp.ClientResponse]:
        """Sends it; the answer that is to come knows how its connection is secured."""
        return self._secured(conn) if self.is_ssl() else super().send(conn)

    async def _secured(self, conn: aiohttp.connector.Connection) -> aiohttp.ClientResponse:
        response = await super().send(conn)
        if isinstance(response, PushResponse) and conn.transport is not None:
            response.secured = conn.transport.get_extra_info("ssl_object")
        return response


class BrokenAnswerError(HttpProcessingError):
    """An answer that is no HTTP, with the octets that came until then, and the TLS they came over."""

    def __init__(self, error: HttpProcessingError, arrived: bytes, secured: ssl.SSLObject | None) -> None:
        super().__init__(code=error.code, message=error.message, headers=error.headers)
        self.arrived = arrived
        self.secured = secured


class PushConnector(aiohttp.TCPConnector):
    """aiohttp's, but what is read before an answer turns out to be broken is not lost.

    aiohttp throws a whole answer away when octets that came together with its head are no HTTP. Its status is known
    all the same, and the next push would be one too many.
    """

    def __init__(self, *, keepalive_timeout: float) -> None:
        super().__init__(limit=0, keepalive_timeout=keepalive_timeout)
        self._factory = partial(_PushProtocol, loop=asyncio.get_running_loop())  # type: ignore[assignment]


class _PushProtocol(ResponseHandler):
    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        super().__init__(loop)
        self._arrived = b""

    def set_response_params(self, **params: Any) -> None:
        self._arrived = b""
        super().set_response_params(**params)

    def data_received(self, data: bytes) -> None:
        if len(self._arrived) < _KEPT_OCTETS:
            self._arrived += data
        super().data_received(data)

    def set_exception(self, exc: BaseException, *cause: BaseException) -> None:
        if isinstance(exc, HttpProcessingError):
            secured = None if self.transport is None else self.transport.get_extra_info("ssl_object")
            exc = BrokenAnswerError(exc, self._arrived, secured)
        super().set_exception(exc, *cause)
