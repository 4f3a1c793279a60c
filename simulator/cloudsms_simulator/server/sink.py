"""The sink: a customer's server that is built in, for who has none yet. Each account has a path of its own.

It listens on loopback, on a TLS port of its own that is opened when it is first asked for, shows the customer's
certificate and demands the platform's.

Spec: Delivery Report (DR) CallBack.
"""

import asyncio
import ssl
from collections.abc import Callable, Sequence
from datetime import timedelta

import msgspec
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from cloudsms_simulator.server.listener import Listener
from cloudsms_simulator.server.listening_socket import authority, open_socket
from cloudsms_simulator.server.receiver import ReceivedReport, Receiver
from cloudsms_simulator.server.sink_answer import SinkAnswer
from cloudsms_simulator.server.tls import tls_facts

KEPT = 1_000
"""How many reports of an account are remembered."""

_HOST = "127.0.0.1"
_RIGHT = (SinkAnswer(),)
_NOBODY = b'{"error":"not found: there is no sink of that name"}'


class _Basin(msgspec.Struct):
    """What the sink has of one account."""

    receiver: Receiver
    answers: tuple[SinkAnswer, ...] = _RIGHT


class Sink:
    """An ASGI application that takes the reports of many accounts. Belongs to one event loop.

    `context` makes the TLS context of its port; it is called once, when the port is opened.
    """

    def __init__(self, context: Callable[[], ssl.SSLContext]) -> None:
        self._context = context
        self._basins: dict[str, _Basin] = {}
        self._listener: Listener | None = None
        self._opening = asyncio.Lock()
        self._closed = False

    async def url_of(self, name: str) -> str:
        """Where reports of an account go, always the same. ListenError or CertificateError when that cannot be;
        RuntimeError after `close`."""
        async with self._opening:
            if self._closed:
                raise RuntimeError("the sink is not opened any more: the server stops")
            if self._listener is None:
                listener = Listener(self, open_socket(_HOST, 0), tls=self._context(), tls_facts=tls_facts)
                await listener.start()
                self._listener = listener
        self._basin(name)
        return f"https://{authority(_HOST, self._listener.port)}{_path(name)}"

    def received(self, name: str) -> tuple[ReceivedReport, ...]:
        """The reports of an account in the order they came, the latest 1,000 of them."""
        return self._basin(name).receiver.reports

    def total(self, name: str) -> int:
        """How many reports of an account have come since it was last cleared."""
        return self._basin(name).receiver.received

    def answers(self, name: str) -> tuple[SinkAnswer, ...]:
        """How the next reports of an account are answered, one each; the last holds for all that follow."""
        basin = self._basin(name)
        return basin.answers[-1 - len(basin.receiver.upcoming) :]

    def set_answers(self, name: str, answers: Sequence[SinkAnswer]) -> None:
        """Sets those. There must be one; ValueError, and nothing changed, when one of them cannot be."""
        *upcoming, last = [answer.behaviour() for answer in answers]
        basin = self._basin(name)
        basin.receiver.behaviour = last
        basin.receiver.upcoming.clear()
        basin.receiver.upcoming.extend(upcoming)
        basin.answers = tuple(answers)

    async def wait_for(self, name: str, count: int) -> None:
        """Returns once `count` reports of an account have come since it was last cleared."""
        await self._basin(name).receiver.wait_for(count)

    def clear(self, name: str) -> None:
        """Forgets the reports of an account, and answers rightly again. Its URL stays good."""
        if name in self._basins:
            self._basins[name] = _new_basin(name)

    def forget(self, name: str) -> None:
        """Forgets an account that is gone; its URL is no more."""
        self._basins.pop(name, None)

    async def close(self, grace: timedelta = timedelta(0)) -> None:
        """Closes the port as `Listener.stop` does; it is not opened again."""
        async with self._opening:
            self._closed = True
        if self._listener is not None:
            await self._listener.stop(grace)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serves one request; 404 for a path that is no account's."""
        basin = self._basins.get(scope["path"].rpartition("/")[2])
        if basin is None:
            await Response(_NOBODY, 404, media_type="application/json")(scope, receive, send)
            return
        try:
            await basin.receiver(scope, receive, send)
        except asyncio.CancelledError:
            # The port closes while an answer is still to wait; nobody is there to be told.
            if not self._closed:
                raise

    def _basin(self, name: str) -> _Basin:
        basin = self._basins.get(name)
        if basin is None:
            basin = self._basins[name] = _new_basin(name)
        return basin


def _new_basin(name: str) -> _Basin:
    return _Basin(Receiver(path=_path(name), kept=KEPT))


def _path(name: str) -> str:
    return f"/sink/{name}"
