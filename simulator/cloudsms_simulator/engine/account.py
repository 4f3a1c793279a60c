"""Accounts: what the platform knows of each customer, what moves meanwhile, and how an account is found by its key.

An `Account` is configuration and never changes by itself: key, routes, prices, lists, callback, limits, rules. Its
defaults are those of the account `default` of a simulator nobody configured. What moves is its `AccountState`: clock,
balance, counters; a change is a new value.

`AccountDirectory` finds an account by its AUTH_KEY or its name, and hides the keys of all accounts in what is kept.
Keys are looked up by their hashes, which every process makes in its own way: how long that takes tells nothing of how
much of a key was right. An exact key beats `*`.

Spec: Parameter Details, AUTH_KEY, ROUTE_ID, SIGNATURE. Spec: CloudSMS Platform Server. Reading: R2, R9, R15.
"""

import ipaddress
from collections.abc import Iterable, Iterator, Mapping
from datetime import timedelta
from decimal import Decimal
from types import MappingProxyType
from typing import Literal

import msgspec

from cloudsms_simulator.engine.clock import Clock
from cloudsms_simulator.engine.faults import Identity
from cloudsms_simulator.engine.money import Currency
from cloudsms_simulator.engine.plan import DELIVERED_AFTER_A_SECOND, Outlook, Plan
from cloudsms_simulator.engine.rules import CompiledRules, RuleBook, glob_test
from cloudsms_simulator.moments import datetime
from cloudsms_simulator.protocol.answer import UidSequence
from cloudsms_simulator.protocol.masking import KeyMask, KeyRing, mask, mask_known
from cloudsms_simulator.protocol.profile import SPEC, Profile

Network = ipaddress.IPv4Network | ipaddress.IPv6Network

DEFAULT_AUTH_KEY = "local-simulator-only-AUTH-KEY-for-the-account-named-default-0123456789abcdefghijklmnop=="
"""The 88 characters a customer sends when nothing is configured. Public on purpose: it opens nothing real."""

DEFAULT_ROUTES = ("VerifyCode_516", "Notification_516", "Marketing_516")
ANY_KEY_OR_ROUTE = "*"
NO_RULES = CompiledRules(RuleBook())
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


def whitelist_admits(whitelist: tuple[Network, ...], host: str) -> bool:
    """Tells whether an address is on a whitelist; an empty one admits every address."""
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
        return next((glob for glob in self.numbers if glob_test(glob)(number)), None)

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
    rules: CompiledRules = NO_RULES
    """What a scenario, or somebody over the API, has laid down."""
    seed: int = 0
    """What every chance of the account is drawn from."""

    @property
    def is_plain(self) -> bool:
        """Whether nothing but a magic number can make what becomes of one message differ from the next."""
        return self.rules.is_plain and isinstance(self.plan, Plan)

    @property
    def usual_plan(self) -> Plan:
        """What becomes of a message without a `Decision`. Where plans are drawn, every message has a decision."""
        outlook = self.rules.book.outlook or self.plan
        return outlook if isinstance(outlook, Plan) else DELIVERED_AFTER_A_SECOND

    def price(self, country_code: int) -> Decimal | None:
        """The price of one segment to a country, or None when the account has none."""
        found = self.prices.get(country_code)
        return self.prices.get(None) if found is None else found

    @property
    def prices_all_countries(self) -> bool:
        """Whether there is a price for every country."""
        return None in self.prices

    def knows_route(self, route_id: str) -> bool:
        """Whether a ROUTE_ID is one of the account's; letters' case counts."""
        return route_id in self.routes or ANY_KEY_OR_ROUTE in self.routes

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
        return whitelist_admits(self.whitelist, host)


class AccountConfig(msgspec.Struct, frozen=True, kw_only=True):
    """An account as a store keeps it: what it is, and how it came to be so. The engine goes by `account` alone."""

    account: Account
    baseline: msgspec.Struct | None = None
    """How it was created and what was changed since, for those who change it and bring it back."""
    made: bool = False
    """Whether it was made over the API, not by the configuration."""


class AccountState(msgspec.Struct, frozen=True, gc=False):
    """What moves of an account: clock, balance, counters.

    A change is a new value, so a transaction that fails leaves the old one in place.
    """

    clock: Clock
    uids: UidSequence
    balance: Decimal | None
    """What is left of the money; None: unlimited."""
    dr_serial: int = 0
    """The SERIAL of the last report pushed; 0 before the first."""
    outstanding: int = 0
    """Accepted messages with something left to do."""
    second: datetime | None = None
    """The second of the account's clock in which packets are counted."""
    packets: int = 0
    rules_since: datetime | None = None
    """When the account's rules were put to use, on its clock; None: when the clock was set going."""


class AccountDirectory:
    """The accounts of a server. Names and keys are unique; a second of either raises ValueError with both names."""

    def __init__(self, accounts: Iterable[Account]) -> None:
        self._by_name: dict[str, Account] = {}
        self._by_key: dict[str, Account] = {}
        self._of_any_key: Account | None = None
        self._masks: dict[str, KeyMask] = {}
        self.keys = KeyRing()
        """The AUTH_KEYs of all accounts, but for what is no secret: `*`, and what the account's name shows anyway."""
        for account in accounts:
            self.add(account)

    def __iter__(self) -> Iterator[Account]:
        """The accounts there are now, in the order they were added; others may come and go meanwhile."""
        return iter(tuple(self._by_name.values()))

    def add(self, account: Account) -> None:
        """Adds an account; ValueError, with both names, when another has its name or its AUTH_KEY."""
        self.refuse_clash(account)
        self._by_name[account.name] = account
        self._by_key[account.auth_key] = account
        if account.auth_key == ANY_KEY_OR_ROUTE:
            self._of_any_key = account
        else:
            self._masks[account.name] = KeyMask(account.auth_key)
            if account.auth_key not in account.name:
                self.keys.add(account.auth_key)

    def refuse_clash(self, account: Account) -> None:
        """Raises ValueError, with both names, when another account has the name or the AUTH_KEY of one to be added."""
        other = self._by_name.get(account.name) or self._by_key.get(account.auth_key)
        if other is not None:
            what = "name" if other.name == account.name else "AUTH_KEY"
            raise ValueError(f'accounts "{other.name}" and "{account.name}" have the same {what}')

    def remove(self, name: str) -> Account:
        """Takes an account out, and returns it: its AUTH_KEY finds it no more. KeyError when there is none."""
        account = self._by_name.pop(name)
        del self._by_key[account.auth_key]
        self._masks.pop(name, None)
        if account.auth_key in self.keys:
            self.keys.discard(account.auth_key)
        if account.auth_key == ANY_KEY_OR_ROUTE:
            self._of_any_key = None
        return account

    def named(self, name: str) -> Account | None:
        """Returns the account of a name; None when there is none."""
        return self._by_name.get(name)

    def current(self, account: Account) -> Account:
        """The account of that name as it is by now; the one handed in where there is none any more."""
        return self._by_name.get(account.name, account)

    def replace(self, account: Account) -> None:
        """Puts another configuration in the place of the account of that name; its AUTH_KEY stays what it was.

        KeyError when there is no such account, ValueError when the key is another.
        """
        if self._by_name[account.name].auth_key != account.auth_key:
            raise ValueError(f'the AUTH_KEY of account "{account.name}" cannot change')
        self._by_name[account.name] = account
        self._by_key[account.auth_key] = account
        if account.auth_key == ANY_KEY_OR_ROUTE:
            self._of_any_key = account

    def replace_all(self, accounts: Iterable[Account]) -> None:
        """Puts accounts in the place of all there are; ValueError, and nothing changed, when two of them clash."""
        others = AccountDirectory(accounts)
        self._by_name, self._by_key = others._by_name, others._by_key
        self._of_any_key, self._masks, self.keys = others._of_any_key, others._masks, others.keys

    def find(self, key: str) -> Account | None:
        """The account a key belongs to, else the one that answers to any key, else None."""
        return self._by_key.get(key, self._of_any_key)

    def masked(self, body: bytes, account: Account, key: str) -> bytes:
        """Returns a body of the account without its AUTH_KEY, and without those of other accounts as they are written.

        `key` is the one that was sent: it is masked where the account takes any.
        """
        known = self._masks.get(account.name)
        masked = mask_known(body, KeyMask(key) if known is None else known)
        # Where there is one account there is no other key.
        if len(self._masks) > (known is not None) and self.keys.may_be_in(masked):
            return mask(masked, None, self.keys)
        return masked
