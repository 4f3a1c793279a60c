"""What every database of a durable store does. What only one of them does is in a module of its name.

Reading: R16.
"""

from collections.abc import Iterator

import pytest

from cloudsms_simulator.models.server import StorePlace
from cloudsms_simulator.stores.database import MIGRATIONS, Database
from cloudsms_simulator.stores.durable import open_database
from cloudsms_simulator.stores.rows import Row
from cloudsms_simulator.stores.store import StoreError
from cloudsms_simulator.stores.turn import AccountWrite


@pytest.fixture
def database(place: StorePlace) -> Iterator[Database]:
    """A new one."""
    opened = open_database(place)
    yield opened
    opened.close()


def account(name: str, key: str, **fields: object) -> AccountWrite:
    return AccountWrite(name, 1, b"state", b"config", key, configured=True, **fields)  # type: ignore[arg-type]


def test_its_tables_are_made_once_and_it_has_nothing_then(place: StorePlace) -> None:
    for found in (0, len(MIGRATIONS)):
        database = open_database(place)
        assert (database.found_schema, database.schema, database.format) == (found, len(MIGRATIONS), 1)
        assert (database.accounts(), database.requests(), database.problems()) == ([], 0, [])
        database.close()


def test_the_seed_is_kept_unless_another_is_given(place: StorePlace) -> None:
    drawn = open_database(place)
    seed = drawn.seed(None)
    drawn.close()
    for given, expected in ((None, seed), (7, 7), (None, 7)):
        database = open_database(place)
        assert database.seed(given) == expected
        database.close()


def test_of_a_write_that_fails_nothing_is_there(database: Database) -> None:
    row = Row("e", "1", b"x")
    database.write([account("shop", "a", rows=[row])]).result()
    with pytest.raises(StoreError, match=r"(?i)unique"):
        database.write(
            [account("bank", "b", rows=[Row("e", "2", b"y")]), AccountWrite("shop", 2, b"later", rows=[row])], 9
        ).result()
    assert [(each.name, each.state) for each in database.accounts()] == [("shop", b"state")]
    assert (database.read("bank", "e", "", 9, 9).result(), database.requests()) == ([], 0)
    database.write([AccountWrite("shop", 2, b"later")]).result()


def test_a_shared_value_that_is_there_already_is_read_with_the_version_it_came_in(database: Database) -> None:
    row = Row("s", "key", b"value")
    database.write([account("shop", "a", rows=[row])]).result()
    database.write([AccountWrite("shop", 9, b"later", rows=[row])]).result()
    assert database.read("shop", "s", "", 1, 9).result() == [("key", b"value")]


def test_accounts_may_change_their_keys_with_one_another_in_one_write(database: Database) -> None:
    database.write([account("bank", "a"), account("shop", "b")]).result()
    database.write([account("bank", "b"), account("shop", "a")]).result()
    with pytest.raises(StoreError, match=r"(?i)unique"):
        database.write([account("third", "a")]).result()
    database.write([AccountWrite("shop", 2, gone=True), account("third", "a")]).result()


def test_rows_are_replaced_deleted_and_wiped(database: Database) -> None:
    rows = [Row("m", "1", b"one"), Row("m", "2", b"two"), Row("l", "1", b"entry")]
    database.write([account("shop", "a", rows=rows)]).result()
    database.write([AccountWrite("shop", 2, b"state", rows=[Row("m", "1", b"ONE"), Row("m", "2")])]).result()
    assert database.read("shop", "m", "", 1, 9).result() == []
    assert database.read("shop", "m", "", 2, 9).result() == [("1", b"ONE")]
    database.write([AccountWrite("shop", 3, b"state", wiped=True, rows=[Row("m", "3", b"three")])]).result()
    assert database.read("shop", "m", "", 3, 9).result() == [("3", b"three")]
    assert database.read("shop", "l", "", 3, 9).result() == []
    database.write([account("bank", "b")], 5, replace=True).result()
    assert ([each.name for each in database.accounts()], database.requests()) == (["bank"], 5)
    assert database.read("shop", "m", "", 9, 9).result() == []


def test_any_number_of_rows_is_written_and_read_in_the_order_of_keys(database: Database) -> None:
    rows = [Row("m", f"{nth:04}", b"%d" % nth) for nth in range(333)]
    database.write([account("shop", "a", rows=rows[::-1])], 1000).result()
    assert [key for key, _ in database.read("shop", "m", "", 1, 1000).result()] == [row.key for row in rows]
    assert database.read("shop", "m", "0331", 1, 9).result() == [("0332", b"332")]
    assert database.requests() == 1000


@pytest.mark.parametrize("name", ["shop", "Shop_2", "-", "ш", "a" * 64])
def test_rows_of_an_account_that_is_not_there_are_a_problem(database: Database, name: str) -> None:
    database.write([account(name, "a"), AccountWrite("gone", 1, rows=[Row("m", "1", b"x")])]).result()
    assert database.problems() == ['1 rows of account "gone", which is not there']
    assert [each.name for each in database.accounts()] == [name]


def test_each_key_is_read_once_whatever_it_is_and_however_many_are_read_at_a_time(database: Database) -> None:
    keys = {"A", "B", "_", "a", "b", "é", "e\u0301", " ", "a b"}
    database.write([account("shop", "a", rows=[Row("c", key, b"x") for key in keys])]).result()
    found, after = [], ""
    while rows := database.read("shop", "c", after, 1, 2).result():
        found += [key for key, _ in rows]
        after = rows[-1][0]
    assert sorted(found) == sorted(keys)


def test_closing_twice_is_closing_once(place: StorePlace) -> None:
    database = open_database(place)
    database.close()
    database.close()
