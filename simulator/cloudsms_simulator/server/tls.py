"""TLS: the contexts of both sides, and what a connection settled on.

Spec: Interface specification and communication principle.
"""

import ssl
from functools import lru_cache
from pathlib import Path
from typing import Literal

from cryptography import x509
from cryptography.hazmat.primitives.hashes import SHA256

from cloudsms_simulator.engine.connection import PeerCertificate, TlsFacts
from cloudsms_simulator.protocol.timestamps import shown_moment
from cloudsms_simulator.server.authority import hosts_of
from cloudsms_simulator.server.certificates import CertificateFiles
from cloudsms_simulator.server.key_pairs import CertificateError, read_pair

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
