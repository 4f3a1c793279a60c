"""An account as people write it: the types of its values, the table of its settings, the `Account` they make.

`AccountSettings` is one `[[accounts]]` table; its fields, annotations and docstrings are the one list of what an
account can be told. A scenario says only some keys of an account (`AccountOverrides`), which count before the
configuration's. Names and keys are unique, and one account is named `default`. State documents have accounts in the
same words (`STATE_ACCOUNT`).

Spec: Parameter Details. Spec: Support settlement currency. Spec: CloudSMS Platform Server.
"""

import re
from collections.abc import Mapping, Sequence
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Annotated, Literal

import msgspec

from cloudsms_simulator.config import SettingsError
from cloudsms_simulator.config.outcome_schema import REPORT
from cloudsms_simulator.config.schema import (
    InvalidValueError,
    ListType,
    MapType,
    RecordType,
    ScalarType,
    Schema,
    SettingField,
    SettingTable,
    TableKey,
    Type,
    fields_of,
    plain_value,
)
from cloudsms_simulator.config.sources import Location, TomlValue
from cloudsms_simulator.config.values import (
    COUNT,
    COUNT_FROM_ZERO,
    DURATION,
    FILE,
    NETWORKS,
    NO_SWITCHES,
    ON_OFF,
    POSITIVE_DURATION,
    SWITCH_TYPES,
    SWITCHES,
    TEXT,
    URL,
    Switches,
    choice_type,
    nonempty_text,
    profile_with,
)
from cloudsms_simulator.engine.account import ANY_KEY_OR_ROUTE, DEFAULT_AUTH_KEY, Account, Blacklist, Callback, Network
from cloudsms_simulator.engine.faults import Identity
from cloudsms_simulator.engine.money import CURRENCIES, Currency, Money
from cloudsms_simulator.engine.plan import Outlook
from cloudsms_simulator.expressions import lazy_pattern
from cloudsms_simulator.protocol.codes import COUNTRY_CODES
from cloudsms_simulator.protocol.packet import (
    AUTH_KEY_OCTETS,
    ROUTE_OCTETS,
    SENDER_OCTETS,
    SIGNATURE_OCTETS,
    utf8_octets,
)
from cloudsms_simulator.protocol.profile import PROFILES, SPEC, Profile

Balance = Decimal | Money | Literal["unlimited"]

_AMOUNT = lazy_pattern(r"-?[0-9]{1,12}(\.[0-9]{1,8})?")
_DIGITS = "at most 12 digits before the point and 8 after"
_MOST_DIGITS = 12
_NAME = lazy_pattern(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,63}")
_AMOUNT_SCHEMA: Schema = {
    "anyOf": [{"type": "number"}, {"type": "string", "pattern": r"^-?[0-9]{1,12}(\.[0-9]{1,8})?$"}]
}
_UNSIGNED_SCHEMA: Schema = {
    "anyOf": [{"type": "number", "minimum": 0}, {"type": "string", "pattern": r"^[0-9]{1,12}(\.[0-9]{1,8})?$"}]
}


def _amount(value: TomlValue) -> Decimal:
    """An exact decimal, from a text or a number."""
    if isinstance(value, Decimal) and value.is_finite() and abs(value.adjusted()) <= _MOST_DIGITS:
        value = f"{value:f}"
    elif isinstance(value, int) and not isinstance(value, bool) and value.bit_length() < _MOST_DIGITS * 4:
        value = str(value)
    if not isinstance(value, str) or not _AMOUNT.fullmatch(value):
        raise InvalidValueError
    return Decimal(value)


def _amount_from_zero(value: TomlValue) -> Decimal:
    amount = _amount(value)
    if amount < 0:
        raise InvalidValueError
    return amount


def _balance(value: TomlValue) -> Balance:
    if value == "unlimited":
        return "unlimited"
    if not isinstance(value, Mapping):
        return _amount(value)
    if set(value) != {"amount", "currency"} or value["currency"] not in _CURRENCIES:
        raise InvalidValueError
    return next(
        Money(_amount(value["amount"]), row.currency) for row in CURRENCIES if row.currency == value["currency"]
    )


def _short_text(most: int, want: str, example: TomlValue, *, secret: bool = False) -> Type:
    def read(value: TomlValue) -> str:
        text = nonempty_text(value)
        if utf8_octets(text) > most:
            raise InvalidValueError
        return text

    schema: Schema = {"type": "string", "minLength": 1, "maxLength": most}
    return ScalarType(want=f"{want} of 1 to {most} octets", read=read, example=example, secret=secret, schema=schema)


def _name(value: TomlValue) -> str:
    if not isinstance(value, str) or not _NAME.fullmatch(value):
        raise InvalidValueError
    return value


def _sender(value: TomlValue) -> str:
    text = nonempty_text(value)
    if utf8_octets(text) > SENDER_OCTETS or not all("\x20" <= letter <= "\x7f" for letter in text):
        raise InvalidValueError
    return text


def _written_balance(balance: object) -> TomlValue:
    if isinstance(balance, Money):
        return {"amount": balance.amount, "currency": balance.currency}
    return plain_value(balance)


def _country(value: TomlValue) -> int:
    if isinstance(value, str) and re.fullmatch("[0-9]{1,4}", value):
        value = int(value)
    if not isinstance(value, int) or isinstance(value, bool) or value not in COUNTRY_CODES:
        raise InvalidValueError
    return value


def _price_key(value: TomlValue) -> int | None:
    return None if value == ANY_KEY_OR_ROUTE else _country(value)


def _callback(taken: Mapping[str, object], location: Location) -> Callback:
    if "client_key" in taken and "client_cert" not in taken:
        (location / "client_key").error("got a key alone, want client_cert too, the certificate it belongs to")
    paths = {key: str(path) for key, path in taken.items() if isinstance(path, Path)}
    identity = Identity(str(taken.get("identity", Identity.VALID)))
    return msgspec.structs.replace(Callback(), **{**taken, **paths, "identity": identity})


def callback_problem(callback: Callback) -> str | None:
    """Returns what is wrong with a callback that says how reports are pushed but not where to; None when nothing is."""
    fields = msgspec.structs.fields(Callback)
    said = [field.name for field in fields if getattr(callback, field.name) != field.default]
    if callback.url is not None or not said:
        return None
    return f'got {", ".join(said)} and no url, want url too, such as "{URL.example}": without it no report is pushed'


_CURRENCIES = tuple(row.currency for row in CURRENCIES)

NAME = ScalarType(
    want="a name of 1 to 64 letters, digits, dots, dashes and underscores",
    read=_name,
    example="default",
    schema={"type": "string", "pattern": f"^{_NAME.pattern}$"},
)
AUTH_KEY = _short_text(AUTH_KEY_OCTETS, 'a text, or "*" for any key,', "choose-a-key", secret=True)
ROUTES = ListType(
    want='a list of ROUTE_IDs, or "*" for any',
    item=_short_text(ROUTE_OCTETS, "a ROUTE_ID", "VerifyCode_516"),
    gather=frozenset,
    words={ANY_KEY_OR_ROUTE: frozenset({ANY_KEY_OR_ROUTE})},
    example=["VerifyCode_516"],
)
COUNTRY = ScalarType(
    want="an assigned country calling code, such as 852",
    read=_country,
    example=852,
    schema={
        "anyOf": [{"type": "integer", "minimum": 1, "maximum": 999}, {"type": "string", "pattern": "^[0-9]{1,4}$"}]
    },
)
DIRECTIONS = ListType(
    want='a list of country codes, or "all"', item=COUNTRY, gather=frozenset, words={"all": None}, example=[852, 65]
)
PRICES = MapType(
    want='a table from country code, or "*", to price, such as {example}',
    key=ScalarType(
        want=COUNTRY.want,
        read=_price_key,
        write=lambda country: ANY_KEY_OR_ROUTE if country is None else plain_value(country),
        schema={"type": "string", "pattern": rf"^([0-9]{{1,4}}|\{ANY_KEY_OR_ROUTE})$"},
    ),
    value=ScalarType(
        want=f'a price from zero up, {_DIGITS}, such as "0.05"',
        read=_amount_from_zero,
        example="0.05",
        schema=_UNSIGNED_SCHEMA,
    ),
    gather=dict,
    example={"852": "0.05", ANY_KEY_OR_ROUTE: "0.10"},
)
CURRENCY = choice_type(*_CURRENCIES)
BALANCE = ScalarType(
    want=f'"unlimited", a decimal, {_DIGITS}, such as {{example}}, or a table of amount and currency, one of '
    f"{', '.join(_CURRENCIES)}",
    read=_balance,
    write=_written_balance,
    example="10.00",
    schema={
        "anyOf": [
            {"enum": ["unlimited"]},
            _AMOUNT_SCHEMA,
            {
                "type": "object",
                "properties": {
                    "amount": {**_AMOUNT_SCHEMA, "description": "How much."},
                    "currency": {"enum": list(_CURRENCIES), "description": "What balance and prices are in."},
                },
                "required": ["amount", "currency"],
                "additionalProperties": False,
            },
        ]
    },
)
CREDIT_LIMIT = ScalarType(
    want=f"a decimal from zero up, {_DIGITS}", read=_amount_from_zero, example="5.00", schema=_UNSIGNED_SCHEMA
)
SENDER = ScalarType(
    want=f"1 to {SENDER_OCTETS} characters of printable ASCII",
    read=_sender,
    example="CloudSMS",
    schema={"type": "string", "pattern": rf"^[\x20-\x7f]{{1,{SENDER_OCTETS}}}$"},
)
SIGNATURES = ListType(
    want="a list of signatures",
    item=_short_text(SIGNATURE_OCTETS, "a signature", "CloudSMS"),
    gather=frozenset,
    example=["CloudSMS"],
)
_TEXTS = ListType(want="a list of texts", item=TEXT)
_BLACKLIST: Mapping[str, TableKey] = {
    "numbers": TableKey(_TEXTS, "Globs on country code and number."),
    "words": TableKey(_TEXTS, "Words in the signed text, letters' case aside."),
}
BLACKLIST = RecordType(
    want="a table such as {example}",
    entries=lambda: _BLACKLIST,
    blank=Blacklist(),
    lenient=True,
    example={"numbers": ["85267*"], "words": ["casino"]},
)
_CALLBACK: Mapping[str, TableKey] = {
    "url": TableKey(URL, "Address of the customer's endpoint, http or https; without it reports are pushed nowhere."),
    "retries": TableKey(
        ListType(want='a list of durations, such as ["1s", "10s"]', item=DURATION),
        "The pause before each further attempt after a failed one; none by default.",
    ),
    "connect_timeout": TableKey(POSITIVE_DURATION, "How long connecting may take in wall time; 2s by default."),
    "timeout": TableKey(POSITIVE_DURATION, "How long an attempt may take in wall time; 5s by default."),
    "concurrency": TableKey(COUNT, "How many reports are on the way at once; 32 by default."),
    "verify": TableKey(ON_OFF, "Whether the customer's server certificate must be good; off trusts any."),
    "ca": TableKey(FILE, "PEM file with one more authority to trust."),
    "client_cert": TableKey(FILE, "PEM file of the certificate the platform shows; else the simulator's own."),
    "client_key": TableKey(FILE, "PEM file of that certificate's key."),
    "identity": TableKey(
        choice_type(*Identity),
        "What is wrong with the certificate the platform shows, or none to show none; else valid.",
    ),
}
CALLBACK = RecordType(
    want="a table such as {example}",
    entries=lambda: _CALLBACK,
    blank=Callback(),
    make=_callback,
    lenient=True,
    example={"url": "https://localhost:59999/", "retries": ["1s", "10s"]},
)


_DEFAULT_ACCOUNT = Account()


class AccountSettings(SettingTable, frozen=True, kw_only=True):
    """One `[[accounts]]` table. Its defaults are those of the account `default`."""

    name: Annotated[str, NAME] = _DEFAULT_ACCOUNT.name
    """How the account is called in the API and in listings; never on the wire."""
    auth_key: Annotated[str | None, AUTH_KEY] = None
    """AUTH_KEY, 1 to 128 octets; "*" answers to every key no other account has. Only the account `default` has one
    without being given it."""
    routes: Annotated[frozenset[str], ROUTES] = _DEFAULT_ACCOUNT.routes
    """ROUTE_IDs that work, letters' case counting; "*" for any. A message by another route is LOCAL_REJECTED."""
    directions: Annotated[frozenset[int] | None, DIRECTIONS] = _DEFAULT_ACCOUNT.directions
    """Country codes the account may send to; "all" for every one. A message to another is LOCAL_REJECTED."""
    prices: Annotated[Mapping[int | None, Decimal], PRICES] = _DEFAULT_ACCOUNT.prices
    """Price of a segment by country code; "*" is every other country. Without a price: Unpriced_area."""
    currency: Annotated[Currency | None, CURRENCY] = None
    """What prices and balance are in: USD unless said here or with the balance."""
    balance: Annotated[Balance, BALANCE] = _DEFAULT_ACCOUNT.balance
    """What the account starts with; "unlimited" never ends."""
    credit_limit: Annotated[Decimal, CREDIT_LIMIT] = _DEFAULT_ACCOUNT.credit_limit
    """How far below zero the balance may go."""
    blacklist: Annotated[Blacklist, BLACKLIST] = _DEFAULT_ACCOUNT.blacklist
    """Globs on country code and number, and words in the text, that are refused with Intercept."""
    whitelist: Annotated[tuple[Network, ...], NETWORKS] = _DEFAULT_ACCOUNT.whitelist
    """Networks the account's packets may come from; empty for any. Others are disconnected without an answer."""
    callback: Annotated[Callback, CALLBACK] = _DEFAULT_ACCOUNT.callback
    """Where delivery reports are pushed: url, retries (none by default), connect_timeout (2s), timeout (5s),
    concurrency (32), verify (on; off trusts any server certificate), ca, client_cert and client_key (PEM files)."""
    default_sender: Annotated[str, SENDER] = _DEFAULT_ACCOUNT.default_sender
    """SOURCE_MSISDN when a packet has no ORIGINAL_ADDR."""
    signatures: Annotated[frozenset[str] | None, SIGNATURES] = _DEFAULT_ACCOUNT.signatures
    """Signatures registered for directions that demand it; without the list, whichever is sent counts as registered."""
    profile: Annotated[Literal["spec", "observed"] | None, choice_type(*PROFILES)] = None
    """The profile the account sees. Without it: the server's, with the server's switches."""
    switches: Annotated[Switches, SWITCHES] = NO_SWITCHES
    """Single switches on top of the profile."""
    rate_limit: Annotated[int | None, COUNT_FROM_ZERO] = _DEFAULT_ACCOUNT.rate_limit
    """Packets a second before the platform is Busy; without it any number."""
    pending_limit: Annotated[int | None, COUNT_FROM_ZERO] = _DEFAULT_ACCOUNT.pending_limit
    """Reports that may be outstanding before Queue_too_large; without it any number."""
    push_window: Annotated[int, COUNT] = _DEFAULT_ACCOUNT.push_window
    """Reports on the way at once while the clock is frozen: 1 pushes them one by one, in the order they are due in.
    While the clock goes, the callback's concurrency holds."""
    report: Annotated[Outlook, REPORT] = _DEFAULT_ACCOUNT.plan
    """What becomes of an accepted message: steps with `state` and `after`, or a `mix` of states in percent with a
    `delay`, all as in scenario files."""

    def account(self, profile: Profile) -> Account:
        """The account these settings make on a server with a profile."""
        named = profile if self.profile is None else PROFILES[self.profile]
        money = self.balance if isinstance(self.balance, Money) else None
        alike = {field: getattr(self, setting) for setting, field in FIELDS_OF_ACCOUNT.items()}
        made = {
            "auth_key": self.auth_key or DEFAULT_AUTH_KEY,
            "currency": self.currency or (money.currency if money else _DEFAULT_ACCOUNT.currency),
            "balance": self.balance.amount if isinstance(self.balance, Money) else self.balance,
            "profile": profile_with(named, self.switches),
        }
        return msgspec.structs.replace(_DEFAULT_ACCOUNT, **{**alike, **made})


_CALLED: Mapping[str, str] = {"report": "plan", "switches": "profile"}
"""Settings whose field of `Account` has another name."""
FIELDS_OF_ACCOUNT: Mapping[str, str] = {
    name: _CALLED.get(name, name) for name in AccountSettings.__struct_fields__ if name != "switches"
}
"""By the name of a setting, the field of `Account` that it makes; `switches` are a part of its profile."""


def field_of_account(setting: str) -> str:
    """Returns the field of `Account` that a setting has a say in."""
    return _CALLED.get(setting, setting)


def settings_of_account(account: Account) -> AccountSettings:
    """Returns the settings that make an account as it is, on whichever server; its seed and its rules are no settings.

    What `balance` says is what the account starts with.
    """
    alike = {setting: getattr(account, field) for setting, field in FIELDS_OF_ACCOUNT.items()}
    profile = account.profile
    named = PROFILES[profile.name]
    switches = {name: getattr(profile, name) for name in SWITCH_TYPES if getattr(profile, name) != getattr(named, name)}
    return msgspec.structs.replace(AccountSettings(), **{**alike, "profile": profile.name, "switches": switches})


class AccountOverrides(msgspec.Struct, frozen=True):
    """An account as a scenario speaks of it: only the keys in `said` count, `name` always among them."""

    settings: AccountSettings
    said: frozenset[str]

    def over(self, base: AccountSettings) -> AccountSettings:
        """Returns the settings of `base` with what is said here in place of its own."""
        merged = msgspec.structs.replace(base, **{name: getattr(self.settings, name) for name in self.said})
        if "balance" in self.said and "currency" not in self.said and isinstance(merged.balance, Money):
            return msgspec.structs.replace(merged, currency=None)
        if "currency" in self.said and "balance" not in self.said and isinstance(merged.balance, Money):
            return msgspec.structs.replace(merged, balance=merged.balance.amount)
        return merged

    def before(self, other: "AccountOverrides") -> "AccountOverrides":
        """Returns both in one; what is said here counts before what `other` says."""
        return AccountOverrides(self.over(other.settings), self.said | other.said)


def merged_accounts(base: Sequence[AccountSettings], said: Sequence[AccountOverrides]) -> tuple[AccountSettings, ...]:
    """Returns the accounts of a configuration with those of a scenario: by name, what the scenario says counts before.

    Raises SettingsError for accounts that cannot live together: without a key, or with another's.
    """
    accounts = {account.name: account for account in base}
    for each in said:
        name = each.settings.name
        accounts[name] = each.over(accounts.get(name, AccountSettings()))
    problems: list[str] = []
    locations = [Location(problems, f"account {name}") for name in accounts]
    _check_unique(tuple(accounts.values()), (), locations)
    if problems:
        raise SettingsError(problems)
    return tuple(accounts.values())


class _AccountsType(ListType, frozen=True, kw_only=True):
    """The list of all accounts, in which names and keys are unique and one is named `default`."""

    def _take(self, value: TomlValue, location: Location, text: bool) -> object:
        taken = super()._take(value, location, text)
        if not isinstance(taken, tuple):
            return taken
        accounts = tuple(each.settings for each in taken)
        for index, account in enumerate(accounts):
            # `callback_url` may say where the reports of `default` go.
            if account.name != _DEFAULT_ACCOUNT.name:
                check_callback(account.callback, location / index)
        implied = () if any(account.name == _DEFAULT_ACCOUNT.name for account in accounts) else (AccountSettings(),)
        _check_unique(accounts, implied, [location / index for index in range(len(accounts))])
        return (*implied, *accounts)


class _AccountOverridesType(ListType, frozen=True, kw_only=True):
    """The list of the accounts a scenario speaks of, each once; their keys may be elsewhere."""

    def _take(self, value: TomlValue, location: Location, text: bool) -> object:
        taken = super()._take(value, location, text)
        if isinstance(taken, tuple):
            locations = [location / index for index in range(len(taken))]
            _check_unique(tuple(each.settings for each in taken), (), locations, whole=False)
            for each, here in zip(taken, locations, strict=True):
                check_callback(each.settings.callback, here)
        return taken


def check_callback(callback: Callback, location: Location) -> None:
    """Notes an error for an account's callback that leads nowhere although it says how reports are pushed."""
    problem = callback_problem(callback)
    if problem is not None:
        (location / "callback").error(problem)


def _account_parts(account: object) -> Mapping[str, object]:
    """What is said of an account, or all of its settings that are something."""
    if isinstance(account, AccountOverrides):
        settings, said = account.settings, account.said
    elif isinstance(account, AccountSettings):
        settings, said = account, frozenset(AccountSettings.__struct_fields__)
    else:
        raise TypeError(f"a {type(account).__name__} is no account")
    values = {name: getattr(settings, name) for name in AccountSettings.__struct_fields__ if name in said}
    return {name: value for name, value in values.items() if value is not None or name == "directions"}


def _check_unique(
    accounts: Sequence[AccountSettings],
    implied: Sequence[AccountSettings],
    locations: Sequence[Location],
    *,
    whole: bool = True,
) -> None:
    """Notes an error for each name and key that is not unique, and of `whole` accounts for each key that is absent."""
    names: set[str] = set()
    keys = {account.auth_key or DEFAULT_AUTH_KEY: account.name for account in implied}
    for account, here in zip(accounts, locations, strict=True):
        if account.name in names:
            (here / "name").error(f'got "{account.name}" again, want a name of its own for every account')
            continue
        names.add(account.name)
        if account.auth_key is None and account.name != _DEFAULT_ACCOUNT.name:
            if whole:
                here.error("got no auth_key, want one, as for every account but `default`")
            continue
        key = account.auth_key or DEFAULT_AUTH_KEY
        if key in keys and key == ANY_KEY_OR_ROUTE:
            (here / "auth_key").error(f'got "*", which account "{keys[key]}" has, want it for at most one account')
        elif key in keys:
            (here / "auth_key").error(f'got the key of account "{keys[key]}", want a key of its own')
        keys.setdefault(key, account.name)


@cache
def _entries() -> Mapping[str, SettingField]:
    return {field.name: field for field in fields_of(AccountSettings)}


def account_overrides(taken: Mapping[str, object], location: Location) -> AccountOverrides:
    """Makes what is said of an account of the entries of its table."""
    if isinstance(taken.get("balance"), Money) and "currency" in taken:
        (location / "currency").error("got a currency beside that of the balance, want one of the two")
    return AccountOverrides(msgspec.structs.replace(AccountSettings(), **taken), frozenset({*taken, "name"}))


ACCOUNT = RecordType(
    want="a table", entries=_entries, make=account_overrides, parts=_account_parts, lenient=True, title="account"
)
"""Reads what is said of an account, as `AccountOverrides`."""

ACCOUNTS = _AccountsType(want="[[accounts]] tables", item=ACCOUNT, metavar="", example=[])
"""Reads whole accounts, as `AccountSettings`."""

ACCOUNT_OVERRIDES = _AccountOverridesType(
    want="a list of tables such as {example}", item=ACCOUNT, example={"name": "default"}
)
"""Reads what a scenario says of accounts, as `AccountOverrides`."""


# Accounts as state documents have them. Whether a file is there is for nobody to find out with a document: its path is
# a text there, and has to be one that the server knows already.

_FILES = ("ca", "client_cert", "client_key")
_STATE_CALLBACK = msgspec.structs.replace(
    CALLBACK, entries=lambda: {**_CALLBACK, **{key: TableKey(TEXT, _CALLBACK[key].doc) for key in _FILES}}
)
STATE_OVERRIDES = msgspec.structs.replace(
    ACCOUNT,
    entries=lambda: {**_entries(), "callback": msgspec.structs.replace(_entries()["callback"], kind=_STATE_CALLBACK)},
)
"""Reads `AccountOverrides`."""
STATE_SETTINGS = msgspec.structs.replace(
    STATE_OVERRIDES, make=lambda taken, location: account_overrides(taken, location).settings
)
"""Reads `AccountSettings`."""


def _account(taken: Mapping[str, object], location: Location) -> Account:
    said = {key: value for key, value in taken.items() if key != "seed"}
    account = account_overrides(said, location).settings.account(SPEC)
    check_callback(account.callback, location)
    return msgspec.structs.replace(account, seed=taken.get("seed", account.seed))


def _parts_of_account(account: object) -> Mapping[str, object]:
    if not isinstance(account, Account):
        raise TypeError(f"a {type(account).__name__} is no account")
    return {**_account_parts(settings_of_account(account)), "seed": account.seed}


STATE_ACCOUNT = msgspec.structs.replace(
    STATE_OVERRIDES,
    entries=lambda: {
        **STATE_OVERRIDES.entries(),
        "seed": TableKey(COUNT_FROM_ZERO, "What every chance of the account is drawn from."),
    },
    make=_account,
    parts=_parts_of_account,
)
"""Reads an `Account` as it is, but for its rules, which come of what it plays."""
