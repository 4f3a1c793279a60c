"""What users write, again and again in four processes at once: with a server each, and all against one.

CLOUDSMS_REPEATS says how often; 200 take some minutes.
"""

import os

import pytest

from cloudsms_simulator.simulator import Simulator

pytest_plugins = ["pytester"]
pytestmark = pytest.mark.timeout(600)

REPEATS = int(os.environ.get("CLOUDSMS_REPEATS", "1"))

STORIES = """
import asyncio
import threading
import urllib.error
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

import pytest
from sender import send

LEFT = []

@pytest.fixture(params=range(REPEATS))
def nth(request):
    return request.param

@pytest.fixture(scope="session", autouse=True)
def ended():
    yield
    for thread in LEFT:
        thread.join(20)

def test_otp(cloudsms, nth):
    number = f"67{nth:06}"
    cloudsms.when(to="852*").reply("Busy", times=1).then("OK").report("DELIVERED", after="3s")
    assert [send(cloudsms, number)["RESULT_CODE"] for _ in range(2)] == [3, 1]
    assert cloudsms.wait_for_otp(to=f"852{number}") == "123456"
    cloudsms.clock.advance(seconds=3)
    assert cloudsms.wait_for_report(state="DELIVERED").outcome == "answered"
    assert [each.msisdn for each in cloudsms.sink.received] == [number]
    cloudsms.assert_spent("USD 0.05")

def test_25_hours(cloudsms, nth):
    cloudsms.when(to="852*").no_report()
    send(cloudsms)
    cloudsms.clock.advance(hours=25)
    assert [each.state_name for each in cloudsms.messages] == ["EXPIRED"]
    assert [each.outcome for each in cloudsms.reports] == ["answered"]

def test_clock_that_runs(cloudsms, nth):
    cloudsms.clock.resume(1000)
    send(cloudsms)
    assert cloudsms.wait_for_report(state="DELIVERED").outcome == "answered"
    assert len(cloudsms.sink.received) == 1

def test_retries(cloudsms, cloudsms_sink, nth):
    cloudsms.callback(cloudsms_sink.url, retries=["1s", "10s"])
    cloudsms_sink.answers([{"status": 503}, {"answer": "none", "status": 500}, {"answer": "ok"}])
    send(cloudsms)
    cloudsms.clock.run_until_idle()
    assert [each.status for each in cloudsms.reports[0].attempts] == [503, 500, 200]
    assert cloudsms.sink.received == ()

def test_threads(cloudsms, nth):
    with ThreadPoolExecutor(8) as pool:
        waiting = pool.submit(cloudsms.wait_for_sms, count=16, timeout=30)
        numbers = [f"670000{each:02}" for each in range(16)]
        assert all(each["RESULT_CODE"] == 1 for each in pool.map(lambda number: send(cloudsms, number), numbers))
        waiting.result(30)
    assert sorted(each.msisdn for each in cloudsms.messages) == numbers

def test_awaiting(cloudsms, nth):
    async def story():
        waits = [asyncio.create_task(cloudsms.aio.wait_for_sms(to=f"8526700000{each}")) for each in range(4)]
        await asyncio.gather(*(asyncio.to_thread(send, cloudsms, f"6700000{each}") for each in range(4)))
        assert [each.msisdn for each in await asyncio.gather(*waits)] == [f"6700000{each}" for each in range(4)]
        await cloudsms.aio.clock.advance("1s")
        assert len((await cloudsms.aio.sink.show()).received) == 4
    asyncio.run(story())

@pytest.mark.cloudsms(balance="HKD 9.00", prices={"852": "0.40"}, scenario="flaky", seed=7)
def test_the_same_chances(cloudsms, make_cloudsms, nth):
    accounts = [cloudsms, make_cloudsms()]
    with ThreadPoolExecutor(2) as pool:
        outcomes = list(pool.map(outcome_of, accounts))
    assert outcomes[0] == outcomes[1]
    assert len(set(outcomes[0])) > 1

def outcome_of(mine):
    codes = []
    for each in range(8):
        try:
            codes.append(send(mine, f"6700000{each}")["RESULT_CODE"])
        except OSError as error:
            codes.append(type(error).__name__)
    mine.clock.run_until_idle()
    return [*codes, *(each.state_name for each in mine.messages), str(mine.account.balance)]

def test_lost_answer(cloudsms, nth):
    cloudsms.when(to="852*").fault("PROCESSED_NO_ANSWER", times=1)
    with pytest.raises((urllib.error.URLError, OSError)):
        send(cloudsms)
    assert cloudsms.wait_for_sms().msisdn == "67000011"
    assert send(cloudsms)["RESULT_CODE"] == 1
    cloudsms.assert_sms_sent(count=2)

def test_leaves_sends_and_waits_running(cloudsms, nth):
    def go_on():
        with suppress(OSError):  # the session, and its server, may end first
            while send(cloudsms)["RESULT_CODE"] != 5:
                pass
    def wait_on():
        ends = "the account was reset or deleted meanwhile|there is no account|the client was closed"
        with pytest.raises(Exception, match=ends):
            cloudsms.wait_for_sms(to="1*", timeout=60)
    cloudsms.clock.resume(1000)
    for left in (go_on, wait_on):
        LEFT.append(threading.Thread(target=left))
        LEFT[-1].start()
    cloudsms.wait_for_sms(count=2, timeout=30)

def test_nothing(cloudsms, nth):
    cloudsms.assert_nothing_sent()
    assert cloudsms.messages == cloudsms.requests == cloudsms.reports == []
    assert cloudsms.sink.received == ()
    assert str(cloudsms.account.balance) == "USD 1000.00"
"""
PER_REPEAT = STORIES.count("def test_")


def test_processes_with_a_server_each_do_not_disturb_one_another(project) -> None:
    run = project(STORIES.replace("REPEATS", str(REPEATS)), "-n", "4", apart=True, beside=["xdist"])
    run.assert_outcomes(passed=PER_REPEAT * REPEATS)


def test_processes_that_share_a_server_do_not_disturb_one_another(project, elsewhere: Simulator) -> None:
    there = ("--cloudsms-url", elsewhere.ready.admin_url)
    run = project(STORIES.replace("REPEATS", str(REPEATS)), "-n", "4", *there, apart=True, beside=["xdist"])
    run.assert_outcomes(passed=PER_REPEAT * REPEATS)
    assert [account.name for account in elsewhere.directory] == ["default"]
