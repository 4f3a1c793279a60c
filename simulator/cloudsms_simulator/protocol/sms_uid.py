"""SMS_UIDs: the 30 characters that name a message.

`5A3B394096E50` `X` `01D1` `FA163E81BFFF`: the microseconds since 1970, a counter in one of two styles, and the node
that issued it. No two are the same for the life of a store, on whatever clock.

Spec: Response UIP Format, SMS_UID.
"""

import re
from datetime import timedelta
from functools import lru_cache
from typing import Literal

import msgspec

from cloudsms_simulator.protocol.moments import datetime
from cloudsms_simulator.protocol.timestamps import EPOCH, microseconds

UidStyle = Literal["x4", "x3h"]
"""`x4`: the counter as four hex digits, as the document prints it. `x3h`: three and an `H`, as seen since 2022."""

NODE_PREFIX = "FA163E"
_COUNTERS = tuple(f"{counter:03X}" for counter in range(0x1000))
"""Every value of the counter, written out once: a request of 200 needs 200 of them."""


class UidSequence(msgspec.Struct, frozen=True):
    """Where one node's SMS_UIDs have got to."""

    node: int
    """24 bits, written behind FA163E; no two sequences of a store may share it."""
    counter: int = 0
    """The next counter, 0 to 0xFFF; it runs on from request to request."""
    instant: int = 0
    """The microsecond last issued in."""
    since: int = 0
    """How many were issued in that microsecond."""


class SmsUid(msgspec.Struct, frozen=True):
    """An SMS_UID taken apart; `node` is all 12 hex digits of it."""

    instant: datetime
    counter: int
    style: UidStyle
    node: str


def issue(sequence: UidSequence, now: datetime, count: int, style: UidStyle) -> tuple[UidSequence, tuple[str, ...]]:
    """The next `count` SMS_UIDs, and the sequence to go on with.

    The instant is `now`, or the last one used when the clock stands or went back; after 4,096 in one instant the next
    microsecond is borrowed.
    """
    instant, since, counter = sequence.instant, sequence.since, sequence.counter
    moment = microseconds(now)
    before, behind = _around_counter(sequence.node, style)
    if moment > instant:
        instant, since = moment, 0
        if count == 1:
            following = UidSequence(sequence.node, (counter + 1) % len(_COUNTERS), instant, 1)
            return following, (f"{instant:013X}{before}{_COUNTERS[counter]}{behind}",)
    issued: list[str] = []
    while len(issued) < count:
        if since == len(_COUNTERS):
            instant, since = instant + 1, 0
        head = f"{instant:013X}{before}"
        run = _COUNTERS[counter : counter + min(count - len(issued), len(_COUNTERS) - since)]
        issued += [f"{head}{digits}{behind}" for digits in run]
        since += len(run)
        counter = (counter + len(run)) % len(_COUNTERS)
    return UidSequence(sequence.node, counter, instant, since), tuple(issued)


@lru_cache(maxsize=1024)
def _around_counter(node: int, style: UidStyle) -> tuple[str, str]:
    """What stands between the microseconds and the counter, and behind it. Remembered: a sequence has one node."""
    written = f"{NODE_PREFIX}{node:06X}"
    return ("X0", written) if style == "x4" else ("X", f"H{written}")


_SHAPE = re.compile("([0-9A-F]{13})X(?:([0-9A-F]{4})|([0-9A-F]{3})H)([0-9A-F]{12})")


def read_uid(uid: str) -> SmsUid | None:
    """An SMS_UID taken apart, or None when it is not written like one."""
    found = _SHAPE.fullmatch(uid)
    if found is None:
        return None
    four, three = found[2], found[3]
    return SmsUid(
        EPOCH + timedelta(microseconds=int(found[1], 16)),
        int(four or three, 16),
        "x3h" if four is None else "x4",
        found[4],
    )
