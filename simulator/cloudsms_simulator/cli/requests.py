"""`cloudsms-simulator requests`: what was sent here, and how it was answered."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click
import msgspec

from cloudsms_simulator.cli.client_options import account_option, as_json, client_options
from cloudsms_simulator.cli.exporting import json_lines, output_option, write
from cloudsms_simulator.cli.journal_commands import add_journal
from cloudsms_simulator.cli.noun import Noun, everything
from cloudsms_simulator.cli.request_lines import REQUESTS, lines_of
from cloudsms_simulator.cli.searching import Searching, search_argument
from cloudsms_simulator.cli.table import terminal_width
from cloudsms_simulator.client_items import Request

if TYPE_CHECKING:
    from cloudsms_simulator.client import Client

NOUN = Noun[Request](
    name="requests",
    about=REQUESTS,
    id_of=lambda request: str(request.id),
    journal=lambda api: api.requests,
    read=lambda items: msgspec.convert(items, list[Request]),
    example="code:0x05",
    nobody="; * for nobody's",
)


@click.group
def requests() -> None:
    """List, show, await and export requests with their answers.

    A request is one exchange, refused ones and refused TLS handshakes included; those that belong to no account are
    listed with --account '*'. A search is written as everywhere: code:0x05 finding:msisdn-* -kind:handshake after:10m
    """


add_journal(requests, NOUN)


@requests.command(short_help="Show a request.")
@click.argument("number", type=click.IntRange(min=0), metavar="ID")
@account_option(NOUN.nobody)
@client_options
@as_json
def show(client: Client, number: int, account: str, as_json: bool) -> None:
    """Show a request: who sent it, what came, what is wrong with it, and the answer. `explain` says what to change."""
    found = client.of(account).requests.show(number)
    if as_json:
        click.echo(msgspec.json.encode(found))
        return
    for line in lines_of(found, terminal_width()):
        click.echo(line)


@requests.command(short_help="Write requests as JSON Lines or HAR.", cls=Searching)
@search_argument
@click.option("--har", is_flag=True, help="Write an HTTP Archive 1.2, for the developer tools of a browser.")
@output_option
@account_option(NOUN.nobody)
@client_options
def export(client: Client, search: tuple[str, ...], har: bool, output: Path | None, account: str) -> None:
    """Write the requests that fit a search, oldest first: as JSON Lines with every field, or as an HTTP Archive.

    AUTH_KEYs are masked. What got no answer, refused TLS handshakes among them, has status 0 in an archive.
    """
    found = everything(NOUN, client.of(account), " ".join(search))
    write(_archive(client, found) if har else json_lines(found), output)


def _archive(client: Client, found: Sequence[Request]) -> Iterator[bytes]:
    from cloudsms_simulator.cli.har import har_of

    info = client.info()
    yield msgspec.json.format(msgspec.json.encode(har_of(found, info.urls.platform, info.version)), indent=2) + b"\n"
