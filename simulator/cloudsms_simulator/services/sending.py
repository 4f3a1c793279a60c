"""What somebody does by hand over the API: packets sent or sent again, states forced, reports pushed again.

`packet_of` makes of what somebody wants to send the packet that a customer would write. A `PacketSender` has it
judged, counted, charged, kept and reported like those that come over the wire; its exchange has no peer, and who
sends it never sees the AUTH_KEY. A `Resubmitter` sends the packet of a kept exchange again, as it was or corrected.
`Interventions` forces a state on a message, or has a report pushed once more: on a clock that stands, what is due at
once is reached, pushed and answered when the call returns.

Spec: SMS Dispatching, Request UIP Format. Spec: Delivery Report (DR) CallBack. Reading: R16, R18, R25.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from contextlib import suppress
from itertools import islice
from typing import Annotated, Protocol, TypeVar

import msgspec

from cloudsms_simulator.engine.account import Account
from cloudsms_simulator.engine.delivery import Conflict, ForceRequest, ForceResult
from cloudsms_simulator.engine.platform import Platform
from cloudsms_simulator.engine.records import Exchange, Report, Sending
from cloudsms_simulator.engine.transaction import Reply, Transaction
from cloudsms_simulator.journal.views import code_item
from cloudsms_simulator.models.journal import SentItem
from cloudsms_simulator.moments import datetime
from cloudsms_simulator.net.wall_clock import WallClock
from cloudsms_simulator.protocol.codes import COUNTRY_CODES, ResultCode, desc_of, hex_code
from cloudsms_simulator.protocol.correction import KEY_PLACEHOLDER
from cloudsms_simulator.protocol.customer import SendRequest, encode_request, split_number
from cloudsms_simulator.protocol.json_text import Places
from cloudsms_simulator.protocol.packet import HIGHEST_SERIAL, Destination, decode
from cloudsms_simulator.protocol.timestamps import LATEST, MOMENTS, read_wire_time, wire_time
from cloudsms_simulator.services.explainer import Explainer, with_key
from cloudsms_simulator.stores.store import Store

T = TypeVar("T")

_PUNCTUATION = str.maketrans("", "", " -().\t\u00a0")
_NO_OBJECT = 'CUSTOMER_BODY, an object such as {"order": 1}'

OutgoingNumbers = Annotated[
    tuple[str, ...] | None, msgspec.Meta(description="numbers with their country codes, such as 85267000011")
]
OutgoingText = Annotated[str | None, msgspec.Meta(description="SMS_CONTENT, a string")]
OutgoingCountry = Annotated[
    int | None, msgspec.Meta(description="a country calling code such as 852, of every number without a +")
]
OutgoingSender = Annotated[str | None, msgspec.Meta(description="ORIGINAL_ADDR, a string")]
OutgoingSignature = Annotated[str | None, msgspec.Meta(description="SIGNATURE, without brackets")]
OutgoingSignatureType = Annotated[int | None, msgspec.Meta(description="SIGNATURE_TYPE, a whole number")]
OutgoingRoute = Annotated[str | None, msgspec.Meta(description="ROUTE_ID, a string")]
OutgoingPriority = Annotated[int | None, msgspec.Meta(description="PRIORITY, a whole number")]
OutgoingVersion = Annotated[str | None, msgspec.Meta(description="VERSION, a string")]
OutgoingCustomerBody = Annotated[dict[str, msgspec.Raw] | None, msgspec.Meta(description=_NO_OBJECT)]


class NoCountryError(ValueError):
    """A number whose country cannot be told; the text says what would be right."""


class Outgoing(msgspec.Struct, frozen=True, kw_only=True):
    """What is to be sent to whom. What is None is not sent, or is what the account is used to."""

    to: OutgoingNumbers = None
    text: OutgoingText = None
    country: OutgoingCountry = None
    sender: OutgoingSender = None
    signature: OutgoingSignature = None
    signature_type: OutgoingSignatureType = None
    route: OutgoingRoute = None
    priority: OutgoingPriority = None
    version: OutgoingVersion = None
    customer_body: OutgoingCustomerBody = None


def packet_of(outgoing: Outgoing, account: Account, serial: int, now: datetime) -> bytes:
    """The packet, its route and version the account's own unless said; `$CLOUDSMS_AUTH_KEY` stands for the key.

    Nothing in it is checked, so that what the platform says to it can be seen. NoCountryError for a number of which
    nobody can tell where it is.
    """
    return encode_request(
        SendRequest(
            serial=serial,
            time=wire_time(now),
            auth_key=KEY_PLACEHOLDER,
            route_id=account.route_at_hand if outgoing.route is None else outgoing.route,
            multi_msisdn_list=outgoing_destinations(outgoing),
            sms_content=outgoing.text or "",
            signature=_given(outgoing.signature),
            signature_type=_given(outgoing.signature_type),
            original_addr=_given(outgoing.sender),
            priority=_given(outgoing.priority),
            version=account.profile.versions[0] if outgoing.version is None else outgoing.version,
            customer_body=msgspec.UNSET
            if outgoing.customer_body is None
            else msgspec.Raw(msgspec.json.encode(outgoing.customer_body)),
        )
    )


def outgoing_destinations(outgoing: Outgoing) -> tuple[Destination, ...]:
    """Country code and number of each recipient, in their order. NoCountryError as above."""
    return tuple(_destination(place, number, outgoing.country) for place, number in enumerate(outgoing.to or ()))


def _destination(place: int, number: str, country: int | None) -> Destination:
    """Spaces and punctuation, as people write numbers, are left out."""
    plain = number.translate(_PUNCTUATION)
    if country is not None and not plain.startswith("+"):
        if country not in COUNTRY_CODES:
            raise NoCountryError(f"country: got {country}, want an assigned country calling code such as 852")
        return Destination(country, plain)
    found = split_number(plain)
    if found is None:
        want = "want digits that begin with an assigned country code, such as 85267000011, or country beside it"
        raise NoCountryError(f'to[{place}]: got "{number[:60]}", {want}')
    return found


def _given(value: T | None) -> T | msgspec.UnsetType:
    return msgspec.UNSET if value is None else value


TakePacket = Callable[[bytes], Awaitable[tuple[Account | None, Reply]]]
"""Has the platform take a body; whose it is, and its reply."""


class SentPacket(msgspec.Struct, frozen=True):
    """A request that was sent.

    `exchange` is None when the store failed to keep it. `answer` is what a client would have received, None when a
    fault left nothing of it; `code` is what was decided, whatever became of the answer.
    """

    account: Account | None
    """Whose AUTH_KEY was in the body; None when that was nobody's."""
    exchange: Exchange | None
    code: ResultCode | None
    answer: bytes | None


class PacketSender:
    """Sends for accounts."""

    def __init__(self, store: Store, take: TakePacket) -> None:
        self._store = store
        self._take = take
        self.serial = 1
        """The next SERIAL for a packet that is made here."""

    def take_serial(self) -> int:
        """That SERIAL, which is then another: 1 to 65535, and 1 again."""
        taken = self.serial
        self.serial = taken % HIGHEST_SERIAL + 1
        return taken

    async def send(self, account: Account, body: bytes) -> SentPacket:
        """Sends a body in which `$CLOUDSMS_AUTH_KEY`, or the key's fingerprint, stands for the account's AUTH_KEY.

        A body in which neither stands is sent as it is. Raises nothing: failures have a result code.
        """
        found, reply = await self._take(with_key(body, account))
        await self._store.fresh(found)
        exchange = self._store.exchange(found, reply.request_id) if reply.request_id else None
        spoilt = exchange is not None and reply.trouble is not None
        answer = exchange.answer if spoilt and exchange is not None else reply.body
        return SentPacket(found, exchange, reply.code, answer)


def sent_item(sent: SentPacket) -> SentItem:
    """What was sent, as the API shows it."""
    exchange = sent.exchange
    return SentItem(
        request_id=None if exchange is None else exchange.id,
        account=None if sent.account is None else sent.account.name,
        code=None if sent.code is None else code_item(sent.code),
        answer=None if sent.answer is None else sent.answer.decode("utf-8", "backslashreplace"),
        fault=None if exchange is None else exchange.fault,
        uids=() if exchange is None else exchange.uids,
    )


_EXCHANGES_SEARCHED = 1_000
"""Exchanges in which the newest SERIAL of an account is looked for."""


class CannotResend(msgspec.Struct, frozen=True):
    """Why a packet cannot be sent again."""

    why: str


class Resubmitter:
    """Sends again. Belongs to one event loop."""

    def __init__(self, sender: PacketSender, explainer: Explainer, store: Store, wall: WallClock) -> None:
        self._sender = sender
        self._explainer = explainer
        self._store = store
        self._wall = wall

    async def send(
        self, owner: Account | None, exchange: Exchange, sender: Account, *, corrected: bool
    ) -> tuple[Account | None, Exchange] | CannotResend:
        """The exchange that came of a packet when it was sent again, and whose that is.

        The packet is one of `owner`, or of nobody; `sender` is whose AUTH_KEY stands in a corrected one, and whose time
        and SERIAL are taken. `corrected`: what an explanation would put in its place. StoreError when the store cannot
        be read.
        """
        if exchange.kind != "uip":
            return CannotResend(f"request {exchange.id} is of kind {exchange.kind}: there is no packet to send again")
        body = exchange.body
        if corrected:
            better = await self._corrected(owner, exchange, sender)
            if isinstance(better, CannotResend):
                return better
            body = better
        now = self._store.standing(sender).clock.now(self._wall.now())
        sent = await self._sender.send(sender, self._renewed(body, sender, now))
        if sent.exchange is None:
            told = "no code" if sent.code is None else f"{hex_code(sent.code)} {desc_of(sent.code)}"
            return CannotResend(f"it was answered {told}, and nothing of it is kept; the log says why")
        return sent.account, sent.exchange

    async def _corrected(self, owner: Account | None, exchange: Exchange, sender: Account) -> bytes | CannotResend:
        explanation = await self._explainer.explain_exchange(owner, exchange, sender)
        correction = explanation.correction
        if correction is None:
            return CannotResend(f"there is nothing to correct in request {exchange.id}; send it as it is")
        if not isinstance(correction.request, msgspec.Raw):
            why = "; ".join(f"{each.rule} at {each.path}: {each.why}" for each in correction.uncorrected)
            return CannotResend(f"request {exchange.id} cannot be corrected: {why or 'there is no packet in it'}")
        return bytes(correction.request)

    def _renewed(self, body: bytes, sender: Account, now: datetime) -> bytes:
        """A body with another SERIAL and TIME. Wrong ones stay, and so does everything else, to the octet."""
        packet = decode(body).packet
        values: dict[str, bytes] = {}
        if type(packet.serial) is int and 1 <= packet.serial <= HIGHEST_SERIAL:
            newest = _serial_of(self._store.exchanges(sender)) or packet.serial
            values["$.SERIAL"] = b"%d" % (newest % HIGHEST_SERIAL + 1)
        if isinstance(packet.time, str) and read_wire_time(packet.time) is not None:
            values["$.TIME"] = msgspec.json.encode(wire_time(now))
        return with_values_replaced(body, values)


def with_values_replaced(body: bytes, values: dict[str, bytes]) -> bytes:
    """A body with other JSON at some paths; those that are not there are left alone."""
    places = Places(body)
    found = ((places.of(path), value) for path, value in values.items())
    there = [(place, value) for place, value in found if place is not None and place.is_there]
    for place, value in sorted(there, key=lambda each: each[0].start, reverse=True):
        body = body[: place.start] + value + body[place.end :]
    return body


def _serial_of(exchanges: Iterable[Exchange]) -> int | None:
    """The SERIAL of the newest accepted request."""
    newest = (each.serial for each in islice(exchanges, _EXCHANGES_SEARCHED) if isinstance(each, Sending))
    return next(newest, None)


LONGEST_PUSH_WAIT = 30.0
"""Seconds of the wall for which the push of something that was asked for is waited for."""


class InterventionPusher(Protocol):
    """What interventions need of a pusher."""

    def expect(self, account: Account, due: datetime) -> None:
        """Something of the account is due then."""
        ...

    def running(self, account: Account) -> int:
        """How many pushes of the account are on the way."""
        ...

    async def settle(self, account: Account, looked_at: list[str]) -> None:
        """Returns when what is due at the account's present moment is pushed and kept."""
        ...


class Interventions:
    """Intervenes. Belongs to one event loop; every call may raise StoreError."""

    def __init__(self, platform: Platform, store: Store, pusher: InterventionPusher, wall: WallClock) -> None:
        self._platform = platform
        self._store = store
        self._pusher = pusher
        self._wall = wall

    async def force(self, account: Account, uid: str, wish: ForceRequest) -> ForceResult | Conflict | None:
        """Forces a state on a message; None when there is no such message. ValueError past the last moment there is.

        What is due at once on a clock that stands is reached, pushed and answered when this returns, unless pushes of
        the account are on the way already: then it is pushed after them.
        """

        def force(transaction: Transaction) -> tuple[ForceResult | Conflict | None, datetime]:
            now = transaction.standing.clock.now(self._wall.now())
            if uid not in transaction.messages:
                return None, now
            if wish.after > LATEST - now:
                raise ValueError(f"it is {now.isoformat()}, and a clock shows {MOMENTS}; want a shorter duration")
            return self._platform.force(transaction, uid, wish, now), now

        forced, now = await self._store.step(account, force, (uid,))
        if isinstance(forced, ForceResult):
            await self._due(account, forced.due_at, now)
        return forced

    async def resend(self, account: Account, uid: str, number: int) -> Report | Conflict | None:
        """Has a report pushed once more, and waits as `force` does; None when there is no such report."""

        def resend(transaction: Transaction) -> tuple[Report | Conflict | None, datetime]:
            now = transaction.standing.clock.now(self._wall.now())
            if not 1 <= number <= len(transaction.reports.get(uid, ())):
                return None, now
            return self._platform.resend(transaction, uid, number, now), now

        report, now = await self._store.step(account, resend, (uid,))
        if not isinstance(report, Report):
            return report
        await self._due(account, now, now)
        known = self._store.reports_of(account, uid)
        return known[number - 1] if number <= len(known) else report

    async def _due(self, account: Account, due: datetime, now: datetime) -> None:
        await self._store.fresh(account)
        # Who asks from within the customer's server would otherwise wait for a push that waits for it.
        is_alone = self._pusher.running(account) == 0
        self._pusher.expect(account, due)
        if due <= now and is_alone and self._store.standing(account).clock.mode == "frozen":
            with suppress(TimeoutError):
                async with asyncio.timeout(LONGEST_PUSH_WAIT):
                    await self._pusher.settle(account, [])
            await self._store.fresh(account)
