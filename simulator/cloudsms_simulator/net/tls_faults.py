"""Faults of TLS: certificates that are wrong in one way each, and listeners that show them or end handshakes.

A flawed certificate is right in all other ways, and made when it is first asked for. They lie beside the good ones, a
certificate and a key for each flaw: expired, not yet valid, unknown authority, wrong host, wrong usage. What somebody
else put in their places is used and never overwritten, and ours are made again when they no longer serve.

Each faulty listener has a port of its own. Its fault comes before any request, and so before any account is known: the
main port never has it.

Reading: R22.
"""

import asyncio
import os
import socket
import ssl
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import msgspec

from cloudsms_simulator.engine.faults import Flaw, Identity, TlsTrouble
from cloudsms_simulator.moments import datetime
from cloudsms_simulator.net.certificates import (
    CLOCKS_DIFFER,
    LOCAL_HOSTS,
    Authority,
    CertificateError,
    CertificateFiles,
    Leaf,
    hosts_of,
    issued_by,
    kernel_now,
    made_here,
    read_pair,
)
from cloudsms_simulator.net.listener import Listener
from cloudsms_simulator.net.private_files import FileContent, locked, write_all
from cloudsms_simulator.net.sockets import host_and_port, open_socket, reachable_host

WRONG_HOST = "elsewhere.invalid"
"""The only host the certificate for a wrong host is good for; no name server will ever know it."""

CertificatePaths = tuple[Path, Path]
"""A certificate and its key, as PEM files."""

_LASTS = timedelta(days=365)
_MARGIN = timedelta(days=1)
"""How long ago, or how far ahead, it ends or begins; and how long one that we find must serve on."""


class FlawedCertificates:
    """The flawed certificates beside the good ones in `files`. Each is made, or looked at, once for an instance.

    Several threads and processes may ask at the same time.
    """

    def __init__(self, files: CertificateFiles) -> None:
        self._files = files
        self._ready: dict[Flaw, CertificatePaths] = {}

    def as_server(self, trouble: TlsTrouble) -> CertificatePaths:
        """What a server with that trouble shows: good for the platform's hosts but for the one flaw.

        Making one takes some milliseconds. CertificateError when our authority's key is missing, a file there cannot
        serve, or the folder cannot be written.
        """
        return self._with(trouble.flaw)

    def as_client(self, identity: Identity) -> CertificatePaths | None:
        """What the platform shows when it pushes a report; None: nothing. CertificateError as for `as_server`."""
        return None if identity is Identity.NONE else self._with(identity.flaw)

    def _with(self, flaw: Flaw | None) -> CertificatePaths:
        if flaw is None:
            return self._files.platform_cert, self._files.platform_key
        shown = self._ready.get(flaw)
        if shown is None:
            shown = self._ready[flaw] = self._found_or_made(flaw)
        return shown

    def _found_or_made(self, flaw: Flaw) -> CertificatePaths:
        directory = self._files.directory
        shown = directory / f"{flaw.name}.pem", directory / f"{flaw.name}-key.pem"
        hosts = (WRONG_HOST,) if flaw.elsewhere else self._hosts()
        now = kernel_now()
        try:
            if self._serve(shown, flaw, hosts, now):
                return shown
        except CertificateError:
            # It may be another process writing just now: looked at again once that is done, where we could wait for it.
            if not os.access(directory, os.W_OK):
                raise
        try:
            with locked(directory):
                if not self._serve(shown, flaw, hosts, now):
                    leaf = self._made(flaw, hosts, now)
                    certificate, key = shown
                    write_all([FileContent(certificate, leaf.certificate, False), FileContent(key, leaf.key, True)])
        except OSError as error:
            raise CertificateError(
                shown[0], f"cannot be written: {error.strerror or error}", "name a folder that this user can write"
            ) from error
        return shown

    def _serve(self, shown: CertificatePaths, flaw: Flaw, hosts: tuple[str, ...], now: datetime) -> bool:
        """Whether the files are there and have the flaw and no other, or are somebody else's."""
        pair = read_pair(*shown)
        if pair is None or not made_here(pair.certificate):
            return pair is not None
        first, last = pair.certificate.not_valid_before_utc, pair.certificate.not_valid_after_utc
        in_time = {
            "past": last <= now,
            "present": pair.is_current(now) and pair.is_current(now + _MARGIN),
            "future": first > now + _MARGIN,
        }
        authority = read_pair(self._files.ca, self._files.ca_key, key_optional=True)
        ours = authority is not None and issued_by(pair.certificate, authority.certificate)
        return in_time[flaw.when] and ours is not flaw.foreign and set(hosts_of(pair.certificate)) == set(hosts)

    def _made(self, flaw: Flaw, hosts: tuple[str, ...], now: datetime) -> Leaf:
        authority = Authority.create(now) if flaw.foreign else self._authority()
        begin, end = {
            "past": (now - _LASTS, now - _MARGIN),
            "present": (now - CLOCKS_DIFFER, now + _LASTS),
            "future": (now + _LASTS, now + 2 * _LASTS),
        }[flaw.when]
        leaf = authority.issue(
            f"CloudSMS platform, {flaw.name.removeprefix('trouble-').replace('-', ' ')}", hosts, begin, end
        )
        return leaf if flaw.only_for is None else authority.restrict(leaf, flaw.only_for)

    def _hosts(self) -> tuple[str, ...]:
        good = read_pair(self._files.platform_cert, self._files.platform_key)
        return (hosts_of(good.certificate) if good is not None else ()) or LOCAL_HOSTS

    def _authority(self) -> Authority:
        pair = read_pair(self._files.ca, self._files.ca_key, key_optional=True)
        if pair is None or pair.key is None:
            raise CertificateError(
                self._files.ca_key,
                "is missing, and without it no flawed certificate can be made",
                "put it back, or use an empty folder to have an authority made",
            )
        return Authority(pair.certificate, pair.key)


class FaultyTlsListener(msgspec.Struct, frozen=True):
    """A listener in trouble, and where a client meets it."""

    trouble: TlsTrouble
    url: str
    listener: Listener


class FaultyTlsListeners:
    """Opens such listeners when they are asked for, at most one for each trouble.

    `host` is the main port's, and `path` what it serves. `context_with(shown)` makes the TLS context that shows a
    certificate, and `listener_on(socket, context)` the listener, not started: as for the main port, so that the same
    requests are served and the same observer is told what fails.
    """

    def __init__(
        self,
        certificates: FlawedCertificates,
        host: str,
        path: str,
        context_with: Callable[[CertificatePaths], ssl.SSLContext],
        listener_on: Callable[[socket.socket, ssl.SSLContext], Listener],
    ) -> None:
        self._certificates = certificates
        self._host = host
        self._path = path
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
            trouble, f"https://{host_and_port(reachable_host(listener.host), listener.port)}{self._path}", listener
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
