"""Facts: what a running server is, for who asks it over the API.

Spec: CloudSMS Platform Server.
"""

import os
from pathlib import Path

import msgspec

from cloudsms_simulator.protocol.limits import MOST_DESTINATIONS, MOST_SEGMENTS
from cloudsms_simulator.server.certificates import CertificateFiles
from cloudsms_simulator.server.ready_file import Ready
from cloudsms_simulator.server.setting_kinds import ClockMode
from cloudsms_simulator.server.settings import Settings


class Ports(msgspec.Struct, frozen=True):
    """The ports it listens on."""

    platform: int
    admin: int


class Urls(msgspec.Struct, frozen=True):
    """Where clients connect: `platform` ends in `/dave/io`, `admin` has no trailing slash."""

    platform: str
    admin: str


class Limits(msgspec.Struct, frozen=True):
    """What it takes and keeps at most; times in seconds of the wall."""

    body_octets: int
    body_timeout_s: float
    keep_alive_s: float
    destinations: int
    segments: int
    journal_messages: int
    journal_bytes: int


class Info(msgspec.Struct, frozen=True):
    """A server as it was started. Accounts may have profiles, clocks and scenarios of their own."""

    version: str
    profile: str
    plain: bool
    mtls: str
    ports: Ports
    urls: Urls
    clock: ClockMode
    """As a new account's clock goes: `real`, `frozen`, or how many times as fast as the wall."""
    seed: int
    """What every chance is drawn from; another run with it draws the same."""
    scenario: str | None
    limits: Limits
    features: tuple[str, ...]
    """The resources below `/api/v1`."""
    whitelist: tuple[str, ...] = ()
    """Networks that may connect; empty: any."""
    container: bool = False
    """Whether it runs in a container, where localhost is another machine than outside."""


class Certs(msgspec.Struct, frozen=True):
    """The PEM a customer needs: the authority to trust, and a certificate to show with its key."""

    ca_pem: str
    client_cert_pem: str
    client_key_pem: str


def info_of(
    settings: Settings, seed: int, scenario: str | None, ready: Ready, ports: Ports, features: tuple[str, ...]
) -> Info:
    """What a server is."""
    return Info(
        version=own_version(),
        profile=settings.profile,
        plain=settings.plain,
        mtls=settings.mtls,
        ports=ports,
        urls=Urls(ready.url, ready.admin_url),
        clock=settings.clock,
        seed=seed,
        scenario=scenario,
        limits=Limits(
            settings.body_limit,
            settings.body_timeout.total_seconds(),
            settings.keep_alive.total_seconds(),
            MOST_DESTINATIONS,
            MOST_SEGMENTS,
            settings.journal_messages,
            settings.journal_bytes,
        ),
        features=features,
        whitelist=tuple(map(str, settings.whitelist)),
        container=in_container(),
    )


def in_container() -> bool:
    """Whether this process runs in a container, as far as Docker, Podman and Kubernetes let it know."""
    marks = (Path("/.dockerenv"), Path("/run/.containerenv"))
    return "KUBERNETES_SERVICE_HOST" in os.environ or any(mark.exists() for mark in marks)


def certs_of(files: CertificateFiles) -> Certs:
    """The customer's PEM, as the files hold it by now. OSError when one is gone."""
    return Certs(
        ca_pem=files.ca.read_text(encoding="ascii"),
        client_cert_pem=files.customer_cert.read_text(encoding="ascii"),
        client_key_pem=files.customer_key.read_text(encoding="ascii"),
    )


def own_version() -> str:
    """The version of this program; `unknown` when it is not installed."""
    # Takes 7 ms to import, and only who asks wants it.
    from importlib import metadata

    try:
        return metadata.version("cloudsms-simulator")
    except metadata.PackageNotFoundError:
        return "unknown"
