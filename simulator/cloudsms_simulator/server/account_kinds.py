"""The kinds of values an account is written in: keys, countries, prices, balances, callbacks, reports.

Spec: Parameter Details. Spec: Support settlement currency.
"""

import re
from collections.abc import Mapping
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Literal

import msgspec

from cloudsms_simulator.engine.account import ANY, Blacklist, Callback
from cloudsms_simulator.engine.money import CURRENCIES, Money
from cloudsms_simulator.engine.script import Plan, Step, plan_of, step
from cloudsms_simulator.protocol.country_codes import ASSIGNED
from cloudsms_simulator.protocol.limits import (
    AUTH_KEY_OCTETS,
    ROUTE_OCTETS,
    SENDER_OCTETS,
    SIGNATURE_OCTETS,
    octets,
)
from cloudsms_simulator.server.kinds import Kind, ListKind, Scalar, TableKind, UnfitError, take_entries
from cloudsms_simulator.server.place import Place
from cloudsms_simulator.server.setting_kinds import (
    COUNT,
    DURATION,
    FILE,
    ON_OFF,
    POSITIVE_DURATION,
    URL,
    choice,
    read_text,
)
from cloudsms_simulator.server.switches import read_state
from cloudsms_simulator.server.toml_file import TomlValue

Balance = Decimal | Money | Literal["unlimited"]

_AMOUNT = re.compile(r"-?[0-9]{1,12}(\.[0-9]{1,8})?")
_DIGITS = "at most 12 digits before the point and 8 after"
_MOST_DIGITS = 12
_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,63}")
_FIRST_STEP = timedelta(seconds=1)


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

    return Scalar(want=f"{want} of 1 to {most} octets", read=read, example=example, secret=secret)


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


def _prices(table: Mapping[str, TomlValue], place: Place, text: bool) -> Mapping[int | None, Decimal]:
    prices: dict[int | None, Decimal] = {}
    for key, value in table.items():
        price = _PRICE.take(value, place / key)
        country = None if key == ANY else COUNTRY.take(key, place / key)
        if isinstance(price, Decimal) and (isinstance(country, int) or country is None):
            prices[country] = price
    return prices


def _blacklist(table: Mapping[str, TomlValue], place: Place, text: bool) -> Blacklist:
    return msgspec.structs.replace(Blacklist(), **take_entries(table, _BLACKLIST_KINDS, place))


def _callback(table: Mapping[str, TomlValue], place: Place, text: bool) -> Callback:
    taken = take_entries(table, CALLBACK_KINDS, place)
    if "client_key" in taken and "client_cert" not in taken:
        (place / "client_key").complain("got a key alone, want client_cert too, the certificate it belongs to")
    paths = {key: str(path) for key, path in taken.items() if isinstance(path, Path)}
    return msgspec.structs.replace(Callback(), **{**taken, **paths})


def _step(table: Mapping[str, TomlValue], place: Place, text: bool) -> Step | None:
    """A step, or None for `{ none = true }`: no final state comes."""
    taken = take_entries(table, _STEP_KINDS, place)
    if "none" in table:
        if taken != {"none": True} or len(table) != 1:
            place.complain("got more beside none, want { none = true } alone")
        return None
    if "state" not in table:
        place.complain('got no state, want one, such as { state = "DELIVERED", after = "3s" }')
    state, after = taken.get("state"), taken.get("after", _FIRST_STEP)
    if not isinstance(state, int) or not isinstance(after, timedelta):
        return None
    planned = step(state, after, lost=bool(taken.get("lost", False)))
    return msgspec.structs.replace(planned, final=bool(taken.get("final", planned.final)))


def _plan(steps: tuple[object, ...]) -> Plan:
    planned = tuple(each for each in steps if isinstance(each, Step))
    if len(planned) < len(steps) and (None in steps[:-1] or any(each.final for each in planned)):
        raise UnfitError("{ none = true } last, and no final state before it")
    return plan_of(*planned)


_CURRENCIES = tuple(row.currency for row in CURRENCIES)

NAME = Scalar(want="a name of 1 to 64 letters, digits, dots, dashes and underscores", read=_name, example="default")
AUTH_KEY = _short_text(AUTH_KEY_OCTETS, 'a text, or "*" for any key,', "choose-a-key", secret=True)
ROUTES = ListKind(
    want='a list of ROUTE_IDs, or "*" for any',
    item=_short_text(ROUTE_OCTETS, "a ROUTE_ID", "VerifyCode_516"),
    gather=frozenset,
    words={ANY: frozenset({ANY})},
    example=["VerifyCode_516"],
)
COUNTRY = Scalar(want="an assigned country calling code, such as 852", read=_country, example=852)
DIRECTIONS = ListKind(
    want='a list of country codes, or "all"', item=COUNTRY, gather=frozenset, words={"all": None}, example=[852, 65]
)
_PRICE = Scalar(want=f'a price from zero up, {_DIGITS}, such as "0.05"', read=_amount_from_zero, example="0.05")
PRICES = TableKind(
    want='a table from country code, or "*", to price, such as { "852" = "0.05", "*" = "0.10" }',
    table=_prices,
    example={"852": "0.05", ANY: "0.10"},
)
CURRENCY = choice(*_CURRENCIES)
BALANCE = Scalar(
    want=f'"unlimited", a decimal, {_DIGITS}, such as "10.00", or {{ amount = "10.00", currency = "HKD" }} with '
    f"one of {', '.join(_CURRENCIES)}",
    read=_balance,
    example="10.00",
)
CREDIT_LIMIT = Scalar(want=f"a decimal from zero up, {_DIGITS}", read=_amount_from_zero, example="5.00")
SENDER = Scalar(want=f"1 to {SENDER_OCTETS} characters of printable ASCII", read=_sender, example="CloudSMS")
SIGNATURES = ListKind(
    want="a list of signatures",
    item=_short_text(SIGNATURE_OCTETS, "a signature", "CloudSMS"),
    gather=frozenset,
    example=["CloudSMS"],
)
_WORDS = ListKind(want="a list of texts", item=Scalar(want="a text that is not empty", read=read_text))
_BLACKLIST_KINDS: Mapping[str, Kind] = {"numbers": _WORDS, "words": _WORDS}
BLACKLIST = TableKind(
    want='a table such as { numbers = ["85267*"], words = ["casino"] }',
    table=_blacklist,
    example={"numbers": ["85267*"], "words": ["casino"]},
)
CALLBACK_KINDS: Mapping[str, Kind] = {
    "url": URL,
    "retries": ListKind(want='a list of durations, such as ["1s", "10s"]', item=DURATION),
    "connect_timeout": POSITIVE_DURATION,
    "timeout": POSITIVE_DURATION,
    "concurrency": COUNT,
    "verify": ON_OFF,
    "ca": FILE,
    "client_cert": FILE,
    "client_key": FILE,
}
CALLBACK = TableKind(
    want='a table such as { url = "https://localhost:59999/", retries = ["1s", "10s"] }',
    table=_callback,
    example={"url": "https://localhost:59999/", "retries": ["1s", "10s"]},
)
_STEP_KINDS: Mapping[str, Kind] = {
    "state": Scalar(want="the name of a state, or its number", read=read_state),
    "after": DURATION,
    "final": ON_OFF,
    "lost": ON_OFF,
    "none": ON_OFF,
}
REPORT = ListKind(
    want='a list of steps, such as [{ state = "ENROUTE", after = "1s" }, { state = "DELIVERED", after = "5s" }]',
    item=TableKind(want='a table such as { state = "DELIVERED", after = "3s" }', table=_step),
    gather=_plan,
    example=[{"state": "ENROUTE", "after": "1s"}, {"state": "DELIVERED", "after": "5s"}],
)
