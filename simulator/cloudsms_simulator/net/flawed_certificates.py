"""Certificates that are wrong in one way each, and right in all others; made when they are first asked for.

They lie beside the good ones, a certificate and a key for each flaw: expired, not yet valid, unknown authority, wrong
host, wrong usage. What somebody else put in their places is used and never overwritten, and ours are made again when
they no longer serve.

Reading: R22.
"""

import os
from datetime import timedelta
from pathlib import Path

from cloudsms_simulator.engine.faults import Flaw, Identity, TlsTrouble
from cloudsms_simulator.moments import datetime
from cloudsms_simulator.net.certificates import (
    CLOCKS_DIFFER,
    LOCAL_HOSTS,
    Authority,
    CertificateError,
    CertificateFiles,
    Leaf,
    hosts_of,
    issued_by,
    kernel_now,
    made_here,
    read_pair,
)
from cloudsms_simulator.net.private_files import FileContent, locked, write_all

WRONG_HOST = "elsewhere.invalid"
"""The only host the certificate for a wrong host is good for; no name server will ever know it."""

CertificatePaths = tuple[Path, Path]
"""A certificate and its key, as PEM files."""

_LASTS = timedelta(days=365)
_MARGIN = timedelta(days=1)
"""How long ago, or how far ahead, it ends or begins; and how long one that we find must serve on."""


class FlawedCertificates:
    """The flawed certificates beside the good ones in `files`. Each is made, or looked at, once for an instance.

    Several threads and processes may ask at the same time.
    """

    def __init__(self, files: CertificateFiles) -> None:
        self._files = files
        self._ready: dict[Flaw, CertificatePaths] = {}

    def as_server(self, trouble: TlsTrouble) -> CertificatePaths:
        """What a server with that trouble shows: good for the platform's hosts but for the one flaw.

        Making one takes some milliseconds. CertificateError when our authority's key is missing, a file there cannot
        serve, or the folder cannot be written.
        """
        return self._with(trouble.flaw)

    def as_client(self, identity: Identity) -> CertificatePaths | None:
        """What the platform shows when it pushes a report; None: nothing. CertificateError as for `as_server`."""
        return None if identity is Identity.NONE else self._with(identity.flaw)

    def _with(self, flaw: Flaw | None) -> CertificatePaths:
        if flaw is None:
            return self._files.platform_cert, self._files.platform_key
        shown = self._ready.get(flaw)
        if shown is None:
            shown = self._ready[flaw] = self._found_or_made(flaw)
        return shown

    def _found_or_made(self, flaw: Flaw) -> CertificatePaths:
        directory = self._files.directory
        shown = directory / f"{flaw.name}.pem", directory / f"{flaw.name}-key.pem"
        hosts = (WRONG_HOST,) if flaw.elsewhere else self._hosts()
        now = kernel_now()
        try:
            if self._serve(shown, flaw, hosts, now):
                return shown
        except CertificateError:
            # It may be another process writing just now: looked at again once that is done, where we could wait for it.
            if not os.access(directory, os.W_OK):
                raise
        try:
            with locked(directory):
                if not self._serve(shown, flaw, hosts, now):
                    leaf = self._made(flaw, hosts, now)
                    certificate, key = shown
                    write_all([FileContent(certificate, leaf.certificate, False), FileContent(key, leaf.key, True)])
        except OSError as error:
            raise CertificateError(
                shown[0], f"cannot be written: {error.strerror or error}", "name a folder that this user can write"
            ) from error
        return shown

    def _serve(self, shown: CertificatePaths, flaw: Flaw, hosts: tuple[str, ...], now: datetime) -> bool:
        """Whether the files are there and have the flaw and no other, or are somebody else's."""
        pair = read_pair(*shown)
        if pair is None or not made_here(pair.certificate):
            return pair is not None
        first, last = pair.certificate.not_valid_before_utc, pair.certificate.not_valid_after_utc
        in_time = {
            "past": last <= now,
            "present": pair.is_current(now) and pair.is_current(now + _MARGIN),
            "future": first > now + _MARGIN,
        }
        authority = read_pair(self._files.ca, self._files.ca_key, key_optional=True)
        ours = authority is not None and issued_by(pair.certificate, authority.certificate)
        return in_time[flaw.when] and ours is not flaw.foreign and set(hosts_of(pair.certificate)) == set(hosts)

    def _made(self, flaw: Flaw, hosts: tuple[str, ...], now: datetime) -> Leaf:
        authority = Authority.create(now) if flaw.foreign else self._authority()
        begin, end = {
            "past": (now - _LASTS, now - _MARGIN),
            "present": (now - CLOCKS_DIFFER, now + _LASTS),
            "future": (now + _LASTS, now + 2 * _LASTS),
        }[flaw.when]
        leaf = authority.issue(
            f"CloudSMS platform, {flaw.name.removeprefix('trouble-').replace('-', ' ')}", hosts, begin, end
        )
        return leaf if flaw.only_for is None else authority.restrict(leaf, flaw.only_for)

    def _hosts(self) -> tuple[str, ...]:
        good = read_pair(self._files.platform_cert, self._files.platform_key)
        return (hosts_of(good.certificate) if good is not None else ()) or LOCAL_HOSTS

    def _authority(self) -> Authority:
        pair = read_pair(self._files.ca, self._files.ca_key, key_optional=True)
        if pair is None or pair.key is None:
            raise CertificateError(
                self._files.ca_key,
                "is missing, and without it no flawed certificate can be made",
                "put it back, or use an empty folder to have an authority made",
            )
        return Authority(pair.certificate, pair.key)
