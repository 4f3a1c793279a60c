"""`store`, on databases that a simulator wrote; and that it changes nothing of them."""

import asyncio
import json
import re
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import httpx2
import pytest
from cli_runner import CliRunner
from click.testing import Result
from durable_stores import ask, new_place
from postgres_server import needs_postgres, shared_server

from cloudsms_simulator.cli import main
from cloudsms_simulator.cli.process import ExitCode
from cloudsms_simulator.config.account_schema import AccountSettings
from cloudsms_simulator.config.settings import Settings
from cloudsms_simulator.engine.account import DEFAULT_AUTH_KEY, Callback
from cloudsms_simulator.models.server import StorePlace
from cloudsms_simulator.simulator import Simulator
from cloudsms_simulator.stores import postgres, sqlite
from cloudsms_simulator.stores.database import MIGRATIONS

Json = dict[str, object]
PACKET = {
    "METHOD": "SMS_SEND_REQUEST",
    "TYPE": "REQUEST",
    "SERIAL": 1,
    "TIME": "2026-11-22 12:00:00",
    "VERSION": "2021-01-01",
    "AUTH_KEY": DEFAULT_AUTH_KEY,
    "ROUTE_ID": "VerifyCode_516",
    "SMS_CONTENT": "Your code is 123456",
    "MULTI_MSISDN_LIST": [{"COUNTRY_CODE": 852, "DEST_MSISDN": "67000011"}],
}
CONFIGURED = AccountSettings(
    callback=Callback(url="http://127.0.0.1:9/", ca="/somewhere/ca.pem"), report=AccountSettings().report
)


@pytest.fixture(autouse=True)
def _clean_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("CONFIG", "STORE"):
        monkeypatch.delenv(f"CLOUDSMS_SIM_{name}", raising=False)


def same(one: Json, other: Json) -> bool:
    """Whether two state documents are the same, but for the clock of what is nobody's, which always goes."""
    clocks = [document["nobody"]["standing"].pop("clock", None) for document in (one, other)]  # type: ignore[index]
    assert clocks
    return one == other


def run(*args: object, stdin: bytes | None = None) -> Result:
    return CliRunner().invoke(main, ["store", *map(str, args)], input=stdin)


def serve(where: Path | StorePlace, *, sends: int = 0, **changes: object) -> Json:
    """A run of a simulator with a store, whose clock stands: sends, and gives its state document."""
    clock: Json = {"clock": "frozen", "accounts": (CONFIGURED,), "asgi_admin": "open"}
    place = where if isinstance(where, StorePlace) else StorePlace("sqlite", str(where))
    simulator = Simulator(Settings(store=place, **(clock | changes)))  # type: ignore[arg-type]

    async def story() -> bytes:
        async with httpx2.AsyncClient(
            transport=httpx2.ASGITransport(simulator.app), base_url="http://localhost"
        ) as client:
            for _ in range(sends):
                assert (await client.post("/dave/io", json=PACKET)).json()["RESULT_CODE"] == 1
            if sends:
                await client.post("/api/v1/accounts", json={"name": "shop", "balance": "7", "clock": "frozen"})
            state = (await client.get("/api/v1/state")).content
        await simulator.app._run.end()
        return state

    document: Json = json.loads(asyncio.run(story()))
    return document


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """A store with two accounts and three messages, one of which is about to be reported."""
    path = tmp_path / "a.db"
    serve(path, sends=3)
    return path


def exported(file: Path) -> Json:
    result = run("export", "-", "--store", f"sqlite:{file}")
    assert result.exit_code == 0, result.output
    document: Json = json.loads(result.stdout)
    return document


def test_a_store_that_is_whole_is_well_and_said_in_numbers(file: Path) -> None:
    result = run("check", "--store", f"sqlite:{file}")
    assert (result.exit_code, result.stdout.splitlines()[0]) == (0, f"sqlite:{file}")
    assert result.stdout.splitlines()[3:] == ["  accounts   2", "  messages   3", "  all is well"]
    result = run("check", "--json", "--store", f"sqlite:{file}")
    told = json.loads(result.stdout)
    assert told.pop("octets") >= file.stat().st_size
    schema = {"schema": len(MIGRATIONS), "format": 1}
    assert told == {"store": f"sqlite:{file}", "accounts": 2, "messages": 3, "problems": [], **schema}


def torn(file: Path) -> str:
    with closing(sqlite3.connect(file)) as database:
        [(page,)] = database.execute("SELECT rootpage FROM sqlite_master WHERE type = 'table' AND name = 'item'")
        [(size,)] = database.execute("PRAGMA page_size")
    octets = bytearray(file.read_bytes())
    octets[(page - 1) * size : page * size] = bytes(size)
    file.write_bytes(octets)
    return "malformed"


def changed(file: Path, statement: str) -> None:
    with closing(sqlite3.connect(file)) as database, database:
        assert database.execute(statement).rowcount > 0


def unreadable(file: Path) -> str:
    changed(file, "UPDATE item SET blob = x'00' WHERE kind = 'e'")
    return 'row e "0000000000000001" of account "default" cannot be read'


def astray(file: Path) -> str:
    changed(file, "DELETE FROM account WHERE name = 'shop'")
    return 'rows of account "shop", which is not there'


def robbed(file: Path) -> str:
    changed(file, "DELETE FROM item WHERE kind = 'l' AND account = 'default'")
    return "account default: the ledger sums to -0.15, and the balance is 999.85"


@pytest.mark.parametrize("damage", [torn, unreadable, astray, robbed])
def test_what_is_wrong_with_a_store_is_listed_and_ends_1(file: Path, damage: Callable[[Path], str]) -> None:
    wrong = damage(file)
    result = run("check", "--store", f"sqlite:{file}")
    assert result.exit_code == ExitCode.FAILED
    assert any(line.startswith("  wrong      ") and wrong in line for line in result.stdout.splitlines())
    assert "all is well" not in result.stdout
    assert json.loads(run("check", "--json", "--store", f"sqlite:{file}").stdout)["problems"]


def test_what_is_exported_is_what_the_server_gives_and_nothing_in_the_file_changes(file: Path, tmp_path: Path) -> None:
    state = serve(file)
    for _ in range(2):
        assert same(exported(file), state)
        assert run("check", "--store", f"sqlite:{file}").exit_code == 0
    assert same(serve(file), state)
    written = tmp_path / "state.json"
    assert run("export", written, "--store", f"sqlite:{file}").exit_code == 0
    assert same(json.loads(written.read_bytes()), state)
    assert written.stat().st_mode & 0o777 == 0o600


def test_what_is_imported_is_there_for_a_server_with_the_same_configuration(file: Path, tmp_path: Path) -> None:
    state = exported(file)
    document = tmp_path / "state.json"
    assert run("export", document, "--store", f"sqlite:{file}").exit_code == 0
    for other, before in ((tmp_path / "new.db", False), (tmp_path / "old.db", True)):
        if before:
            serve(other, sends=1, accounts=(AccountSettings(), AccountSettings(name="gone", auth_key="gone")))
        assert run("import", document, "--store", f"sqlite:{other}").exit_code == 0
        assert same(exported(other), state)
        assert same(serve(other), state)
    assert run("import", "-", "--store", f"sqlite:{other}", stdin=document.read_bytes()).exit_code == 0
    assert same(exported(other), state)


def test_a_document_that_is_wrong_changes_nothing(file: Path) -> None:
    state = exported(file)
    for wrong in (b"{}", b"text", json.dumps(state | {"requests": 0}).encode()):
        result = run("import", "-", "--store", f"sqlite:{file}", stdin=wrong)
        assert (result.exit_code, result.stderr.startswith("Error: ")) == (ExitCode.USAGE, True)
        assert same(exported(file), state)


def test_a_store_of_an_older_version_is_brought_up_to_date(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    one = len(MIGRATIONS)
    assert run("migrate", "--store", f"sqlite:{file}").stdout == f"sqlite:{file}: schema {one}, as before\n"
    monkeypatch.setattr(sqlite, "MIGRATIONS", (*MIGRATIONS, ("ALTER TABLE account ADD COLUMN note TEXT",)))
    told = json.loads(run("migrate", "--json", "--store", f"sqlite:{file}").stdout)
    assert told == {"store": f"sqlite:{file}", "from": one, "to": one + 1}
    assert run("check", "--store", f"sqlite:{file}").exit_code == 0
    monkeypatch.undo()
    result = run("migrate", "--store", f"sqlite:{file}")
    assert (result.exit_code, "newer version" in result.stderr) == (ExitCode.USAGE, True)


@pytest.mark.parametrize("command", [["check"], ["migrate"], ["export", "-"], ["import", "-"]])
def test_a_command_without_a_store_on_disk_ends_2(command: list[str], tmp_path: Path) -> None:
    result = run(*command)
    assert (result.exit_code, "got memory" in result.stderr) == (ExitCode.USAGE, True)
    if command[0] != "import":
        result = run(*command, "--store", f"sqlite:{tmp_path / 'none.db'}")
        assert (result.exit_code, "want a file that is there" in result.stderr) == (ExitCode.USAGE, True)
        assert list(tmp_path.iterdir()) == []


def test_a_store_that_a_server_has_open_is_left_alone(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sqlite, "_PATIENCE_SECONDS", 0.01)
    with closing(sqlite.SqliteDatabase(file)):
        for command in (["check"], ["migrate"], ["export", "-"], ["import", "-"]):
            result = run(*command, "--store", f"sqlite:{file}", stdin=b"{}")
            assert (result.exit_code, "another server" in result.stderr) == (ExitCode.USAGE, True)


def test_the_store_is_found_as_serve_finds_it(file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    config = tmp_path / "cloudsms.toml"
    config.write_text('store = "sqlite:a.db"\njournal_messages = 1\n')
    assert json.loads(run("check", "--json", "--config", config).stdout)["messages"] == 3
    monkeypatch.setenv("CLOUDSMS_SIM_STORE", f"sqlite:{file}")
    assert json.loads(run("check", "--json").stdout)["messages"] == 3


def test_what_is_due_waits_for_a_server(file: Path, tmp_path: Path) -> None:
    document = run("export", "-", "--store", f"sqlite:{file}").stdout
    assert document.count('"after":"PT1S"') == 3
    due = re.sub(r'"rate":0(\.0)?\b', '"rate":1000', document.replace('"after":"PT1S"', '"after":"PT0S"'))
    assert run("import", "-", "--store", f"sqlite:{file}", stdin=due.encode()).exit_code == 0
    for _ in range(2):
        accounts = exported(file)["accounts"]
        assert isinstance(accounts, list)
        [kept] = [each["kept"] for each in accounts if each["account"]["name"] == "default"]
        standing = kept["standing"]
        assert (standing["clock"]["rate"], standing["outstanding"], kept.get("reports")) == (1000, 3, None)


# PostgreSQL


COMMANDS = (["check"], ["migrate"], ["export", "-"], ["import", "-"])


@needs_postgres
def test_a_store_in_postgresql_is_checked_and_moves_like_one_in_a_file(file: Path) -> None:
    place, other = new_place("postgresql"), new_place("postgresql")
    state = serve(place, sends=3)
    checked = run("check", "--store", place.where)
    assert (checked.exit_code, checked.stdout.splitlines()[0]) == (0, str(place))
    assert checked.stdout.splitlines()[3:] == ["  accounts   2", "  messages   3", "  all is well"]
    told = json.loads(run("check", "--json", "--store", place.where).stdout)
    assert (told["schema"], told["octets"] > 0, told["problems"]) == (len(MIGRATIONS), True, [])
    assert run("migrate", "--store", place.where).stdout == f"{place}: schema {len(MIGRATIONS)}, as before\n"
    document = run("export", "-", "--store", place.where)
    assert same(json.loads(document.stdout), state)
    for target in (other.where, f"sqlite:{file}"):
        assert run("import", "-", "--store", target, stdin=document.stdout.encode()).exit_code == 0
        assert same(json.loads(run("export", "-", "--store", target).stdout), state)
    assert same(serve(other), state)
    ask(place, "DELETE FROM account WHERE name = 'shop'")
    ask(place, "UPDATE item SET blob = substr(blob, 1, 1) WHERE kind = 'e'")
    result = run("check", "--store", place.where)
    assert (result.exit_code, '"shop", which is not there' in result.stdout) == (ExitCode.FAILED, True)


@needs_postgres
@pytest.mark.parametrize("command", COMMANDS)
def test_a_database_that_cannot_be_opened_ends_2_and_its_password_is_not_told(command: list[str]) -> None:
    said = {
        "postgresql://clerk:a-secret@127.0.0.1:1/sms": "postgresql://clerk:***@127.0.0.1:1/sms (",
        "postgresql://clerk:a-secret@127.0.0.1:port/sms": "want postgresql://USER:PASSWORD@HOST:PORT/DATABASE",
        "postgres:clerk:a-secret@127.0.0.1/sms": 'got "postgres:clerk:***@127.0.0.1/sms", want "memory", or a database',
        f"{shared_server().url('absent')}&password=a-secret": "has no schema; want one that is there",
    }
    if command[0] != "import":
        said[new_place("postgresql").where] = "where nothing is kept; want a store that is there"
    for url, words in said.items():
        result = run(*command, "--store", url, stdin=b"{}")
        assert (result.exit_code, words in result.stderr) == (ExitCode.USAGE, True), result.stderr
        assert "a-secret" not in result.output


@needs_postgres
@pytest.mark.parametrize("command", COMMANDS)
def test_a_store_in_postgresql_that_a_server_has_is_left_alone(
    command: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(postgres, "_SECONDS_FOR_A_LOCK", 0.05)
    place = new_place("postgresql")
    with closing(postgres.PostgresDatabase(place)) as server:
        process = server._process
        result = run(*command, "--store", place.where, stdin=b"{}")
        assert (result.exit_code, "another server" in result.stderr) == (ExitCode.USAGE, True)
        server.write([], 7).result()
        assert (server.requests(), server._process) == (7, process)


@needs_postgres
def test_a_store_in_postgresql_of_an_older_version_is_brought_up_to_date(monkeypatch: pytest.MonkeyPatch) -> None:
    place, one = new_place("postgresql"), len(MIGRATIONS)
    state = serve(place, sends=1)
    monkeypatch.setattr(postgres, "MIGRATIONS", (*MIGRATIONS, ("ALTER TABLE account ADD COLUMN note TEXT",)))
    told = json.loads(run("migrate", "--json", "--store", place.where).stdout)
    assert told == {"store": str(place), "from": one, "to": one + 1}
    assert same(json.loads(run("export", "-", "--store", place.where).stdout), state)
    monkeypatch.undo()
    result = run("migrate", "--store", place.where)
    assert (result.exit_code, "newer version" in result.stderr) == (ExitCode.USAGE, True)
