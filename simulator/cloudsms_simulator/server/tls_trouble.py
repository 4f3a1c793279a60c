"""TLS trouble: listeners that show bad certificates, or end handshakes, each on a port of its own.

The trouble comes before any request, and so before any account is known: the main port never has it.

Reading: R22.
"""

import asyncio
import socket
import ssl
from collections.abc import Callable
from datetime import timedelta

import msgspec

from cloudsms_simulator.engine.fault import TlsTrouble
from cloudsms_simulator.server.door import PATH
from cloudsms_simulator.server.listener import Listener
from cloudsms_simulator.server.listening_socket import authority, open_socket, reachable
from cloudsms_simulator.server.trouble_certificates import Shown, TroubleCertificates


class TroubledListener(msgspec.Struct, frozen=True):
    """A listener in trouble, and where a client meets it."""

    trouble: TlsTrouble
    url: str
    listener: Listener


class TlsTroubles:
    """Opens such listeners when they are asked for, at most one for each trouble.

    `host` is the main port's. `context_with(shown)` makes the TLS context that shows a certificate, and
    `listener_on(socket, context)` the listener, not started: as for the main port, so that the same requests are served
    and the same observer is told what fails.
    """

    def __init__(
        self,
        certificates: TroubleCertificates,
        host: str,
        context_with: Callable[[Shown], ssl.SSLContext],
        listener_on: Callable[[socket.socket, ssl.SSLContext], Listener],
    ) -> None:
        self._certificates = certificates
        self._host = host
        self._context_with = context_with
        self._listener_on = listener_on
        self._open: dict[TlsTrouble, TroubledListener] = {}
        self._opening = asyncio.Lock()
        self._closed = False

    @property
    def listeners(self) -> tuple[TroubledListener, ...]:
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

    async def _opened(self, trouble: TlsTrouble) -> TroubledListener:
        # Making a certificate may have to wait for another process.
        shown = await asyncio.to_thread(self._certificates.as_server, trouble)
        context = self._context_with(shown)
        if trouble is TlsTrouble.CUT_HANDSHAKE:
            _cut_handshakes(context)
        if self._closed:
            raise RuntimeError("no listener is opened any more: the server stops")
        listener = self._listener_on(open_socket(self._host, 0), context)
        await listener.start()
        return TroubledListener(
            trouble, f"https://{authority(reachable(listener.host), listener.port)}{PATH}", listener
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
