"""Looking back: the findings on accepted requests, which nobody works out until somebody looks.

They take as long to work out as the requests took to be served; so they are worked out a few at a time, each once, and
what is remembered is the newest request under each rule: while that is kept, the rule counts as seen.

Reading: R20, R24, R26.
"""

import asyncio
from collections.abc import Iterable, Mapping
from itertools import islice, takewhile

from cloudsms_simulator.engine.account import Account
from cloudsms_simulator.engine.exchange import Exchange
from cloudsms_simulator.engine.suspicions import SUSPECTED, Scene
from cloudsms_simulator.engine.trace import trace_of
from cloudsms_simulator.server.kept import Kept
from cloudsms_simulator.stores.store import Store

AT_ONCE = 400
"""Messages whose requests are worked out on one look, about."""
SUSPECTS = 60
"""Requests, the newest ones, that are held against each other on every look, as long as they are not large."""
_IN_ONE_GO = 20
"""Messages until others get their turn, about."""


class Lookback:
    """What was found on the requests of one account so far, or on those that are nobody's.

    The account is handed in as it is by now; None stands for nobody.
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self._read_to = 0
        self._newest: dict[str, int] = {}
        self._suspected_at = 0

    async def go_on(self, account: Account | None) -> int:
        """Works out some more, the oldest first; how many requests are left for another time."""
        exchanges = self._store.exchanges(account)
        newest = next(iter(exchanges), None)
        if newest is None or newest.id < self._read_to:
            self._read_to, self._suspected_at = 0, 0  # they were reset, and begin anew
        waiting = [each for each in takewhile(self._is_new, exchanges) if each.findings is None]
        waiting.reverse()
        chosen = _so_many(waiting, AT_ONCE)
        kept = Kept(self._store, account)
        done = 0
        for exchange in chosen:
            self._newest |= dict.fromkeys((finding.rule for finding in kept.findings(exchange)), exchange.id)
            done += _size(exchange)
            if done >= _IN_ONE_GO:
                done = 0
                await asyncio.sleep(0)
        if chosen:
            self._read_to = max(self._read_to, chosen[-1].id)
        if newest is not None and newest.id != self._suspected_at:
            self._suspected_at = newest.id
            await self._suspect(account)
        return len(waiting) - len(chosen)

    def newest(self, account: Account | None) -> Mapping[str, int]:
        """The number of the newest request under each rule, as far as it is kept."""
        return {
            rule: number for rule, number in self._newest.items() if self._store.exchange(account, number) is not None
        }

    def _is_new(self, exchange: Exchange) -> bool:
        return exchange.id > self._read_to

    async def _suspect(self, account: Account | None) -> None:
        newest = (each for each in self._store.exchanges(account) if each.kind == "uip")
        packets = _so_many(islice(newest, SUSPECTS), AT_ONCE)
        traces = [trace_of(each) for each in reversed(packets)]
        await asyncio.sleep(0)
        real = self._store.standing(account).clock.is_real
        for at, trace in enumerate(traces):
            scene = Scene(tuple(traces[:at]), trace, tuple(traces[at + 1 :]), real)
            found = (finding.rule for suspect in SUSPECTED for finding in suspect(scene))
            self._newest |= dict.fromkeys(found, trace.id)
            await asyncio.sleep(0)


def _size(exchange: Exchange) -> int:
    return max(1, len(exchange.uids))


def _so_many(exchanges: Iterable[Exchange], most: int) -> list[Exchange]:
    """The first of them, so that all together they have about so many messages; one at least."""
    chosen: list[Exchange] = []
    for exchange in exchanges:
        if most <= 0:
            break
        chosen.append(exchange)
        most -= _size(exchange)
    return chosen
