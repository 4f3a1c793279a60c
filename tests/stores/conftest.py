"""A store with a platform in front of it, in memory and in SQLite; everything in it was really sent."""

from collections.abc import Iterator
from datetime import datetime

import pytest
from keepers import MOST_SURVIVORS, NOON, DurableKeeper, Keeper, done


@pytest.fixture(scope="session", params=[Keeper, DurableKeeper], ids=["memory", "sqlite"])
def keeper(request: pytest.FixtureRequest) -> type[Keeper]:
    """Makes keepers, of the account `default` alone or of those given."""
    kind: type[Keeper] = request.param
    return kind


@pytest.fixture(autouse=True)
def _survival() -> Iterator[None]:
    """Holds the last stores in SQLite to survive what the test did, and closes all."""
    yield
    made = DurableKeeper.made.copy()
    DurableKeeper.made.clear()
    try:
        for each in made[-MOST_SURVIVORS:]:
            each.survives()
    finally:
        for each in made:
            done(each.store.close())


@pytest.fixture(scope="session")
def noon() -> datetime:
    """When every keeper begins."""
    return NOON
