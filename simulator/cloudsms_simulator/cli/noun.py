"""A noun: messages, requests or reports, and what the commands have to know of it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Generic, Literal, TypeVar

import click
import msgspec

from cloudsms_simulator.cli.table import Table, terminal_width

if TYPE_CHECKING:
    from cloudsms_simulator.client import Api
    from cloudsms_simulator.client_drivers import BlockingHttp
    from cloudsms_simulator.client_items import Page
    from cloudsms_simulator.client_journal import Journal

I = TypeVar("I")  # noqa: E741

_BIG_PAGE = 1000


class Noun(msgspec.Struct, Generic[I], frozen=True):
    """What the commands have to know of a kind of thing."""

    name: Literal["messages", "requests", "reports"]
    about: Table[I]
    id_of: Callable[[I], str]
    journal: Callable[[Api[BlockingHttp]], Journal[BlockingHttp, I]]
    read: Callable[[object], list[I]]
    """Items as an event has them, read."""
    example: str
    """A search."""
    nobody: str = ""
    """What account `*` means, for the option that says whose."""

    @property
    def one(self) -> Literal["message", "request", "report"]:
        """What one of them is called, as events name it."""
        singular: Literal["message", "request", "report"] = self.name[:-1]  # type: ignore[assignment]
        return singular

    def print(self, items: Sequence[I]) -> None:
        """Prints a table."""
        for line in self.about.lines(items, terminal_width()):
            click.echo(line)


def everything(noun: Noun[I], api: Api[BlockingHttp], search: str) -> list[I]:
    """All that a search finds, oldest first; says on standard error what is gone."""
    found: list[I] = []
    cursor = None
    while True:
        page = noun.journal(api).page(search, limit=_BIG_PAGE, cursor=cursor)
        found += page.items
        cursor = page.cursor
        if cursor is None:
            tell_evicted(noun, page)
            found.reverse()
            return found


def tell_evicted(noun: Noun[I], page: Page[I]) -> None:
    """Says on standard error what the journal has no more, if anything."""
    if page.evicted:
        click.echo(f"{page.evicted:,} {noun.name} were evicted from the journal and are not among these", err=True)
