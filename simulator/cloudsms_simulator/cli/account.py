"""`cloudsms-simulator account`: accounts made, changed, deleted and given money, and what moved on them.

Settings are `KEY=VALUE`, put together as the JSON object that the API takes: `a.b=1` is a member of a member. A
value is JSON where it can be read as JSON, otherwise text; a fraction is text too, so it stays exact.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import click
import msgspec

from cloudsms_simulator.cli.admin_api import as_json, client_options
from cloudsms_simulator.cli.output import Column, Table, terminal_width

if TYPE_CHECKING:
    from cloudsms_simulator.client.client import Client
    from cloudsms_simulator.models.account import AccountItem, CallbackItem, LedgerItem


AssignedValue = object

_FRACTION = re.compile(r"-?[0-9]+\.[0-9]+")


def assignments_of(said: Sequence[str]) -> dict[str, AssignedValue]:
    """The object that `a=1`, `b.c=text` and `b.d=true` make.

    A value that is JSON counts as that, but for fractions, which stay exact as texts; anything else is a text. Ends the
    command with 2 when one is no assignment, or says again what another said.
    """
    found: dict[str, AssignedValue] = {}
    for each in said:
        key, equals, text = each.partition("=")
        *tables, last = key.split(".")
        if not equals or not all((*tables, last)):
            raise click.UsageError(
                f'got "{each}", want KEY=VALUE, such as balance=10.00 or callback.url=https://localhost/'
            )
        table = found
        for name in tables:
            inner = table.setdefault(name, {})
            if not isinstance(inner, dict):
                raise click.UsageError(f'"{each}": {name} was given a value already')
            table = inner
        if last in table:
            raise click.UsageError(f'"{each}": {key} was said already')
        table[last] = _assigned_value(text)
    return found


def _assigned_value(text: str) -> AssignedValue:
    if _FRACTION.fullmatch(text):
        return text
    try:
        value: AssignedValue = msgspec.json.decode(text)
    except (msgspec.DecodeError, UnicodeEncodeError, RecursionError):
        return text
    return value


_TOLD_ABOVE = frozenset(
    {"balance", "callback", "credit_limit", "currency", "default_sender", "directions", "prices", "profile", "routes"}
    | {"seed"}
)
"""Settings that have a line of their own; every other is told as it is."""
_NO_CALLBACK = "none: reports are pushed nowhere"


def account_details(account: AccountItem) -> Iterator[str]:
    """All of an account."""
    prices = ", ".join(f"{country}: {price}" for country, price in account.prices.items())
    directions = account.directions
    yield f"name        {account.name}"
    yield f"auth_key    {account.auth_key}"
    yield f"balance     {account.balance}, credit limit {account.credit_limit}"
    yield f"prices      {prices} {account.currency}"
    yield f"routes      {', '.join(account.routes)}"
    yield f"directions  {directions if isinstance(directions, str) else ', '.join(map(str, directions))}"
    yield f"sender      {account.default_sender}"
    yield from _callback(account.callback)
    yield f"profile     {account.profile}"
    yield f"scenario    {account.scenario or 'none'}, {account.rules} rules and faults, seed {account.seed}"
    yield f"now         {account.now.isoformat(' ')}, {account.outstanding} outstanding"
    for key, value in account.settings.items():
        if key not in _TOLD_ABOVE and value is not None:
            yield f"{key:<14} {msgspec.json.encode(value).decode()}"


def _callback(callback: CallbackItem) -> Iterator[str]:
    yield f"callback    {callback.url or _NO_CALLBACK}"
    if callback.url is not None:
        pauses = ", ".join(f"{pause:g} s" for pause in callback.retries_s)
        yield f"            {f'retries after {pauses}' if pauses else 'no retries'}"
        if not callback.verify:
            yield "            verify off: any certificate is good"


ACCOUNT_TABLE: Table[AccountItem] = Table(
    lambda account: account.now,
    (
        Column("NAME", lambda account: account.name),
        Column("AUTH_KEY", lambda account: account.auth_key, spare=True),
        Column("BALANCE", lambda account: str(account.balance), right=True),
        Column("OUTSTANDING", lambda account: str(account.outstanding), right=True),
        Column("CALLBACK", lambda account: account.callback.url or "none"),
    ),
)
"""Accounts, the moment being what their clock shows."""

LEDGER_TABLE: Table[LedgerItem] = Table(
    lambda movement: movement.at,
    (
        Column("UID", lambda movement: movement.uid or ""),
        Column("REASON", lambda movement: movement.reason),
        Column("AMOUNT", lambda movement: str(movement.amount), right=True),
        Column("BALANCE", lambda movement: str(movement.balance), right=True),
    ),
)
"""Movements on one account."""


def ledger_csv(movements: Sequence[LedgerItem]) -> str:
    """The movements as CSV, with a row of headings."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(("at", "uid", "reason", "amount", "currency", "balance_after"))
    for each in movements:
        at, amount = each.at.isoformat(), f"{each.amount.amount:f}"
        writer.writerow((at, each.uid or "", each.reason, amount, each.amount.currency, f"{each.balance.amount:f}"))
    return out.getvalue()


_name_argument = click.argument("name")
_name_or_default_argument = click.argument("name", default="default")
_settings_argument = click.argument("settings", nargs=-1, metavar="[KEY=VALUE]...")


@click.group
def account() -> None:
    """Make, show, change and delete accounts, and see what moved on them.

    KEY=VALUE takes the keys of [[accounts]] in the configuration; a dot goes into a table: callback.url=https://localhost/
    prices.852=0.05. A VALUE that is JSON counts as that: routes='["VerifyCode_516"]' callback.verify=false.
    """


@account.command
@client_options
@as_json
def ls(client: Client, as_json: bool) -> None:
    """List the accounts."""
    found = client.accounts.all()
    if as_json:
        click.echo(msgspec.json.encode({"items": found}))
        return
    for line in ACCOUNT_TABLE.lines(found, terminal_width()):
        click.echo(line)


@account.command(short_help="Show an account.")
@_name_or_default_argument
@client_options
@as_json
def show(client: Client, name: str, as_json: bool) -> None:
    """Show an account, `default` unless said. AUTH_KEYs are shown as fingerprints."""
    _print(client.accounts.show(name), as_json)


@account.command(short_help="Make an account.")
@_settings_argument
@client_options
@as_json
def create(client: Client, settings: tuple[str, ...], as_json: bool) -> None:
    """Make an account, and print it with its AUTH_KEY, which is shown this once.

    Nothing has to be said; name, auth_key, seed, scenario and clock can be, beside all that `set` changes:
    name=shop balance.amount=10.00 balance.currency=HKD clock=frozen
    """
    _print(client.accounts.create(**assignments_of(settings)), as_json)


@account.command("set", short_help="Change an account until it is reset.")
@_name_argument
@click.argument("settings", nargs=-1, required=True, metavar="KEY=VALUE...")
@client_options
@as_json
def change(client: Client, name: str, settings: tuple[str, ...], as_json: bool) -> None:
    """Change settings of an account until it is reset, and show it. KEY=null goes back to the default.

    A table, such as callback, is replaced as a whole: say all of it that is to hold. Certificate files of the
    configuration stay.
    """
    _print(client.accounts.change(name, **assignments_of(settings)), as_json)


@account.command(short_help="Delete an account.")
@_name_argument
@client_options
@as_json
def delete(client: Client, name: str, as_json: bool) -> None:
    """Delete an account that was made here, with all that was kept of it."""
    client.accounts.delete(name)
    click.echo(msgspec.json.encode({"deleted": name}) if as_json else f"{name} is deleted")


@account.command(short_help="Put money on an account.")
@_name_argument
@click.argument("amount")
@click.argument("currency", required=False)
@client_options
@as_json
def credit(client: Client, name: str, amount: str, currency: str | None, as_json: bool) -> None:
    """Put money on an account: credit shop 10.00"""
    movement = client.accounts.credit(name, amount, currency)
    if as_json:
        click.echo(msgspec.json.encode(movement))
    else:
        click.echo(f"{movement.amount} put on {name}; balance {movement.balance}")


@account.command(short_help="Make an account as it was created.")
@_name_argument
@client_options
@as_json
def reset(client: Client, name: str, as_json: bool) -> None:
    """Make an account as it was created, but for its clock; what was planned does not happen any more."""
    _print(client.accounts.reset(name), as_json)


@account.command(short_help="Show every movement on an account.")
@_name_or_default_argument
@client_options
@as_json
@click.option("--csv", "as_csv", is_flag=True, help="Print CSV with a row of headings.")
def ledger(client: Client, name: str, as_json: bool, as_csv: bool) -> None:
    """Show every movement on an account, oldest first; `default` unless said."""
    if as_json and as_csv:
        raise click.UsageError("give one of --json and --csv")
    found = client.accounts.ledger(name)
    if as_json:
        click.echo(msgspec.json.encode({"items": found}))
    elif as_csv:
        click.echo(ledger_csv(found), nl=False)
    else:
        for line in LEDGER_TABLE.lines(found, terminal_width()):
            click.echo(line)
        if not found:
            click.echo("nothing moved", err=True)


def _print(found: AccountItem, as_json: bool) -> None:
    if as_json:
        click.echo(msgspec.json.encode(found))
        return
    for line in account_details(found):
        click.echo(line)
