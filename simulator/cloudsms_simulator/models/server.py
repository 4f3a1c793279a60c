"""A running server as the admin API shows it, and the forms all its answers have: pages of lists, and problems.

Spec: CloudSMS Platform Server.
"""

from typing import Generic, Literal, TypeVar, cast
from urllib.parse import unquote

import msgspec

from cloudsms_simulator.protocol.findings import Severity

Json = dict[str, object]
"""A JSON object whose members are not told further."""


def unread_json(octets: bytes) -> Json:
    """A JSON object that goes out as the octets it is; its members are there for who reads the answer."""
    return cast("Json", msgspec.Raw(octets))


ItemT_co = TypeVar("ItemT_co", covariant=True)

ClockMode = Literal["real", "frozen"] | float
"""A platform clock that runs with the wall's, stands, or runs so many times as fast."""


STATE_VERSION = 2
"""The version of state documents, one that GET `/state` gives and PUT takes."""


class Page(msgspec.Struct, Generic[ItemT_co], frozen=True):
    """One page of a list."""

    items: tuple[ItemT_co, ...]
    total: int
    cursor: str | None
    """Fetches the next page; null on the last."""
    evicted: int
    """How many the bounded journal no longer has."""


class Problem(msgspec.Struct, frozen=True):
    """An error; `title` is the same for all of its kind.

    `problems` are the mistakes that `detail` tells, one each, where there may be several.
    """

    title: str
    status: int
    detail: str
    type: str = "about:blank"
    problems: tuple[str, ...] | msgspec.UnsetType = msgspec.UNSET


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


DatabaseKind = Literal["sqlite", "postgresql"]
"""The kinds of databases that a store may be in; `stores.durable` opens them."""
_NAMES: dict[str, str] = {"sqlite": "SQLite", "postgresql": "PostgreSQL"}


class StorePlace(msgspec.Struct, frozen=True):
    """Where a database is: `sqlite:PATH`, or `postgresql://USER:PASSWORD@HOST:PORT/NAME`.

    No text of it shows the password.
    """

    kind: DatabaseKind
    where: str
    """The path, or the whole URL."""

    def __str__(self) -> str:
        return f"{self.kind}:{self.where}" if self.kind == "sqlite" else without_password(self.where)

    __repr__ = __str__


def without_password(url: str) -> str:
    """A URL without the password that may be in it, wherever that is."""
    scheme, colon, rest = url.partition(":")
    before = rest.rpartition("@")[0]
    if "/" in scheme or (before and before[:1] != "/" and ":" not in before):
        scheme, colon, rest = "", "", url
    end = min((rest.find(each, 2) for each in "/?#" if each in rest[2:]), default=len(rest))
    credentials, at, host = rest[:end].rpartition("@")
    before_values = rest[end:].partition("=")[0]
    path = before_values if "?" in before_values else rest[end:]
    if at and "@" not in path:
        user, has_password, _ = credentials.partition(":")
        said = f"{user}{':***' if has_password else ''}@{host}{rest[end:]}"
    else:
        # An @ further behind may end a password that has such a character itself.
        user, has_password, _ = rest.rpartition("@")[0].partition(":")
        said = f"{user}:***" if has_password else rest
    place, question, query = said.partition("?")
    return f"{scheme}{colon}{place}{question}{'&'.join(map(_without_password, query.split('&')))}"


def _without_password(parameter: str) -> str:
    """A parameter of a URL. What is none may be a part of a password, and so may what has an @."""
    name, equal, value = parameter.partition("=")
    if not equal:
        return parameter and "***"
    return f"{name}={'***' if 'password' in unquote(name).casefold() or '@' in value else value}"


class StoreInfo(msgspec.Struct, frozen=True):
    """Where everything is kept. A store on disk writes what waits in turns; one in memory has none: those are null."""

    kind: str
    octets: int
    """The room it takes: of memory about, of a disk with what is still to be tidied up."""
    turns: int | None = None
    """How many were written since the start."""
    steps: int | None = None
    """How many decisions, each all or nothing, these turns had together."""
    turn_seconds: float | None = None
    """How long a turn took in the mean; null before the first."""
    failures: int | None = None
    """How many turns could not be written."""
    trouble: str | None = None
    """Why the last turn could not be written; null when it could."""

    @property
    def name(self) -> str:
        """Its kind, as it calls itself."""
        return _NAMES.get(self.kind, self.kind)


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
    store: StoreInfo | None = None


class Certs(msgspec.Struct, frozen=True):
    """The PEM a customer needs: the authority to trust, and a certificate to show with its key."""

    ca_pem: str
    client_cert_pem: str
    client_key_pem: str


class Probe(msgspec.Struct, frozen=True):
    """What a probe finds."""

    status: Literal["ok", "not ready"]
    reason: str | msgspec.UnsetType = msgspec.UNSET
    """Why it is not ready, where the store is to blame."""


class Reading(msgspec.Struct, frozen=True):
    """One reading: `R7`, what it is about, and what it says, in Markdown."""

    id: str
    title: str
    text: str


class FindingRule(msgspec.Struct, frozen=True):
    """A rule: its kebab-case id, how bad it is, the specification's heading, and what it says in one line."""

    id: str
    severity: Severity
    heading: str
    summary: str


class ReadingsItem(msgspec.Struct, frozen=True):
    """The readings, and the rules under which findings are told."""

    readings: tuple[Reading, ...]
    rules: tuple[FindingRule, ...]
