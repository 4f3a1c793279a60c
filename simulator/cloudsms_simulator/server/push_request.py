"""A push request: aiohttp's, with no header but those a report needs. Imported at the first push, as aiohttp is."""

import ssl
from collections.abc import Coroutine, Iterable

import aiohttp


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
