"""The sink: a customer's server that is built in, for who has none yet; each account has a path and answers of its own.

It listens on loopback, on a TLS port of its own that is opened when it is first asked for, shows the customer's
certificate and demands the platform's. `SinkAnswer` is one answer in the words of the admin API; the last of a list
holds for all reports that follow.

Spec: Delivery Report (DR) CallBack. Spec: Delivery Report (DR) response Format.
"""

import asyncio
import ssl
from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import Annotated

import msgspec
from msgspec import UNSET, UnsetType
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from cloudsms_simulator.models.account import ReceivedReport
from cloudsms_simulator.models.durations import read_duration_or_seconds
from cloudsms_simulator.net.listener import Listener
from cloudsms_simulator.net.sockets import host_and_port, open_socket
from cloudsms_simulator.net.tls import tls_facts
from cloudsms_simulator.push.receiver import ANSWERS, Behaviour, Receiver, behaviour_of

LONGEST_ANSWER_DELAY = timedelta(minutes=10)
_WITHOUT_A_BODY = (204, 304)
_WORDS = f"one of {', '.join(ANSWERS)}, another http-… or a result code"

AnswerWord = Annotated[str, msgspec.Meta(description=_WORDS)]
AnswerStatus = Annotated[
    Annotated[int, msgspec.Meta(ge=200, le=599)] | UnsetType, msgspec.Meta(description="an HTTP status, 200 to 599")
]
AnswerText = Annotated[str | UnsetType, msgspec.Meta(description="a text, sent as it is in place of an ANSWER")]
AnswerDelay = Annotated[
    str | float, msgspec.Meta(description='seconds, or a duration such as "250ms", of at most 10 minutes')
]


class SinkAnswer(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One way to answer, right in every point by default. A status that is not 2xx has no body unless one is said."""

    answer: AnswerWord = "ok"
    status: AnswerStatus = UNSET
    body: AnswerText = UNSET
    delay: AnswerDelay = 0

    def behaviour(self) -> Behaviour:
        """The receiver's behaviour. Raises ValueError, saying what would be right."""
        delay = _delay(self.delay)
        try:
            named = behaviour_of(self.answer, delay)
        except ValueError as error:
            raise ValueError(f"answer: {error}") from error
        status = named.status if self.status is UNSET else self.status
        if self.body is not UNSET:
            if self.answer != "ok":
                raise ValueError(f'body: got one beside the answer "{self.answer[:60]}", want one of the two')
            if status in _WITHOUT_A_BODY:
                raise ValueError(f"body: got one, want none with the status {status}")
            return Behaviour("body", status, delay=delay, body=self.body.encode())
        form = "none" if not 200 <= status <= 299 or status in _WITHOUT_A_BODY else named.form
        return msgspec.structs.replace(named, form=form, status=status)


def _delay(value: str | float) -> timedelta:
    try:
        delay = read_duration_or_seconds(value)
    except ValueError as error:
        raise ValueError(f"delay: got {value}, want {error}") from error
    if delay > LONGEST_ANSWER_DELAY:
        raise ValueError(f"delay: got {value}, want at most 10 minutes")
    return delay


KEPT_PER_ACCOUNT = 1_000
"""How many reports of an account are remembered."""

_LOOPBACK = "127.0.0.1"
_RIGHT_ANSWER = (SinkAnswer(),)
_NOT_FOUND = b'{"error":"not found: there is no sink of that name"}'


class _AccountSink(msgspec.Struct):
    """What the sink has of one account."""

    receiver: Receiver
    answers: tuple[SinkAnswer, ...] = _RIGHT_ANSWER


class Sink:
    """An ASGI application that takes the reports of many accounts. Belongs to one event loop.

    `context` makes the TLS context of its port; it is called once, when the port is opened.
    """

    def __init__(self, context: Callable[[], ssl.SSLContext]) -> None:
        self._context = context
        self._basins: dict[str, _AccountSink] = {}
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
                listener = Listener(self, open_socket(_LOOPBACK, 0), tls=self._context(), tls_facts=tls_facts)
                await listener.start()
                self._listener = listener
        self._basin(name)
        return f"https://{host_and_port(_LOOPBACK, self._listener.port)}{_path(name)}"

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
            self._basins[name] = _new_account_sink(name)

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
            await Response(_NOT_FOUND, 404, media_type="application/json")(scope, receive, send)
            return
        try:
            await basin.receiver(scope, receive, send)
        except asyncio.CancelledError:
            # The port closes while an answer is still to wait; nobody is there to be told.
            if not self._closed:
                raise

    def _basin(self, name: str) -> _AccountSink:
        basin = self._basins.get(name)
        if basin is None:
            basin = self._basins[name] = _new_account_sink(name)
        return basin


def _new_account_sink(name: str) -> _AccountSink:
    return _AccountSink(Receiver(path=_path(name), kept=KEPT_PER_ACCOUNT))


def _path(name: str) -> str:
    return f"/sink/{name}"
