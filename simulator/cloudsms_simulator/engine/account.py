"""An account: what the platform knows of one customer.

This is configuration and never changes by itself; what moves (balance, counters) is the account's `Standing`.

Spec: Parameter Details, AUTH_KEY, ROUTE_ID, SIGNATURE. Spec: CloudSMS Platform Server.
"""

import ipaddress
from collections.abc import Mapping
from datetime import timedelta
from decimal import Decimal
from fnmatch import fnmatchcase
from types import MappingProxyType
from typing import Literal

import msgspec

from cloudsms_simulator.engine.fault import Identity
from cloudsms_simulator.engine.money import Currency
from cloudsms_simulator.engine.outlook import Outlook
from cloudsms_simulator.engine.rule_book import RuleBook
from cloudsms_simulator.engine.rules import Rules
from cloudsms_simulator.engine.script import DELIVERED_AFTER_A_SECOND, Plan
from cloudsms_simulator.protocol.profile import SPEC, Profile

Network = ipaddress.IPv4Network | ipaddress.IPv6Network

DEFAULT_AUTH_KEY = "local-simulator-only-AUTH-KEY-for-the-account-named-default-0123456789abcdefghijklmnop=="
"""The 88 characters a customer sends when nothing is configured. Public on purpose: it opens nothing real."""

DEFAULT_ROUTES = ("VerifyCode_516", "Notification_516", "Marketing_516")
ANY = "*"
NO_RULES = Rules(RuleBook())
DEFAULT_PRICES: Mapping[int | None, Decimal] = MappingProxyType({None: Decimal("0.05")})


class Callback(msgspec.Struct, frozen=True, kw_only=True):
    """Where an account's delivery reports go, and how they are pushed."""

    url: str | None = None
    """http or https; None: reports are reached and shown, and pushed nowhere."""
    retries: tuple[timedelta, ...] = ()
    """The pause before each further attempt after a failed one; none by default, the document being silent."""
    connect_timeout: timedelta = timedelta(seconds=2)
    timeout: timedelta = timedelta(seconds=5)
    """Wall time for a whole attempt, connecting included."""
    concurrency: int = 32
    """How many reports of the account are on the way at once while its clock goes; those of one SMS_UID never are."""
    verify: bool = True
    """Whether the customer's server certificate must be good for our CA, the system's, or `ca`."""
    ca: str | None = None
    """Path of one more CA bundle (PEM) to trust."""
    client_cert: str | None = None
    """Path of the certificate (PEM) the platform shows; None: the simulator's own."""
    client_key: str | None = None
    identity: Identity = Identity.VALID
    """Any other shows a certificate that is wrong in one way, or none, whatever `client_cert` says."""


def admits(whitelist: tuple[Network, ...], host: str) -> bool:
    """Whether an address is on a whitelist; an empty one admits every address."""
    if not whitelist:
        return True
    address = ipaddress.ip_address(host)
    return any(address in network for network in whitelist)


class Blacklist(msgspec.Struct, frozen=True):
    """What is intercepted: globs on country code + number (`85267*`), and words found in the signed text."""

    numbers: tuple[str, ...] = ()
    words: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.numbers or self.words)

    def blocks_number(self, number: str) -> str | None:
        """The first glob that matches country code + MSISDN, or None."""
        return next((glob for glob in self.numbers if fnmatchcase(number, glob)), None)

    def blocks_text(self, text: str) -> str | None:
        """The first word the text holds, letters' case aside, or None."""
        folded = text.casefold()
        return next((word for word in self.words if word.casefold() in folded), None)


class Account(msgspec.Struct, frozen=True, kw_only=True):
    """One customer's configuration. The defaults are the account `default` of a simulator nobody configured."""

    name: str = "default"
    auth_key: str = DEFAULT_AUTH_KEY
    """1 to 128 octets; `*` answers to any key that no other account has."""
    routes: frozenset[str] = frozenset(DEFAULT_ROUTES)
    """ROUTE_IDs that work, case-sensitive; `*` among them: any."""
    directions: frozenset[int] | None = None
    """Country codes the account may send to; None: all."""
    prices: Mapping[int | None, Decimal] = DEFAULT_PRICES
    """Price per segment by country code; the key None stands for every other country."""
    currency: Currency = "USD"
    balance: Decimal | Literal["unlimited"] = Decimal("1000.00")
    """What the account starts with."""
    credit_limit: Decimal = Decimal(0)
    """How far below zero the balance may go."""
    blacklist: Blacklist = Blacklist()
    whitelist: tuple[Network, ...] = ()
    """Source networks; empty: any."""
    callback: Callback = Callback()
    default_sender: str = "CloudSMS"
    signatures: frozenset[str] | None = None
    """Signatures registered for directions that demand it; None: whichever is sent counts as registered."""
    profile: Profile = SPEC
    rate_limit: int | None = None
    """Packets in one second of the account's clock; None: any number."""
    pending_limit: int | None = None
    """Reports that may be outstanding; None: any number."""
    push_window: int = 1
    """How many reports are on the way at once while the account's clock is frozen; 1 keeps them in the order due."""
    plan: Outlook = DELIVERED_AFTER_A_SECOND
    """What becomes of an accepted message no rule says anything about."""
    rules: Rules = NO_RULES
    """What a scenario, or somebody over the API, has laid down."""
    seed: int = 0
    """What every chance of the account is drawn from."""

    @property
    def is_plain(self) -> bool:
        """Whether nothing but a magic number can make one message's fate another than the next one's."""
        return self.rules.is_plain and isinstance(self.plan, Plan)

    @property
    def usual_plan(self) -> Plan:
        """What becomes of a message where no script decides: where plans are drawn, every message has a script."""
        outlook = self.rules.book.outlook or self.plan
        return outlook if isinstance(outlook, Plan) else DELIVERED_AFTER_A_SECOND

    def price(self, country_code: int) -> Decimal | None:
        """The price of one segment to a country, or None when the account has none."""
        found = self.prices.get(country_code)
        return self.prices.get(None) if found is None else found

    def knows_route(self, route_id: str) -> bool:
        """Whether a ROUTE_ID is one of the account's; letters' case counts."""
        return route_id in self.routes or ANY in self.routes

    @property
    def route_at_hand(self) -> str:
        """A ROUTE_ID that works: the first documented one where the account takes it, else any; "" when it has none."""
        documented = DEFAULT_ROUTES[0]
        return documented if self.knows_route(documented) else min(self.routes, default="")

    def serves(self, country_code: int) -> bool:
        """Whether the country is among the account's directions."""
        return self.directions is None or country_code in self.directions

    def admits(self, host: str) -> bool:
        """Whether a peer's address is on the whitelist."""
        return admits(self.whitelist, host)
