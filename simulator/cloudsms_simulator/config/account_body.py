"""The bodies of the admin API that make an account, change one, or put money on one.

The keys are those of an account in the configuration, but for paths of files, which only the configuration may name;
a new account has `seed`, `scenario` and `clock` too. Every mistake in a body is told at once, and the JSON Schemas of
the bodies come from the same types.
"""

from collections.abc import Callable, Mapping, Set
from decimal import Decimal
from functools import cache

import msgspec

from cloudsms_simulator.config import SettingsError, suggestion
from cloudsms_simulator.config.account_schema import (
    ACCOUNT,
    CURRENCY,
    AccountOverrides,
    AccountSettings,
    account_overrides,
    check_callback,
    settings_of_account,
)
from cloudsms_simulator.config.scenario import Scenario
from cloudsms_simulator.config.scenario_folder import bundled_scenario
from cloudsms_simulator.config.schema import (
    Definitions,
    InvalidValueError,
    RecordType,
    ScalarType,
    Schema,
    TableKey,
    Type,
    fields_of,
)
from cloudsms_simulator.config.sources import JsonTable, Location, TomlValue
from cloudsms_simulator.config.values import CLOCK, COUNT_FROM_ZERO
from cloudsms_simulator.engine.account import Account
from cloudsms_simulator.models.server import ClockMode, Json, unread_json

_FILES = ("ca", "client_cert", "client_key")
_UNCHANGEABLE = {
    "name": "an account keeps its name: leave the key out",
    "auth_key": "an account keeps its AUTH_KEY: leave the key out, or make another account",
    "clock": "the clock has resources of its own: POST to /api/v1/clock/freeze, resume or advance",
    "scenario": "scenarios have a resource of their own: /api/v1/scenarios",
}
_LARGEST = Decimal(10) ** 12
_encoder = msgspec.json.Encoder(decimal_format="number")
_AMOUNT_SCHEMA: Schema = {
    "anyOf": [{"type": "number", "exclusiveMinimum": 0}, {"type": "string", "pattern": r"^\+?[0-9]*\.?[0-9]*$"}]
}


class AccountRequest(msgspec.Struct, frozen=True, kw_only=True):
    """An account as somebody asks for it over the API. What is not said is None."""

    said: AccountOverrides
    seed: int | None = None
    scenario: Scenario | None = None
    clock: ClockMode | None = None


class Credit(msgspec.Struct, frozen=True):
    """Money that is put on an account; without a currency, in that of the account."""

    amount: Decimal
    currency: str | None


def read_new_account(table: JsonTable, name: str, auth_key: str) -> AccountRequest:
    """Reads the account that a body describes; `name` and `auth_key` are for one that says none.

    Raises SettingsError with every mistake.
    """
    given = {"name": name, "auth_key": auth_key, **table.values}
    return _account_of(table, given, lambda location: None)


def read_account_change(table: JsonTable) -> AccountRequest:
    """Reads what a body changes of an account. A key that is `null` goes back to its default.

    Raises SettingsError with every mistake.
    """

    def check(location: Location) -> None:
        for key, why in _UNCHANGEABLE.items():
            if key in table.values or key in table.nulls:
                (location / key).error(why)

    given = {key: value for key, value in table.values.items() if key not in _UNCHANGEABLE}
    request = _account_of(table, given, check)
    emptied = table.nulls - {"seed"}
    said = AccountOverrides(request.said.settings, request.said.said - {"name"} | emptied)
    return msgspec.structs.replace(request, said=said)


def read_credit(table: JsonTable) -> Credit:
    """Reads the money that a body puts on an account: more than nothing. Raises SettingsError with every mistake."""
    problems: list[str] = []
    taken = _CREDIT.take(table.values, Location(problems, table))
    if problems or not isinstance(taken, Credit):
        raise SettingsError(problems)
    return taken


def account_values(account: Account) -> Mapping[str, "TomlValue | None"]:
    """Returns every setting of an account as a body says it, `seed` too: a body with all of them makes it what it is.

    None is what a body says with `null`. The account's name, its AUTH_KEY and the paths of files are left out, since no
    body changes them.
    """
    settings = settings_of_account(account)
    callback = msgspec.structs.replace(settings.callback, **dict.fromkeys(_FILES))
    settings = msgspec.structs.replace(settings, callback=callback)
    values: dict[str, TomlValue | None] = {}
    for field in fields_of(AccountSettings):
        if field.name not in _UNCHANGEABLE:
            value = getattr(settings, field.name)
            values[field.name] = None if value is None and field.default is None else field.kind.dump(value)
    return {**values, "seed": account.seed}


def account_settings(account: Account) -> Json:
    """Returns `account_values` as JSON, numbers with every digit."""
    return unread_json(_encoder.encode(account_values(account)))


def account_settings_schema(definitions: Definitions) -> Schema:
    """The JSON Schema of `account_settings`."""
    return _body_schema(definitions, _UNCHANGEABLE.keys())


def new_account_schema(definitions: Definitions) -> Schema:
    """The JSON Schema of a body that makes an account."""
    return {**_body_schema(definitions, frozenset()), "examples": [ACCOUNT_BODY.example]}


def account_change_schema(definitions: Definitions) -> Schema:
    """The JSON Schema of a body that changes an account."""
    return {
        **account_settings_schema(definitions),
        "examples": [{"routes": ["VerifyCode_516"], "balance": "5.00"}],
    }


def credit_schema(definitions: Definitions) -> Schema:
    """The JSON Schema of money that is put on an account."""
    schema = _CREDIT.schema_in(definitions)
    said = schema["properties"]
    assert isinstance(said, Mapping)
    properties = {**said, "currency": {"anyOf": [said["currency"], {"type": "null"}]}}
    return {**schema, "properties": properties, "examples": [_CREDIT.example]}


def _body_schema(definitions: Definitions, left_out: Set[str]) -> Schema:
    properties: dict[str, TomlValue] = {}
    for key, entry in ACCOUNT_BODY.entries().items():
        if key not in left_out:
            said = _without_files(entry.kind, definitions) if key == "callback" else entry.kind.schema_in(definitions)
            properties[key] = {"anyOf": [said, {"type": "null"}], "description": entry.doc}
    return {"type": "object", "properties": properties, "additionalProperties": False}


def _without_files(callback: Type, definitions: Definitions) -> Schema:
    schema = callback.schema_in(definitions)
    said = schema["properties"]
    assert isinstance(said, Mapping)
    return {**schema, "properties": {key: each for key, each in said.items() if key not in _FILES}}


def _account_of(table: JsonTable, given: Mapping[str, TomlValue], check: Callable[[Location], None]) -> AccountRequest:
    """Reads the values `given` of a body; `check` notes further errors. Raises SettingsError with every mistake."""
    problems: list[str] = []
    location = Location(problems, table)
    check(location)
    for key in sorted(table.nulls - ACCOUNT_BODY.entries().keys()):
        (location / key).key_error(f'unknown key "{key}"{suggestion(key, ACCOUNT_BODY.entries())}')
    callback = given.get("callback")
    if isinstance(callback, Mapping):
        for key in _FILES:
            if key in callback:
                (location / "callback" / key).error("paths of files are for the configuration, not for the API")
        given = {**given, "callback": {key: value for key, value in callback.items() if key not in _FILES}}
    taken = ACCOUNT_BODY.take(given, location)
    if isinstance(taken, AccountRequest):
        check_callback(taken.said.settings.callback, location)
    if problems or not isinstance(taken, AccountRequest):
        raise SettingsError(problems)
    return taken


def _account_request(taken: Mapping[str, object], location: Location) -> AccountRequest:
    own = {key: value for key, value in taken.items() if key not in _MORE}
    more = {key: value for key, value in taken.items() if key in _MORE}
    return msgspec.structs.replace(AccountRequest(said=account_overrides(own, location)), **more)


def _scenario(value: TomlValue) -> Scenario:
    if not isinstance(value, str):
        raise InvalidValueError
    try:
        return _loaded(value)
    except SettingsError as error:
        raise InvalidValueError(f"the name of a bundled scenario: {error.problems[0]}") from None


@cache
def _loaded(name: str) -> Scenario:
    """Returns a bundled scenario, read once: thousands of accounts may be made, and reading takes longer than making
    one."""
    from cloudsms_simulator.config.scenario_file import load_scenario

    return load_scenario(bundled_scenario(name))


def _amount(value: TomlValue) -> Decimal:
    found = value if isinstance(value, str | int | Decimal) and not isinstance(value, bool) else ""
    try:
        amount = Decimal(found)
    except ArithmeticError:
        raise InvalidValueError from None
    digits = amount.as_tuple().exponent
    if not (amount.is_finite() and 0 < amount < _LARGEST and isinstance(digits, int) and digits >= -8):
        raise InvalidValueError
    return Decimal(f"{amount:f}")


_MORE: Mapping[str, TableKey] = {
    "seed": TableKey(
        COUNT_FROM_ZERO, "What every chance of the account is drawn from; the scenario's or the server's otherwise."
    ),
    "scenario": TableKey(
        ScalarType(want="the name of a bundled scenario", read=_scenario, example="flaky", schema={"type": "string"}),
        "Bundled scenario the account plays; none otherwise.",
    ),
    "clock": TableKey(CLOCK, "How the account's clock goes; as the server's otherwise."),
}

ACCOUNT_BODY = RecordType(
    want="an object such as {example}",
    entries=cache(lambda: {**ACCOUNT.entries(), **_MORE}),
    make=_account_request,
    lenient=True,
    example={"name": "shop", "clock": "frozen"},
    title="account_body",
)
"""Reads what a new account may be told, as an `AccountRequest`."""

_CREDIT = RecordType(
    want="an object such as {example}",
    entries=lambda: {
        "amount": TableKey(
            ScalarType(
                want='a decimal above zero, such as "10.00", of at most 8 digits after the point',
                read=_amount,
                schema=_AMOUNT_SCHEMA,
            ),
            "How much.",
            required=True,
        ),
        "currency": TableKey(CURRENCY, "What it is in: the account's."),
    },
    blank=Credit(Decimal(0), None),
    example={"amount": "10.00"},
)
