"""Failed TLS handshakes: why, and what the client's developer can do about it.

A client sees only a lost connection, or an alert without words; the server knows better.

Spec: Interface specification and communication principle.
"""

import ssl
from typing import Literal

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
