"""Counters: what happened how often. Reading: R16."""

import asyncio
from datetime import timedelta
from decimal import Decimal

import pytest

from cloudsms_simulator.engine.account import Account, Callback
from cloudsms_simulator.engine.plan import plan_of, step
from cloudsms_simulator.protocol.codes import ResultCode
from cloudsms_simulator.services.metrics import Counters
from cloudsms_simulator.stores.store import Change

PUSHED = Account(callback=Callback(url="http://127.0.0.1:9/"), plan=plan_of(step(2, timedelta(seconds=1))))


class Telling:
    """Tells a tally at once what a store keeps."""

    def __init__(self, tally: Counters) -> None:
        self._tally = tally

    def publish(self, change: Change) -> None:
        self._tally.hear(change)


def test_requests_messages_and_segments_are_counted_whatever_the_journal_keeps(stage) -> None:
    async def story() -> None:
        tally = Counters()
        on = stage(most_messages=1, observer=Telling(tally))
        await on.send(SMS_CONTENT="x" * 161)
        await on.send(2, SMS_CONTENT="x" * 161)
        await on.send(ROUTE_ID="unknown")
        await on.receive(AUTH_KEY="unknown")
        await on.receive(MULTI_MSISDN_LIST=[])
        assert dict(tally.requests) == {
            ("uip", ResultCode.OK): 3,
            ("uip", ResultCode.CHANNEL_NOT_EXIST): 1,
            ("uip", ResultCode.INVALID_PARAMETER): 1,
        }
        assert (tally.messages, tally.segments, dict(tally.billed)) == (4, 7, {"USD": 6})
        assert {"auth-key-unknown", "list-missing"} <= set(tally.findings)

    asyncio.run(story())


@pytest.mark.parametrize("balance", ["unlimited", Decimal(10)])
def test_what_is_rejected_locally_is_not_billed_in_a_batch_either(stage, balance: object) -> None:
    async def story() -> None:
        tally = Counters()
        on = stage(Account(balance=balance), observer=Telling(tally))
        numbers = [{"COUNTRY_CODE": 65, "DEST_MSISDN": number} for number in ("61234567", "81234567", "91234567")]
        await on.send(MULTI_MSISDN_LIST=numbers)
        assert (tally.messages, tally.segments, dict(tally.billed)) == (3, 3, {"USD": 2})

    asyncio.run(story())


def test_a_message_is_counted_once_when_it_ends_and_each_push_when_it_is_answered(stage) -> None:
    async def story() -> None:
        tally = Counters()
        on = stage(PUSHED, observer=Telling(tally))
        await on.send(2)
        assert dict(tally.final_states) == {}
        await on.timekeeper.advance(PUSHED, timedelta(seconds=5), timedelta(seconds=30))
        assert dict(tally.final_states) == {2: 2}
        assert dict(tally.pushes) == {("answered", 200): 2}
        assert tally.findings["dr-answer-empty"] == 2

    asyncio.run(story())
