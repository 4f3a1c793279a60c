"""Connections to an admin port for a client that blocks: kept, lent to one thread at a time, and used again.

They are the standard library's. A test session that never awaits gets by without httpx2, whose import takes as long as
the start of a whole server.

Spec: none; this is how the admin API is called.
"""

import selectors
from collections.abc import Mapping
from contextlib import suppress
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from ssl import SSLError
from urllib.parse import urlsplit

from cloudsms_simulator.client_errors import UnreachableError

CONNECT = 5.0
"""Seconds to reach the server."""

_KINDS = {"http": HTTPConnection, "https": HTTPSConnection}


class Connections:
    """Connections to one host and port. May be used by several threads; there are as many as calls at once.

    Over HTTPS, as behind somebody's gateway, the system's authorities are trusted.
    """

    def __init__(self, url: str) -> None:
        self._url = url
        self._idle: list[HTTPConnection] = []
        self._closed = False

    def exchange(
        self, method: str, target: str, headers: Mapping[str, str], body: bytes | None, seconds: float
    ) -> tuple[int, bytes]:
        """Status and body of the answer. UnreachableError when there is none; `seconds` is how long it may be silent.

        RuntimeError once it is closed.
        """
        __tracebackhide__ = True
        if self._closed:
            raise RuntimeError("the client is closed")
        connection = self._connection()
        reusable = False
        try:
            connection.sock.settimeout(seconds)
            connection.request(method, target, body, dict(headers))
            with connection.getresponse() as response:
                answer = response.status, response.read()
                reusable = not response.will_close
        except TimeoutError as error:
            raise UnreachableError(f"{self._url} does not answer in time") from error
        except (OSError, HTTPException) as error:
            raise self._nobody() from error
        finally:
            self._give_back(connection, reusable=reusable)
        return answer

    def close(self) -> None:
        """Lets go of them."""
        self._closed = True
        while self._idle:
            self._idle.pop().close()

    def _connection(self) -> HTTPConnection:
        """One that is not in use; a new one, connected, where there is none."""
        while True:
            try:
                connection = self._idle.pop()
            except IndexError:
                return self._connected()
            if _is_open(connection):
                return connection
            connection.close()

    def _connected(self) -> HTTPConnection:
        kind, host, port = self._place()
        connection = kind(host, port, timeout=CONNECT)
        try:
            connection.connect()
        except SSLError as error:
            connection.close()
            raise UnreachableError(f"{self._url} cannot be reached over TLS: {error}") from error
        except OSError as error:
            connection.close()
            raise self._nobody() from error
        return connection

    def _place(self) -> tuple[type[HTTPConnection], str, int | None]:
        parts = urlsplit(self._url)
        kind = _KINDS.get(parts.scheme)
        with suppress(ValueError):  # said by a port that is no number
            if kind is not None and parts.hostname is not None:
                return kind, parts.hostname, parts.port
        raise UnreachableError(f'got "{self._url}", want the URL of an admin port, such as http://127.0.0.1:61816')

    def _give_back(self, connection: HTTPConnection, *, reusable: bool) -> None:
        if reusable and not self._closed:
            self._idle.append(connection)
        else:
            connection.close()

    def _nobody(self) -> UnreachableError:
        return UnreachableError(f"nobody answers at {self._url}; is the server running, and is this its admin port?")


def _is_open(connection: HTTPConnection) -> bool:
    """Whether the server has not closed it meanwhile: then there would be something to read."""
    with selectors.DefaultSelector() as selector:
        selector.register(connection.sock, selectors.EVENT_READ)
        return selector.select(0) == []
