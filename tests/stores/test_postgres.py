"""PostgreSQL: what can be opened, what is said of what cannot be, and what becomes of a write whose connection breaks.

Reading: R16.
"""

import asyncio
import contextlib
import gc
import logging
import shutil
import socket
import sys
import threading
import traceback
from collections.abc import Callable, Iterator
from decimal import Decimal
from pathlib import Path
from typing import Literal
from urllib.parse import quote

import pytest
import trustme
from durable_stores import ask, new_place
from keepers import CONFIGS, NOON
from patience import DEADLINE, STORY
from postgres_server import PostgresServer, needs_postgres, shared_server

from cloudsms_simulator.engine.account import Account, AccountConfig
from cloudsms_simulator.engine.clock import Clock
from cloudsms_simulator.engine.transaction import Transaction
from cloudsms_simulator.models.server import StorePlace
from cloudsms_simulator.stores import postgres
from cloudsms_simulator.stores.durable import DurableStore
from cloudsms_simulator.stores.postgres import PostgresDatabase
from cloudsms_simulator.stores.rows import Row
from cloudsms_simulator.stores.store import StoreError, StoreOpenError
from cloudsms_simulator.stores.turn import AccountWrite

pytestmark = needs_postgres
SECRET = "a-secret"
SHOP = AccountWrite("shop", 1, b"state", b"config", "a key", configured=True)


@pytest.fixture
def place() -> StorePlace:
    return new_place("postgresql")


@pytest.fixture
def database(place: StorePlace) -> Iterator[PostgresDatabase]:
    """One with the account `shop`."""
    opened = PostgresDatabase(place)
    opened.write([SHOP]).result()
    yield opened
    opened.close()


def threads() -> list[threading.Thread]:
    return [each for each in threading.enumerate() if each.name == "store"]


def backend(database: PostgresDatabase) -> int:
    """The process of the server that its connection talks to."""
    return database._process


def cut(pid: int) -> None:
    """Ends a connection from the server's side; returns when it has ended."""
    shared_server().sql("SELECT pg_terminate_backend($1, 60000)", pid)


# Opening


def refusal(url: str) -> str:
    """What is said of a URL that cannot be opened: never its password. Afterwards nothing of it is open."""
    before = len(threads())
    with pytest.raises(StoreOpenError) as raised:
        PostgresDatabase(StorePlace("postgresql", url))
    said = str(raised.value)
    assert SECRET not in "".join(traceback.format_exception(raised.value))
    assert said.startswith(f"store: got {StorePlace('postgresql', url)}")
    assert " want " in said
    assert len(threads()) == before
    return said


def free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port: int = free.getsockname()[1]
        return port


@pytest.fixture(scope="module")
def guarded() -> Iterator[str]:
    """Host and port of a server that asks `clerk` for the password `a-secret`, and lets `postgres` in."""
    port = free_port()
    server = PostgresServer(port=port)
    server.sql(f"CREATE USER clerk PASSWORD '{SECRET}'")
    server.sql("CREATE SCHEMA locked")
    server.sql("CREATE SCHEMA AUTHORIZATION clerk")
    rules = ("local all all trust", "host all clerk 127.0.0.1/32 scram-sha-256", "host all postgres 127.0.0.1/32 trust")
    (server.folder / "data" / "pg_hba.conf").write_text("\n".join(rules))
    server.sql("SELECT pg_reload_conf()")
    yield f"127.0.0.1:{port}"
    server.end()


@pytest.mark.parametrize(
    ("url", "said"),
    [
        (f"clerk:{SECRET}@nowhere.invalid/a", "want a server that takes this connection"),
        (f"clerk:{SECRET}@127.0.0.1:1/a", "want a server that takes this connection"),
        (f"clerk:{SECRET}@/a?host=/nowhere", "want a server that takes this connection"),
        (f"clerk:{SECRET}@AT/postgres?sslmode=require", "rejected SSL upgrade), want a server that takes this"),
        (f"clerk:{SECRET}@AT/postgres?mood=good", 'parameter "mood"), want a server that takes this connection'),
        ("postgres@AT/postgres?target_session_attrs=read-only", "), want a server that takes this connection"),
        (f"clerk:{SECRET}-or-not@AT/postgres", 'failed for user "clerk"), want a user and password it lets in'),
        (f"AT/postgres?user=clerk&password={SECRET}-or-not", "want a user and password it lets in"),
        ("clerk@AT/postgres", 'failed for user "clerk"), want a user and password it lets in'),
        (f"nobody:{SECRET}@AT/postgres", "want a user and password it lets in"),
        ("postgres@AT/absent", '(database "absent" does not exist), want a database that is there'),
        (f"clerk:{SECRET}@AT/postgres?search_path=public", "permission denied for schema public), want a user who may"),
        (f"clerk:{SECRET}@AT/postgres?search_path=absent", "no schema; want one that is there and that its user may"),
        (f"clerk:{SECRET}@AT/postgres?search_path=locked", "no schema; want one that is there and that its user may"),
        (
            f"clerk:{SECRET}@AT/postgres?sslmode=perhaps",
            "disable, allow, prefer, require, verify-ca, verify-full), want",
        ),
        (f"clerk:{SECRET}@127.0.0.1:port/postgres", ", want postgresql://USER:PASSWORD@HOST:PORT/DATABASE"),
        (f"clerk:{SECRET}@[::1/postgres", ", want postgresql://USER:PASSWORD@HOST:PORT/DATABASE"),
        (f"clerk:{SECRET}/@AT/postgres", "want postgresql://USER:PASSWORD@HOST:PORT/DATABASE, in it %2F for a /"),
        (f"clerk:{SECRET}?@AT/postgres", "want postgresql://USER:PASSWORD@HOST:PORT/DATABASE, in it %2F for a /"),
        (f"clerk:@[{SECRET}@AT/postgres", "want postgresql://USER:PASSWORD@HOST:PORT/DATABASE, in it %2F for a /"),
    ],
)
def test_what_cannot_be_opened_is_refused_with_a_clear_word_and_without_the_password(
    guarded: str, caplog: pytest.LogCaptureFixture, url: str, said: str
) -> None:
    caplog.set_level(logging.DEBUG)
    assert said in refusal(f"postgresql://{url.replace('AT', guarded)}")
    assert SECRET not in caplog.text


def test_a_user_with_a_schema_of_the_same_name_needs_nothing_but_the_password(
    guarded: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is in the URL, in PGPASSWORD, in a file that is named, or in `~/.pgpass`."""
    for name in ("PGPASSWORD", "PGPASSFILE"):
        monkeypatch.delenv(name, raising=False)
    passwords, others = tmp_path / "pgpass", f"127.0.0.1:1,{guarded}"
    passwords.write_text(f"*:*:*:clerk:{SECRET}\n")
    passwords.chmod(0o600)
    (tmp_path / ".pgpass").write_bytes(passwords.read_bytes())
    (tmp_path / ".pgpass").chmod(0o600)
    ways: list[tuple[str, dict[str, str]]] = [
        (f"postgresql://clerk:{SECRET}@{guarded}/postgres", {}),
        (f"postgresql://clerk:%61-secret@{guarded}/postgres", {}),
        (f"postgresql://{guarded}/postgres?user=clerk&password={SECRET}", {}),
        (f"postgresql://clerk@{guarded}/postgres", {"PGPASSWORD": SECRET}),
        (f"postgresql://clerk@{guarded}/postgres", {"PGPASSFILE": str(passwords)}),
        (f"postgresql://clerk@{guarded}/postgres?passfile={passwords}", {}),
        (f"postgresql://clerk@{guarded}/postgres", {"HOME": str(tmp_path)}),
        (f"postgresql://clerk:{SECRET}@{others}/postgres?target_session_attrs=read-write", {}),
    ]
    for url, environment in ways:
        with monkeypatch.context() as patched:
            for name, value in environment.items():
                patched.setenv(name, value)
            database = PostgresDatabase(StorePlace("postgresql", url))
            assert database.problems() == []
            database.close()


def test_a_connection_can_be_encrypted_and_its_server_be_one_that_an_authority_knows(tmp_path: Path) -> None:
    authority, other = trustme.CA(), trustme.CA()
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    other.cert_pem.write_to_path(tmp_path / "other.pem")
    port = free_port()
    server = PostgresServer(port=port)
    try:
        data, key = server.folder / "data", authority.issue_cert("localhost", "127.0.0.1")
        (data / "server.crt").write_bytes(key.cert_chain_pems[0].bytes())
        (data / "server.key").write_bytes(key.private_key_pem.bytes())
        (data / "server.key").chmod(0o600)
        for name in ("server.crt", "server.key"):
            shutil.chown(data / name, data.owner())
        server.sql("ALTER SYSTEM SET ssl = on")
        server.sql("SELECT pg_reload_conf()")
        url = f"postgresql://postgres@127.0.0.1:{port}/postgres"
        verified = f"{url}?sslmode=verify-full&sslrootcert={tmp_path}"
        for each, encrypted in ((url, True), (f"{verified}/ca.pem", True), (f"{url}?sslmode=disable", False)):
            database = PostgresDatabase(StorePlace("postgresql", each))
            seen = server.sql("SELECT ssl FROM pg_stat_ssl WHERE pid = $1", backend(database))
            assert seen == [(encrypted,)]
            database.close()
        assert "CERTIFICATE_VERIFY_FAILED" in refusal(f"{verified}/other.pem")
        assert "want a server that takes this connection" in refusal(f"{verified}/other.pem")
        assert "absent.pem" in refusal(f"{verified}/absent.pem")
    finally:
        server.end()


@pytest.mark.parametrize(
    ("statement", "said"),
    [
        ("CREATE TABLE server (name TEXT)", "another program has tables of the same names; want a database of its own"),
        ("CREATE TABLE item (name TEXT)", "another program has tables of the same names; want a database of its own"),
        ("CREATE VIEW account AS SELECT 1", "another program has tables of the same names; want a database of its own"),
        ("CREATE VIEW server AS SELECT 1", "another program has tables of the same names; want a database of its own"),
    ],
)
def test_tables_of_another_program_are_left_alone(place: StorePlace, statement: str, said: str) -> None:
    ask(place, statement)
    assert said in refusal(place.where)
    ask(place, statement.replace("CREATE", "DROP").partition(" (")[0].partition(" AS")[0])
    PostgresDatabase(place).close()


@pytest.mark.parametrize(
    ("statement", "said"),
    [
        ("DELETE FROM server", "another program has tables of the same names; want a database of its own"),
        (
            "UPDATE server SET schema = 99",
            "a newer version of this program wrote (schema 99, format 1); want schema 1 ",
        ),
        (
            "UPDATE server SET format = 99",
            "a newer version of this program wrote (schema 1, format 99); want schema 1 ",
        ),
    ],
)
def test_tables_that_cannot_be_its_own_are_refused(place: StorePlace, statement: str, said: str) -> None:
    PostgresDatabase(place).close()
    ask(place, statement)
    assert said in refusal(place.where)


def test_of_several_schemas_the_first_is_used_and_no_other(place: StorePlace) -> None:
    behind = PostgresDatabase(place)
    behind.write([SHOP]).result()
    theirs, ours = place.where.rpartition("=")[2], f'{place.where.rpartition("=")[2]} of "Us"'
    shared_server().sql(f'CREATE SCHEMA "{ours.replace(chr(34), chr(34) * 2)}"')
    quoted = f'"{ours.replace(chr(34), chr(34) * 2)}",{theirs}'
    database = PostgresDatabase(StorePlace("postgresql", shared_server().url(quote(quoted))))
    assert (database.found_schema, database.accounts()) == (0, [])
    database.write([], 5).result()
    assert (database.requests(), behind.requests()) == (5, 0)
    database.close()
    behind.close()


def test_an_old_server_is_refused(place: StorePlace, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(postgres, "_OLDEST", 99)
    assert "want 99 or later" in refusal(place.where)


def test_without_a_driver_it_says_what_to_install(place: StorePlace, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "asyncpg", None)
    assert "want pip install 'cloudsms-simulator[postgresql]'" in refusal(place.where)


def test_a_second_server_is_refused_until_the_first_ends_and_another_schema_is_free(
    place: StorePlace, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = PostgresDatabase(place)
    with monkeypatch.context() as patched:
        patched.setattr(postgres, "_SECONDS_FOR_A_LOCK", 0.05)
        assert "which another server has; want one server for it" in refusal(place.where)
    PostgresDatabase(new_place("postgresql")).close()
    first.write([SHOP]).result()
    first.close()
    PostgresDatabase(place).close()


def test_one_that_nobody_closed_lets_go_of_everything_once_it_is_forgotten(place: StorePlace) -> None:
    PostgresDatabase(place).write([SHOP]).result()
    left = threads()
    gc.collect()
    for thread in left:
        thread.join(DEADLINE)
    assert not threads()
    database = PostgresDatabase(place)
    assert [each.name for each in database.accounts()] == ["shop"]
    database.close()


def test_a_host_that_does_not_answer_does_not_keep_it_from_the_next_one(
    guarded: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(postgres, "_SECONDS_TO_BEGIN", 2)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        hosts = f"127.0.0.1:{silent.getsockname()[1]},127.0.0.1:1,{guarded}"
        with monkeypatch.context() as patched:
            patched.setattr(postgres, "_SECONDS_TO_BEGIN", 0.05)
            silent_alone = f"postgresql://clerk:{SECRET}@127.0.0.1:{silent.getsockname()[1]}/postgres"
            assert "(no answer in time), want a server that takes this connection" in refusal(silent_alone)
        url = f"postgresql://clerk:{SECRET}@{hosts}/postgres?target_session_attrs=read-write"
        PostgresDatabase(StorePlace("postgresql", url)).close()


# Connections that break


def rows_of(place: StorePlace) -> list[tuple[object, ...]]:
    return ask(place, "SELECT key, version FROM item ORDER BY key")


def turn(version: int) -> list[AccountWrite]:
    return [AccountWrite("shop", version, b"later", rows=[Row("e", f"{version:04}", b"x"), Row("m", "m", b"x")])]


def test_a_connection_that_was_cut_between_writes_is_made_anew_and_nobody_notices(
    place: StorePlace, database: PostgresDatabase
) -> None:
    for version in (2, 3, 4):
        cut(backend(database))
        database.write(turn(version)).result()
    cut(backend(database))
    with contextlib.suppress(StoreError):
        database.read("shop", "e", "", 9, 9).result()
    assert [key for key, _ in database.read("shop", "e", "", 9, 9).result()] == ["0002", "0003", "0004"]


@contextlib.contextmanager
def locked(place: StorePlace, statement: str = "SELECT FROM account FOR UPDATE") -> Iterator[Callable[[int], None]]:
    """Locks rows as somebody else; gives what returns when a process of the server waits for them."""
    import asyncpg  # type: ignore[import-untyped]

    loop = asyncio.new_event_loop()
    somebody = loop.run_until_complete(asyncpg.connect(place.where))
    loop.run_until_complete(somebody.execute(f"BEGIN; {statement}"))

    def wait_for(pid: int) -> None:
        waits = "SELECT wait_event_type = 'Lock' FROM pg_stat_activity WHERE pid = $1"
        while not shared_server().sql(waits, pid)[0][0]:
            pass

    try:
        yield wait_for
    finally:
        loop.run_until_complete(somebody.close())
        loop.close()


def test_of_a_turn_that_is_cut_while_it_is_written_nothing_is_there(
    place: StorePlace, database: PostgresDatabase
) -> None:
    pid = backend(database)
    with locked(place) as wait_for:
        writing = database.write(turn(2), 7)
        wait_for(pid)
        cut(pid)
        with pytest.raises(StoreError, match=r"terminating connection due to|connection was closed"):
            writing.result()
    assert rows_of(place) == []
    database.write(turn(2), 7).result()
    assert (rows_of(place), database.requests()) == ([("0002", 2), ("m", 2)], 7)


def test_a_row_that_somebody_else_has_locked_fails_the_turn_in_time(
    place: StorePlace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(postgres, "_SECONDS_FOR_A_LOCK", 0.05)
    database = PostgresDatabase(place)
    database.write([SHOP]).result()
    with locked(place), pytest.raises(StoreError, match="canceling statement due to lock timeout"):
        database.write(turn(2)).result()
    assert rows_of(place) == []
    database.write(turn(2)).result()
    database.close()


def test_a_turn_is_kept_though_afterwards_its_size_cannot_be_told(
    place: StorePlace, database: PostgresDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(postgres, "_SECONDS_BETWEEN_LOOKS_AT_OCTETS", 0)
    monkeypatch.setattr(postgres, "_OCTETS", "SELECT pg_total_relation_size('absent')")
    database.write(turn(2)).result()
    assert rows_of(place) == [("0002", 2), ("m", 2)]


class Proxy:
    """Between a database and its server. What it does with the next COMMIT: pass it on, lose it, or lose its answer."""

    def __init__(self) -> None:
        self.commits: Literal["pass", "lose", "lose the answer"] = "pass"
        self.is_silent = False
        """Whether it passes nothing on, and ends nothing either."""
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._pairs: list[tuple[socket.socket, socket.socket]] = []
        self._threads = [threading.Thread(target=self._accept)]
        self._threads[0].start()

    def place(self, schema: str) -> StorePlace:
        host, port = self._listener.getsockname()
        return StorePlace("postgresql", f"postgresql://postgres@{host}:{port}/postgres?search_path={schema}")

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            server = socket.socket(socket.AF_UNIX)
            server.connect(f"{shared_server().folder}/.s.PGSQL.5432")
            self._pairs.append((client, server))
            for start in (self._requests, self._answers):
                self._threads.append(threading.Thread(target=start, args=(client, server)))
                self._threads[-1].start()

    def _requests(self, client: socket.socket, server: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while octets := client.recv(65536):
                if b"COMMIT\0" in octets and self.commits == "lose":
                    break
                if not self.is_silent:
                    server.sendall(octets)
        shut(client, server)

    def _answers(self, client: socket.socket, server: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while octets := server.recv(65536):
                if b"COMMIT\0" in octets and self.commits == "lose the answer":
                    break
                client.sendall(octets)
        shut(client, server)

    def forget(self) -> None:
        """Has connections break for the database, whose server goes on to have them."""
        for client, _ in self._pairs:
            shut(client)

    def end(self) -> None:
        shut(self._listener, *(each for pair in self._pairs for each in pair))
        for thread in self._threads:
            thread.join(DEADLINE)
        for each in (self._listener, *(each for pair in self._pairs for each in pair)):
            each.close()


def shut(*sockets: socket.socket) -> None:
    for each in sockets:
        with contextlib.suppress(OSError):
            each.shutdown(socket.SHUT_RDWR)


@pytest.fixture
def proxy() -> Iterator[Proxy]:
    made = Proxy()
    yield made
    made.end()


@pytest.fixture
def through(proxy: Proxy, place: StorePlace) -> StorePlace:
    """The place, through the proxy."""
    return proxy.place(place.where.rpartition("=")[2])


WRITES = [
    pytest.param(turn(2), id="rows"),
    pytest.param([AccountWrite("bank", 1, b"state", b"config", "another key", configured=True)], id="new"),
    pytest.param([AccountWrite("shop", 2, wiped=True, gone=True)], id="gone"),
    pytest.param([SHOP], id="same"),
]


def everything(place: StorePlace) -> list[object]:
    return [ask(place, f"SELECT * FROM {table} ORDER BY 1") for table in ("account", "item")]


@pytest.mark.parametrize("writes", WRITES)
def test_a_turn_whose_commit_was_answered_to_nobody_is_kept(
    place: StorePlace, through: StorePlace, proxy: Proxy, writes: list[AccountWrite]
) -> None:
    database = PostgresDatabase(through)
    database.write([SHOP]).result()
    proxy.commits = "lose the answer"
    database.write(writes, 9).result()
    proxy.commits = "pass"
    kept = everything(place)
    assert database.requests() == 9
    database.write(writes if writes != turn(2) else [], 10).result()
    assert everything(place) == kept
    database.close()


@pytest.mark.parametrize("writes", WRITES)
def test_a_turn_whose_commit_never_came_is_told_to_have_failed_and_nothing_of_it_is_there(
    place: StorePlace, through: StorePlace, proxy: Proxy, writes: list[AccountWrite]
) -> None:
    database = PostgresDatabase(through)
    database.write([SHOP]).result()
    before = everything(place)
    proxy.commits = "lose"
    with pytest.raises(StoreError, match=r"^postgresql://postgres@127\.0\.0\.1"):
        database.write(writes, 9).result()
    proxy.commits = "pass"
    assert (everything(place), database.requests()) == (before, 0)
    database.write(writes, 9).result()
    assert database.requests() == 9
    database.close()


def test_a_connection_that_only_its_server_still_has_does_not_keep_its_database_out(
    place: StorePlace, through: StorePlace, proxy: Proxy
) -> None:
    database = PostgresDatabase(through)
    database.write([SHOP]).result()
    for version in (2, 3):
        old = backend(database)
        proxy.forget()
        database.write(turn(version)).result()
        assert shared_server().sql("SELECT FROM pg_stat_activity WHERE pid = $1", old) == []
    database.close()


def test_a_server_that_answers_no_more_is_a_store_error_in_time(
    place: StorePlace, through: StorePlace, proxy: Proxy, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(postgres, "_SECONDS_FOR_A_STATEMENT", 2)
    database = PostgresDatabase(through)
    database.write([SHOP]).result()
    proxy.is_silent = True
    with pytest.raises(StoreError, match="no answer in time"):
        database.write(turn(2)).result(DEADLINE)
    proxy.is_silent = False
    database.write(turn(2)).result(DEADLINE)
    assert rows_of(place) == [("0002", 2), ("m", 2)]
    database.close()


def test_money_adds_up_whatever_becomes_of_commits(place: StorePlace, through: StorePlace, proxy: Proxy) -> None:
    account = Account(name="shop", auth_key="a key", balance=Decimal(0))

    def store_of(database: PostgresDatabase) -> DurableStore:
        clock, configs = Clock.real(NOON), [AccountConfig(account=account)]
        return DurableStore(
            database, CONFIGS, lambda: NOON, lambda _account: clock, lambda: 1, 10_000, 10**9, None, configs
        )

    def credit(transaction: Transaction) -> object:
        return transaction.move("credit", Decimal(1), NOON).balance

    async def story() -> int:
        store, answered = store_of(PostgresDatabase(through)), 0
        for nth in range(30):
            proxy.commits = ("pass", "lose", "lose the answer")[nth % 3]
            steps = await asyncio.gather(*(store.step(account, credit) for _ in range(3)), return_exceptions=True)
            answered += sum(not isinstance(each, StoreError) for each in steps)
        proxy.commits = "pass"
        assert store.standing(account).balance == answered
        store.let_go()
        again = store_of(PostgresDatabase(place))
        await again.fresh(None)
        assert again.standing(account).balance == sum(entry.amount for entry in again.ledger(account)) == answered
        await again.close()
        return answered

    assert asyncio.run(asyncio.wait_for(story(), STORY)) == 60
