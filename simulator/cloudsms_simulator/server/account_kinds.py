"""The kinds of values an account is written in: keys, countries, prices, balances, callbacks.

Spec: Parameter Details. Spec: Support settlement currency.
"""

import re
from collections.abc import Mapping
from decimal import Decimal
from pathlib import Path
from typing import Literal

import msgspec

from cloudsms_simulator.engine.account import ANY, Blacklist, Callback
from cloudsms_simulator.engine.fault import Identity
from cloudsms_simulator.engine.money import CURRENCIES, Money
from cloudsms_simulator.protocol.country_codes import ASSIGNED
from cloudsms_simulator.protocol.limits import (
    AUTH_KEY_OCTETS,
    ROUTE_OCTETS,
    SENDER_OCTETS,
    SIGNATURE_OCTETS,
    octets,
)
from cloudsms_simulator.server.compound_kinds import Entry, MapKind, RecordKind
from cloudsms_simulator.server.kinds import Kind, ListKind, Scalar, Schema, UnfitError
from cloudsms_simulator.server.place import Place
from cloudsms_simulator.server.setting_kinds import (
    COUNT,
    DURATION,
    FILE,
    ON_OFF,
    POSITIVE_DURATION,
    TEXT,
    URL,
    choice,
    read_text,
)
from cloudsms_simulator.server.toml_file import TomlValue

Balance = Decimal | Money | Literal["unlimited"]

_AMOUNT = re.compile(r"-?[0-9]{1,12}(\.[0-9]{1,8})?")
_DIGITS = "at most 12 digits before the point and 8 after"
_MOST_DIGITS = 12
_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,63}")
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
        raise UnfitError
    return Decimal(value)


def _amount_from_zero(value: TomlValue) -> Decimal:
    amount = _amount(value)
    if amount < 0:
        raise UnfitError
    return amount


def _balance(value: TomlValue) -> Balance:
    if value == "unlimited":
        return "unlimited"
    if not isinstance(value, Mapping):
        return _amount(value)
    if set(value) != {"amount", "currency"} or value["currency"] not in _CURRENCIES:
        raise UnfitError
    return next(
        Money(_amount(value["amount"]), row.currency) for row in CURRENCIES if row.currency == value["currency"]
    )


def _short_text(most: int, want: str, example: TomlValue, *, secret: bool = False) -> Kind:
    def read(value: TomlValue) -> str:
        text = read_text(value)
        if octets(text) > most:
            raise UnfitError
        return text

    schema: Schema = {"type": "string", "minLength": 1, "maxLength": most}
    return Scalar(want=f"{want} of 1 to {most} octets", read=read, example=example, secret=secret, schema=schema)


def _name(value: TomlValue) -> str:
    if not isinstance(value, str) or not _NAME.fullmatch(value):
        raise UnfitError
    return value


def _sender(value: TomlValue) -> str:
    text = read_text(value)
    if octets(text) > SENDER_OCTETS or not all("\x20" <= letter <= "\x7f" for letter in text):
        raise UnfitError
    return text


def _country(value: TomlValue) -> int:
    if isinstance(value, str) and re.fullmatch("[0-9]{1,4}", value):
        value = int(value)
    if not isinstance(value, int) or isinstance(value, bool) or value not in ASSIGNED:
        raise UnfitError
    return value


def _price_key(value: TomlValue) -> int | None:
    return None if value == ANY else _country(value)


def _blacklist(taken: Mapping[str, object], place: Place) -> Blacklist:
    return msgspec.structs.replace(Blacklist(), **taken)


def _callback(taken: Mapping[str, object], place: Place) -> Callback:
    if "client_key" in taken and "client_cert" not in taken:
        (place / "client_key").complain("got a key alone, want client_cert too, the certificate it belongs to")
    paths = {key: str(path) for key, path in taken.items() if isinstance(path, Path)}
    identity = Identity(str(taken.get("identity", Identity.VALID)))
    return msgspec.structs.replace(Callback(), **{**taken, **paths, "identity": identity})


def callback_problem(callback: Callback) -> str | None:
    """What is wrong with a callback that says how reports are pushed but not where to; None when nothing is."""
    fields = msgspec.structs.fields(Callback)
    said = [field.name for field in fields if getattr(callback, field.name) != field.default]
    if callback.url is not None or not said:
        return None
    return f'got {", ".join(said)} and no url, want url too, such as "{URL.example}": without it no report is pushed'


_CURRENCIES = tuple(row.currency for row in CURRENCIES)

NAME = Scalar(
    want="a name of 1 to 64 letters, digits, dots, dashes and underscores",
    read=_name,
    example="default",
    schema={"type": "string", "pattern": f"^{_NAME.pattern}$"},
)
AUTH_KEY = _short_text(AUTH_KEY_OCTETS, 'a text, or "*" for any key,', "choose-a-key", secret=True)
ROUTES = ListKind(
    want='a list of ROUTE_IDs, or "*" for any',
    item=_short_text(ROUTE_OCTETS, "a ROUTE_ID", "VerifyCode_516"),
    gather=frozenset,
    words={ANY: frozenset({ANY})},
    example=["VerifyCode_516"],
)
COUNTRY = Scalar(
    want="an assigned country calling code, such as 852",
    read=_country,
    example=852,
    schema={
        "anyOf": [{"type": "integer", "minimum": 1, "maximum": 999}, {"type": "string", "pattern": "^[0-9]{1,4}$"}]
    },
)
DIRECTIONS = ListKind(
    want='a list of country codes, or "all"', item=COUNTRY, gather=frozenset, words={"all": None}, example=[852, 65]
)
PRICES = MapKind(
    want='a table from country code, or "*", to price, such as {example}',
    key=Scalar(want=COUNTRY.want, read=_price_key, schema={"type": "string", "pattern": rf"^([0-9]{{1,4}}|\{ANY})$"}),
    value=Scalar(
        want=f'a price from zero up, {_DIGITS}, such as "0.05"',
        read=_amount_from_zero,
        example="0.05",
        schema=_UNSIGNED_SCHEMA,
    ),
    gather=dict,
    example={"852": "0.05", ANY: "0.10"},
)
CURRENCY = choice(*_CURRENCIES)
BALANCE = Scalar(
    want=f'"unlimited", a decimal, {_DIGITS}, such as {{example}}, or a table of amount and currency, one of '
    f"{', '.join(_CURRENCIES)}",
    read=_balance,
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
CREDIT_LIMIT = Scalar(
    want=f"a decimal from zero up, {_DIGITS}", read=_amount_from_zero, example="5.00", schema=_UNSIGNED_SCHEMA
)
SENDER = Scalar(
    want=f"1 to {SENDER_OCTETS} characters of printable ASCII",
    read=_sender,
    example="CloudSMS",
    schema={"type": "string", "pattern": rf"^[\x20-\x7f]{{1,{SENDER_OCTETS}}}$"},
)
SIGNATURES = ListKind(
    want="a list of signatures",
    item=_short_text(SIGNATURE_OCTETS, "a signature", "CloudSMS"),
    gather=frozenset,
    example=["CloudSMS"],
)
_WORDS = ListKind(want="a list of texts", item=TEXT)
_BLACKLIST: Mapping[str, Entry] = {
    "numbers": Entry(_WORDS, "Globs on country code and number."),
    "words": Entry(_WORDS, "Words in the signed text, letters' case aside."),
}
BLACKLIST = RecordKind(
    want="a table such as {example}",
    entries=lambda: _BLACKLIST,
    make=_blacklist,
    lenient=True,
    example={"numbers": ["85267*"], "words": ["casino"]},
)
_CALLBACK: Mapping[str, Entry] = {
    "url": Entry(URL, "Address of the customer's endpoint, http or https; without it reports are pushed nowhere."),
    "retries": Entry(
        ListKind(want='a list of durations, such as ["1s", "10s"]', item=DURATION),
        "The pause before each further attempt after a failed one; none by default.",
    ),
    "connect_timeout": Entry(POSITIVE_DURATION, "How long connecting may take in wall time; 2s by default."),
    "timeout": Entry(POSITIVE_DURATION, "How long an attempt may take in wall time; 5s by default."),
    "concurrency": Entry(COUNT, "How many reports are on the way at once; 32 by default."),
    "verify": Entry(ON_OFF, "Whether the customer's server certificate must be good; off trusts any."),
    "ca": Entry(FILE, "PEM file with one more authority to trust."),
    "client_cert": Entry(FILE, "PEM file of the certificate the platform shows; else the simulator's own."),
    "client_key": Entry(FILE, "PEM file of that certificate's key."),
    "identity": Entry(
        choice(*Identity), "What is wrong with the certificate the platform shows, or none to show none; else valid."
    ),
}
CALLBACK = RecordKind(
    want="a table such as {example}",
    entries=lambda: _CALLBACK,
    make=_callback,
    lenient=True,
    example={"url": "https://localhost:59999/", "retries": ["1s", "10s"]},
)
