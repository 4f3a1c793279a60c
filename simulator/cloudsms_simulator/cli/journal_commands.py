"""The commands that messages, requests and reports all have: ls, find, wait, and `tail`."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING, TypeVar

import click
import msgspec

from cloudsms_simulator.cli.client_options import account_option, as_json, client_options
from cloudsms_simulator.cli.exit_codes import ExitCode
from cloudsms_simulator.cli.noun import Noun, everything, tell_evicted
from cloudsms_simulator.cli.searching import Searching, search_argument
from cloudsms_simulator.cli.tailing import add_tail

if TYPE_CHECKING:
    from cloudsms_simulator.client import Client, WaitError

I = TypeVar("I")  # noqa: E741

_SHOWN = 20
_MOST_SHOWN = 1000


def add_journal(group: click.Group, noun: Noun[I]) -> None:
    """Gives a group the commands that every noun has."""
    for add in (_add_ls, _add_find, _add_wait, add_tail):
        add(group, noun)


def _add_ls(group: click.Group, noun: Noun[I]) -> None:
    @group.command(
        help=f"List the {noun.name} that fit a search, such as {noun.example}, newest last; all without one.",
        short_help=f"List {noun.name}.",
        cls=Searching,
    )
    @search_argument
    @click.option(
        "--limit",
        type=click.IntRange(1, _MOST_SHOWN),
        default=_SHOWN,
        show_default=True,
        metavar="N",
        help="The newest so many.",
    )
    @account_option(noun.nobody)
    @client_options
    @as_json
    def ls(client: Client, search: tuple[str, ...], limit: int, account: str, as_json: bool) -> None:
        page = noun.journal(client.of(account)).page(" ".join(search), limit=limit)
        if as_json:
            click.echo(msgspec.json.encode(page))
            return
        noun.print(page.items[::-1])
        if not page.items:
            click.echo(f"no {noun.name}", err=True)
        elif page.cursor is not None:
            click.echo(f"the newest {len(page.items)} of {page.total:,}; --limit shows more", err=True)
        tell_evicted(noun, page)
        if noun.nobody and account != "*":
            _tell_nobodys(noun, client, " ".join(search))


def _add_find(group: click.Group, noun: Noun[I]) -> None:
    @group.command(
        help=f"Print the ids of the {noun.name} that fit a search, oldest first, one a line. Ends 1 when none does.",
        short_help=f"Print the ids of {noun.name}.",
        cls=Searching,
    )
    @search_argument
    @account_option(noun.nobody)
    @client_options
    @as_json
    def find(client: Client, search: tuple[str, ...], account: str, as_json: bool) -> None:
        ids = [noun.id_of(item) for item in everything(noun, client.of(account), " ".join(search))]
        if as_json:
            click.echo(msgspec.json.encode({"items": ids}))
        else:
            for each in ids:
                click.echo(each)
        sys.exit(ExitCode.OK if ids else ExitCode.FAILED)


def _add_wait(group: click.Group, noun: Noun[I]) -> None:
    @group.command(
        short_help=f"Wait for {noun.name}.",
        help=f"Wait until there are {noun.name} that fit a search. Ends 4, and says what came close, when they do not "
        "come in time, or when only a frozen clock keeps them from coming.",
        cls=Searching,
    )
    @search_argument
    @click.option(
        "--count", type=click.IntRange(1), default=1, show_default=True, metavar="N", help="How many there have to be."
    )
    @click.option(
        "--timeout",
        type=click.FloatRange(0, 3600),
        default=10,
        show_default=True,
        metavar="SECONDS",
        help="How long it may take, by the wall.",
    )
    @account_option(noun.nobody)
    @client_options
    @as_json
    def wait(client: Client, search: tuple[str, ...], count: int, timeout: float, account: str, as_json: bool) -> None:
        from cloudsms_simulator.client_errors import WaitError

        try:
            items = noun.journal(client.of(account)).wait(" ".join(search), count=count, timeout=timeout)
        except WaitError as error:
            if as_json:
                click.echo(msgspec.json.encode(_Missed(error.detail, error.count, error.total, error.closest)))
            else:
                for line in _closest(error):
                    click.echo(line)
            raise
        if as_json:
            click.echo(msgspec.json.encode({"items": items}))
        else:
            noun.print(items)


class _Missed(msgspec.Struct, frozen=True):
    detail: str
    count: int
    total: int
    closest: object


def _closest(error: WaitError) -> Iterator[str]:
    for close in error.closest:
        misses = "; ".join(
            f"{miss.term}: {'it has nothing' if miss.got is None else f'it has {miss.got}'}" for miss in close.misses
        )
        yield f"close: {close.name}  {misses}"


def _tell_nobodys(noun: Noun[I], client: Client, search: str) -> None:
    total = noun.journal(client.of("*")).page(search, limit=1).total
    if total:
        click.echo(f"{total:,} more belong to no account: cloudsms-simulator {noun.name} ls --account '*'", err=True)
