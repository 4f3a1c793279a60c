"""`cloudsms-simulator store`: a database while no server has it: checked, brought up to date, taken out, put in.

The store is found as `serve` finds it: by `--store`, by CLOUDSMS_SIM_STORE, or in the TOML file. No setting changes
what is in it: its accounts stay as they are, and nothing is pushed or evicted. `export` and `import` speak the document
of `/api/v1/state`, so that everything moves between stores, and between a server and a file.
"""

import asyncio
import functools
import os
import sys
from collections.abc import Awaitable, Callable, Iterator
from contextlib import closing, nullcontext
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import IO, TYPE_CHECKING, TypeVar

import click
import msgspec

from cloudsms_simulator.cli.process import CommandError, ExitCode
from cloudsms_simulator.cli.serve import OFFERED_SETTINGS, settings_options
from cloudsms_simulator.config.settings import LoadedSettings, Settings
from cloudsms_simulator.models.server import StorePlace

if TYPE_CHECKING:
    from cloudsms_simulator.simulator import Simulator

R = TypeVar("R")

_FINDS_A_STORE = tuple(field for field in OFFERED_SETTINGS if field.name in ("store", "config"))
_finding_it = functools.partial(settings_options, fields=_FINDS_A_STORE)
_as_json = click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")


class CheckedStore(msgspec.Struct, frozen=True):
    """What a check found; of a file that is not whole nothing but that."""

    store: str
    schema: int
    format: int
    octets: int
    accounts: int | None = None
    messages: int | None = None
    problems: tuple[str, ...] = ()


class MigratedStore(msgspec.Struct, frozen=True, rename={"before": "from", "after": "to"}):
    """The numbers of a schema before and after it was brought up to date."""

    store: str
    before: int
    after: int

    @property
    def is_as_before(self) -> bool:
        """Whether there was nothing to do."""
        return self.before == self.after


@click.group
def store() -> None:
    """Check, upgrade, export and import a store in a database, while no server has it open."""


@store.command
@_as_json
@_finding_it
def check(loaded: LoadedSettings, as_json: bool) -> None:
    """Read all of a store; ends 1 when something is wrong with it.

    The file must be whole, every row readable, and the ledger of each account sum to its balance.
    """
    from cloudsms_simulator.stores.durable import open_database

    place = _place(loaded)
    with closing(open_database(place)) as database:
        schema, form = database.schema, database.format
        found = CheckedStore(str(place), schema, form, database.octets, problems=tuple(database.problems()))
    if not found.problems:
        found = _run(place, functools.partial(_read_all, found))
    if as_json:
        click.echo(msgspec.json.encode(found))
    else:
        for line in _checked_lines(found):
            click.echo(line)
    sys.exit(ExitCode.FAILED if found.problems else ExitCode.OK)


async def _read_all(found: CheckedStore, simulator: "Simulator") -> CheckedStore:
    from cloudsms_simulator.stores.store import StoreError

    kept, accounts = simulator.store, tuple(simulator.directory)
    try:
        await kept.fresh(None)
    except StoreError as error:
        return msgspec.structs.replace(found, problems=(str(error),))
    problems = []
    for account in accounts:
        balance = kept.standing(account).balance
        booked = sum((entry.amount for entry in kept.ledger(account)), Decimal(0))
        if balance is not None and booked != balance:
            problems.append(f"account {account.name}: the ledger sums to {booked}, and the balance is {balance}")
    messages = sum(kept.messages(account).total for account in accounts)
    return msgspec.structs.replace(found, accounts=len(accounts), messages=messages, problems=tuple(problems))


def _checked_lines(found: CheckedStore) -> Iterator[str]:
    yield found.store
    yield f"  schema     {found.schema}, format {found.format}"
    yield f"  octets     {found.octets:,}"
    if found.accounts is not None and found.messages is not None:
        yield f"  accounts   {found.accounts:,}"
        yield f"  messages   {found.messages:,}"
    for problem in found.problems:
        yield f"  wrong      {problem}"
    if not found.problems:
        yield "  all is well"


@store.command
@_as_json
@_finding_it
def migrate(loaded: LoadedSettings, as_json: bool) -> None:
    """Bring the schema of a store up to date, as `serve` does at its start."""
    from cloudsms_simulator.stores.durable import open_database

    place = _place(loaded)
    with closing(open_database(place)) as database:
        found = MigratedStore(str(place), database.found_schema, database.schema)
    if as_json:
        click.echo(msgspec.json.encode(found))
    else:
        click.echo(f"{place}: schema {found.after}, {'as before' if found.is_as_before else f'from {found.before}'}")


@store.command
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False, allow_dash=True))
@_finding_it
def export(loaded: LoadedSettings, file: Path) -> None:
    """Write everything in a store to a FILE, or for - to standard output.

    It is the document that GET /api/v1/state gives, with AUTH_KEYs: nobody but you can read a new file.
    """
    document = _run(_place(loaded), lambda simulator: simulator.state().take())
    private = functools.partial(os.open, mode=0o600)
    with nullcontext(sys.stdout.buffer) if str(file) == "-" else open(file, "wb", opener=private) as output:
        output.write(document)
        output.flush()


@store.command(name="import")
@click.argument("file", type=click.File("rb"))
@_finding_it
def import_(loaded: LoadedSettings, file: IO[bytes]) -> None:
    """Put the state in a FILE, or for - in standard input, in the place of all that a store has.

    The store is made when it is not there. It is not changed when the document is none that `export` or GET
    /api/v1/state wrote.
    """
    document = file.read()
    _run(_place(loaded, made=True), lambda simulator: simulator.state().put(document, trusted=True))


def _place(loaded: LoadedSettings, *, made: bool = False) -> StorePlace:
    """Where the store is. Ends with 2 when there is none, unless it is `made`."""
    place = loaded.settings.store
    if place is None:
        raise CommandError("store: got memory, want a database, such as --store sqlite:cloudsms.db", ExitCode.USAGE)
    if place.kind == "sqlite" and not (made or Path(place.where).exists()):
        raise CommandError(f"store: got {place}, want a file that is there", ExitCode.USAGE)
    if place.kind == "postgresql" and not made:
        from cloudsms_simulator.stores.postgres import PostgresDatabase

        PostgresDatabase(place, migrates=False).close()
    return place


def _run(place: StorePlace, work: Callable[["Simulator"], Awaitable[R]]) -> R:
    """Does something with a simulator that has what the store has, pushes nothing and evicts nothing."""
    from cloudsms_simulator.simulator import Simulator

    async def story() -> R:
        await simulator.pusher.close(0)
        try:
            return await work(simulator)
        finally:
            await simulator.stop(timedelta(0))

    settings = Settings(store=place, plain=True, journal_messages=sys.maxsize, journal_bytes=sys.maxsize)
    simulator = Simulator(settings, configures=False)
    return asyncio.run(story())
