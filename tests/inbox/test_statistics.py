"""Statistics count everything that is kept, once."""

import asyncio
import json
from collections.abc import Callable
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from cloudsms_simulator.engine.account import Account
from cloudsms_simulator.engine.plan import step
from cloudsms_simulator.engine.records import PushResult
from cloudsms_simulator.inbox.coverage import (
    ANSWERED_RIGHTLY,
    NO_ANSWER,
    JournalStatistics,
    collect_statistics,
    second_of,
)
from cloudsms_simulator.protocol.codes import ResultCode
from cloudsms_simulator.protocol.customer import encode_report_answer
from cloudsms_simulator.protocol.timestamps import EPOCH

WITHIN = timedelta(seconds=10)

Story = Callable[[Any], Any]


def told(stage: Any, story: Story) -> JournalStatistics:
    async def run() -> JournalStatistics:
        await story(stage)
        return await collect_statistics(stage.store, (None, *stage.accounts))

    return asyncio.run(run())


def test_seconds_are_those_since_1970(noon: datetime) -> None:
    assert second_of(noon) == int(noon.timestamp())
    assert second_of(EPOCH) == 0


def test_messages_are_counted_by_what_they_are(stage: Any, noon: datetime) -> None:
    async def story(it: Any) -> None:
        await it.send(3)
        await it.send(1, SMS_CONTENT="验证码", ROUTE_ID="Marketing_516")
        await it.send(1, MULTI_MSISDN_LIST=[{"COUNTRY_CODE": 65, "DEST_MSISDN": "61234567"}])

    statistics = told(stage(), story)
    assert (statistics.messages, statistics.requests, statistics.evicted) == (5, 3, 0)
    assert {dcs: dict(times) for dcs, times in statistics.encodings.items()} == {
        0: {second_of(noon): 4},
        8: {second_of(noon): 1},
    }
    assert dict(statistics.segments) == {0: 4, 8: 1}
    assert dict(statistics.routes) == {"VerifyCode_516": 4, "Marketing_516": 1}
    assert dict(statistics.countries) == {852: 4, 65: 1}
    assert dict(statistics.reasons) == {"singapore_number": 1}
    assert dict(statistics.spent) == {"USD": Decimal("0.20")}


def test_what_was_refunded_is_not_spent(stage: Any, customer: Callable[..., Account]) -> None:
    async def story(it: Any) -> None:
        await it.send(2)
        await it.timekeeper.advance(it.account, timedelta(seconds=1), WITHIN)

    statistics = told(stage(customer(step(8, timedelta(seconds=1)))), story)
    assert dict(statistics.spent) == {}


def test_requests_are_counted_by_their_answer(stage: Any, noon: datetime) -> None:
    async def story(it: Any) -> None:
        await it.send()
        await it.receive(1, SMS_CONTENT="")
        await it.receive(1, AUTH_KEY="nobody's")
        await it.receive(1, MULTI_MSISDN_LIST=[{"COUNTRY_CODE": 852, "DEST_MSISDN": "67555401"}])

    statistics = told(stage(), story)
    assert {code: sum(times.values()) for code, times in statistics.codes.items()} == {
        ResultCode.OK: 1,
        ResultCode.INVALID_CONTEXT: 1,
        ResultCode.CHANNEL_NOT_EXIST: 1,
        NO_ANSWER: 1,
    }
    assert statistics.findings["content-missing"].search == "finding:content-missing"
    assert statistics.faults["CONNECTION_RESET_BY_PEER"].times == 1


def test_codes_within_a_batch_are_seen(stage: Any) -> None:
    async def story(it: Any) -> None:
        numbers = ("67000011", "67555103")
        await it.receive(2, MULTI_MSISDN_LIST=[{"COUNTRY_CODE": 852, "DEST_MSISDN": number} for number in numbers])

    statistics = told(stage(), story)
    assert statistics.item_codes[ResultCode.BUSY].search == "request:1"


def test_states_are_counted_when_they_are_reached_and_pushes_by_how_they_went(
    stage: Any, customer: Callable[..., Account], noon: datetime
) -> None:
    it = stage(customer(step(1, timedelta(seconds=2)), step(2, timedelta(seconds=5))))

    async def post(push: Any) -> PushResult:
        packet = json.loads(push.body)
        serial = packet["SERIAL"] + (packet["SMS_RESULT_LIST"][0]["SMS_STATE"] == 1)
        return PushResult(200, encode_report_answer(serial, push.at, ResultCode.OK))

    async def story(it: Any) -> None:
        it.pusher.post = post
        await it.send(2)
        await it.timekeeper.advance(it.account, timedelta(seconds=5), WITHIN)

    statistics = told(it, story)
    start = second_of(noon)
    assert {state: dict(times) for state, times in statistics.states.items()} == {1: {start + 2: 2}, 2: {start + 5: 2}}
    assert {kind: dict(times) for kind, times in statistics.pushes.items()} == {
        ANSWERED_RIGHTLY: {start + 5: 2},
        "dr-answer-serial": {start + 2: 2},
    }
    assert statistics.span == (start, start + 5)
    assert statistics.pending_reports == 0
    assert statistics.findings["dr-answer-serial"].search.startswith("uid:")


def test_what_is_evicted_is_told(stage: Any, customer: Callable[..., Account]) -> None:
    async def story(it: Any) -> None:
        for _ in range(4):
            await it.send(1)
            await it.timekeeper.advance(it.account, timedelta(seconds=1), WITHIN)

    statistics = told(stage(customer(), most_messages=2), story)
    assert statistics.messages + statistics.requests + statistics.evicted == 8
    assert statistics.evicted >= 4


def test_nothing_has_no_span(stage: Any) -> None:
    async def story(it: Any) -> None: ...

    assert told(stage(), story).span is None
