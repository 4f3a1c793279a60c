"""A certificate and its private key, read from two PEM files, with what is wrong said in words.

Spec: Interface specification and communication principle.
"""

from pathlib import Path

import msgspec
from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from cloudsms_simulator.protocol.moments import datetime
from cloudsms_simulator.server.authority import PrivateKey


class CertificateError(Exception):
    """A file of the user's cannot serve: `path` says which, `problem` what is wrong, `remedy` what to do about it."""

    def __init__(self, path: Path, problem: str, remedy: str) -> None:
        super().__init__(f"{path}: {problem}; {remedy}")
        self.path = path
        self.problem = problem
        self.remedy = remedy


class KeyPair(msgspec.Struct, frozen=True):
    """The first certificate of a file, those after it, and the key; only an authority may lack that."""

    path: Path
    certificate: x509.Certificate
    chain: tuple[x509.Certificate, ...]
    key: PrivateKey | None

    def is_current(self, now: datetime) -> bool:
        """Whether the certificate's dates allow its use at a moment."""
        return self.certificate.not_valid_before_utc <= now < self.certificate.not_valid_after_utc


def read_pair(certificate: Path, key: Path, *, key_optional: bool = False) -> KeyPair | None:
    """The pair in two files, or None when neither is there.

    CertificateError when one is missing, cannot be read, is broken or encrypted, or when they do not belong together.
    """
    certificate_pem = _read(certificate)
    key_pem = _read(key)
    if certificate_pem is None:
        if key_pem is None:
            return None
        raise CertificateError(
            key,
            f"{certificate.name}, the certificate of this key, is missing",
            f"put it back, or delete {key.name} too",
        )
    first, *chain = _certificates(certificate, certificate_pem)
    if key_pem is None:
        if key_optional:
            return KeyPair(certificate, first, tuple(chain), None)
        raise CertificateError(
            certificate, f"{key.name}, its private key, is missing", f"put it back, or delete {certificate.name} too"
        )
    private = _private_key(key, key_pem)
    if first.public_key() != private.public_key():
        raise CertificateError(
            certificate, f"does not belong to the key in {key.name}", "put the right one there, or delete both files"
        )
    return KeyPair(certificate, first, tuple(chain), private)


def _read(path: Path) -> bytes | None:
    try:
        return path.read_bytes()
    except FileNotFoundError:
        return None
    except OSError as error:
        raise CertificateError(
            path, f"cannot be read: {error.strerror}", "let the user who runs this read it, or name another folder"
        ) from error


def _certificates(path: Path, pem: bytes) -> list[x509.Certificate]:
    try:
        certificates = x509.load_pem_x509_certificates(pem)
        certificates[0].public_key()
    except (ValueError, UnsupportedAlgorithm) as error:
        raise CertificateError(
            path,
            "holds no certificate in PEM",
            "it begins with -----BEGIN CERTIFICATE-----; put one there, or delete it",
        ) from error
    return certificates


def _private_key(path: Path, pem: bytes) -> PrivateKey:
    try:
        key = load_pem_private_key(pem, None)
    except TypeError as error:
        raise CertificateError(
            path, "is encrypted", "nobody is there to type its passphrase: store it without one, with mode 0600"
        ) from error
    except (ValueError, UnsupportedAlgorithm) as error:
        raise CertificateError(
            path,
            "holds no private key in PEM",
            "it begins with -----BEGIN PRIVATE KEY-----; put one there, or delete it",
        ) from error
    if not isinstance(key, PrivateKey):
        raise CertificateError(path, "holds a key that TLS has no use for", "use an ECDSA or RSA key")
    return key
