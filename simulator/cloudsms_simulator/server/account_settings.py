"""Account settings: what a user writes for one account, and the account it makes.

Spec: Parameter Details. Spec: CloudSMS Platform Server.
"""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Annotated, Literal

import msgspec

from cloudsms_simulator.engine.account import ANY, DEFAULT_AUTH_KEY, Account, Blacklist, Callback, Network
from cloudsms_simulator.engine.money import Currency, Money
from cloudsms_simulator.engine.script import Plan
from cloudsms_simulator.protocol.profile import PROFILES, Profile
from cloudsms_simulator.server.account_kinds import (
    AUTH_KEY,
    BALANCE,
    BLACKLIST,
    CALLBACK,
    CREDIT_LIMIT,
    CURRENCY,
    DIRECTIONS,
    NAME,
    PRICES,
    REPORT,
    ROUTES,
    SENDER,
    SIGNATURES,
    Balance,
)
from cloudsms_simulator.server.kinds import ListKind, TableKind, take_entries
from cloudsms_simulator.server.place import Place
from cloudsms_simulator.server.setting_field import SettingTable, fields_of
from cloudsms_simulator.server.setting_kinds import AMOUNT, NETWORKS, choice
from cloudsms_simulator.server.switches import NO_SWITCHES, SWITCHES, Switches, profile_with
from cloudsms_simulator.server.toml_file import TomlValue

_DEFAULT = Account()


class AccountSettings(SettingTable, frozen=True, kw_only=True):
    """One `[[accounts]]` table. Its defaults are those of the account `default`."""

    name: Annotated[str, NAME] = _DEFAULT.name
    """How the account is called in the API and in listings; never on the wire."""
    auth_key: Annotated[str | None, AUTH_KEY] = None
    """AUTH_KEY, 1 to 128 octets; "*" answers to every key no other account has. Only the account `default` has one
    without being given it."""
    routes: Annotated[frozenset[str], ROUTES] = _DEFAULT.routes
    """ROUTE_IDs that work, letters' case counting; "*" for any. A message by another route is LOCAL_REJECTED."""
    directions: Annotated[frozenset[int] | None, DIRECTIONS] = _DEFAULT.directions
    """Country codes the account may send to; "all" for every one. A message to another is LOCAL_REJECTED."""
    prices: Annotated[Mapping[int | None, Decimal], PRICES] = _DEFAULT.prices
    """Price of a segment by country code; "*" is every other country. Without a price: Unpriced_area."""
    currency: Annotated[Currency | None, CURRENCY] = None
    """What prices and balance are in: USD unless said here or with the balance."""
    balance: Annotated[Balance, BALANCE] = _DEFAULT.balance
    """What the account starts with; "unlimited" never ends."""
    credit_limit: Annotated[Decimal, CREDIT_LIMIT] = _DEFAULT.credit_limit
    """How far below zero the balance may go."""
    blacklist: Annotated[Blacklist, BLACKLIST] = _DEFAULT.blacklist
    """Globs on country code and number, and words in the text, that are refused with Intercept."""
    whitelist: Annotated[tuple[Network, ...], NETWORKS] = _DEFAULT.whitelist
    """Networks the account's packets may come from; empty for any. Others are disconnected without an answer."""
    callback: Annotated[Callback, CALLBACK] = _DEFAULT.callback
    """Where delivery reports are pushed: url, retries (none by default), connect_timeout (2s), timeout (5s),
    concurrency (32), verify (on; off trusts any server certificate), ca, client_cert and client_key (PEM files)."""
    default_sender: Annotated[str, SENDER] = _DEFAULT.default_sender
    """SOURCE_MSISDN when a packet has no ORIGINAL_ADDR."""
    signatures: Annotated[frozenset[str] | None, SIGNATURES] = _DEFAULT.signatures
    """Signatures registered for directions that demand it; without the list, whichever is sent counts as registered."""
    profile: Annotated[Literal["spec", "observed"] | None, choice(*PROFILES)] = None
    """The profile the account sees. Without it: the server's, with the server's switches."""
    switches: Annotated[Switches, SWITCHES] = NO_SWITCHES
    """Single switches on top of the profile."""
    rate_limit: Annotated[int | None, AMOUNT] = _DEFAULT.rate_limit
    """Packets a second before the platform is Busy; without it any number."""
    pending_limit: Annotated[int | None, AMOUNT] = _DEFAULT.pending_limit
    """Reports that may be outstanding before Queue_too_large; without it any number."""
    report: Annotated[Plan, REPORT] = _DEFAULT.plan
    """What becomes of an accepted message: states by name or number, each with its time after acceptance; `lost = true`
    reaches a state without reporting it; { none = true } at the end means that EXPIRED comes at 25 h."""

    def account(self, profile: Profile) -> Account:
        """The account these settings make on a server with a profile."""
        named = profile if self.profile is None else PROFILES[self.profile]
        money = self.balance if isinstance(self.balance, Money) else None
        return Account(
            name=self.name,
            auth_key=self.auth_key or DEFAULT_AUTH_KEY,
            routes=self.routes,
            directions=self.directions,
            prices=self.prices,
            currency=self.currency or (money.currency if money else _DEFAULT.currency),
            balance=self.balance.amount if isinstance(self.balance, Money) else self.balance,
            credit_limit=self.credit_limit,
            blacklist=self.blacklist,
            whitelist=self.whitelist,
            callback=self.callback,
            default_sender=self.default_sender,
            signatures=self.signatures,
            profile=profile_with(named, self.switches),
            rate_limit=self.rate_limit,
            pending_limit=self.pending_limit,
            plan=self.report,
        )


class _AccountsKind(ListKind, frozen=True, kw_only=True):
    """The list of all accounts, in which names and keys are unique and one is named `default`."""

    def _take(self, value: TomlValue, place: Place, text: bool) -> object:
        taken = super()._take(value, place, text)
        if not isinstance(taken, tuple):
            return taken
        implied = () if any(account.name == _DEFAULT.name for account in taken) else (AccountSettings(),)
        _complain_of_doubles(taken, implied, place)
        return (*implied, *taken)


def _complain_of_doubles(accounts: Sequence[AccountSettings], implied: Sequence[AccountSettings], place: Place) -> None:
    names: set[str] = set()
    keys = {account.auth_key or DEFAULT_AUTH_KEY: account.name for account in implied}
    for index, account in enumerate(accounts):
        here = place / index
        if account.name in names:
            (here / "name").complain(f'got "{account.name}" again, want a name of its own for every account')
            continue
        names.add(account.name)
        if account.auth_key is None and account.name != _DEFAULT.name:
            here.complain("got no auth_key, want one, as for every account but `default`")
            continue
        key = account.auth_key or DEFAULT_AUTH_KEY
        if key in keys and key == ANY:
            (here / "auth_key").complain(f'got "*", which account "{keys[key]}" has, want it for at most one account')
        elif key in keys:
            (here / "auth_key").complain(f'got the key of account "{keys[key]}", want a key of its own')
        keys.setdefault(key, account.name)


def _read_account(table: Mapping[str, TomlValue], place: Place, text: bool) -> AccountSettings:
    kinds = {field.name: field.kind for field in fields_of(AccountSettings)}
    taken = take_entries(table, kinds, place)
    if isinstance(taken.get("balance"), Money) and "currency" in taken:
        (place / "currency").complain("got a currency beside that of the balance, want one of the two")
    return msgspec.structs.replace(AccountSettings(), **taken)


ACCOUNTS = _AccountsKind(
    want="[[accounts]] tables", item=TableKind(want="a table", table=_read_account), metavar="", example=[]
)
