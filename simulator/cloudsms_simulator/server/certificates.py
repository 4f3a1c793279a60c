"""The folder of certificates: what it holds, and what is made when that is lacking.

What somebody else put there is used and never overwritten. What we made is known by its organization's name, and made
again when its time is up, when the authority changed, or when it lacks a host it should be good for.

Spec: Interface specification and communication principle.
"""

import os
import tempfile
from datetime import UTC, timedelta
from pathlib import Path
from typing import Literal, Self, get_args

import msgspec
from cryptography.hazmat.primitives.serialization import BestAvailableEncryption, pkcs12

from cloudsms_simulator.protocol import moments
from cloudsms_simulator.protocol.moments import datetime
from cloudsms_simulator.server.authority import CLOCKS_DIFFER, Authority, host_name, hosts_of, issued_by, made_here
from cloudsms_simulator.server.key_pairs import CertificateError as CertificateError  # part of what this module is for
from cloudsms_simulator.server.key_pairs import KeyPair, read_pair
from cloudsms_simulator.server.private_folder import Content, locked, write_all

PASSWORD = "cloudsms"  # noqa: S105
"""Opens every PKCS#12 file. Public on purpose: Java insists on one, and the files' modes guard the keys."""

LOCAL_HOSTS = ("localhost", "127.0.0.1", "::1")

Role = Literal["platform", "customer", "expired"]
ROLES: tuple[Role, ...] = get_args(Role)

_LASTS = timedelta(days=365)
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
    """What everybody trusts."""
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
    now = wall_clock()
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
    contents: list[Content] = []
    if plan.authority is None or plan.leaves:
        issuer = _issuer(files, plan, now)
        if plan.authority is None:
            contents.append(Content(files.ca, issuer.certificate_pem(), private=False))
            contents.append(Content(files.ca_key, issuer.key_pem(), private=True))
        for role, hosts in plan.leaves:
            begin, end = (
                (now - _LASTS, now - _EXPIRED_SINCE) if role == "expired" else (now - CLOCKS_DIFFER, now + _LASTS)
            )
            leaf = issuer.issue(_COMMON_NAMES[role], hosts, begin, end)
            certificate, key, _ = _trio(files.directory, role)
            contents.append(Content(certificate, leaf.certificate, private=False))
            contents.append(Content(key, leaf.key, private=True))
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


def _bundle(files: CertificateFiles, name: str) -> Content:
    lock = BestAvailableEncryption(PASSWORD.encode("ascii"))
    authority = _present(files.ca, files.ca_key)
    if name == "ca":
        trusted = pkcs12.PKCS12Certificate(authority.certificate, b"cloudsms")
        return Content(files.ca_p12, pkcs12.serialize_java_truststore([trusted], lock), private=False)
    certificate, key, path = _trio(files.directory, name)
    pair = _present(certificate, key)
    others = [*pair.chain, authority.certificate]
    data = pkcs12.serialize_key_and_certificates(name.encode("ascii"), pair.key, pair.certificate, others, lock)
    return Content(path, data, private=True)


def _present(certificate: Path, key: Path) -> KeyPair:
    pair = read_pair(certificate, key, key_optional=True)
    if pair is None:
        raise CertificateError(certificate, "was deleted a moment ago", "start again")
    return pair


def _trio(directory: Path, name: str) -> tuple[Path, Path, Path]:
    return directory / f"{name}.pem", directory / f"{name}-key.pem", directory / f"{name}.p12"


def _host(files: CertificateFiles, host: str) -> str:
    try:
        return host_name(host)
    except ValueError as error:
        raise CertificateError(
            files.platform_cert, f"cannot be made for a host: {error}", "name it as clients do, such as sms.test"
        ) from error


def wall_clock() -> datetime:
    """The moment as the kernel has it: a test that froze or moved Python's clocks did not move OpenSSL's."""
    try:
        with tempfile.TemporaryFile() as file:
            return moments.datetime.fromtimestamp(os.fstat(file.fileno()).st_mtime, UTC)
    except OSError:
        return moments.datetime.now(UTC)
