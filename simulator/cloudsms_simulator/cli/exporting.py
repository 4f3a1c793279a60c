"""Exporting: everything that a search finds, written to a file or to standard output."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import IO, TYPE_CHECKING, TypeVar

import click
import msgspec

from cloudsms_simulator.cli.client_options import account_option, client_options
from cloudsms_simulator.cli.noun import Noun, everything
from cloudsms_simulator.cli.searching import Searching, search_argument

if TYPE_CHECKING:
    from cloudsms_simulator.client import Client

I = TypeVar("I")  # noqa: E741

output_option = click.option(
    "--output", type=click.Path(path_type=Path, dir_okay=False), metavar="FILE", help="Write there instead."
)
"""Where what is exported goes."""


def add_export(group: click.Group, noun: Noun[I]) -> None:
    """Gives a group `export`, for a noun that has no other format than ours."""

    @group.command(
        help=f"Write the {noun.name} that fit a search as JSON Lines, oldest first, with every field.",
        short_help=f"Write {noun.name} as JSON Lines.",
        cls=Searching,
    )
    @search_argument
    @output_option
    @account_option(noun.nobody)
    @client_options
    def export(client: Client, search: tuple[str, ...], output: Path | None, account: str) -> None:
        found = everything(noun, client.of(account), " ".join(search))
        write(json_lines(found), output)


def json_lines(items: Sequence[object]) -> Iterator[bytes]:
    """Each on a line of its own."""
    for item in items:
        yield msgspec.json.encode(item) + b"\n"


def write(pieces: Iterator[bytes], output: Path | None) -> None:
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
