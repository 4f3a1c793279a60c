"""The commands that `messages`, `requests` and `reports` have in common: ls, find, wait, tail and export.

A `ResourceKind` says what they have to know of each: its table, its id, and where the client has it. A search is an
argument in one word or several, also with a dash in front, as in `ls -to:86*`. `tail` prints things as they come,
each once unless it looks different, until there are enough or Ctrl-C; `export` writes all that a search finds,
oldest first, as JSON Lines. What the journal has evicted is said on standard error.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import IO, TYPE_CHECKING, Generic, Literal, TypeVar

import click
import msgspec

from cloudsms_simulator.cli.admin_api import account_option, as_json, client_options
from cloudsms_simulator.cli.output import Table, terminal_width
from cloudsms_simulator.cli.process import CommandError, ExitCode, interruptible, output_failure

if TYPE_CHECKING:
    from cloudsms_simulator.client.client import Api, Client
    from cloudsms_simulator.client.errors import WaitError
    from cloudsms_simulator.client.resources import JournalList
    from cloudsms_simulator.client.transport import BlockingHttpDriver, Event
    from cloudsms_simulator.models.server import Page


I = TypeVar("I")  # noqa: E741

_PAGE_SIZE = 1000


class ResourceKind(msgspec.Struct, Generic[I], frozen=True):
    """What the commands need to know of messages, requests or reports."""

    name: Literal["messages", "requests", "reports"]
    about: Table[I]
    id_of: Callable[[I], str]
    journal: Callable[[Api[BlockingHttpDriver]], JournalList[BlockingHttpDriver, I]]
    read: Callable[[object], list[I]]
    """Reads the items of an event."""
    example: str
    """A search, for the help."""
    nobody: str = ""
    """What account `*` means, for the help of `--account`; empty where it means nothing."""

    @property
    def one(self) -> Literal["message", "request", "report"]:
        """The singular of the name, as events have it."""
        singular: Literal["message", "request", "report"] = self.name[:-1]  # type: ignore[assignment]
        return singular

    def print(self, items: Sequence[I]) -> None:
        """Prints items as a table."""
        for line in self.about.lines(items, terminal_width()):
            click.echo(line)


def all_found(kind: ResourceKind[I], api: Api[BlockingHttpDriver], search: str) -> list[I]:
    """All items that a search finds, oldest first. Says on standard error how many are gone from the journal."""
    found: list[I] = []
    cursor = None
    while True:
        page = kind.journal(api).page(search, limit=_PAGE_SIZE, cursor=cursor)
        found += page.items
        cursor = page.cursor
        if cursor is None:
            tell_evicted(kind, page)
            found.reverse()
            return found


def tell_evicted(kind: ResourceKind[I], page: Page[I]) -> None:
    """Says on standard error how many items the journal has evicted, if any."""
    if page.evicted:
        click.echo(f"{page.evicted:,} {kind.name} were evicted from the journal and are not among these", err=True)


search_argument = click.argument("search", nargs=-1)
"""The search, its words as one argument or as several."""


class SearchCommand(click.Command):
    """A command with a search, whose terms may begin with a dash, as in `ls -to:86*`."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Moves terms that begin with a dash behind `--`, where click looks for no options."""
        valued = {opt for param in self.params if not getattr(param, "is_flag", False) for opt in param.opts}
        options: list[str] = []
        terms: list[str] = []
        rest = iter(args)
        for each in rest:
            if each == "--":
                terms += rest
            elif len(each) > 2 and each[0] == "-" and each[1] != "-":
                terms.append(each)
            else:
                options.append(each)
                if each.startswith("--") and each in valued:
                    value = next(rest, None)
                    if value is None:  # which click complains of
                        return super().parse_args(ctx, options)
                    options.append(value)
        return super().parse_args(ctx, [*options, "--", *terms])


ExportedT = TypeVar("ExportedT")

output_option = click.option(
    "--output", type=click.Path(path_type=Path, dir_okay=False), metavar="FILE", help="Write there instead."
)
"""The option that names the file to export to."""


def add_export(group: click.Group, kind: ResourceKind[ExportedT]) -> None:
    """Adds the command `export` to a group, for a kind that is written as JSON Lines only."""

    @group.command(
        help=f"Write the {kind.name} that fit a search as JSON Lines, oldest first, with every field.",
        short_help=f"Write {kind.name} as JSON Lines.",
        cls=SearchCommand,
    )
    @search_argument
    @output_option
    @account_option(kind.nobody)
    @client_options
    def export(client: Client, search: tuple[str, ...], output: Path | None, account: str) -> None:
        found = all_found(kind, client.of(account), " ".join(search))
        write_output(json_lines(found), output)


def json_lines(items: Sequence[object]) -> Iterator[bytes]:
    """Each item as JSON on a line of its own."""
    for item in items:
        yield msgspec.json.encode(item) + b"\n"


def write_output(pieces: Iterator[bytes], output: Path | None) -> None:
    """Writes to a file, or to standard output. Ends with 2 when the file cannot be written."""
    try:
        with _opened(output) as file:
            for piece in pieces:
                file.write(piece)
            file.flush()
    except OSError as error:
        if output is None:
            raise
        raise click.BadParameter(f"{output}: {error.strerror or error}", param_hint="--output") from error


def _opened(output: Path | None) -> AbstractContextManager[IO[bytes]]:
    return nullcontext(sys.stdout.buffer) if output is None else output.open("wb")


TailedT = TypeVar("TailedT")

_MAX_REMEMBERED = 10_000


def add_tail(group: click.Group, kind: ResourceKind[TailedT]) -> None:
    """Adds the command `tail` to a group."""
    changing = "" if kind.nobody else ", and again when they change"

    @group.command(help=f"Print {kind.name} as they come{changing}, until Ctrl-C.", short_help=f"Follow {kind.name}.")
    @click.option("--count", type=click.IntRange(1), metavar="N", help="End after so many lines.")
    @account_option(kind.nobody)
    @client_options
    @click.option("--json", "as_json", is_flag=True, help="Print each as one JSON object.")
    def tail(client: Client, count: int | None, account: str, as_json: bool) -> None:
        printed, known = 0, _Printed(kind)
        with interruptible(), client.events(account) as events:
            click.echo(f'waiting for {kind.name} of "{account}"; Ctrl-C ends it', err=True)
            for event in events:
                for item in known.changed(_items_of(kind, event)):
                    click.echo(msgspec.json.encode(item) if as_json else kind.about.row(item, terminal_width()))
                    printed += 1
                    if printed == count:
                        return
                    if output_failure() is not None:  # nobody reads any more
                        sys.exit(ExitCode.FAILED)
            raise CommandError("the server ended the stream: it has stopped", ExitCode.UNREACHABLE)


class _Printed(Generic[TailedT]):
    """Remembers what `tail` has printed, so that an item is printed again only when it has changed."""

    def __init__(self, kind: ResourceKind[TailedT]) -> None:
        self._kind = kind
        self._latest: dict[str, TailedT] = {}

    def changed(self, items: list[TailedT]) -> Iterator[TailedT]:
        """The items that are new or have changed since they were last printed."""
        for item in items:
            name = self._kind.id_of(item)
            if self._latest.pop(name, None) != item:
                yield item
            self._latest[name] = item
            if len(self._latest) > _MAX_REMEMBERED:
                del self._latest[next(iter(self._latest))]


def _items_of(kind: ResourceKind[TailedT], event: Event) -> list[TailedT]:
    """The items of this kind in an event; what else it says goes to standard error."""
    if event.name == "gap":
        click.echo(f"gap: something came in between that is not shown; {kind.name} ls has it", err=True)
    elif event.name == "reset":
        click.echo("reset: all that was kept is gone", err=True)
    if event.name != kind.one:
        return []
    more = event.data.get("more", 0)
    if more:
        click.echo(f"{more} more before these are not shown; {kind.name} ls has them", err=True)
    return kind.read(event.data["items"])


ShownT = TypeVar("ShownT")

_SHOWN = 20
_MOST_SHOWN = 1000


def add_journal_commands(group: click.Group, kind: ResourceKind[ShownT]) -> None:
    """Adds the commands to a group that every kind has: ls, find, wait and tail."""
    for add in (_add_ls, _add_find, _add_wait, add_tail):
        add(group, kind)


def _add_ls(group: click.Group, kind: ResourceKind[ShownT]) -> None:
    @group.command(
        help=f"List the {kind.name} that fit a search, such as {kind.example}, newest last; all without one.",
        short_help=f"List {kind.name}.",
        cls=SearchCommand,
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
    @account_option(kind.nobody)
    @client_options
    @as_json
    def ls(client: Client, search: tuple[str, ...], limit: int, account: str, as_json: bool) -> None:
        page = kind.journal(client.of(account)).page(" ".join(search), limit=limit)
        if as_json:
            click.echo(msgspec.json.encode(page))
            return
        kind.print(page.items[::-1])
        if not page.items:
            click.echo(f"no {kind.name}", err=True)
        elif page.cursor is not None:
            click.echo(f"the newest {len(page.items)} of {page.total:,}; --limit shows more", err=True)
        tell_evicted(kind, page)
        if kind.nobody and account != "*":
            _tell_of_nobodys(kind, client, " ".join(search))


def _add_find(group: click.Group, kind: ResourceKind[ShownT]) -> None:
    @group.command(
        help=f"Print the ids of the {kind.name} that fit a search, oldest first, one a line. Ends 1 when none does.",
        short_help=f"Print the ids of {kind.name}.",
        cls=SearchCommand,
    )
    @search_argument
    @account_option(kind.nobody)
    @client_options
    @as_json
    def find(client: Client, search: tuple[str, ...], account: str, as_json: bool) -> None:
        ids = [kind.id_of(item) for item in all_found(kind, client.of(account), " ".join(search))]
        if as_json:
            click.echo(msgspec.json.encode({"items": ids}))
        else:
            for each in ids:
                click.echo(each)
        sys.exit(ExitCode.OK if ids else ExitCode.FAILED)


def _add_wait(group: click.Group, kind: ResourceKind[ShownT]) -> None:
    @group.command(
        short_help=f"Wait for {kind.name}.",
        help=f"Wait until there are {kind.name} that fit a search. Ends 4, and says what came close, when they do not "
        "come in time, or when only a frozen clock keeps them from coming.",
        cls=SearchCommand,
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
    @account_option(kind.nobody)
    @client_options
    @as_json
    def wait(client: Client, search: tuple[str, ...], count: int, timeout: float, account: str, as_json: bool) -> None:
        from cloudsms_simulator.client.errors import WaitError

        try:
            items = kind.journal(client.of(account)).wait(" ".join(search), count=count, timeout=timeout)
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
            kind.print(items)


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


def _tell_of_nobodys(kind: ResourceKind[ShownT], client: Client, search: str) -> None:
    total = kind.journal(client.of("*")).page(search, limit=1).total
    if total:
        click.echo(f"{total:,} more belong to no account: cloudsms-simulator {kind.name} ls --account '*'", err=True)
