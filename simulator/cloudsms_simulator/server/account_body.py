"""What is asked of an account over the API: of one that is to be made, or of one that there is.

The keys are those of an account in the configuration, but for paths of files; a new account has some more.
"""

from collections.abc import Callable, Mapping, Set
from decimal import Decimal
from functools import cache

import msgspec

from cloudsms_simulator.server.account_kinds import CURRENCY
from cloudsms_simulator.server.account_settings import SAID_ACCOUNTS, SaidAccount, complain_of_callback
from cloudsms_simulator.server.compound_kinds import Entry, RecordKind
from cloudsms_simulator.server.json_table import JsonTable
from cloudsms_simulator.server.kinds import Definitions, Kind, Scalar, Schema, UnfitError
from cloudsms_simulator.server.place import Place
from cloudsms_simulator.server.problems import SettingsError, suggestion
from cloudsms_simulator.server.scenario import Scenario
from cloudsms_simulator.server.scenario_folder import bundled_scenario
from cloudsms_simulator.server.server_item import ClockMode
from cloudsms_simulator.server.setting_kinds import AMOUNT, CLOCK
from cloudsms_simulator.server.toml_file import TomlValue

_FILES = ("ca", "client_cert", "client_key")
_SETTLED = {
    "name": "an account keeps its name: leave the key out",
    "auth_key": "an account keeps its AUTH_KEY: leave the key out, or make another account",
    "clock": "the clock has resources of its own: POST to /api/v1/clock/freeze, resume or advance",
    "scenario": "scenarios have a resource of their own: /api/v1/scenarios",
}
_LARGEST = Decimal(10) ** 12
_AMOUNT_SCHEMA: Schema = {
    "anyOf": [{"type": "number", "exclusiveMinimum": 0}, {"type": "string", "pattern": r"^\+?[0-9]*\.?[0-9]*$"}]
}


class AccountWish(msgspec.Struct, frozen=True, kw_only=True):
    """An account as somebody wants it. What is not said is None."""

    said: SaidAccount
    seed: int | None = None
    scenario: Scenario | None = None
    clock: ClockMode | None = None


class Credit(msgspec.Struct, frozen=True):
    """Money that is put on an account; without a currency, in that of the account."""

    amount: Decimal
    currency: str | None


def read_new_account(table: JsonTable, name: str, auth_key: str) -> AccountWish:
    """The account a body describes; `name` and `auth_key` are for one that says none.

    Raises SettingsError with every mistake.
    """
    given = {"name": name, "auth_key": auth_key, **table.values}
    return _taken(table, given, lambda place: None)


def read_account_change(table: JsonTable) -> AccountWish:
    """What a body changes of an account. A key that is `null` goes back to its default. SettingsError as above."""

    def complain(place: Place) -> None:
        for key, why in _SETTLED.items():
            if key in table.values or key in table.nulls:
                (place / key).complain(why)

    given = {key: value for key, value in table.values.items() if key not in _SETTLED}
    wish = _taken(table, given, complain)
    emptied = table.nulls - {"seed"}
    return msgspec.structs.replace(wish, said=SaidAccount(wish.said.settings, wish.said.said - {"name"} | emptied))


def read_credit(table: JsonTable) -> Credit:
    """The money a body speaks of: more than nothing. SettingsError as above."""
    problems: list[str] = []
    taken = _CREDIT.take(table.values, Place(problems, table))
    if problems or not isinstance(taken, Credit):
        raise SettingsError(problems)
    return taken


def new_account_schema(definitions: Definitions) -> Schema:
    """The JSON Schema of a body that makes an account."""
    return {**_body_schema(definitions, frozenset()), "examples": [ACCOUNT_BODY.example]}


def account_change_schema(definitions: Definitions) -> Schema:
    """The JSON Schema of a body that changes one."""
    return {
        **_body_schema(definitions, _SETTLED.keys()),
        "examples": [{"routes": ["VerifyCode_516"], "balance": "5.00"}],
    }


def credit_schema(definitions: Definitions) -> Schema:
    """The JSON Schema of money that is put on an account."""
    schema = _CREDIT.schema_in(definitions)
    said = schema["properties"]
    assert isinstance(said, Mapping)
    properties = {**said, "currency": {"anyOf": [said["currency"], {"type": "null"}]}}
    return {**schema, "properties": properties, "examples": [_CREDIT.example]}


def _body_schema(definitions: Definitions, settled: Set[str]) -> Schema:
    properties: dict[str, TomlValue] = {}
    for key, entry in ACCOUNT_BODY.entries().items():
        if key not in settled:
            said = _without_files(entry.kind, definitions) if key == "callback" else entry.kind.schema_in(definitions)
            properties[key] = {"anyOf": [said, {"type": "null"}], "description": entry.doc}
    return {"type": "object", "properties": properties, "additionalProperties": False}


def _without_files(callback: Kind, definitions: Definitions) -> Schema:
    schema = callback.schema_in(definitions)
    said = schema["properties"]
    assert isinstance(said, Mapping)
    return {**schema, "properties": {key: each for key, each in said.items() if key not in _FILES}}


def _taken(table: JsonTable, given: Mapping[str, TomlValue], complain: Callable[[Place], None]) -> AccountWish:
    problems: list[str] = []
    place = Place(problems, table)
    complain(place)
    for key in sorted(table.nulls - ACCOUNT_BODY.entries().keys()):
        (place / key).complain_of_key(f'unknown key "{key}"{suggestion(key, ACCOUNT_BODY.entries())}')
    callback = given.get("callback")
    if isinstance(callback, Mapping):
        for key in _FILES:
            if key in callback:
                (place / "callback" / key).complain("paths of files are for the configuration, not for the API")
        given = {**given, "callback": {key: value for key, value in callback.items() if key not in _FILES}}
    taken = ACCOUNT_BODY.take(given, place)
    if isinstance(taken, AccountWish):
        complain_of_callback(taken.said.settings.callback, place)
    if problems or not isinstance(taken, AccountWish):
        raise SettingsError(problems)
    return taken


def _wish(taken: Mapping[str, object], place: Place) -> AccountWish:
    own = {key: value for key, value in taken.items() if key not in _MORE}
    said = _ACCOUNT.make(own, place)
    assert isinstance(said, SaidAccount)
    more = {key: value for key, value in taken.items() if key in _MORE}
    return msgspec.structs.replace(AccountWish(said=said), **more)


def _scenario(value: TomlValue) -> Scenario:
    if not isinstance(value, str):
        raise UnfitError
    try:
        return _loaded(value)
    except SettingsError as error:
        raise UnfitError(f"the name of a bundled scenario: {error.problems[0]}") from None


@cache
def _loaded(name: str) -> Scenario:
    """Read once: thousands of accounts may be made, and reading takes longer than making one."""
    from cloudsms_simulator.server.scenario_file import load_scenario

    return load_scenario(bundled_scenario(name))


def _amount(value: TomlValue) -> Decimal:
    found = value if isinstance(value, str | int | Decimal) and not isinstance(value, bool) else ""
    try:
        amount = Decimal(found)
    except ArithmeticError:
        raise UnfitError from None
    digits = amount.as_tuple().exponent
    if not (amount.is_finite() and 0 < amount < _LARGEST and isinstance(digits, int) and digits >= -8):
        raise UnfitError
    return Decimal(f"{amount:f}")


_item: Kind = SAID_ACCOUNTS.item
assert isinstance(_item, RecordKind)
_ACCOUNT: RecordKind = _item
_MORE: Mapping[str, Entry] = {
    "seed": Entry(AMOUNT, "What every chance of the account is drawn from; the scenario's or the server's otherwise."),
    "scenario": Entry(
        Scalar(want="the name of a bundled scenario", read=_scenario, example="flaky", schema={"type": "string"}),
        "Bundled scenario the account plays; none otherwise.",
    ),
    "clock": Entry(CLOCK, "How the account's clock goes; as the server's otherwise."),
}

ACCOUNT_BODY = RecordKind(
    want="an object such as {example}",
    entries=cache(lambda: {**_ACCOUNT.entries(), **_MORE}),
    make=_wish,
    lenient=True,
    example={"name": "shop", "clock": "frozen"},
    title="account_body",
)
"""What a new account may be told, as an `AccountWish`."""

_CREDIT = RecordKind(
    want="an object such as {example}",
    entries=lambda: {
        "amount": Entry(
            Scalar(
                want='a decimal above zero, such as "10.00", of at most 8 digits after the point',
                read=_amount,
                schema=_AMOUNT_SCHEMA,
            ),
            "How much.",
            required=True,
        ),
        "currency": Entry(CURRENCY, "What it is in: the account's."),
    },
    make=lambda taken, place: msgspec.structs.replace(Credit(Decimal(0), None), **taken),
    example={"amount": "10.00"},
)
