"""Waits: long polls for messages, requests and reports, each with a future of its own.

A wait looks first at what is kept, then hears the news of its account. Who waits for one recipient or one SMS_UID is
found by that, so that a thousand others cost nothing.

Spec: Delivery Report (DR) CallBack. Reading: R15, R16, R17.
"""

import asyncio
from collections.abc import Callable, Sequence
from datetime import timedelta
from functools import partial
from itertools import islice
from operator import itemgetter

import msgspec

from cloudsms_simulator.engine.account import Account
from cloudsms_simulator.engine.transaction import Transaction
from cloudsms_simulator.protocol.moments import datetime
from cloudsms_simulator.server.aside import Slices, aside
from cloudsms_simulator.server.kept import Kept
from cloudsms_simulator.server.news import News
from cloudsms_simulator.server.prospects import BUSY, Prospects, prospects_of
from cloudsms_simulator.server.search import Difference, Search
from cloudsms_simulator.server.sought import Kind, Value, octets_of
from cloudsms_simulator.server.turns import CalledOffError
from cloudsms_simulator.server.waiter import Line, Waiter, Waiting
from cloudsms_simulator.server.wall import WallClock
from cloudsms_simulator.stores.store import Store

MOST_CLOSEST = 3
_LOOKED_AT_FOR_CLOSEST = 200
"""The newest so many are looked at for what came close."""
_RECHECK = 0.05
"""Seconds from the news of an account until it is asked again whether its waits are in vain."""


class Found(msgspec.Struct, frozen=True):
    """As many as were waited for, newest first. `total` is how many there were, `evicted` how many are gone in all."""

    values: tuple[Value, ...]
    total: int
    evicted: int


class Close(msgspec.Struct, frozen=True):
    """What nearly was found, and the terms that do not hold for it."""

    value: Value
    differences: tuple[Difference, ...]


class Missed(msgspec.Struct, frozen=True):
    """A wait that ended without enough.

    `in_vain`: nothing that is running could bring it, since the account's clock stands; `next_due_at` is then the
    moment at which something is due next. `evicted` counts what is gone and nobody could look at.
    """

    in_vain: bool
    total: int
    evicted: int
    closest: tuple[Close, ...]
    now: datetime
    next_due_at: datetime | None


class _Sweep:
    """One look through all that is kept of a kind, for everybody in `line`."""

    def __init__(self) -> None:
        self.line = Line()
        self.over = asyncio.Event()


class Waits:
    """Every wait of a simulator. Belongs to one event loop.

    `is_moved(account)` says whether somebody is moving the account's clock: what stands then will go on. Waits end when
    `stopping` is set.
    """

    def __init__(
        self,
        store: Store,
        news: News,
        wall: WallClock,
        is_moved: Callable[[Account], bool],
        stopping: asyncio.Event,
    ) -> None:
        self._store = store
        self._news = news
        self._wall = wall
        self._is_moved = is_moved
        self._stopping = stopping
        self._waiting: dict[str | None, Waiting] = {}
        self._rechecks: set[str] = set()
        self._known: dict[str | None, tuple[datetime, Prospects]] = {}
        """What is to come on accounts whose clock stands, and the moment at which that was so."""
        self._looking = asyncio.Lock()
        """Held by the one that looks through what is kept: others are served between its slices, not one of each."""
        self._sweeps: dict[tuple[str | None, Kind], _Sweep] = {}
        """Those that are yet to begin."""
        self._sweeping: set[asyncio.Task[None]] = set()

    def __len__(self) -> int:
        """How many wait."""
        return sum(map(len, self._waiting.values()))

    async def wait(
        self, account: Account | None, kind: Kind, search: Search, count: int, within: timedelta
    ) -> Found | Missed:
        """Returns once `count` are there that the search finds, or after `within` of the wall.

        One that nothing running can bring ends at once: reports, and messages in a state, while the clock stands and
        nothing is due or on its way. CalledOffError when the account is reset or deleted meanwhile or the simulator
        stops.
        """
        loop = asyncio.get_running_loop()
        deadline = loop.time() + within.total_seconds()
        waiter = Waiter(kind, search, count, loop.create_future())
        self._add(account, waiter)
        stop = loop.create_task(self._stopping.wait())
        try:
            await self._look(account, waiter)
            if account is not None and waiter.wants_an_outcome and not waiter.future.done():
                if not self._prospects(account).busy:
                    return await self._missed(account, waiter)
                self._recheck_soon(account)
            left = max(0.0, deadline - loop.time())
            await asyncio.wait((waiter.future, stop), timeout=left, return_when=asyncio.FIRST_COMPLETED)
            self._news.catch_up()
            if waiter.future.done():
                values = waiter.future.result()
                return await self._missed(account, waiter) if values is None else self._found(account, waiter, values)
            if self._stopping.is_set():
                raise CalledOffError("stopped")
            return await self._missed(account, waiter, in_vain=False)
        finally:
            stop.cancel()
            waiter.future.cancel()
            self._remove(account, waiter)

    async def closest(
        self, account: Account | None, kind: Kind, search: Search, most: int = MOST_CLOSEST
    ) -> tuple[Close, ...]:
        """What came close: of the newest 200 that are kept, those for which the fewest terms do not hold.

        Others get their turn meanwhile, and no two look at once.
        """
        async with self._looking:
            kept, slices = Kept(self._store, account), Slices()
            near: list[tuple[int, Value]] = []
            for value in list(islice(kept.listing(kind), _LOOKED_AT_FOR_CLOSEST)):
                lacking = await aside(octets_of(value), partial(search.lacking, value, kept.beside(value)))
                if lacking:
                    near.append((lacking, value))
                await slices.rest()
            near.sort(key=itemgetter(0))
            closest = []
            for _, value in near[:most]:
                work = partial(search.differences, value, kept.beside(value))
                closest.append(Close(value, await aside(octets_of(value), work)))
            # The lock goes from one to the next within a turn of the loop otherwise.
            await asyncio.sleep(0)
        return tuple(closest)

    # What the news tell

    def hear(self, account: Account | None, transactions: Sequence[Transaction]) -> None:
        """Tells those it may concern what is new."""
        name = None if account is None else account.name
        self._known.pop(name, None)
        waiting = self._waiting.get(name)
        if waiting is None:
            return
        waiting.hear(transactions, Kept(self._store, account))
        if account is not None and waiting.has_for_outcomes:
            self._recheck_soon(account)

    def hear_reset(self, account: Account | None) -> None:
        """Ends the waits of an account: what they waited for belongs to the past."""
        name = None if account is None else account.name
        self._known.pop(name, None)
        for waiter in self._waiting.get(name, ()):
            if not waiter.future.done():
                waiter.future.set_exception(CalledOffError("gone"))

    # Waits in vain

    def _prospects(self, account: Account) -> Prospects:
        """What is to come by itself; a clock that goes, or is moved, brings everything some day."""
        clock = self._store.standing(account).clock
        if clock.rate != 0 or self._is_moved(account):
            return BUSY
        return self._at_rest(account, clock.virtual)

    def _at_rest(self, account: Account, now: datetime) -> Prospects:
        """The same for a clock that stands at `now`. Known until there is news of the account: that changes it."""
        self._news.catch_up()
        known = self._known.get(account.name)
        if known is None or known[0] != now:
            known = self._known[account.name] = (now, prospects_of(self._store, account, now))
        return known[1]

    def _recheck_soon(self, account: Account) -> None:
        if account.name not in self._rechecks:
            self._rechecks.add(account.name)
            asyncio.get_running_loop().call_later(_RECHECK, self._recheck, account)

    def _recheck(self, account: Account) -> None:
        """Ends the waits that have come to be in vain."""
        self._news.catch_up()
        self._rechecks.discard(account.name)
        waiting = self._waiting.get(account.name)
        if waiting is None or not waiting.has_for_outcomes:
            return
        if self._is_moved(account):
            # It ends without news, and the clock may stand then.
            self._recheck_soon(account)
        elif not self._prospects(account).busy:
            for waiter in waiting:
                if waiter.wants_an_outcome and waiter.looked and not waiter.future.done():
                    waiter.future.set_result(None)

    # One wait

    async def _look(self, account: Account | None, waiter: Waiter) -> None:
        """Looks at what is kept; what the news tell meanwhile is newer.

        All that begin to wait while others are looked for are looked for together.
        """
        name = (None if account is None else account.name, waiter.kind)
        sweep = self._sweeps.get(name)
        if sweep is None:
            sweep = self._sweeps[name] = _Sweep()
            task = asyncio.get_running_loop().create_task(self._sweep(account, waiter.kind, sweep))
            self._sweeping.add(task)
            task.add_done_callback(self._sweeping.discard)
        sweep.line.add(waiter)
        try:
            await sweep.over.wait()
        finally:
            sweep.line.remove(waiter)
        self._news.catch_up()
        waiter.has_looked()

    async def _sweep(self, account: Account | None, kind: Kind, sweep: "_Sweep") -> None:
        try:
            async with self._looking:
                del self._sweeps[(None if account is None else account.name, kind)]
                kept, line, slices = Kept(self._store, account), sweep.line, Slices()
                for value in list(kept.listing(kind)):
                    if not line.count or self._stopping.is_set():
                        break
                    for waiter in await aside(octets_of(value), partial(line.that_find, value, kept.beside(value))):
                        waiter.take_in(value)
                    await slices.rest()
        finally:
            sweep.over.set()

    def _found(self, account: Account | None, waiter: Waiter, values: Sequence[Value]) -> Found:
        # The rest of a batch, or a change, may have been told since it was enough.
        values = waiter.values if waiter.total >= waiter.count else values
        return Found(
            tuple(values[: waiter.count]), len(values), Kept(self._store, account).listing(waiter.kind).evicted
        )

    async def _missed(self, account: Account | None, waiter: Waiter, *, in_vain: bool = True) -> Missed:
        clock = self._store.standing(account).clock
        now = clock.now(self._wall.now())
        due = None
        if account is not None and clock.rate == 0:
            due = self._at_rest(account, now).next_due_at
        evicted = Kept(self._store, account).listing(waiter.kind).evicted
        closest = await self.closest(account, waiter.kind, waiter.search)
        return Missed(in_vain, waiter.total, evicted, closest, now, due)

    def _add(self, account: Account | None, waiter: Waiter) -> None:
        if self._stopping.is_set():
            raise CalledOffError("stopped")
        self._news.catch_up()
        name = None if account is None else account.name
        waiting = self._waiting.get(name)
        if waiting is None:
            waiting = self._waiting[name] = Waiting()
            self._news.listen(name, self)
        waiting.add(waiter)

    def _remove(self, account: Account | None, waiter: Waiter) -> None:
        name = None if account is None else account.name
        waiting = self._waiting[name]
        waiting.remove(waiter)
        if not len(waiting):
            del self._waiting[name]
            self._known.pop(name, None)
            self._news.cease(name, self)
