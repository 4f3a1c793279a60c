"""`cloudsms-simulator account`: customers made, changed and given money, and what moved on their accounts."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click
import msgspec

from cloudsms_simulator.cli.account_lines import ACCOUNT_COLUMNS, LEDGER, ledger_csv, lines_of
from cloudsms_simulator.cli.assignments import assignments_of
from cloudsms_simulator.cli.client_options import as_json, client_options
from cloudsms_simulator.cli.table import terminal_width

if TYPE_CHECKING:
    from cloudsms_simulator.client import Client
    from cloudsms_simulator.client_items import Account

_name = click.argument("name")
_name_or_default = click.argument("name", default="default")
_settings = click.argument("settings", nargs=-1, metavar="[KEY=VALUE]...")


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
    for line in ACCOUNT_COLUMNS.lines(found, terminal_width()):
        click.echo(line)


@account.command(short_help="Show an account.")
@_name_or_default
@client_options
@as_json
def show(client: Client, name: str, as_json: bool) -> None:
    """Show an account, `default` unless said. AUTH_KEYs are shown as fingerprints."""
    _print(client.accounts.show(name), as_json)


@account.command(short_help="Make an account.")
@_settings
@client_options
@as_json
def create(client: Client, settings: tuple[str, ...], as_json: bool) -> None:
    """Make an account, and print it with its AUTH_KEY, which is shown this once.

    Nothing has to be said; name, auth_key, seed, scenario and clock can be, beside all that `set` changes:
    name=shop balance.amount=10.00 balance.currency=HKD clock=frozen
    """
    _print(client.accounts.create(**assignments_of(settings)), as_json)


@account.command("set", short_help="Change an account until it is reset.")
@_name
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
@_name
@client_options
@as_json
def delete(client: Client, name: str, as_json: bool) -> None:
    """Delete an account that was made here, with all that was kept of it."""
    client.accounts.delete(name)
    click.echo(msgspec.json.encode({"deleted": name}) if as_json else f"{name} is deleted")


@account.command(short_help="Put money on an account.")
@_name
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
@_name
@client_options
@as_json
def reset(client: Client, name: str, as_json: bool) -> None:
    """Make an account as it was created, but for its clock; what was planned does not happen any more."""
    _print(client.accounts.reset(name), as_json)


@account.command(short_help="Show every movement on an account.")
@_name_or_default
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
        for line in LEDGER.lines(found, terminal_width()):
            click.echo(line)
        if not found:
            click.echo("nothing moved", err=True)


def _print(found: Account, as_json: bool) -> None:
    if as_json:
        click.echo(msgspec.json.encode(found))
        return
    for line in lines_of(found):
        click.echo(line)
