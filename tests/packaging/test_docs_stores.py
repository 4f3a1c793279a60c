"""The page about stores: its unit, its copy and its upgrade do what it says, and its errors are those that come."""

import asyncio
import configparser
import re
import shlex
import shutil
import sqlite3
import subprocess
import sys
from pathlib import Path

import click
import msgspec
import pytest
import yaml
from cli_runner import CliRunner
from documents import page, rows, section, snippets
from durable_stores import ask, new_place
from postgres_server import PostgresServer, needs_postgres, programs, shared_server

from cloudsms_simulator.api.metrics import database_metrics
from cloudsms_simulator.cli import main
from cloudsms_simulator.config.settings import Settings, load_settings
from cloudsms_simulator.models.server import StoreInfo, StorePlace
from cloudsms_simulator.simulator import Simulator
from cloudsms_simulator.stores import postgres
from cloudsms_simulator.stores.postgres import PostgresDatabase
from cloudsms_simulator.stores.sqlite import SqliteDatabase
from cloudsms_simulator.stores.store import DatabaseFacts, StoreOpenError

PAGE = page("stores")
FILE = "/var/lib/cloudsms/cloudsms.db"


@pytest.fixture
def unit() -> configparser.ConfigParser:
    parser = configparser.ConfigParser(interpolation=None)
    parser.optionxform = str  # type: ignore[assignment,method-assign]
    parser.read_string(snippets(PAGE, "ini")[0])
    return parser


def parsed(command: str) -> click.Context:
    """A command line of this program, taken apart by the command that it names."""
    program, name, *arguments = shlex.split(command)
    assert program == "/opt/cloudsms/bin/cloudsms-simulator"
    found = main.get_command(click.Context(main), name)
    assert found is not None
    return found.make_context(name, arguments)


def test_the_unit_starts_a_server_with_settings_there_are(unit: configparser.ConfigParser) -> None:
    started = parsed(unit["Service"]["ExecStart"])
    given = {name: str(value) for name, value in started.params.items() if value is not None}
    assert set(given) == {"config", "store", "certs"}
    settings = load_settings({name: value for name, value in given.items() if name != "config"}, {}).settings
    assert settings.store == StorePlace("sqlite", FILE)
    assert Path(FILE).parent == Path("/var/lib") / unit["Service"]["StateDirectory"]


def test_the_unit_waits_no_longer_for_the_server_than_systemd_does(unit: configparser.ConfigParser) -> None:
    waited = parsed(unit["Service"]["ExecStartPost"])
    assert 0 < waited.params["wait"] < 90  # systemd's DefaultTimeoutStartSec


def test_litestream_is_pointed_at_the_file_of_the_unit() -> None:
    [text] = snippets(PAGE, "yaml")
    assert [each["path"] for each in yaml.safe_load(text)["dbs"]] == [FILE]


@pytest.mark.skipif(shutil.which("sqlite3") is None, reason="sqlite3 is missing; Debian has it in the package sqlite3")
def test_a_copy_is_made_while_a_server_has_the_file_and_is_whole_and_can_be_moved(tmp_path: Path) -> None:
    copying, using = snippets(section(PAGE, "Backup"), "sh")
    simulator = Simulator(Settings(store=StorePlace("sqlite", str(tmp_path / "cloudsms.db")), plain=True))
    subprocess.run(["sh", "-ec", copying], cwd=tmp_path, check=True, timeout=60)
    asyncio.run(simulator.stop())
    said = []
    for line in using.splitlines():
        program, *arguments = shlex.split(line, comments=True)
        assert program == "cloudsms-simulator"
        said.append(
            CliRunner().invoke(main, [each if "." not in each else within(tmp_path, each) for each in arguments])
        )
    assert [(each.exit_code, each.output) for each in said[1:]] == [(0, ""), (0, "")]
    assert (said[0].exit_code, said[0].output.splitlines()[-1]) == (0, "  all is well")
    for name in ("copy.db", "new.db"):
        database = SqliteDatabase(tmp_path / name)
        assert [account.name for account in database.accounts()] == ["", "default"]
        database.close()


def within(folder: Path, said: str) -> str:
    kind, colon, name = said.rpartition(":")
    return f"{kind}{colon}{folder / name}"


def test_the_page_has_every_metric_and_every_member_of_a_store() -> None:
    metrics, members, _ = zip(*rows(section(PAGE, "How it does"))[2:], strict=True)
    families = database_metrics(DatabaseFacts("sqlite", 1, 1, 1, 1.0, 0, None))
    named = {each.name + ("_total" if each.type == "counter" else "") for each in families}
    assert {name.strip("`") for name in metrics if name} == named
    assert set(re.findall(r"`(\w+)`", " ".join(members))) == {field.name for field in msgspec.structs.fields(StoreInfo)}


def refused(path: Path) -> str:
    with pytest.raises(StoreOpenError) as raised:
        SqliteDatabase(path)
    return str(raised.value)


def test_each_error_of_the_page_comes_as_it_stands(tmp_path: Path) -> None:
    there = SqliteDatabase(tmp_path / "there.db")
    (tmp_path / "folder.db").mkdir()
    (tmp_path / "text.db").write_text("It is not a database. " * 100)
    # In /proc nobody makes files, not even root.
    names = ("absent/a.db", "there.db", "folder.db", "/proc/self/a.db", "text.db")
    said = [refused(tmp_path / name) for name in names]
    there.close()
    octets = (tmp_path / "there.db").read_bytes()
    (tmp_path / "torn.db").write_bytes(octets[:100] + bytes(len(octets) - 100))
    said.append(refused(tmp_path / "torn.db"))
    for name, statement in (("there.db", "UPDATE server SET schema = 1000"), ("other.db", "CREATE TABLE t (a)")):
        with sqlite3.connect(tmp_path / name) as changed:
            changed.execute(statement)
        changed.close()
    said += [refused(tmp_path / "other.db"), refused(tmp_path / "there.db")]
    listed = [row[0].strip("`") for row in rows(section(PAGE, "What can go wrong"))[2:]]
    assert [(words, error) for words, error in zip(listed, said, strict=True) if words not in error] == []


# PostgreSQL

IN_POSTGRES = section(PAGE, "PostgreSQL")
URL = "postgresql://clerk@db.example:5432/sms"


def called(program: str, *arguments: str, said: str | None = None) -> None:
    """Runs a program of PostgreSQL."""
    found = programs()
    assert found is not None
    subprocess.run([found / program, *arguments], input=said, text=True, check=True, timeout=60, capture_output=True)


@needs_postgres
def test_the_schema_of_the_page_is_enough_and_what_was_dumped_can_be_restored(tmp_path: Path) -> None:
    [making] = snippets(IN_POSTGRES, "sql")
    dumping, restoring = snippets(IN_POSTGRES, "sh")[2].splitlines()
    _, serving, _ = snippets(IN_POSTGRES, "sh")
    given = dict(zip(*[iter(shlex.split(serving)[2:])] * 2, strict=True))
    assert load_settings({name.strip("-"): value for name, value in given.items()}, {}).settings.store is not None
    server = PostgresServer()
    try:
        called("psql", "--set=ON_ERROR_STOP=1", "--host", str(server.folder), "--user=postgres", said=making)
        place = StorePlace("postgresql", f"postgresql://clerk@/sms?host={server.folder}")
        simulator = Simulator(Settings(store=place, plain=True))
        for line in (dumping, restoring):
            program, *arguments = shlex.split(line)
            assert any(URL in each for each in arguments)
            if line is restoring:
                asyncio.run(simulator.stop())
                database = PostgresDatabase(place)
                database.write([], 77, replace=True).result()
                assert (database.accounts(), database.requests()) == ([], 77)
                database.close()
            called(program, *(within_server(each, place, tmp_path) for each in arguments))
        database = PostgresDatabase(place)
        assert ([each.name for each in database.accounts()], database.requests()) == (["", "default"], 0)
        database.close()
    finally:
        server.end()


def within_server(said: str, place: StorePlace, folder: Path) -> str:
    return said.replace(URL, place.where).replace("cloudsms.dump", str(folder / "cloudsms.dump"))


@needs_postgres
def test_each_error_of_postgresql_comes_as_it_stands(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(postgres, "_SECONDS_FOR_A_LOCK", 0.05)
    server = shared_server()
    schema = new_place("postgresql").where.rpartition("=")[2]
    server.sql(f"CREATE ROLE visitor_of_{schema} LOGIN")
    server.sql(f"GRANT USAGE ON SCHEMA {schema} TO visitor_of_{schema}")
    other, newer, there = (new_place("postgresql") for _ in range(3))
    ask(other, "CREATE TABLE item (a TEXT)")
    PostgresDatabase(newer).close()
    ask(newer, "UPDATE server SET schema = 1000")
    url = server.url(schema)
    said = []
    with monkeypatch.context() as patched:
        patched.setitem(sys.modules, "asyncpg", None)
        said.append(refused_by_postgres(url))
    said += [
        refused_by_postgres("postgresql://clerk:a/b@db.example/sms"),
        refused_by_postgres("postgresql://clerk@127.0.0.1:1/sms"),
        refused_by_postgres(url.replace("postgres@", "nobody@")),
        refused_by_postgres(url.replace("/postgres?", "/absent?")),
        refused_by_postgres(server.url("absent")),
        refused_by_postgres(url.replace("postgres@", f"visitor_of_{schema}@")),
        refused_by_postgres(other.where),
    ]
    first = PostgresDatabase(there)
    said.append(refused_by_postgres(there.where))
    first.close()
    said.append(refused_by_postgres(newer.where))
    monkeypatch.setattr(postgres, "_OLDEST", 99)
    said.append(refused_by_postgres(there.where).replace("99", "13"))
    listed = [row[0].strip("`") for row in rows(section(PAGE, "What PostgreSQL refuses"))[2:]]
    assert [(words, error) for words, error in zip(listed, said, strict=True) if words not in error] == []


def refused_by_postgres(url: str) -> str:
    with pytest.raises(StoreOpenError) as raised:
        PostgresDatabase(StorePlace("postgresql", url))
    return str(raised.value)
