"""Account settings: what a user writes for one account, and the account it makes.

Spec: Parameter Details. Spec: CloudSMS Platform Server.
"""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from functools import cache
from typing import Annotated, Literal

import msgspec

from cloudsms_simulator.engine.account import ANY, DEFAULT_AUTH_KEY, Account, Blacklist, Callback, Network
from cloudsms_simulator.engine.money import Currency, Money
from cloudsms_simulator.engine.outlook import Outlook
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
    ROUTES,
    SENDER,
    SIGNATURES,
    Balance,
    callback_problem,
)
from cloudsms_simulator.server.compound_kinds import Entry, RecordKind
from cloudsms_simulator.server.kinds import ListKind
from cloudsms_simulator.server.place import Place
from cloudsms_simulator.server.problems import SettingsError
from cloudsms_simulator.server.report_kinds import REPORT
from cloudsms_simulator.server.setting_field import SettingTable, fields_of
from cloudsms_simulator.server.setting_kinds import AMOUNT, COUNT, NETWORKS, choice
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
    push_window: Annotated[int, COUNT] = _DEFAULT.push_window
    """Reports on the way at once while the clock is frozen: 1 pushes them one by one, in the order they are due in.
    While the clock goes, the callback's concurrency holds."""
    report: Annotated[Outlook, REPORT] = _DEFAULT.plan
    """What becomes of an accepted message: steps with `state` and `after`, or a `mix` of states in percent with a
    `delay`, all as in scenario files."""

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
            push_window=self.push_window,
            plan=self.report,
        )


class SaidAccount(msgspec.Struct, frozen=True):
    """An account as a scenario speaks of it: only the keys in `said` count, `name` always among them."""

    settings: AccountSettings
    said: frozenset[str]

    def over(self, base: AccountSettings) -> AccountSettings:
        """The settings of `base` with what is said here in place of its own."""
        merged = msgspec.structs.replace(base, **{name: getattr(self.settings, name) for name in self.said})
        if "balance" in self.said and "currency" not in self.said and isinstance(merged.balance, Money):
            return msgspec.structs.replace(merged, currency=None)
        if "currency" in self.said and "balance" not in self.said and isinstance(merged.balance, Money):
            return msgspec.structs.replace(merged, balance=merged.balance.amount)
        return merged

    def before(self, other: "SaidAccount") -> "SaidAccount":
        """Both in one; what is said here counts before what is said there."""
        return SaidAccount(self.over(other.settings), self.said | other.said)


def merged_accounts(base: Sequence[AccountSettings], said: Sequence[SaidAccount]) -> tuple[AccountSettings, ...]:
    """The accounts of a configuration with those of a scenario: by name, what the scenario says counts before.

    Raises SettingsError for accounts that cannot live together: without a key, or with another's.
    """
    accounts = {account.name: account for account in base}
    for each in said:
        name = each.settings.name
        accounts[name] = each.over(accounts.get(name, AccountSettings()))
    problems: list[str] = []
    places = [Place(problems, f"account {name}") for name in accounts]
    _complain_of_doubles(tuple(accounts.values()), (), places)
    if problems:
        raise SettingsError(problems)
    return tuple(accounts.values())


class _AccountsKind(ListKind, frozen=True, kw_only=True):
    """The list of all accounts, in which names and keys are unique and one is named `default`."""

    def _take(self, value: TomlValue, place: Place, text: bool) -> object:
        taken = super()._take(value, place, text)
        if not isinstance(taken, tuple):
            return taken
        accounts = tuple(each.settings for each in taken)
        for index, account in enumerate(accounts):
            # `callback_url` may say where the reports of `default` go.
            if account.name != _DEFAULT.name:
                complain_of_callback(account.callback, place / index)
        implied = () if any(account.name == _DEFAULT.name for account in accounts) else (AccountSettings(),)
        _complain_of_doubles(accounts, implied, [place / index for index in range(len(accounts))])
        return (*implied, *accounts)


class _SaidAccountsKind(ListKind, frozen=True, kw_only=True):
    """The list of the accounts a scenario speaks of, each once; their keys may be elsewhere."""

    def _take(self, value: TomlValue, place: Place, text: bool) -> object:
        taken = super()._take(value, place, text)
        if isinstance(taken, tuple):
            places = [place / index for index in range(len(taken))]
            _complain_of_doubles(tuple(each.settings for each in taken), (), places, whole=False)
            for each, here in zip(taken, places, strict=True):
                complain_of_callback(each.settings.callback, here)
        return taken


def complain_of_callback(callback: Callback, place: Place) -> None:
    """Complains of an account's callback that leads nowhere although it says how reports are pushed."""
    problem = callback_problem(callback)
    if problem is not None:
        (place / "callback").complain(problem)


def _complain_of_doubles(
    accounts: Sequence[AccountSettings],
    implied: Sequence[AccountSettings],
    places: Sequence[Place],
    *,
    whole: bool = True,
) -> None:
    """Complains of names and keys that are not unique, and, when these are `whole` accounts, of absent keys."""
    names: set[str] = set()
    keys = {account.auth_key or DEFAULT_AUTH_KEY: account.name for account in implied}
    for account, here in zip(accounts, places, strict=True):
        if account.name in names:
            (here / "name").complain(f'got "{account.name}" again, want a name of its own for every account')
            continue
        names.add(account.name)
        if account.auth_key is None and account.name != _DEFAULT.name:
            if whole:
                here.complain("got no auth_key, want one, as for every account but `default`")
            continue
        key = account.auth_key or DEFAULT_AUTH_KEY
        if key in keys and key == ANY:
            (here / "auth_key").complain(f'got "*", which account "{keys[key]}" has, want it for at most one account')
        elif key in keys:
            (here / "auth_key").complain(f'got the key of account "{keys[key]}", want a key of its own')
        keys.setdefault(key, account.name)


@cache
def _entries() -> Mapping[str, Entry]:
    return {field.name: Entry(field.kind, field.doc) for field in fields_of(AccountSettings)}


def _read_account(taken: Mapping[str, object], place: Place) -> SaidAccount:
    if isinstance(taken.get("balance"), Money) and "currency" in taken:
        (place / "currency").complain("got a currency beside that of the balance, want one of the two")
    return SaidAccount(msgspec.structs.replace(AccountSettings(), **taken), frozenset({*taken, "name"}))


_ACCOUNT = RecordKind(want="a table", entries=_entries, make=_read_account, lenient=True, title="account")

ACCOUNTS = _AccountsKind(want="[[accounts]] tables", item=_ACCOUNT, metavar="", example=[])
"""Whole accounts, as `AccountSettings`."""

SAID_ACCOUNTS = _SaidAccountsKind(want="a list of tables such as {example}", item=_ACCOUNT, example={"name": "default"})
"""What a scenario says of accounts, as `SaidAccount`s."""
