"""Rate limits: packets in a second, and reports that may be outstanding.

Spec: RESULT_CODE and RESULT_DESC. Reading: R7, R15.
"""

import json
from datetime import datetime, timedelta
from decimal import Decimal

from cloudsms_simulator.engine.account import Account, Blacklist, Callback
from cloudsms_simulator.protocol.codes import ResultCode

SECOND = timedelta(seconds=1)
OK, BUSY, INVALID, QUEUE = 1, 3, 0x10000001, 0x10000005
HONG_KONG = (852, "67000011")


def code_of(answer: bytes) -> int:
    return json.loads(answer)["RESULT_CODE"]


# Rate


def test_a_rate_limit_counts_packets_in_a_second_of_the_accounts_clock(world, noon: datetime) -> None:
    here = world(Account(rate_limit=2))
    here.now = noon + timedelta(milliseconds=900)
    assert [code_of(here.receive(here.packet()).body) for _ in range(4)] == [OK, OK, BUSY, BUSY]
    assert here.rules() == ["rate-limited", "customer-body-absent"]
    here.now = noon + timedelta(milliseconds=1000)
    assert [code_of(here.receive(here.packet()).body) for _ in range(3)] == [OK, OK, BUSY]


def test_a_packet_of_200_destinations_is_one_packet(world) -> None:
    here = world(Account(rate_limit=1))
    assert here.send(*[HONG_KONG] * 200).codes == [OK] * 201
    assert here.send().codes == [BUSY, BUSY]


def test_packets_the_gateway_refuses_are_not_counted(world) -> None:
    here = world(Account(rate_limit=1))
    here.receive(here.packet(SERIAL=0))
    assert here.send().codes == [OK, OK]


# Queue


def test_the_queue_takes_the_first_of_a_batch_and_refuses_the_rest(world) -> None:
    here = world(Account(pending_limit=3, callback=Callback(url="http://a/")))
    assert here.send(HONG_KONG, HONG_KONG).codes == [OK, OK, OK]
    sent = here.send(HONG_KONG, (852, "x"), HONG_KONG, HONG_KONG)
    assert sent.codes == [OK, OK, INVALID, QUEUE, QUEUE]
    assert here.rules().count("queue-full") == 2


def test_there_is_room_again_once_reports_are_answered(world) -> None:
    here = world(Account(pending_limit=1, callback=Callback(url="http://a/")))
    assert here.send().codes == [OK, OK]
    assert here.send().codes == [QUEUE, QUEUE]
    here.now += SECOND
    [push] = here.due()
    assert here.send().codes == [QUEUE, QUEUE], "its report is on the way"
    here.record(push)
    assert here.send().codes == [OK, OK]


def test_a_queue_without_room_refuses_everything(world) -> None:
    assert world(Account(pending_limit=0)).send(HONG_KONG, HONG_KONG).codes == [QUEUE, QUEUE, QUEUE]


def test_a_destination_that_is_refused_later_has_taken_its_room(world) -> None:
    here = world(Account(pending_limit=1, blacklist=Blacklist(numbers=("85266*",)), prices={852: Decimal("0.05")}))
    blacklisted, unpriced = (852, "66000001"), (44, "7700900123")
    for refused, code in ((blacklisted, ResultCode.INTERCEPT), (unpriced, ResultCode.UNPRICED_AREA)):
        assert here.send(refused, HONG_KONG).codes[1:] == [code, QUEUE]
    assert here.send(HONG_KONG, blacklisted).codes[1:] == [OK, QUEUE]
