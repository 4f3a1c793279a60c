"""TLS with a customer's server, tried as a push would, and what to do about each way in which it fails.

Spec: Interface specification and communication principle. Reading: R12.
"""

import socket
import ssl
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from types import MappingProxyType

import msgspec

from cloudsms_simulator.cli.step import Step
from cloudsms_simulator.engine.connection import PeerCertificate
from cloudsms_simulator.server.tls import push_context, tls_facts

_STEP = "tls"
_ALERT_WITHIN = 0.3
"""Seconds in which a server that does not like our certificate says so: in TLS 1.3 only after the handshake."""


class Identity(msgspec.Struct, frozen=True):
    """Who pushes, as what is said about it goes: the files, and how settings are changed."""

    folder: Path | None
    """The server's folder of certificates; None where it is not at hand."""
    shows: str | None
    """The certificate that is shown, in words; None when none is."""
    set_callback: str
    """The beginning of a command that sets the callback, its URL included."""

    def file(self, name: str) -> str:
        """A file of that folder, as somebody finds it."""
        if self.folder is None:
            return f"{name} of the server's folder of certificates (GET /api/v1/certs has it)"
        return str(self.folder / name)


def try_tls(address: tuple[str, int], host: str, context: ssl.SSLContext, timeout: float, identity: Identity) -> Step:
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
                    return _closed(identity)
    except ssl.SSLCertVerificationError as error:
        return _distrusted(error, _certificate_of(address, host, timeout), host, identity)
    except OSError as error:
        if _speaks_http(address, timeout):
            return Step(_STEP, "wrong", *_not_tls("", identity))
        return broken_tls(error, identity)
    who = "" if facts.peer is None else f"; {_described(facts.peer)}"
    shown = f"; shown to it: {identity.shows}" if identity.shows is not None else "; no certificate is shown to it"
    if context.verify_mode is ssl.CERT_NONE:
        return Step(_STEP, "note", f"{facts.version}; verify is off, so any certificate is good{who}{shown}")
    return Step(_STEP, "ok", f"{facts.version}{who}{shown}")


def broken_tls(error: OSError | str, identity: Identity) -> Step:
    """What to do when the server ended TLS; `error` may be the words of a push that failed."""
    reason = error if isinstance(error, str) else getattr(error, "reason", None) or ""
    told = error if isinstance(error, str) else reason.replace("_", " ").lower() or error.strerror or str(error)
    for mark, fix in _FIXES.items():
        if mark in reason.upper():
            return Step(_STEP, "wrong", *fix(told, identity))
    if isinstance(error, TimeoutError):
        found = "the server takes the connection, and says nothing in the handshake"
        return Step(_STEP, "wrong", found, f"let it speak TLS at this port, or {_PLAIN}")
    found = f"the server broke off the handshake: {told or 'connection lost'}"
    return Step(
        _STEP, "wrong", found, f"see the log of your server; if it wants to know clients, {_trust_us(identity)}"
    )


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


def _closed(identity: Identity) -> Step:
    found = "the server closed the connection right after the handshake, without a word"
    if identity.shows is None:
        mend = "it wants a client certificate, most likely, and none is offered: leave callback.identity out"
    else:
        mend = f"it does not accept the client certificate, most likely: {_trust_us(identity)}"
    return Step(_STEP, "wrong", found, mend)


def _certificate_of(address: tuple[str, int], host: str, timeout: float) -> PeerCertificate | None:
    context = push_context(None, (), verify=False)
    try:
        with socket.create_connection(address, timeout) as sock, context.wrap_socket(sock, server_hostname=host) as tls:
            return tls_facts(tls).peer
    except OSError:
        return None


def _described(peer: PeerCertificate) -> str:
    names = ", ".join(peer.san) or "no host"
    until = f"until {peer.not_after:%Y-%m-%d}"
    signed = "signed by itself" if peer.issuer == peer.subject else f"signed by {peer.issuer}"
    return f"certificate {peer.subject} for {names}, {signed}, valid {until}"


_EXPIRED, _NOT_YET = 10, 9
_WRONG_NAMES = (62, 63, 64)
_WRONG_USAGE = 26


def _distrusted(
    error: ssl.SSLCertVerificationError, peer: PeerCertificate | None, host: str, identity: Identity
) -> Step:
    code, shown = error.verify_code, "" if peer is None else f": {_described(peer)}"
    ours = f"let your server show {identity.file('customer.pem')}, which the platform trusts"
    if code in (_EXPIRED, _NOT_YET):
        when = "has expired" if code == _EXPIRED else "is not valid yet"
        fix = f"renew it, or {ours}; if the dates are right, compare the clocks"
        return Step(_STEP, "wrong", f"the server's certificate {when}{shown}", fix)
    if code in _WRONG_NAMES:
        names = "" if peer is None else f" {' or '.join(peer.san)}" if peer.san else ""
        renamed = f"call it{names} in callback.url, or " if names else ""
        folder = "DIR" if identity.folder is None else identity.folder
        fix = f"{renamed}give your server a certificate for {host}: cloudsms-simulator certs {folder} --host {host}"
        return Step(_STEP, "wrong", f"the server's certificate is not for {host}{shown}", fix)
    if code == _WRONG_USAGE:
        return Step(_STEP, "wrong", f"the server's certificate is not meant for servers{shown}", ours)
    why = "is signed by itself" if peer is not None and peer.issuer == peer.subject else "is from an unknown authority"
    trust = "name the PEM file of its authority as callback.ca in the server's configuration"
    off = f"{identity.set_callback} callback.verify=false"
    fix = f"{ours}; or {trust}; or trust anybody: {off}"
    return Step(_STEP, "wrong", f"the server's certificate {why} ({error.verify_message}){shown}", fix)


_PLAIN = "begin callback.url with http://"


def _trust_us(identity: Identity) -> str:
    return f"let it trust {identity.file('ca.pem')}, the authority of the platform's certificate"


def _demanded(told: str, identity: Identity) -> tuple[str, str]:
    if identity.shows is None:
        return (
            "the server demands a client certificate, and none is offered",
            f"offer it, with callback.identity left out: {identity.set_callback}; or let your server do without",
        )
    return f"the server does not take the client certificate ({told})", _trust_us(identity)


def _untrusted(told: str, identity: Identity) -> tuple[str, str]:
    return f"the server does not trust the platform's certificate ({told})", _trust_us(identity)


def _not_tls(told: str, identity: Identity) -> tuple[str, str]:
    found = f"what answers is not TLS ({told})" if told else "the server speaks plain HTTP at this port"
    return found, f"switch TLS on in your server, or {_PLAIN}"


def _old(told: str, identity: Identity) -> tuple[str, str]:
    return f"the server and the platform have no version or cipher in common ({told})", "let it use TLS 1.2 or 1.3"


_FIXES: Mapping[str, Callable[[str, Identity], tuple[str, str]]] = MappingProxyType(
    {
        "CERTIFICATE_REQUIRED": _demanded,
        "UNKNOWN_CA": _untrusted,
        "BAD_CERTIFICATE": _untrusted,
        "CERTIFICATE_EXPIRED": _untrusted,
        "CERTIFICATE_UNKNOWN": _untrusted,
        "UNSUPPORTED_CERTIFICATE": _untrusted,
        "ACCESS_DENIED": _untrusted,
        "WRONG_VERSION_NUMBER": _not_tls,
        "RECORD_LAYER_FAILURE": _not_tls,
        "PACKET_LENGTH_TOO_LONG": _not_tls,
        "UNSUPPORTED_PROTOCOL": _old,
        "PROTOCOL_VERSION": _old,
        "HANDSHAKE_FAILURE": _demanded,
    }
)
"""By what OpenSSL calls it; the first that fits counts."""
