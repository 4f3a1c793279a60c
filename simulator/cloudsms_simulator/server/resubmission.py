"""Resubmission: the packet of an exchange that is kept, sent once more inside the server, as it was or corrected.

It takes the way of all that is sent from inside the server.

Reading: R25.
"""

from collections.abc import Iterable
from itertools import islice

import msgspec

from cloudsms_simulator.engine.account import Account
from cloudsms_simulator.engine.exchange import Exchange
from cloudsms_simulator.engine.message import Sending
from cloudsms_simulator.protocol import uip
from cloudsms_simulator.protocol.json_places import Places
from cloudsms_simulator.protocol.limits import HIGHEST_SERIAL
from cloudsms_simulator.protocol.moments import datetime
from cloudsms_simulator.protocol.result_codes import desc_of, written
from cloudsms_simulator.protocol.timestamps import read_wire_time, wire_time
from cloudsms_simulator.server.explanation import Explainer
from cloudsms_simulator.server.sender import Sender
from cloudsms_simulator.server.wall import WallClock
from cloudsms_simulator.stores.store import Store

_LOOKED_AT = 1_000
"""Exchanges in which the newest SERIAL of an account is looked for."""


class Impossible(msgspec.Struct, frozen=True):
    """Why a packet cannot be sent again."""

    why: str


class Resubmitter:
    """Sends again. Belongs to one event loop."""

    def __init__(self, sender: Sender, explainer: Explainer, store: Store, wall: WallClock) -> None:
        self._sender = sender
        self._explainer = explainer
        self._store = store
        self._wall = wall

    async def send(
        self, owner: Account | None, exchange: Exchange, sender: Account, *, corrected: bool
    ) -> tuple[Account | None, Exchange] | Impossible:
        """The exchange that came of a packet when it was sent again, and whose that is.

        The packet is one of `owner`, or of nobody; `sender` is whose AUTH_KEY stands in a corrected one, and whose time
        and SERIAL are taken. `corrected`: what an explanation would put in its place. StoreError when the store cannot
        be read.
        """
        if exchange.kind != "uip":
            return Impossible(f"request {exchange.id} is of kind {exchange.kind}: there is no packet to send again")
        body = exchange.body
        if corrected:
            better = await self._corrected(owner, exchange, sender)
            if isinstance(better, Impossible):
                return better
            body = better
        now = self._store.standing(sender).clock.now(self._wall.now())
        sent = await self._sender.send(sender, self._renewed(body, sender, now))
        if sent.exchange is None:
            told = "no code" if sent.code is None else f"{written(sent.code)} {desc_of(sent.code)}"
            return Impossible(f"it was answered {told}, and nothing of it is kept; the log says why")
        return sent.account, sent.exchange

    async def _corrected(self, owner: Account | None, exchange: Exchange, sender: Account) -> bytes | Impossible:
        explanation = await self._explainer.of_exchange(owner, exchange, sender)
        correction = explanation.correction
        if correction is None:
            return Impossible(f"there is nothing to correct in request {exchange.id}; send it as it is")
        if not isinstance(correction.request, msgspec.Raw):
            why = "; ".join(f"{each.rule} at {each.path}: {each.why}" for each in correction.uncorrected)
            return Impossible(f"request {exchange.id} cannot be corrected: {why or 'there is no packet in it'}")
        return bytes(correction.request)

    def _renewed(self, body: bytes, sender: Account, now: datetime) -> bytes:
        """A body with another SERIAL and TIME. Wrong ones stay, and so does everything else, to the octet."""
        packet = uip.decode(body).packet
        values: dict[str, bytes] = {}
        if type(packet.serial) is int and 1 <= packet.serial <= HIGHEST_SERIAL:
            newest = _serial_of(self._store.exchanges(sender)) or packet.serial
            values["$.SERIAL"] = b"%d" % (newest % HIGHEST_SERIAL + 1)
        if isinstance(packet.time, str) and read_wire_time(packet.time) is not None:
            values["$.TIME"] = msgspec.json.encode(wire_time(now))
        return replaced(body, values)


def replaced(body: bytes, values: dict[str, bytes]) -> bytes:
    """A body with other JSON at some paths; those that are not there are left alone."""
    places = Places(body)
    found = ((places.of(path), value) for path, value in values.items())
    there = [(place, value) for place, value in found if place is not None and place.is_there]
    for place, value in sorted(there, key=lambda each: each[0].start, reverse=True):
        body = body[: place.start] + value + body[place.end :]
    return body


def _serial_of(exchanges: Iterable[Exchange]) -> int | None:
    """The SERIAL of the newest accepted request."""
    newest = (each.serial for each in islice(exchanges, _LOOKED_AT) if isinstance(each, Sending))
    return next(newest, None)
