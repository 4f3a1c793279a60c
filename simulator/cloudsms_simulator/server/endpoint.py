"""The endpoint `/dave/io`: bytes in, bytes out.

A raw ASGI application, since request and response objects cost more than everything the platform does. Every packet
within the body limit is answered with HTTP 200; its errors live in RESULT_CODE. Packets that are there at the same
time are served together, stage by stage; whatever has to wait for something goes its own way.

Spec: CloudSMS Platform Server. Spec: Interface specification and communication principle. Reading: R2, R5.
"""

import asyncio
import logging
from collections.abc import Sequence
from functools import partial

import msgspec
from starlette.types import Receive, Scope, Send
from uvicorn.protocols.http.httptools_impl import RequestResponseCycle

from cloudsms_simulator.engine.account import Account
from cloudsms_simulator.engine.arrival import Arrival, Identified, Judged, Reply
from cloudsms_simulator.engine.platform import Platform
from cloudsms_simulator.protocol.finding_rules import Told, found
from cloudsms_simulator.protocol.moments import datetime
from cloudsms_simulator.protocol.result_codes import ResultCode
from cloudsms_simulator.server.answer_times import AnswerTimes
from cloudsms_simulator.server.aside import AT_ONCE, aside
from cloudsms_simulator.server.connection import Connection
from cloudsms_simulator.server.desk import Leave
from cloudsms_simulator.server.door import Door
from cloudsms_simulator.server.faults import strike
from cloudsms_simulator.server.journal import Journal
from cloudsms_simulator.server.peers import connection_of, peer_of
from cloudsms_simulator.server.pusher import Pusher
from cloudsms_simulator.server.wall import WallClock
from cloudsms_simulator.stores.store import Store, StoreError

_REPORTS_BEFORE = 2.0
"""Seconds of the wall for which an answer waits for reports that come before it."""

log = logging.getLogger("cloudsms_simulator.endpoint")


class _Read(msgspec.Struct, frozen=True):
    """A body, whose it is, and what is wrong with it; None where the simulator itself failed to find that out."""

    body: bytes
    identified: Identified | None
    judged: Judged | None

    @property
    def account(self) -> Account | None:
        return None if self.identified is None else self.identified.account


class _Decided(msgspec.Struct, frozen=True):
    """A request that the platform has decided on, and its reply."""

    request: RequestResponseCycle
    account: Account | None
    reply: Reply


class Endpoint:
    """The ASGI application of the platform's port, and the clerk at its desk."""

    def __init__(
        self,
        platform: Platform,
        store: Store,
        journal: Journal,
        pusher: Pusher,
        wall: WallClock,
        door: Door,
        times: AnswerTimes,
    ) -> None:
        self._platform = platform
        self._store = store
        self._journal = journal
        self._pusher = pusher
        self._wall = wall
        self._door = door
        self._times = times

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serves one request. Only HTTP comes here; a listener turns everything else away."""
        body = await self._door.body_of(scope, receive, send)
        if body is not None:
            [packet] = await aside(len(body), partial(self._read, [body]))
            arrival = self._arrival_of(scope, packet)
            await self._answer(await self._diagnosed(packet, arrival), arrival, scope, receive, send)

    def takes(self, request: RequestResponseCycle) -> bool:
        """Whether a request is a packet that can be served at once; a long one is read in a thread first."""
        return len(request.body) <= AT_ONCE and self._door.is_open_to(request)

    async def serve(self, requests: Sequence[RequestResponseCycle], leave: Leave) -> None:
        """Serves packets together. Once the store has one of them wait, the rest leave: they can wait side by side."""
        begun = self._wall.monotonic()
        loop = asyncio.get_running_loop()
        next_turn = loop.create_future()
        loop.call_soon(next_turn.set_result, None)
        packets = self._read([bytes(request.body) for request in requests])
        arrivals = [self._arrival_of(request.scope, packet) for request, packet in zip(requests, packets, strict=True)]  # type: ignore[arg-type]
        decided: list[_Decided] = []
        try:
            for request, packet, arrival in zip(requests, packets, arrivals, strict=True):
                if next_turn.done():
                    leave(request, partial(self._answer, packet, arrival))
                    continue
                try:
                    reply = await self._receive(packet, arrival)
                except Exception as error:
                    leave(request, partial(_fail_with, error))
                else:
                    decided.append(_Decided(request, packet.account, reply))
        finally:
            await self._conclude_all(decided, leave, begun)

    async def take(self, body: bytes) -> tuple[Account | None, Reply]:
        """Takes a packet that comes on no connection, as any other; whose it is, and the reply that nobody waits for.

        What befalls the answer befalls nobody then, and no delay is waited for; reports that come before it still do.
        """
        [packet] = await aside(len(body), partial(self._read, [body]))
        arrival = Arrival(body)
        packet = await self._diagnosed(packet, arrival)
        reply = await self._receive(packet, arrival)
        try:
            if reply.before and packet.account is not None:
                await self._report_before(packet.account, reply)
        finally:
            await self._release(packet.account, reply)
        return packet.account, reply

    async def _conclude_all(self, decided: list[_Decided], leave: Leave, begun: float) -> None:
        answered = []
        for each in decided:
            try:
                if not _answer_at_once(connection_of(each.request.scope), each.reply):  # type: ignore[arg-type]
                    leave(each.request, partial(self._conclude, each.account, each.reply, begun))
                    continue
            except Exception as error:
                leave(each.request, partial(_fail_with, error))
            answered.append(each)
        if answered:
            self._times.add(self._wall.monotonic() - begun, len(answered))
        for each in answered:
            await self._release(each.account, each.reply)

    async def _answer(self, packet: _Read, arrival: Arrival, scope: Scope, receive: Receive, send: Send) -> None:
        begun = self._wall.monotonic()
        reply = await self._receive(packet, arrival)
        await self._conclude(packet.account, reply, begun, scope, receive, send)

    async def _conclude(
        self, account: Account | None, reply: Reply, begun: float, scope: Scope, _receive: Receive, _send: Send
    ) -> None:
        """Whatever `_answer_at_once` does not do; this may take its time."""
        connection = connection_of(scope)
        try:
            if reply.before and account is not None:
                await self._report_before(account, reply)
            if reply.trouble is not None:
                await strike(connection, reply.trouble, reply.body, connection.stopping)
            elif not _answer_at_once(connection, reply):
                await connection.answer_with(reply.body or b"")
            self._times.add(self._wall.monotonic() - begun)
        finally:
            # Also when the answer could not be sent: what was accepted stays accepted.
            await self._release(account, reply)

    async def _report_before(self, account: Account, reply: Reply) -> None:
        """The reports that are to come before the answer, as long as that takes, at most 2 s."""
        try:
            await self._store.release(account, reply.request_id, reply.before)
            await self._pusher.report_first(account, reply.before, _REPORTS_BEFORE)
        except StoreError as error:
            log.error("no report of request %d of %s before its answer: %s", reply.request_id, account.name, error)
        except Exception:
            log.exception("no report of request %d of %s before its answer", reply.request_id, account.name)

    def _read(self, bodies: Sequence[bytes]) -> list[_Read]:
        everybody = [self._identify(body) for body in bodies]
        told = zip(bodies, everybody, strict=True)
        return [_Read(body, identified, self._judge(identified, body)) for body, identified in told]

    def _identify(self, body: bytes) -> Identified | None:
        try:
            return self._platform.identify(body)
        except Exception:
            log.exception("a body could not be read for a reason inside the simulator")
            return None

    def _judge(self, identified: Identified | None, body: bytes) -> Judged | None:
        try:
            return None if identified is None else self._platform.judge(identified, body)
        except Exception:
            log.exception("a packet could not be judged for a reason inside the simulator")
            return None

    async def _diagnosed(self, packet: _Read, arrival: Arrival) -> _Read:
        """A long packet that is refused, with what is kept of it: that is worked out in a thread, too."""
        judged = packet.judged
        if judged is None or judged.refusal is None or len(packet.body) <= AT_ONCE:
            return packet
        try:
            clock = self._store.standing(packet.account).clock
            now, real = clock.now(self._wall.now()), clock.is_real
            diagnosed = partial(self._platform.diagnosed, judged, arrival, now, clock_is_real=real)
            return msgspec.structs.replace(packet, judged=await aside(len(packet.body), diagnosed))
        except StoreError:
            return packet  # whoever begins its transaction finds out, too
        except Exception:
            log.exception("a packet could not be diagnosed for a reason inside the simulator")
            return msgspec.structs.replace(packet, judged=None)

    def _arrival_of(self, scope: Scope, packet: _Read) -> Arrival:
        connection = connection_of(scope)
        surplus = bool(connection.surplus) and bool(connection.take_surplus())
        peer = peer_of(
            scope, self._platform.directory.keys, None if packet.identified is None else packet.identified.key
        )
        return Arrival(packet.body, peer.connection, peer.headers, surplus, peer.line)

    async def _receive(self, packet: _Read, arrival: Arrival) -> Reply:
        now, identified, judged = self._wall.now(), packet.identified, packet.judged
        if judged is None:
            return await self._fail(identified, arrival, now, ResultCode.UNKNOWN_ERROR, "unknown-error")
        try:
            transaction = await self._store.begin(judged.identified.account)
            now = transaction.standing.clock.now(now)
            reply = self._platform.receive(transaction, judged, arrival, now)
            await self._store.commit(transaction)
        except StoreError as error:
            log.error("the store could not be written: %s", error)
            return await self._fail(identified, arrival, now, ResultCode.DB_NOT_FIND, "store-failed")
        except Exception:
            log.exception("a request failed for a reason inside the simulator")
            return await self._fail(identified, arrival, now, ResultCode.UNKNOWN_ERROR, "unknown-error")
        # What was accepted whole has its bytes worked out when it goes out; a batch refused in part has them by now.
        if reply.code is not ResultCode.OK or reply.trouble is not None or isinstance(reply.answer, bytes):
            self._journal.tell(transaction.exchange, transaction.account)
        return reply

    async def _fail(
        self, identified: Identified | None, arrival: Arrival, now: datetime, code: ResultCode, rule: str
    ) -> Reply:
        """The answer when the simulator itself is at fault; in the journal, unless that is what fails."""
        finding = found(rule, "body", Told("this request"), "a request the simulator can process")
        reply = self._platform.fail(identified, now, code)
        account = None if identified is None else identified.account
        await self._journal.note("uip", arrival, finding, 200, reply.body, code, account)
        return reply

    async def _release(self, account: Account | None, reply: Reply) -> None:
        """From here on the reports of what was accepted may be pushed."""
        if reply.first_due is None or account is None:
            return
        try:
            await self._store.release(account, reply.request_id)
            self._pusher.expect(account, reply.first_due)
        except StoreError as error:
            log.error("the reports of request %d of %s are not released: %s", reply.request_id, account.name, error)
        except Exception:
            log.exception("the reports of request %d of %s are not released", reply.request_id, account.name)


def _answer_at_once(connection: Connection, reply: Reply) -> bool:
    """What nearly every reply asks for. False, and nothing happened, if it takes a while."""
    if reply.trouble is not None or reply.before:
        return False
    body = reply.body
    if body is None:
        connection.hang_up()
        return True
    return connection.answer(body)


async def _fail_with(error: Exception, _scope: Scope, _receive: Receive, _send: Send) -> None:
    """An application that answers as one does that fails: with 500, if there is still something to answer."""
    raise error
