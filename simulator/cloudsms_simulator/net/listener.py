"""A listener: one port, one application, one TLS context; any number of them run in one event loop.

It accepts connections, does the TLS handshake, and tells of those that fail; an `HttpConnection` serves each. A stop
waits for no idle connection. Signals are the caller's business.

Spec: CloudSMS Platform Server.
"""

import asyncio
import itertools
import logging
import socket
import ssl
from collections.abc import Callable, Iterator
from datetime import UTC, timedelta
from email.utils import format_datetime
from functools import partial

from starlette.types import ASGIApp

from cloudsms_simulator.net.http_connection import (
    BatchApp,
    ConnectionObserver,
    ConnectionTerms,
    HttpConnection,
    ListenerState,
    RemoteAddress,
    RequestBatcher,
)
from cloudsms_simulator.net.wall_clock import WallClock

HANDSHAKE_TIMEOUT = 10.0
SHUTDOWN_TIMEOUT = 1.0
SETTLE_SECONDS = 0.05
"""Seconds a stop gives what should end by itself: running requests, then goodbyes of TLS."""
ACCEPT_RETRY_SECONDS = 0.1
"""Seconds until the next try when the system has no room for another connection."""

ACCEPT_BATCH = 64
"""Connections accepted before those already accepted get their turn."""

_log = logging.getLogger(__name__)


class Listener:
    """Serves `app` (ASGI 3, lifespan not used) on a listening socket, which it owns from here on.

    An app that is a `BatchApp` serves the requests together that come in one turn of the loop. `tls` switches TLS on;
    `tls_facts(ssl_object)` says what `HttpConnection.tls` holds. `admits(host)` decides about every address before TLS;
    None: all. `observer` is told what no request shows. Listeners that share `connection_ids` (a counter) never use an
    id twice. `stopping` is set when the listener begins to stop, so that event streams and long polls can end; it may
    be shared. A connection may be idle for `keep_alive`; the head of a request has `head_timeout` to arrive. Both are
    looked at once a second, or more often when they are shorter. With `half_close` a client that has closed its side
    still gets the answers that are due, and one that is gone altogether is noticed only when something is written to
    it; over TLS a client cannot close one side.
    """

    def __init__(
        self,
        app: ASGIApp,
        sock: socket.socket,
        *,
        tls: ssl.SSLContext | None = None,
        tls_facts: Callable[[ssl.SSLObject], object] | None = None,
        admits: Callable[[str], bool] | None = None,
        observer: ConnectionObserver | None = None,
        connection_ids: Iterator[int] | None = None,
        stopping: asyncio.Event | None = None,
        keep_alive: timedelta = timedelta(seconds=240),
        head_timeout: timedelta = timedelta(seconds=30),
        half_close: bool = False,
    ) -> None:
        self.stopping = asyncio.Event() if stopping is None else stopping
        self._app = app
        self._socket = sock
        self._address: tuple[str, int] = sock.getsockname()[:2]
        self._tls = tls
        self._tls_facts = tls_facts
        self._admits = admits
        self._observer = ConnectionObserver() if observer is None else observer
        self._ids = itertools.count(1) if connection_ids is None else connection_ids
        self._keep_alive = keep_alive.total_seconds()
        self._head_timeout = head_timeout.total_seconds()
        self._wall = WallClock()
        self._half_close = half_close
        self._state = ListenerState()
        self._background: list[asyncio.Task[None]] = []
        self._welcoming: set[asyncio.Task[None]] = set()
        self._stopped: asyncio.Task[None] | None = None
        self._deadline = float("inf")

    @property
    def host(self) -> str:
        """The address it listens on."""
        return self._address[0]

    @property
    def port(self) -> int:
        """The port it listens on, also after it stopped."""
        return self._address[1]

    @property
    def connections(self) -> int:
        """How many connections are open, handshakes under way not counted."""
        return len(self._state.connections)

    async def start(self) -> None:
        """Begin to serve in the running loop; returns at once. A listener starts and stops once."""
        self._loop = asyncio.get_running_loop()
        self._terms = ConnectionTerms(
            app=self._app,
            state=self._state,
            loop=self._loop,
            batcher=self._batcher(),
            observer=self._observer,
            stopping=self.stopping,
            tls_facts=self._tls_facts,
            keep_alive=self._keep_alive,
            head_timeout=self._head_timeout,
            half_close=self._half_close,
        )
        self._socket.setblocking(False)
        self._write_date()
        self._background = [self._loop.create_task(self._accept()), self._loop.create_task(self._keep_time())]

    async def stop(self, grace: timedelta = timedelta(0)) -> None:
        """Stop listening, close what is idle, and return when every connection is gone.

        Running requests may finish within `grace`, and in any case within 50 ms; then their tasks are cancelled and
        their connections cut. A second call with a shorter grace hurries the first. From another thread:
        `asyncio.run_coroutine_threadsafe(listener.stop(), loop).result()`.
        """
        if not self._background:  # it never started
            self.stopping.set()
            self._socket.close()
            return
        self._deadline = min(self._deadline, self._loop.time() + max(grace.total_seconds(), SETTLE_SECONDS))
        if self._stopped is None:
            self._stopped = self._loop.create_task(self._stop())
        await asyncio.shield(self._stopped)

    async def _stop(self) -> None:
        self.stopping.set()
        starting = [*self._background, *self._welcoming]
        for task in starting:
            task.cancel()
        await asyncio.gather(*starting, return_exceptions=True)
        self._socket.close()
        connections = self._state.connections
        for connection in list(connections):
            connection.shutdown()
        batcher = self._terms.batcher
        while (left := self._deadline - self._loop.time()) > 0:
            if self._state.tasks:
                await asyncio.wait(self._state.tasks, timeout=min(left, SETTLE_SECONDS))
            elif batcher is not None and batcher.is_waiting:
                await asyncio.sleep(0)
            else:
                break
        if self._state.tasks:
            for connection in list(connections):
                connection.interrupt()
            for task in self._state.tasks:
                task.cancel()
            await asyncio.wait(self._state.tasks, timeout=SETTLE_SECONDS)
        else:
            settled = self._loop.time() + SETTLE_SECONDS
            while connections and (now := self._loop.time()) < self._deadline:
                if now >= settled and not any(connection.unsent for connection in connections):
                    break
                await asyncio.sleep(0.002)
        for connection in list(connections):
            connection.abort()
        gone = self._loop.time() + SETTLE_SECONDS
        while connections and self._loop.time() < gone:  # noqa: ASYNC110
            await asyncio.sleep(0)

    def _batcher(self) -> RequestBatcher | None:
        app: object = self._app
        return RequestBatcher(app, self._app, self._state.tasks, self._loop) if isinstance(app, BatchApp) else None

    async def _accept(self) -> None:
        crowded = False
        while self._socket.fileno() >= 0:
            try:
                await self._knock()
                # Whoever waits is taken along: a turn of the loop for each would halve the rate.
                for _ in range(ACCEPT_BATCH):
                    self._greet(*self._socket.accept())
                    crowded = False
                await asyncio.sleep(0)
            except (BlockingIOError, ConnectionError):
                continue  # nobody waits any more, or somebody left while waiting
            except OSError as error:
                if not crowded:
                    _log.warning("cannot accept a connection on port %d, trying again: %s", self.port, error)
                crowded = True
                await asyncio.sleep(ACCEPT_RETRY_SECONDS)

    async def _knock(self) -> None:
        """Returns when somebody waits to be accepted. Cancelling it loses nobody, as `sock_accept` might."""
        knocked = asyncio.Event()
        self._loop.add_reader(self._socket, knocked.set)
        try:
            await knocked.wait()
        finally:
            self._loop.remove_reader(self._socket)

    def _greet(self, sock: socket.socket, address: tuple[str, int] | tuple[str, int, int, int]) -> None:
        task = self._loop.create_task(self._welcome(sock, _peer(address)))
        self._welcoming.add(task)
        task.add_done_callback(partial(self._welcomed, sock))

    def _welcomed(self, sock: socket.socket, task: asyncio.Task[None]) -> None:
        self._welcoming.discard(task)
        if task.cancelled():
            sock.close()  # it may have been cancelled before it began
        elif (error := task.exception()) is not None:
            _log.error("a connection could not be served", exc_info=error)

    async def _welcome(self, sock: socket.socket, peer: RemoteAddress) -> None:
        try:
            admitted = self._admits is None or self._admits(peer[0])
            if not admitted:
                self._observer.on_closed(peer)
        except BaseException:
            sock.close()
            raise
        if not admitted:
            sock.close()
            return
        connection = HttpConnection(self._terms, next(self._ids), peer)
        try:
            await self._loop.connect_accepted_socket(
                lambda: connection,
                sock,
                ssl=self._tls,
                ssl_handshake_timeout=HANDSHAKE_TIMEOUT if self._tls else None,
                ssl_shutdown_timeout=SHUTDOWN_TIMEOUT if self._tls else None,
            )
        except OSError as error:
            self._observer.on_refused(peer, error)

    async def _keep_time(self) -> None:
        interval = min(1.0, self._keep_alive, self._head_timeout)
        while True:
            await asyncio.sleep(interval)
            self._write_date()
            now = self._loop.time()
            for connection in list(self._state.connections):
                try:
                    connection.expire(now)
                except Exception:
                    _log.exception("connection %d could not be closed in time", connection.id)

    def _write_date(self) -> None:
        self._state.set_date(format_datetime(self._wall.now().astimezone(UTC), usegmt=True))


def _peer(address: tuple[str, int] | tuple[str, int, int, int]) -> RemoteAddress:
    host = address[0]
    return (host.removeprefix("::ffff:") if "." in host else host, address[1])
