"""Program: a platform and its memory store in this process, without a server. Answers one question a line, in JSON.

`fill` accepts messages and answers with the octets of memory each takes. `requests` accepts single sends and answers
with the CPU microseconds of one. `due` takes reports that are due and answers with the CPU microseconds of one.
`report` brings everything to its end and answers with the octets of memory each message takes more.

Arguments: the callback URL, should there be one; it is never called.
"""

import asyncio
import gc
import itertools
import os
import random
import sys
import time
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Literal

import msgspec
from packets import numbers_from, request_to

from cloudsms_simulator.engine.account import Account, AccountDirectory, Callback
from cloudsms_simulator.engine.clock import Clock
from cloudsms_simulator.engine.platform import Platform
from cloudsms_simulator.engine.records import ConnectionFacts, Exchange
from cloudsms_simulator.engine.transaction import Arrival, Reply, Transaction
from cloudsms_simulator.net.wall_clock import WallClock
from cloudsms_simulator.protocol.profile import SPEC
from cloudsms_simulator.stores.memory import MemoryStore

_BETWEEN_REQUESTS = timedelta(microseconds=100)
_DAY = timedelta(days=1)
_AT_ONCE = Callback().concurrency
_UNBOUNDED = sys.maxsize
_CONNECTION = ConnectionFacts(1, "127.0.0.1", 50_000)
_HEADERS = ((b"host", b"127.0.0.1"), (b"content-type", b"application/json"))


class Question(msgspec.Struct, frozen=True):
    """A line of standard input. `spread`: the reports are due anywhere within a day, not after the account's delay."""

    do: Literal["fill", "requests", "due", "report"]
    messages: int
    recipients: int = 1
    spread: bool = False


class Bench:
    """A platform with an unlimited balance and a journal without bounds, on a clock that is moved by hand.

    Bodies are packed, as in every journal that may hold more than the 10,000 messages of the default.
    """

    def __init__(self, callback_url: str | None = None) -> None:
        self._account = Account(balance="unlimited", callback=Callback(url=callback_url))
        self._platform = Platform(AccountDirectory([self._account]), SPEC, packs_bodies=True)
        self._now = WallClock().now()
        nodes = itertools.count()
        self._store = MemoryStore(lambda _: Clock.frozen(self._now), lambda: next(nodes), _UNBOUNDED, _UNBOUNDED)
        self._first = 0
        self._random = random.Random(1)

    async def answer(self, question: Question) -> float:
        """The number asked for."""
        match question.do:
            case "fill":
                return await self._fill(question)
            case "requests":
                return await self._accept_timed(question)
            case "due":
                return await self._take_timed(question.messages)
            case "report":
                return await self._report(question.messages)

    async def _fill(self, question: Question) -> float:
        before = _resident()
        for body in self._bodies(question):
            await self._accept(body, spread=question.spread)
        return (_resident() - before) / max(1, question.messages)

    async def _accept_timed(self, question: Question) -> float:
        bodies = list(self._bodies(question))
        begun = time.process_time()
        for body in bodies:
            await self._accept(body)
        return (time.process_time() - begun) / question.messages * 1e6

    async def _take_timed(self, messages: int) -> float:
        last = self._now + 2 * _DAY
        taken = 0
        begun = time.process_time()
        while taken < messages:
            taken += await self._take(last, min(_AT_ONCE, messages - taken))
        return (time.process_time() - begun) / messages * 1e6

    async def _report(self, messages: int) -> float:
        before = _resident()
        self._now += 2 * _DAY
        while await self._take(self._now, _AT_ONCE):
            pass
        return (_resident() - before) / messages

    async def _take(self, now: datetime, limit: int) -> int:
        uids = await self._store.take_wakes(self._account, now, limit)

        def decide(transaction: Transaction) -> None:
            self._platform.take_due(transaction, uids, now)

        await self._store.step(self._account, decide, tuple(uids))
        return len(uids)

    async def _accept(self, body: bytes, *, spread: bool = False) -> None:
        self._now += _BETWEEN_REQUESTS
        identified = self._platform.identify(body)
        checked = self._platform.check(identified, body)
        arrival = Arrival(body, _CONNECTION, _HEADERS)

        def decide(transaction: Transaction) -> tuple[Reply, Exchange | None]:
            reply = self._platform.receive(transaction, checked, arrival, self._now)
            if spread:
                transaction.wakes = [(due + self._random.random() * _DAY, uid) for due, uid in transaction.wakes]
            return reply, transaction.exchange

        reply, _ = await self._store.step(identified.account, decide)
        await self._store.release(identified.account, reply.request_id)

    def _bodies(self, question: Question) -> Iterator[bytes]:
        """Requests of which no two have the same recipients."""
        for _ in range(0, question.messages, question.recipients):
            yield request_to(*numbers_from(self._first, question.recipients))
            self._first += question.recipients


def _resident() -> int:
    """Octets of memory the process holds once its garbage is collected."""
    gc.collect()
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def main(callback_url: str | None = None) -> None:
    """Answers until its standard input ends."""
    bench = Bench(callback_url)
    for line in sys.stdin:
        print(asyncio.run(bench.answer(msgspec.json.decode(line, type=Question))), flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
