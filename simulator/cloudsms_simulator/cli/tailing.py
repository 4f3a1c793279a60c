"""Tailing: things printed as they come, until there are enough or Ctrl-C."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING, Generic, TypeVar

import click
import msgspec

from cloudsms_simulator.cli.client_options import account_option, client_options
from cloudsms_simulator.cli.exit_codes import CommandError, ExitCode
from cloudsms_simulator.cli.noun import Noun
from cloudsms_simulator.cli.signals import interruptible
from cloudsms_simulator.cli.table import terminal_width
from cloudsms_simulator.cli.terminal import output_failure

if TYPE_CHECKING:
    from cloudsms_simulator.client import Client, Event

I = TypeVar("I")  # noqa: E741

_REMEMBERED = 10_000


def add_tail(group: click.Group, noun: Noun[I]) -> None:
    """Gives a group `tail`."""
    changing = "" if noun.nobody else ", and again when they change"

    @group.command(help=f"Print {noun.name} as they come{changing}, until Ctrl-C.", short_help=f"Follow {noun.name}.")
    @click.option("--count", type=click.IntRange(1), metavar="N", help="End after so many lines.")
    @account_option(noun.nobody)
    @client_options
    @click.option("--json", "as_json", is_flag=True, help="Print each as one JSON object.")
    def tail(client: Client, count: int | None, account: str, as_json: bool) -> None:
        printed, known = 0, _Known(noun)
        with interruptible(), client.events(account) as events:
            click.echo(f'waiting for {noun.name} of "{account}"; Ctrl-C ends it', err=True)
            for event in events:
                for item in known.changed(_items_of(noun, event)):
                    click.echo(msgspec.json.encode(item) if as_json else noun.about.row(item, terminal_width()))
                    printed += 1
                    if printed == count:
                        return
                    if output_failure() is not None:  # nobody reads any more
                        sys.exit(ExitCode.FAILED)
            raise CommandError("the server ended the stream: it has stopped", ExitCode.UNREACHABLE)


class _Known(Generic[I]):
    """What a tail has printed: of things that look as they did, another line would tell nothing."""

    def __init__(self, noun: Noun[I]) -> None:
        self._noun = noun
        self._latest: dict[str, I] = {}

    def changed(self, items: list[I]) -> Iterator[I]:
        """Those that look otherwise than they did."""
        for item in items:
            name = self._noun.id_of(item)
            if self._latest.pop(name, None) != item:
                yield item
            self._latest[name] = item
            if len(self._latest) > _REMEMBERED:
                del self._latest[next(iter(self._latest))]


def _items_of(noun: Noun[I], event: Event) -> list[I]:
    """The things of ours in an event; what else it tells goes to standard error."""
    if event.name == "gap":
        click.echo(f"gap: something came in between that is not shown; {noun.name} ls has it", err=True)
    elif event.name == "reset":
        click.echo("reset: all that was kept is gone", err=True)
    if event.name != noun.one:
        return []
    more = event.data.get("more", 0)
    if more:
        click.echo(f"{more} more before these are not shown; {noun.name} ls has them", err=True)
    return noun.read(event.data["items"])
