"""A store with a platform in front of it, in memory and in databases; everything in it was really sent."""

from collections.abc import Iterator
from datetime import datetime

import pytest
from durable_stores import new_place
from keepers import NOON, DurableKeeper, Keeper, PostgresKeeper, done
from postgres_server import needs_postgres

from cloudsms_simulator.models.server import DatabaseKind, StorePlace

DATABASES = ["sqlite", pytest.param("postgresql", marks=needs_postgres)]


@pytest.fixture(
    scope="session",
    params=[Keeper, DurableKeeper, pytest.param(PostgresKeeper, marks=needs_postgres)],
    ids=["memory", "sqlite", "postgresql"],
)
def keeper(request: pytest.FixtureRequest) -> type[Keeper]:
    """Makes keepers, of the account `default` alone or of those given."""
    kind: type[Keeper] = request.param
    return kind


@pytest.fixture(params=DATABASES)
def place(request: pytest.FixtureRequest) -> StorePlace:
    """Where a database can be made, of each kind."""
    kind: DatabaseKind = request.param
    return new_place(kind)


@pytest.fixture(autouse=True)
def _survival() -> Iterator[None]:
    """Holds the last stores in databases to survive what the test did, and closes all."""
    yield
    made = DurableKeeper.made.copy()
    DurableKeeper.made.clear()
    try:
        for each in made:
            each.survives()
    finally:
        for each in made:
            done(each.store.close())


@pytest.fixture(scope="session")
def noon() -> datetime:
    """When every keeper begins."""
    return NOON
