"""Listeners with faulty TLS: they show bad certificates, or end handshakes, each on a port of its own.

The fault comes before any request, and so before any account is known: the main port never has it.

Reading: R22.
"""

import asyncio
import socket
import ssl
from collections.abc import Callable
from datetime import timedelta

import msgspec

from cloudsms_simulator.engine.faults import TlsTrouble
from cloudsms_simulator.net.flawed_certificates import CertificatePaths, FlawedCertificates
from cloudsms_simulator.net.listener import Listener
from cloudsms_simulator.net.sockets import host_and_port, open_socket, reachable_host
from cloudsms_simulator.services.endpoint import PLATFORM_PATH


class FaultyTlsListener(msgspec.Struct, frozen=True):
    """A listener in trouble, and where a client meets it."""

    trouble: TlsTrouble
    url: str
    listener: Listener


class FaultyTlsListeners:
    """Opens such listeners when they are asked for, at most one for each trouble.

    `host` is the main port's. `context_with(shown)` makes the TLS context that shows a certificate, and
    `listener_on(socket, context)` the listener, not started: as for the main port, so that the same requests are served
    and the same observer is told what fails.
    """

    def __init__(
        self,
        certificates: FlawedCertificates,
        host: str,
        context_with: Callable[[CertificatePaths], ssl.SSLContext],
        listener_on: Callable[[socket.socket, ssl.SSLContext], Listener],
    ) -> None:
        self._certificates = certificates
        self._host = host
        self._context_with = context_with
        self._listener_on = listener_on
        self._open: dict[TlsTrouble, FaultyTlsListener] = {}
        self._opening = asyncio.Lock()
        self._closed = False

    @property
    def listeners(self) -> tuple[FaultyTlsListener, ...]:
        """Those that are open, in the order they were asked for."""
        return tuple(self._open.values())

    async def url_of(self, trouble: TlsTrouble) -> str:
        """Where a client meets a trouble, always the same; opened first, if it was never asked for.

        It is a whole URL as the main port's. CertificateError or ListenError when it cannot be opened; RuntimeError
        after `close`.
        """
        async with self._opening:
            if trouble not in self._open:
                self._open[trouble] = await self._opened(trouble)
            return self._open[trouble].url

    async def close(self, grace: timedelta = timedelta(0)) -> None:
        """Closes all as `Listener.stop` does, at the same time; none opens afterwards."""
        self._closed = True
        await asyncio.gather(*(each.listener.stop(grace) for each in self.listeners))

    async def _opened(self, trouble: TlsTrouble) -> FaultyTlsListener:
        # Making a certificate may have to wait for another process.
        shown = await asyncio.to_thread(self._certificates.as_server, trouble)
        context = self._context_with(shown)
        if trouble is TlsTrouble.CUT_HANDSHAKE:
            _cut_handshakes(context)
        if self._closed:
            raise RuntimeError("no listener is opened any more: the server stops")
        listener = self._listener_on(open_socket(self._host, 0), context)
        await listener.start()
        return FaultyTlsListener(
            trouble, f"https://{host_and_port(reachable_host(listener.host), listener.port)}{PLATFORM_PATH}", listener
        )


class _CutOff(ssl.SSLObject):
    """TLS that ends as soon as it has read the ClientHello; nothing of an answer to that is sent."""

    heard = False

    def do_handshake(self) -> None:
        try:
            super().do_handshake()
        finally:
            if self.heard:
                raise ssl.SSLError(ssl.SSL_ERROR_SSL, "it was cut on purpose, as the trouble cut_handshake asks")


def _cut_handshakes(context: ssl.SSLContext) -> None:
    def hear(tls: ssl.SSLObject, _name: str | None, _context: ssl.SSLContext) -> None:
        if isinstance(tls, _CutOff):
            tls.heard = True

    context.sslobject_class = _CutOff
    context.sni_callback = hear  # called once the ClientHello is read, with a name in it or without
