"""Attempts: how often somebody may try a token that is wrong, from one address and over all.

A few at once, and then one in a while: who tries too soon is told when to come again, and nobody else waits. The right
token uses up nothing. What is kept is of constant size, whoever tries, and goes by the wall's time.

Reading: R19.
"""

import ipaddress
from collections.abc import Callable

import msgspec

from cloudsms_simulator.server.wall import WallClock

MOST_ADDRESSES = 1_000
"""Of which something is remembered; what was remembered first is forgotten first, and the limit over all holds on."""


class Pace(msgspec.Struct, frozen=True):
    """So many at once, and then one in so many seconds."""

    at_once: int
    seconds: float

    def wait(self, until: float, now: float) -> float:
        """How many seconds until the next may be made; `until` is when all are made up for."""
        return max(0.0, until - now - (self.at_once - 1) * self.seconds)


EACH = Pace(5, 12.0)
OVERALL = Pace(50, 1.2)


class Attempts:
    """Counts the wrong attempts. `monotonic` tells seconds that only go forward, the wall's unless said."""

    def __init__(self, monotonic: Callable[[], float] | None = None) -> None:
        self._monotonic = monotonic or WallClock().monotonic
        self._overall = 0.0
        self._each: dict[str, float] = {}

    def wait(self, address: str) -> float:
        """How many seconds an address has to wait before it may try; 0 when it may now."""
        now = self._monotonic()
        return max(EACH.wait(self._each.get(_network_of(address), 0.0), now), OVERALL.wait(self._overall, now))

    def failed(self, address: str) -> None:
        """Counts one that was wrong."""
        now, network = self._monotonic(), _network_of(address)
        self._overall = max(self._overall, now) + OVERALL.seconds
        self._each[network] = max(self._each.pop(network, 0.0), now) + EACH.seconds
        if len(self._each) > MOST_ADDRESSES:
            del self._each[next(iter(self._each))]


def _network_of(address: str) -> str:
    """What counts as one address: of IPv6 its network, in which a machine may have any number of them."""
    try:
        parsed = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return ""
    return address if parsed.version == 4 else str(ipaddress.ip_network((parsed, 64), strict=False))
