"""The store in memory, with whoever wants to know told of every commit.

Reading: R16.
"""

from collections.abc import Callable
from datetime import datetime

from cloudsms_simulator.engine.account import Account
from cloudsms_simulator.engine.clock import Clock
from cloudsms_simulator.engine.transaction import Transaction
from cloudsms_simulator.server.news import News
from cloudsms_simulator.stores.memory import MemoryStore


class ToldStore(MemoryStore):
    """A memory store that publishes what it keeps, once it is there for everybody to see."""

    def __init__(
        self,
        news: News,
        clock: Callable[[Account | None], Clock],
        node: Callable[[], int],
        most_messages: int,
        most_bytes: int,
    ) -> None:
        super().__init__(clock, node, most_messages, most_bytes)
        self._news = news

    async def commit(self, transaction: Transaction) -> None:
        await super().commit(transaction)
        self._news.publish(transaction.account, transaction)

    async def drop(self, account: Account) -> None:
        await super().drop(account)
        self._news.reset(account)

    async def reset(self, account: Account | None, now: datetime) -> None:
        await super().reset(account, now)
        self._news.reset(account)
