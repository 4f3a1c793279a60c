"""What keeps a push from its answer, and what mends it: one table, for the findings of pushes and for `doctor`.

A `PushTarget` says where one push goes, within what time and for whom, and makes the `PushResult` of each way to
fail. The remedies name the setting or the file to change.

Spec: Interface specification and communication principle. Spec: Delivery Report (DR) CallBack. Reading: R12.
"""

import socket
import ssl
from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType
from urllib.parse import urlsplit

import msgspec

from cloudsms_simulator.engine.account import Callback
from cloudsms_simulator.engine.faults import Identity
from cloudsms_simulator.engine.records import PeerCertificate, PushResult
from cloudsms_simulator.net.http_client import (
    AnswerTimeoutError,
    ConnectError,
    ConnectionLostError,
    ConnectTimeoutError,
)
from cloudsms_simulator.net.http_parser import BadAnswerError, HttpClientError

_PORTS = {"http": 80, "https": 443}
_TLS_RECORDS = (b"\x15\x03", b"\x16\x03")
"""How a server begins that speaks TLS: an alert, or its part of a handshake."""
_PLAIN = "begin callback.url with http://"
_LOST_IN_TLS = (
    "the connection was lost in the TLS handshake (as when a server does not accept the platform's certificate)"
)


class PushRemedy(msgspec.Struct, frozen=True):
    """What is wrong, and what mends it."""

    found: str
    mend: str


class PusherFacts(msgspec.Struct, frozen=True):
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


def pusher_facts(account: str, url: str | None, callback: Callback, folder: Path | None, ours: str) -> PusherFacts:
    """Who pushes for an account; `ours` is the certificate shown by default, in words."""
    shows: str | None = ours
    if callback.identity is not Identity.VALID:
        shows = None if callback.identity is Identity.NONE else f"a certificate that is {callback.identity} on purpose"
    elif callback.client_cert is not None:
        shows = callback.client_cert
    return PusherFacts(folder, shows, f"cloudsms-simulator account set {account} callback.url={url}")


# What became of a push


class PushTarget(msgspec.Struct, frozen=True):
    """The way of one push: where it goes, within what time, and who makes it."""

    url: str
    callback: Callback
    account: str
    folder: Path
    """The server's folder of certificates."""

    @property
    def pusher(self) -> PusherFacts:
        """Who makes it."""
        return pusher_facts(self.account, self.url, self.callback, self.folder, "the platform's certificate")

    @property
    def secured(self) -> bool:
        """Whether it is over TLS."""
        return urlsplit(self.url).scheme == "https"

    def unanswered(self, error: HttpClientError) -> PushResult:
        """What comes of a push that got no answer."""
        match error:
            case ConnectTimeoutError():
                return self.too_late_connected(error.seconds)
            case ConnectError():
                return self.unconnected(error.cause)
            case AnswerTimeoutError():
                return self.too_late_answered()
            case BadAnswerError():
                return self.not_http(error)
            case ConnectionLostError():
                return self.broken_off(ConnectionError(), error.cause)
        return PushResult(failure="push-failed", error=str(error))

    def unconnected(self, cause: Exception) -> PushResult:
        """What comes of a push for which there was no connection."""
        host, port = self._place
        if isinstance(cause, ssl.SSLCertVerificationError):
            error = f"the server's certificate is not trusted: {cause.verify_message}"
            return PushResult(failure="push-tls", error=error, remedy=distrusted(cause, None, host, self.pusher).mend)
        if isinstance(cause, ssl.SSLError):
            remedy = broken_tls(cause, self.pusher)
            return PushResult(failure="push-tls", error=f"{host}:{port}: {remedy.found}", remedy=remedy.mend)
        if self.secured and isinstance(cause, ConnectionError) and not isinstance(cause, ConnectionRefusedError):
            mend = broken_tls(cause, self.pusher).mend
            return PushResult(failure="push-tls", error=f"{host}:{port}: {_LOST_IN_TLS}", remedy=mend)
        if isinstance(cause, ConnectionRefusedError):
            error, mend = "nothing listens there", start_a_server(port, secured=self.secured)
        elif isinstance(cause, socket.gaierror):
            error, mend = f"the name is not known: {cause.strerror or cause}", SPELLING
        else:
            error, mend = getattr(cause, "strerror", None) or str(cause), NO_WAY
        return PushResult(failure="push-refused", error=f"{host}:{port}: {error}", remedy=mend)

    def too_late_connected(self, seconds: float) -> PushResult:
        """What comes of a push that got no connection in time, or no handshake."""
        mend = f"{FIREWALL}; or a server that speaks no TLS at this port: {_PLAIN}" if self.secured else FIREWALL
        return PushResult(failure="push-timeout", error=f"no connection within {seconds:g} s", remedy=mend)

    def too_late_answered(self) -> PushResult:
        """What comes of a push that got no answer in time."""
        waited = f"no answer within {self.callback.timeout.total_seconds():g} s"
        return PushResult(failure="push-timeout", error=waited, remedy=MORE_TIME)

    def broken_off(self, error: Exception, cause: BaseException | None) -> PushResult:
        """What comes of a push whose connection ended before an answer; `cause` is what the system says."""
        # In TLS 1.3 a server judges the client's certificate when the client has begun to send already.
        if isinstance(cause, ssl.SSLError):
            remedy = broken_tls(cause, self.pusher)
            told = f"the server broke off: {cause.reason or cause}"
            return PushResult(failure="push-tls", error=told, remedy=remedy.mend)
        reset = "reset" if isinstance(cause or error, ConnectionResetError) else "closed"
        told = f"the server {reset} the connection without an answer"
        if self.secured:
            closed = closed_after_handshake(self.pusher)
            told = f"{told} (as when a server does not accept the platform's certificate)"
            return PushResult(failure="push-failed", error=told, remedy=f"{closed.mend}; {YOUR_LOG}")
        return PushResult(failure="push-failed", error=told, remedy=f"{YOUR_LOG}; {PERHAPS_TLS}")

    def not_http(self, error: BadAnswerError) -> PushResult:
        """What comes of a push that was answered by something else than HTTP."""
        if not self.secured and error.beginning.startswith(_TLS_RECORDS):
            return PushResult(failure="push-failed", error="what answers speaks TLS", remedy=BEGIN_WITH_HTTPS)
        return PushResult(failure="push-failed", error=f"the answer is not HTTP: {error}", remedy=YOUR_LOG)

    @property
    def _place(self) -> tuple[str, int]:
        split = urlsplit(self.url)
        return split.hostname or "", split.port or _PORTS.get(split.scheme, 0)


SPELLING = "see whether it is spelled right; names of containers are known in their own network only"
FIREWALL = "look for a firewall in between, or for an address that is nobody's"
NO_WAY = "see whether there is a way to that host"
MORE_TIME = "answer first and work later, or give it more time with callback.timeout"
YOUR_LOG = "see the log of your server"
BEGIN_WITH_HTTPS = "begin callback.url with https://"
PERHAPS_TLS = f"if it speaks TLS at this port, {BEGIN_WITH_HTTPS}"
REDIRECTED = "redirects are not followed: put the address that it redirects to into callback.url"


def start_a_server(port: int, *, secured: bool) -> str:
    """What to do where nothing listens."""
    how = "--certs DIR" if secured else "--plain"
    return (
        f"start your server for reports, or see which port it listens on; "
        f"cloudsms-simulator listen --port {port} {how} is one to try with"
    )


# TLS


def broken_tls(error: OSError | str, pusher: PusherFacts) -> PushRemedy:
    """What to do when the server ended TLS; `error` may be the words of a push that failed."""
    reason = error if isinstance(error, str) else getattr(error, "reason", None) or ""
    told = error if isinstance(error, str) else reason.replace("_", " ").lower() or error.strerror or str(error)
    for mark, fix in _FIXES.items():
        if mark in reason.upper():
            return fix(told, pusher)
    if isinstance(error, TimeoutError):
        found = "the server takes the connection, and says nothing in the handshake"
        return PushRemedy(found, f"let it speak TLS at this port, or {_PLAIN}")
    found = f"the server broke off the handshake: {told or 'connection lost'}"
    return PushRemedy(found, f"{YOUR_LOG}; if it wants to know clients, {_trust_us(pusher)}")


def closed_after_handshake(pusher: PusherFacts) -> PushRemedy:
    """What to do when the server went away after the handshake, before it said anything."""
    found = "the server closed the connection right after the handshake, without a word"
    if pusher.shows is None:
        mend = "it wants a client certificate, most likely, and none is offered: leave callback.identity out"
    else:
        mend = f"it does not accept the client certificate, most likely: {_trust_us(pusher)}"
    return PushRemedy(found, mend)


def plain_http(pusher: PusherFacts) -> PushRemedy:
    """What to do when the server does not speak TLS."""
    return _not_tls("", pusher)


def describe_certificate(peer: PeerCertificate) -> str:
    """A certificate in words."""
    names = ", ".join(peer.san) or "no host"
    until = f"until {peer.not_after:%Y-%m-%d}"
    signed = "signed by itself" if peer.issuer == peer.subject else f"signed by {peer.issuer}"
    return f"certificate {peer.subject} for {names}, {signed}, valid {until}"


_VERIFY_EXPIRED, _VERIFY_NOT_YET_VALID = 10, 9
_VERIFY_WRONG_NAMES = (62, 63, 64)
_VERIFY_WRONG_USAGE = 26
_VERIFY_SELF_SIGNED = 18


def distrusted(
    error: ssl.SSLCertVerificationError, peer: PeerCertificate | None, host: str, pusher: PusherFacts
) -> PushRemedy:
    """What to do about a certificate of the server that is not good; `peer` is it, where it is known."""
    code, shown = error.verify_code, "" if peer is None else f": {describe_certificate(peer)}"
    ours = f"let your server show {pusher.file('customer.pem')}, which the platform trusts"
    if code in (_VERIFY_EXPIRED, _VERIFY_NOT_YET_VALID):
        when = "has expired" if code == _VERIFY_EXPIRED else "is not valid yet"
        fix = f"renew it, or {ours}; if the dates are right, compare the clocks"
        return PushRemedy(f"the server's certificate {when}{shown}", fix)
    if code in _VERIFY_WRONG_NAMES:
        names = "" if peer is None else f" {' or '.join(peer.san)}" if peer.san else ""
        renamed = f"call it{names} in callback.url, or " if names else ""
        folder = "DIR" if pusher.folder is None else pusher.folder
        fix = f"{renamed}give your server a certificate for {host}: cloudsms-simulator certs {folder} --host {host}"
        return PushRemedy(f"the server's certificate is not for {host}{shown}", fix)
    if code == _VERIFY_WRONG_USAGE:
        return PushRemedy(f"the server's certificate is not meant for servers{shown}", ours)
    by_itself = code == _VERIFY_SELF_SIGNED if peer is None else peer.issuer == peer.subject
    why = "is signed by itself" if by_itself else "is from an unknown authority"
    trust = "name the PEM file of its authority as callback.ca in the server's configuration"
    off = f"{pusher.set_callback} callback.verify=false"
    fix = f"{ours}; or {trust}; or trust anybody: {off}"
    return PushRemedy(f"the server's certificate {why} ({error.verify_message}){shown}", fix)


def _trust_us(pusher: PusherFacts) -> str:
    return f"let it trust {pusher.file('ca.pem')}, the authority of the platform's certificate"


def _demanded(told: str, pusher: PusherFacts) -> PushRemedy:
    if pusher.shows is None:
        return PushRemedy(
            "the server demands a client certificate, and none is offered",
            f"offer it, with callback.identity left out: {pusher.set_callback}; or let your server do without",
        )
    return PushRemedy(f"the server does not take the client certificate ({told})", _trust_us(pusher))


def _untrusted(told: str, pusher: PusherFacts) -> PushRemedy:
    return PushRemedy(f"the server does not trust the platform's certificate ({told})", _trust_us(pusher))


def _not_tls(told: str, pusher: PusherFacts) -> PushRemedy:
    found = f"what answers is not TLS ({told})" if told else "the server speaks plain HTTP at this port"
    return PushRemedy(found, f"switch TLS on in your server, or {_PLAIN}")


def _old(told: str, pusher: PusherFacts) -> PushRemedy:
    return PushRemedy(
        f"the server and the platform have no version or cipher in common ({told})", "let it use TLS 1.2 or 1.3"
    )


_FIXES: Mapping[str, Callable[[str, PusherFacts], PushRemedy]] = MappingProxyType(
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
