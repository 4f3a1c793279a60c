"""A running server as the admin API shows it: version, ports, limits, and the certificates that a customer needs.

Spec: CloudSMS Platform Server.
"""

from typing import Literal

import msgspec

ClockMode = Literal["real", "frozen"] | float
"""A platform clock that runs with the wall's, stands, or runs so many times as fast."""


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
