"""The sink: where an account's reports can go when there is no server for them yet, and how it answers."""

from collections.abc import Sequence
from typing import Annotated, Generic, TypeVar

import msgspec
from msgspec import UNSET, UnsetType
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from cloudsms_simulator.server.admin.bodies import Nothing, read_json
from cloudsms_simulator.server.admin.office import Office
from cloudsms_simulator.server.admin.pages import json_response
from cloudsms_simulator.server.receiver import ReceivedReport
from cloudsms_simulator.server.sink import Sink
from cloudsms_simulator.server.sink_answer import Body, Delay, SinkAnswer, Status, Word

A = TypeVar("A")

MOST_ANSWERS = 1_000

Answers = Annotated[
    Annotated[tuple[SinkAnswer | Word, ...], msgspec.Meta(min_length=1, max_length=MOST_ANSWERS)] | UnsetType,
    msgspec.Meta(
        description='a list of answers such as "Busy", {"status": 503} or {"answer": "none", "delay": "2s"}, one for '
        "each report to come, the last for all that follow"
    ),
]


class AnswerBody(msgspec.Struct, frozen=True, kw_only=True):
    """How reports are answered: always the same way, or in `sequence`."""

    answer: Word | UnsetType = UNSET
    status: Status = UNSET
    body: Body = UNSET
    delay: Delay | UnsetType = UNSET
    sequence: Answers = UNSET

    def answers(self) -> tuple[SinkAnswer, ...]:
        """What is said, as a sequence; ValueError when both are said."""
        said = {name: getattr(self, name) for name in ("answer", "status", "body", "delay")}
        said = {name: value for name, value in said.items() if value is not UNSET}
        if self.sequence is UNSET:
            return (msgspec.structs.replace(SinkAnswer(), **said),)
        if said:
            raise ValueError(f"sequence: got {', '.join(said)} beside it, want that within its entries")
        return tuple(SinkAnswer(answer=each) if isinstance(each, str) else each for each in self.sequence)


class Sequenced(msgspec.Struct, frozen=True):
    """Answers that differ from report to report."""

    sequence: Sequence[SinkAnswer]


class SinkItem(msgspec.Struct, Generic[A], frozen=True):
    """The sink of one account. `received` are the latest reports, in the order they came; `total` counts all."""

    url: str
    answer: A
    total: int
    received: tuple[ReceivedReport, ...]


class Sinks:
    """`/sink`."""

    def __init__(self, office: Office, sink: Sink) -> None:
        self._office = office
        self._sink = sink

    async def show(self, request: Request) -> Response:
        """Where it is, what it received, and how it answers. Asking opens it."""
        return await self._shown(self._office.asked(request).name)

    async def answer(self, request: Request) -> Response:
        """Sets how the reports to come are answered; the sink."""
        name = self._office.asked(request).name
        wanted = await read_json(request, AnswerBody)
        try:
            self._sink.set_answers(name, wanted.answers())
        except ValueError as error:
            raise HTTPException(400, str(error)) from error
        return await self._shown(name)

    async def clear(self, request: Request) -> Response:
        """Forgets what it received, and has it answer rightly again; the sink."""
        name = self._office.asked(request).name
        await read_json(request, Nothing)
        self._sink.clear(name)
        return await self._shown(name)

    async def _shown(self, name: str) -> Response:
        url = await self._sink.url_of(name)
        answers = self._sink.answers(name)
        answer = answers[0] if len(answers) == 1 else Sequenced(answers)
        return json_response(SinkItem(url, answer, self._sink.total(name), self._sink.received(name)))
