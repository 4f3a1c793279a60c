"""Connections: what is known of the peer of an exchange, kept once for all requests on it.

Spec: Interface specification and communication principle.
"""

import msgspec

from cloudsms_simulator.protocol.moments import datetime
from cloudsms_simulator.protocol.timestamps import ForeignMoment

Headers = tuple[tuple[bytes, bytes], ...]


class RequestLine(msgspec.Struct, frozen=True):
    """How a request began: `POST /dave/io HTTP/1.1`. Kept once for all requests on a connection that begin alike."""

    method: str
    target: str
    """The path with its query string as they came, percent-encoded; AUTH_KEYs masked, at most 1,000 characters."""
    version: str
    """`1.1` or `1.0`."""


class PeerCertificate(msgspec.Struct, frozen=True):
    """The certificate a peer showed."""

    subject: str
    """As RFC 4514 writes it: `CN=CloudSMS customer,O=CloudSMS simulator`."""
    issuer: str
    serial: str
    """Hexadecimal, upper case."""
    not_before: ForeignMoment
    """Hong Kong time, as every moment here."""
    not_after: ForeignMoment
    fingerprint_sha256: str
    """As `openssl x509 -fingerprint` prints it: `AB:CD:…`."""
    san: tuple[str, ...]
    """Host names and addresses."""


class TlsFacts(msgspec.Struct, frozen=True):
    """What a handshake settled on: `TLSv1.3`, `TLS_AES_256_GCM_SHA384`, and the peer's certificate if it showed one."""

    version: str
    cipher: str
    peer: PeerCertificate | None


class Connection(msgspec.Struct, frozen=True):
    """One connection: its number, the peer's address, and TLS, None on plain HTTP.

    `opened_at` and `used_at` are moments of the wall, not of an account's clock: when it was accepted, and when its
    first request came. None where nobody knows.
    """

    id: int
    host: str
    port: int
    tls: TlsFacts | None = None
    opened_at: datetime | None = None
    used_at: datetime | None = None

    @property
    def peer(self) -> str:
        """Address and port as people write them: `127.0.0.1:50000`, `[::1]:50000`."""
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"
