"""TLS with a customer's server, tried as a push would, and what to do about each way in which it fails.

Spec: Interface specification and communication principle. Reading: R12.
"""

import socket
import ssl
from contextlib import suppress

from cloudsms_simulator.cli.step import Step
from cloudsms_simulator.engine.connection import PeerCertificate
from cloudsms_simulator.server.push_remedies import (
    Pusher,
    Remedy,
    broken_tls,
    closed_after_handshake,
    described,
    distrusted,
    plain_http,
)
from cloudsms_simulator.server.tls import push_context, tls_facts

_STEP = "tls"
_ALERT_WITHIN = 0.3
"""Seconds in which a server that does not like our certificate says so: in TLS 1.3 only after the handshake."""


def try_tls(address: tuple[str, int], host: str, context: ssl.SSLContext, timeout: float, pusher: Pusher) -> Step:
    """A handshake with the server at an address, which is called `host`."""
    try:
        with (
            socket.create_connection(address, timeout) as sock,
            context.wrap_socket(sock, server_hostname=host) as tls,
        ):
            facts = tls_facts(tls)
            tls.settimeout(_ALERT_WITHIN)
            with suppress(TimeoutError):  # it waits for a request, as it should
                if not tls.recv(1):
                    return wrong_tls(closed_after_handshake(pusher))
    except ssl.SSLCertVerificationError as error:
        return wrong_tls(distrusted(error, _certificate_of(address, host, timeout), host, pusher))
    except OSError as error:
        if _speaks_http(address, timeout):
            return wrong_tls(plain_http(pusher))
        return wrong_tls(broken_tls(error, pusher))
    who = "" if facts.peer is None else f"; {described(facts.peer)}"
    shown = f"; shown to it: {pusher.shows}" if pusher.shows is not None else "; no certificate is shown to it"
    if context.verify_mode is ssl.CERT_NONE:
        return Step(_STEP, "note", f"{facts.version}; verify is off, so any certificate is good{who}{shown}")
    return Step(_STEP, "ok", f"{facts.version}{who}{shown}")


def wrong_tls(remedy: Remedy) -> Step:
    """A step that failed."""
    return Step(_STEP, "wrong", remedy.found, remedy.mend)


def speaks_tls(address: tuple[str, int], host: str, timeout: float) -> bool:
    """Whether a server completes a handshake with somebody who trusts everybody."""
    return _certificate_of(address, host, timeout) is not None


def _speaks_http(address: tuple[str, int], timeout: float) -> bool:
    """Whether a server answers to plain HTTP."""
    try:
        with socket.create_connection(address, timeout) as sock:
            sock.sendall(b"HEAD / HTTP/1.0\r\n\r\n")
            return sock.recv(5) == b"HTTP/"
    except OSError:
        return False


def _certificate_of(address: tuple[str, int], host: str, timeout: float) -> PeerCertificate | None:
    context = push_context(None, (), verify=False)
    try:
        with socket.create_connection(address, timeout) as sock, context.wrap_socket(sock, server_hostname=host) as tls:
            return tls_facts(tls).peer
    except OSError:
        return None
