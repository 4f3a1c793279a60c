"""The file of SQLite: who may read it."""

import os
from pathlib import Path

from cloudsms_simulator.stores.sqlite import SqliteDatabase


def test_nobody_but_its_owner_can_read_a_new_file_or_what_lies_beside_it(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        database = SqliteDatabase(tmp_path / "a.db")
        database.seed(1)
        modes = {path.name: path.stat().st_mode & 0o777 for path in tmp_path.iterdir()}
        database.close()
    finally:
        os.umask(before)
    assert {"a.db", "a.db-wal", "a.db-shm"} <= modes.keys()
    assert set(modes.values()) == {0o600}
