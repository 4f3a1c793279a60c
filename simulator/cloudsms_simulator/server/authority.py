"""A certificate authority of ours: makes itself with cryptography, issues with trustme. Bytes in, bytes out; no files.

Spec: Interface specification and communication principle.
"""

import re
from collections.abc import Iterable
from datetime import UTC, timedelta
from ipaddress import IPv4Address, IPv6Address
from typing import Literal, Self

import msgspec
from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec, ed448, ed25519, rsa
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID
from cryptography.x509.verification import PolicyBuilder

from cloudsms_simulator.protocol import moments
from cloudsms_simulator.protocol.moments import datetime

ORGANIZATION = "CloudSMS simulator"
"""Part of the subject of every certificate we make, and how we know it again."""

CLOCKS_DIFFER = timedelta(hours=1)
"""Certificates begin this much early, for a container or a virtual machine whose clock is behind."""

with moments.in_datetime():
    # cryptography learns the types of moments from the first one it is given.
    PolicyBuilder().time(moments.datetime(2026, 1, 1, tzinfo=UTC))

Purpose = Literal["server", "client"]
PrivateKey = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey | ed448.Ed448PrivateKey

_HOST = re.compile(r"(\*\.)?[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)*")
_LASTS = timedelta(days=3652)
_PURPOSES: dict[Purpose, x509.ObjectIdentifier] = {
    "server": ExtendedKeyUsageOID.SERVER_AUTH,
    "client": ExtendedKeyUsageOID.CLIENT_AUTH,
}
_SIGNS = x509.KeyUsage(
    digital_signature=True,
    content_commitment=False,
    key_encipherment=False,
    data_encipherment=False,
    key_agreement=False,
    key_cert_sign=True,
    crl_sign=True,
    encipher_only=False,
    decipher_only=False,
)


class Leaf(msgspec.Struct, frozen=True):
    """A certificate just issued and its private key, both as PEM."""

    certificate: bytes
    key: bytes


class Authority(msgspec.Struct, frozen=True):
    """A certificate authority and its private key."""

    certificate: x509.Certificate
    key: PrivateKey

    @classmethod
    def create(cls, now: datetime) -> Self:
        """A new authority with a P-256 key, valid from an hour before `now` for ten years."""
        # trustme's own is valid up to the year 3000, too long for something that people put into trust stores.
        key = ec.generate_private_key(ec.SECP256R1())
        identifier = x509.SubjectKeyIdentifier.from_public_key(key.public_key())
        name = x509.Name(
            [
                x509.NameAttribute(NameOID.ORGANIZATION_NAME, ORGANIZATION),
                # Each its own name: TLS libraries explain two authorities of one name as a bad signature.
                x509.NameAttribute(NameOID.COMMON_NAME, f"{ORGANIZATION} CA {identifier.digest.hex()[:8]}"),
            ]
        )
        builder = x509.CertificateBuilder(
            issuer_name=name,
            subject_name=name,
            public_key=key.public_key(),
            serial_number=x509.random_serial_number(),
            not_valid_before=now - CLOCKS_DIFFER,
            not_valid_after=now + _LASTS,
        )
        builder = builder.add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        builder = builder.add_extension(_SIGNS, critical=True).add_extension(identifier, critical=False)
        return cls(builder.sign(key, SHA256()), key)

    def certificate_pem(self) -> bytes:
        """What others trust."""
        return self.certificate.public_bytes(Encoding.PEM)

    def key_pem(self) -> bytes:
        """The private key, unencrypted."""
        return self.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())

    def issue(self, name: str, hosts: Iterable[str], not_before: datetime, not_after: datetime) -> Leaf:
        """A certificate for servers and clients, with a P-256 key, good for `hosts` as `host_name` writes them."""
        import trustme

        leaf = trustme.CA.from_pem(self.certificate_pem(), self.key_pem()).issue_cert(
            *hosts,
            common_name=name,
            organization_name=ORGANIZATION,
            organization_unit_name="Issued for tests",
            not_before=not_before,
            not_after=not_after,
        )
        return Leaf(leaf.cert_chain_pems[0].bytes(), leaf.private_key_pem.bytes())

    def restrict(self, leaf: Leaf, purpose: Purpose) -> Leaf:
        """A leaf issued here, for the same key and alike in everything but this: it is for servers or clients only."""
        # trustme's are always for both.
        both = x509.load_pem_x509_certificate(leaf.certificate)
        builder = x509.CertificateBuilder(
            issuer_name=both.issuer,
            subject_name=both.subject,
            public_key=both.public_key(),
            serial_number=x509.random_serial_number(),
            not_valid_before=both.not_valid_before_utc,
            not_valid_after=both.not_valid_after_utc,
        )
        usage = x509.ExtendedKeyUsage([_PURPOSES[purpose]])
        for extension in both.extensions:
            value = usage if isinstance(extension.value, x509.ExtendedKeyUsage) else extension.value
            builder = builder.add_extension(value, critical=extension.critical)
        return Leaf(builder.sign(self.key, SHA256()).public_bytes(Encoding.PEM), leaf.key)


def made_here(certificate: x509.Certificate) -> bool:
    """Whether a certificate is one of those this program makes, whichever authority of ours issued it."""
    return any(
        part.value == ORGANIZATION for part in certificate.subject.get_attributes_for_oid(NameOID.ORGANIZATION_NAME)
    )


def issued_by(certificate: x509.Certificate, authority: x509.Certificate) -> bool:
    """Whether the authority's key signed the certificate; its dates are not looked at."""
    try:
        certificate.verify_directly_issued_by(authority)
    except (InvalidSignature, UnsupportedAlgorithm, ValueError, TypeError):
        return False
    return True


def hosts_of(certificate: x509.Certificate) -> tuple[str, ...]:
    """The host names and addresses a certificate is good for, as `host_name` writes them."""
    try:
        names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return ()
    return tuple(str(name.value).lower() for name in names if isinstance(name, x509.DNSName | x509.IPAddress))


def host_name(text: str) -> str:
    """A host as certificates spell it: `localhost`, `*.sms.test`, `xn--caf-dma.test`, `::1`.

    ValueError when it is no host.
    """
    bare = text.strip().strip("[]").rstrip(".").lower()
    try:
        return str(IPv4Address(bare) if ":" not in bare else IPv6Address(bare))
    except ValueError:
        pass
    try:
        name = bare.encode("idna").decode("ascii")
        name.encode("ascii").decode("idna")
    except UnicodeError:
        name = ""
    if not _HOST.fullmatch(name):
        raise ValueError(f"{text!r} is neither a host name nor an IP address")
    return name
