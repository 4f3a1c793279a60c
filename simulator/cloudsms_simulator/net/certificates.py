"""Certificates: an authority of ours, pairs of certificate and key read from files, and the folder that holds a set.

`Authority` makes itself with cryptography and issues leaves with trustme (imported when one is issued): bytes in,
bytes out. `read_pair` reads somebody's PEM files and says in words what is wrong with them. `open_certificates` gives
a folder with all that a server needs: what somebody else put there is used and never overwritten; what we made is
known by its organization's name, and made again when its time is up, when the authority changed, or when it lacks a
host it should be good for.

Spec: Interface specification and communication principle.
"""

import hashlib
import hmac
import os
import tempfile
from collections.abc import Iterable
from datetime import UTC, timedelta
from ipaddress import IPv4Address, IPv6Address
from pathlib import Path
from typing import Literal, Self, get_args

import msgspec
from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec, ed448, ed25519, rsa
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
    pkcs12,
)
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID
from cryptography.x509.verification import PolicyBuilder

from cloudsms_simulator import moments
from cloudsms_simulator.engine.faults import Purpose
from cloudsms_simulator.expressions import lazy_pattern
from cloudsms_simulator.moments import datetime
from cloudsms_simulator.net.private_files import FileContent, locked, write_all

ORGANIZATION = "CloudSMS simulator"
"""Part of the subject of every certificate we make, and how we know it again."""

CLOCKS_DIFFER = timedelta(hours=1)
"""Certificates begin this much early, for a container or a virtual machine whose clock is behind."""

with moments.in_datetime():
    # cryptography learns the types of moments from the first one it is given.
    PolicyBuilder().time(moments.datetime(2026, 1, 1, tzinfo=UTC))

PrivateKey = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey | ed448.Ed448PrivateKey

_HOST_NAME = lazy_pattern(r"(\*\.)?[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)*")
_AUTHORITY_LASTS = timedelta(days=3652)
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
            not_valid_after=now + _AUTHORITY_LASTS,
        )
        builder = builder.add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        builder = builder.add_extension(_SIGNS, critical=True).add_extension(identifier, critical=False)
        return cls(builder.sign(key, SHA256()), key)

    def certificate_pem(self) -> bytes:
        """The certificate as PEM, for those who are to trust it."""
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


def certificate_host(text: str) -> str:
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
    if not _HOST_NAME.fullmatch(name):
        raise ValueError(f"{text!r} is neither a host name nor an IP address")
    return name


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
    certificate_pem = _read_file(certificate)
    key_pem = _read_file(key)
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


def _read_file(path: Path) -> bytes | None:
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


PKCS12_PASSWORD = "cloudsms"  # noqa: S105
"""Opens every PKCS#12 file. Public on purpose: Java insists on one, and the files' modes guard the keys."""

LOCAL_HOSTS = ("localhost", "127.0.0.1", "::1")

Role = Literal["platform", "customer", "expired"]
ROLES: tuple[Role, ...] = get_args(Role)

_LEAF_LASTS = timedelta(days=365)
_RENEWED_BEFORE_END = timedelta(days=30)
_EXPIRED_SINCE = timedelta(days=1)
_COMMON_NAMES: dict[Role, str] = {
    "platform": "CloudSMS platform",
    "customer": "CloudSMS customer",
    "expired": "CloudSMS customer, expired",
}


class CertificateFiles(msgspec.Struct, frozen=True):
    """Where everything is. `complete_set` promises all of it, `open_certificates` the PEM but for the expired one's."""

    directory: Path
    made: tuple[str, ...]
    """Names of the files written just now; empty when nothing was lacking."""
    ca: Path
    """The certificate of the authority."""
    ca_key: Path
    """Kept so that a later run can issue more."""
    ca_p12: Path
    """The authority as a trust store for Java."""
    platform_cert: Path
    """The platform's, as server and, when it pushes reports, as client."""
    platform_key: Path
    platform_p12: Path
    customer_cert: Path
    """What a customer shows as client; its server for delivery reports may use it too."""
    customer_key: Path
    customer_p12: Path
    expired_cert: Path
    """A customer's certificate whose time is over, for seeing it refused."""
    expired_key: Path
    expired_p12: Path

    @classmethod
    def within(cls, directory: Path) -> Self:
        """The paths in a folder, whether the files are there or not."""
        return cls(directory, (), *(path for name in ("ca", *ROLES) for path in _trio(directory, name)))


def open_certificates(directory: Path, hosts: tuple[str, ...] = ()) -> CertificateFiles:
    """The folder with what a server needs: authority, platform and customer, as PEM.

    Both leaves are good for localhost, 127.0.0.1, ::1 and `hosts`. A folder that lacks nothing is only read. Processes
    that start at once on one folder end with the same files. CertificateError when the folder or a file in it cannot
    serve, or a host is none.
    """
    return _complete(directory, hosts, everything=False)


def complete_set(directory: Path, hosts: tuple[str, ...] = ()) -> CertificateFiles:
    """As `open_certificates`, with the expired customer and PKCS#12 of all four, opened by `PASSWORD`."""
    return _complete(directory, hosts, everything=True)


class _Plan(msgspec.Struct, frozen=True):
    """What a folder lacks: an authority when that is None, leaves with their hosts, PKCS#12 files by name."""

    authority: KeyPair | None
    leaves: tuple[tuple[Role, tuple[str, ...]], ...]
    bundles: tuple[str, ...]

    def __bool__(self) -> bool:
        return bool(self.authority is None or self.leaves or self.bundles)


def _complete(directory: Path, hosts: tuple[str, ...], *, everything: bool) -> CertificateFiles:
    files = CertificateFiles.within(directory)
    names = LOCAL_HOSTS + tuple(_host(files, host) for host in hosts)
    now = kernel_now()
    try:
        if not _plan(files, names, now, everything=everything):
            return files
    except CertificateError:
        # It may be another process writing just now: looked at again once that is done, where we could wait for it.
        if not os.access(directory, os.W_OK):
            raise
    try:
        with locked(directory):
            plan = _plan(files, names, now, everything=everything)
            return msgspec.structs.replace(files, made=_make(files, plan, now))
    except OSError as error:
        problem = "is no folder" if directory.is_file() else f"cannot be written: {error.strerror or error}"
        raise CertificateError(directory, problem, "name a folder that this user can write") from error


def _plan(files: CertificateFiles, names: tuple[str, ...], now: datetime, *, everything: bool) -> _Plan:
    authority = read_pair(files.ca, files.ca_key, key_optional=True)
    if authority is not None and not _serves(authority, now):
        authority = None
    leaves: list[tuple[Role, tuple[str, ...]]] = []
    for role in ROLES:
        certificate, key, _ = _trio(files.directory, role)
        if role == "expired" and not everything and not certificate.exists():
            continue
        pair = read_pair(certificate, key)
        hosts = hosts_of(pair.certificate) if pair is not None else ()
        if pair is None or not _is_good(pair, role, authority, names, now):
            # Hosts that somebody asked for earlier stay: two servers on one folder must not undo each other's work.
            leaves.append((role, tuple(dict.fromkeys((*names, *hosts)))))
    remade = {"ca"} if authority is None else set()
    remade.update(role for role, _ in leaves)
    bundles = tuple(name for name in ("ca", *ROLES) if _needs_bundle(files, name, name in remade, everything))
    return _Plan(authority, tuple(leaves), bundles)


def _is_good(pair: KeyPair, role: Role, authority: KeyPair | None, names: tuple[str, ...], now: datetime) -> bool:
    """Whether a leaf stays as it is. CertificateError when it is somebody else's and its dates forbid its use."""
    if not made_here(pair.certificate):
        return role == "expired" or _serves(pair, now)
    in_time = pair.certificate.not_valid_after_utc < now if role == "expired" else _serves(pair, now)
    known = authority is not None and issued_by(pair.certificate, authority.certificate)
    return in_time and known and set(names) <= set(hosts_of(pair.certificate))


def _serves(pair: KeyPair, now: datetime) -> bool:
    if made_here(pair.certificate):
        return pair.is_current(now + _RENEWED_BEFORE_END) and pair.is_current(now)
    if not pair.is_current(now):
        first, last = pair.certificate.not_valid_before_utc, pair.certificate.not_valid_after_utc
        raise CertificateError(
            pair.path,
            f"is valid from {first:%Y-%m-%d %H:%M} to {last:%Y-%m-%d %H:%M} UTC only",
            "put a current one there, or delete it and its key to have ours made",
        )
    return True


def _needs_bundle(files: CertificateFiles, name: str, remade: bool, everything: bool) -> bool:
    certificate, _, bundle = _trio(files.directory, name)
    if not bundle.exists():
        return everything
    return remade or (everything and bundle.stat().st_mtime_ns < certificate.stat().st_mtime_ns)


def _make(files: CertificateFiles, plan: _Plan, now: datetime) -> tuple[str, ...]:
    """Writes what the plan lacks; the names of the files written. Call it inside `locked`."""
    contents: list[FileContent] = []
    if plan.authority is None or plan.leaves:
        issuer = _issuer(files, plan, now)
        if plan.authority is None:
            contents.append(FileContent(files.ca, issuer.certificate_pem(), private=False))
            contents.append(FileContent(files.ca_key, issuer.key_pem(), private=True))
        for role, hosts in plan.leaves:
            begin, end = (
                (now - _LEAF_LASTS, now - _EXPIRED_SINCE)
                if role == "expired"
                else (now - CLOCKS_DIFFER, now + _LEAF_LASTS)
            )
            leaf = issuer.issue(_COMMON_NAMES[role], hosts, begin, end)
            certificate, key, _ = _trio(files.directory, role)
            contents.append(FileContent(certificate, leaf.certificate, private=False))
            contents.append(FileContent(key, leaf.key, private=True))
    write_all(contents)
    bundles = [_bundle(files, name) for name in plan.bundles]
    write_all(bundles)
    return tuple(content.path.name for content in (*contents, *bundles))


def _issuer(files: CertificateFiles, plan: _Plan, now: datetime) -> Authority:
    if plan.authority is None:
        return Authority.create(now)
    if plan.authority.key is None:
        lacking = f"{plan.leaves[0][0]}.pem"
        raise CertificateError(
            files.ca_key, f"is missing, and {lacking} has to be made", "put it back, or delete ca.pem too"
        )
    return Authority(plan.authority.certificate, plan.authority.key)


def _bundle(files: CertificateFiles, name: str) -> FileContent:
    authority = _present(files.ca, files.ca_key)
    if name == "ca":
        return FileContent(files.ca_p12, _java_truststore(authority.certificate, "cloudsms"), private=False)
    certificate, key, path = _trio(files.directory, name)
    pair = _present(certificate, key)
    others = [*pair.chain, authority.certificate]
    lock = BestAvailableEncryption(PKCS12_PASSWORD.encode("ascii"))
    data = pkcs12.serialize_key_and_certificates(name.encode("ascii"), pair.key, pair.certificate, others, lock)
    return FileContent(path, data, private=True)


_SEQUENCE, _SET, _INTEGER, _OCTETS, _NULL, _BMP_STRING, _EXPLICIT = 0x30, 0x31, 0x02, 0x04, 0x05, 0x1E, 0xA0
_DATA = "1.2.840.113549.1.7.1"
_CERTIFICATE_BAG = "1.2.840.113549.1.12.10.1.3"
_X509_CERTIFICATE = "1.2.840.113549.1.9.22.1"
_FRIENDLY_NAME = "1.2.840.113549.1.9.20"
_TRUSTED_KEY_USAGE = "2.16.840.1.113894.746875.1.1"
"""Java takes a certificate for trusted where its bag has this attribute."""
_ANY_KEY_USAGE = "2.5.29.37.0"
_SHA256 = "2.16.840.1.101.3.4.2.1"
_MAC_KEY = b"\x03"
"""What a key made of a password is for."""
_MAC_ROUNDS = 2048
"""As many as OpenSSL takes; the password is public."""


def _java_truststore(certificate: x509.Certificate, alias: str) -> bytes:
    """A PKCS#12 file that Java takes for a trust store with one certificate (RFC 7292).

    cryptography writes such files from version 45 on, and older ones are to do. Nothing in it is a secret: the
    password makes its checksum and encrypts nothing.
    """
    x509_octets = _der(_EXPLICIT, _der(_OCTETS, certificate.public_bytes(Encoding.DER)))
    name = _der(_SET, _der(_BMP_STRING, alias.encode("utf-16-be")))
    attributes = _der(
        _SET,
        _der(_SEQUENCE, _oid(_TRUSTED_KEY_USAGE), _der(_SET, _oid(_ANY_KEY_USAGE))),
        _der(_SEQUENCE, _oid(_FRIENDLY_NAME), name),
    )
    held = _der(_EXPLICIT, _der(_SEQUENCE, _oid(_X509_CERTIFICATE), x509_octets))
    bags = _der(_SEQUENCE, _der(_SEQUENCE, _oid(_CERTIFICATE_BAG), held, attributes))
    content = _der(_SEQUENCE, _pkcs7_data(bags))
    salt = os.urandom(8)
    mac = hmac.digest(_mac_key(PKCS12_PASSWORD, salt), content, "sha256")
    digest_info = _der(_SEQUENCE, _der(_SEQUENCE, _oid(_SHA256), _der(_NULL)), _der(_OCTETS, mac))
    rounds = _der(_INTEGER, _MAC_ROUNDS.to_bytes(2, "big"))
    checksum = _der(_SEQUENCE, digest_info, _der(_OCTETS, salt), rounds)
    return _der(_SEQUENCE, _der(_INTEGER, b"\x03"), _pkcs7_data(content), checksum)


def _mac_key(password: str, salt: bytes) -> bytes:
    """The key of a checksum (RFC 7292, appendix B.2). One block of SHA-256 is all of it."""
    block = hashlib.sha256().block_size
    parts = salt, password.encode("utf-16-be") + b"\0\0"
    key = _MAC_KEY * block + b"".join((part * block)[: -(-len(part) // block) * block] for part in parts)
    for _ in range(_MAC_ROUNDS):
        key = hashlib.sha256(key).digest()
    return key


def _pkcs7_data(octets: bytes) -> bytes:
    return _der(_SEQUENCE, _oid(_DATA), _der(_EXPLICIT, _der(_OCTETS, octets)))


def _der(tag: int, *parts: bytes) -> bytes:
    content = b"".join(parts)
    size = len(content)
    if size < 0x80:
        return bytes((tag, size)) + content
    length = size.to_bytes((size.bit_length() + 7) // 8, "big")
    return bytes((tag, 0x80 | len(length))) + length + content


def _oid(dotted: str) -> bytes:
    first, second, *others = map(int, dotted.split("."))
    octets = [40 * first + second]
    for arc in others:
        size = -(-arc.bit_length() // 7) or 1
        octets += [arc >> 7 * place & 0x7F | (0x80 if place else 0) for place in reversed(range(size))]
    return _der(0x06, bytes(octets))


def _present(certificate: Path, key: Path) -> KeyPair:
    pair = read_pair(certificate, key, key_optional=True)
    if pair is None:
        raise CertificateError(certificate, "was deleted a moment ago", "start again")
    return pair


def _trio(directory: Path, name: str) -> tuple[Path, Path, Path]:
    return directory / f"{name}.pem", directory / f"{name}-key.pem", directory / f"{name}.p12"


def _host(files: CertificateFiles, host: str) -> str:
    try:
        return certificate_host(host)
    except ValueError as error:
        raise CertificateError(
            files.platform_cert, f"cannot be made for a host: {error}", "name it as clients do, such as sms.test"
        ) from error


def kernel_now() -> datetime:
    """The moment as the kernel has it: a test that froze or moved Python's clocks did not move OpenSSL's."""
    try:
        with tempfile.TemporaryFile() as file:
            return moments.datetime.fromtimestamp(os.fstat(file.fileno()).st_mtime, UTC)
    except OSError:
        return moments.datetime.now(UTC)
