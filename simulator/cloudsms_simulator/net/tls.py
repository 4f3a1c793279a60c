"""TLS: the contexts of both sides, what a connection settled on, and why a handshake failed.

`platform_context`, `receiver_context` and `push_context` are the three sides there are. `tls_facts` says what a
finished handshake settled on. `handshake_reason` says why one failed, with a sentence on what the client's developer
can do: a client sees only a lost connection or an alert without words, the server knows better.

Spec: Interface specification and communication principle.
"""

import ssl
from functools import lru_cache
from pathlib import Path
from typing import Literal

from cryptography import x509
from cryptography.hazmat.primitives.hashes import SHA256

from cloudsms_simulator.engine.records import PeerCertificate, TlsFacts
from cloudsms_simulator.net.certificates import CertificateError, CertificateFiles, hosts_of, read_pair
from cloudsms_simulator.protocol.timestamps import shown_moment

ClientCertificates = Literal["off", "optional", "required"]
"""Whether a server asks for a client certificate. One that is shown must be good, also where it is optional."""

_VERIFY_MODES: dict[ClientCertificates, ssl.VerifyMode] = {
    "off": ssl.CERT_NONE,
    "optional": ssl.CERT_OPTIONAL,
    "required": ssl.CERT_REQUIRED,
}


def platform_context(
    files: CertificateFiles,
    mtls: ClientCertificates,
    authorities: Path | None = None,
    shown: tuple[Path, Path] | None = None,
) -> ssl.SSLContext:
    """The platform's side: client certificates must come from our authority or the PEM bundle `authorities`.

    `shown` is another certificate, with its key, than the platform's. CertificateError when a file cannot serve.
    """
    trusted = (files.ca,) if authorities is None else (files.ca, authorities)
    certificate, key = (files.platform_cert, files.platform_key) if shown is None else shown
    return _server_context(certificate, key, mtls, trusted)


def receiver_context(files: CertificateFiles, mtls: ClientCertificates) -> ssl.SSLContext:
    """The side of a customer's server for reports: shows the customer's certificate, wants one from our authority."""
    return _server_context(files.customer_cert, files.customer_key, mtls, (files.ca,))


def push_context(
    shown: tuple[Path, Path] | None, authorities: tuple[Path, ...], *, verify: bool = True, system: bool = True
) -> ssl.SSLContext:
    """The client's side, for pushing delivery reports: checks the server's certificate and its host name.

    `shown` is the certificate that is shown, with its key; None shows none.
    Trusted are the PEM bundles `authorities` and, when `system` says so, what this machine trusts. Without `verify`
    any server is good. Loading the system's authorities takes 25 ms and 0.8 MB, all else 1 ms: share contexts.
    CertificateError when a file cannot serve.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    if shown is not None:
        _show(context, *shown)
    if not verify:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        return context
    for bundle in authorities:
        _trust(context, bundle)
    if system:
        trust_system(context)
    return context


def trust_system(context: ssl.SSLContext) -> None:
    """Makes a context trust what this machine trusts, for the connections that follow. Takes 25 ms."""
    context.load_default_certs(ssl.Purpose.SERVER_AUTH)


def tls_facts(tls: ssl.SSLObject | ssl.SSLSocket) -> TlsFacts:
    """What a finished handshake settled on."""
    cipher = tls.cipher()
    return TlsFacts(tls.version() or "", cipher[0] if cipher is not None else "", peer_certificate(tls))


def peer_certificate(tls: ssl.SSLObject | ssl.SSLSocket) -> PeerCertificate | None:
    """The peer's certificate, checked or not; None when it showed none or one that cannot be read."""
    der = tls.getpeercert(binary_form=True)
    return None if der is None else _certificate(der)


@lru_cache(maxsize=64)
def _certificate(der: bytes) -> PeerCertificate | None:
    """Remembered: the connections of a peer all show the same one."""
    try:
        certificate = x509.load_der_x509_certificate(der)
        return PeerCertificate(
            subject=certificate.subject.rfc4514_string(),
            issuer=certificate.issuer.rfc4514_string(),
            serial=f"{certificate.serial_number:X}",
            not_before=shown_moment(certificate.not_valid_before_utc),
            not_after=shown_moment(certificate.not_valid_after_utc),
            fingerprint_sha256=certificate.fingerprint(SHA256()).hex(":").upper(),
            san=hosts_of(certificate),
        )
    except ValueError:
        # OpenSSL accepts names and dates that cryptography refuses; the connection is as good as before.
        return None


def _server_context(
    certificate: Path, key: Path, mtls: ClientCertificates, authorities: tuple[Path, ...]
) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    # A resumed session would show the certificate of the first connection, not the one a client uses by now.
    context.num_tickets = 0
    _show(context, certificate, key)
    context.verify_mode = _VERIFY_MODES[mtls]
    if mtls != "off":
        for bundle in authorities:
            _trust(context, bundle)
    return context


def _show(context: ssl.SSLContext, certificate: Path, key: Path) -> None:
    try:
        # The empty passphrase lets an encrypted key fail instead of asking at the terminal.
        context.load_cert_chain(certificate, key, password="")
    except OSError as error:
        if read_pair(certificate, key) is None:
            raise CertificateError(certificate, "is missing, and so is its key", "put both there") from error
        raise CertificateError(
            certificate, f"is refused by OpenSSL: {error.strerror}", "put another pair there"
        ) from error


def _trust(context: ssl.SSLContext, bundle: Path) -> None:
    try:
        context.load_verify_locations(bundle)
    except ssl.SSLError as error:
        raise CertificateError(
            bundle, "holds no certificate in PEM", "it begins with -----BEGIN CERTIFICATE-----; put one there"
        ) from error
    except OSError as error:
        raise CertificateError(
            bundle, f"cannot be read: {error.strerror}", "name a file that this user can read"
        ) from error


HandshakeReason = Literal[
    "no-certificate",
    "unknown-ca",
    "expired",
    "not-yet-valid",
    "wrong-usage",
    "protocol-version",
    "plain-http",
    "cut-off",
    "timeout",
    "client-distrusts-us",
    "garbage",
    "other",
]

_VERIFY_CODES: dict[int, HandshakeReason] = {
    7: "unknown-ca",  # a bad signature: another authority of the same name
    9: "not-yet-valid",
    10: "expired",
    18: "unknown-ca",
    19: "unknown-ca",
    20: "unknown-ca",
    21: "unknown-ca",
    26: "wrong-usage",
}
"""By OpenSSL's X509_V_ERR numbers."""

_OPENSSL_REASONS: dict[str, HandshakeReason] = {
    "PEER_DID_NOT_RETURN_A_CERTIFICATE": "no-certificate",
    "HTTP_REQUEST": "plain-http",
    "HTTPS_PROXY_REQUEST": "plain-http",
    "UNSUPPORTED_PROTOCOL": "protocol-version",
    "VERSION_TOO_LOW": "protocol-version",
    "NO_SHARED_CIPHER": "protocol-version",
    "TLSV1_ALERT_PROTOCOL_VERSION": "protocol-version",
    "TLSV1_ALERT_INSUFFICIENT_SECURITY": "protocol-version",
    "UNEXPECTED_EOF_WHILE_READING": "cut-off",
    "TLSV1_ALERT_UNKNOWN_CA": "client-distrusts-us",
    "TLSV1_ALERT_ACCESS_DENIED": "client-distrusts-us",
    "SSLV3_ALERT_BAD_CERTIFICATE": "client-distrusts-us",
    "SSLV3_ALERT_CERTIFICATE_UNKNOWN": "client-distrusts-us",
    "SSLV3_ALERT_CERTIFICATE_EXPIRED": "client-distrusts-us",
    "SSLV3_ALERT_CERTIFICATE_REVOKED": "client-distrusts-us",
    "SSLV3_ALERT_UNSUPPORTED_CERTIFICATE": "client-distrusts-us",
    "NO_SUITABLE_KEY_SHARE": "protocol-version",
    "NO_SUITABLE_SIGNATURE_ALGORITHM": "protocol-version",
    "WRONG_VERSION_NUMBER": "garbage",
    "PACKET_LENGTH_TOO_LONG": "garbage",
    "EXCESSIVE_MESSAGE_SIZE": "garbage",
    "LENGTH_MISMATCH": "garbage",
    "BAD_EXTENSION": "garbage",
    "UNEXPECTED_MESSAGE": "garbage",
}

_REMEDIES: dict[HandshakeReason, str] = {
    "no-certificate": "The client showed no certificate, and one is required: let it show customer.pem with "
    "customer-key.pem, or serve with --mtls optional.",
    "unknown-ca": "The client's certificate is from an authority unknown here ({words}): let it show customer.pem, or "
    "name its authority as one more to trust.",
    "expired": "The client's certificate has expired: let it show a current one. `cloudsms-simulator certs` renews "
    "ours.",
    "not-yet-valid": "The client's certificate is not valid yet: compare this machine's clock with its first day.",
    "wrong-usage": "The client's certificate is not meant for clients ({words}): its extended key usage must hold "
    "clientAuth.",
    "protocol-version": "The client and the platform have no protocol version or cipher in common ({words}): let it "
    "use TLS 1.2 or 1.3.",
    "plain-http": "The client speaks plain HTTP to a TLS port: let its URL begin with https://, or serve with --plain.",
    "cut-off": "The client closed the connection in the middle of the handshake ({words}): it gave up, or it was a "
    "port check. Some leave this way when they do not trust the server: let it trust ca.pem.",
    "timeout": "The client connected and did not finish the handshake in time: look for a port check, for something in "
    "between that holds bytes back, or for a client that waits for the server to speak first.",
    "client-distrusts-us": "The client refused the platform's certificate ({words}): let it trust ca.pem, and call the "
    "platform by a name that the certificate has, such as localhost.",
    "garbage": "What came is not TLS ({words}): see whether the client means this port, and speaks HTTPS.",
    "other": "The handshake failed: {words}.",
}


def handshake_reason(error: OSError) -> tuple[HandshakeReason, str]:
    """Why a handshake failed on the server's side: an id, and a sentence on what its client can do about it.

    `error` is what asyncio, uvloop or a socket raised from the handshake.
    """
    reason = _reason(error)
    return reason, _REMEDIES[reason].format(words=_words(error))


def _reason(error: OSError) -> HandshakeReason:
    if isinstance(error, ssl.SSLCertVerificationError):
        return _VERIFY_CODES.get(error.verify_code, "other")
    if isinstance(error, ssl.SSLEOFError | ssl.SSLZeroReturnError):
        return "cut-off"
    if isinstance(error, ssl.SSLError):
        return _OPENSSL_REASONS.get(_name(error), "other")
    # Event loops say so when their handshake timeout is over; from the system the same class has a number.
    if isinstance(error, TimeoutError) or (isinstance(error, ConnectionAbortedError) and error.errno is None):
        return "timeout"
    return "cut-off" if isinstance(error, ConnectionError) else "other"


def _words(error: OSError) -> str:
    if isinstance(error, ssl.SSLCertVerificationError):
        return str(error.verify_message)
    return _name(error).replace("_", " ").lower() or error.strerror or str(error) or "connection lost"


def _name(error: OSError) -> str:
    """OpenSSL's name of what happened; empty for errors that are not its own, event loops' SSLErrors among them."""
    return getattr(error, "reason", None) or ""
