"""Scenarios of trouble: answers that are late, spoilt or never come, and what was done all the same.

Reading: R21, R22.
"""

import asyncio
from collections import Counter
from datetime import timedelta
from pathlib import Path
from statistics import median

import httpx2
import pytest

from cloudsms_simulator.engine.faults import TlsTrouble

BLACKOUT = Path(__file__).parents[2] / "scenarios" / "blackout.yaml"

OK = 0x01
ONE, OTHER, THIRD = "852 67000011", "852 67000012", "852 67000013"
NO_RESPONSE = "Server disconnected without sending a response"

REFUSALS = {
    TlsTrouble.EXPIRED: "certificate has expired",
    TlsTrouble.NOT_YET_VALID: "certificate is not yet valid",
    TlsTrouble.WRONG_HOST: "certificate is not valid for '127.0.0.1'",
    TlsTrouble.UNKNOWN_CA: "unable to get local issuer certificate",
    TlsTrouble.WRONG_USAGE: "unsuitable certificate purpose",
}


async def attempt(customer, number: str) -> str:
    """What a client makes of one try: RESULT_DESC, or in which way there is no answer."""
    try:
        response = await customer.post(number)
    except httpx2.TransportError:
        return "no answer"
    if response.status_code != 200:
        return f"HTTP {response.status_code}"
    try:
        return str(response.json()["RESULT_DESC"])
    except ValueError:
        return f"no JSON but {response.headers['content-type'].partition(';')[0]}"


def test_answer_lost_has_the_first_request_of_each_recipient_accepted_and_not_answered(run, play) -> None:
    async def story() -> None:
        async with play("answer-lost") as customer:
            with pytest.raises(httpx2.RemoteProtocolError, match=NO_RESPONSE):
                await customer.post(ONE)
            assert await customer.balance() == "999.95 USD"
            assert (await customer.send(ONE)).code == OK
            assert (await customer.send(ONE, OTHER)).codes == [OK, OK]
            with pytest.raises(httpx2.RemoteProtocolError, match=NO_RESPONSE):
                await customer.post(OTHER)
            assert await customer.troubles() == [
                ("PROCESSED_NO_ANSWER", "lost-answer", "OK"),
                (None, None, "OK"),
                (None, None, "OK"),
                ("PROCESSED_NO_ANSWER", "lost-answer", "OK"),
            ]
            await customer.advance("3s")
            assert customer.reported == [(number, "DELIVERED") for number in (ONE, ONE, ONE, OTHER, OTHER)]
            # Who has no answer knows no SMS_UID: only CUSTOMER_BODY tells what such a report is about.
            orders = [report.customer_body for report in customer.receiver.reports]
            assert orders == [f'{{"order": {order}}}' for order in (1, 2, 3, 3, 4)]
            assert await customer.balance() == "999.75 USD"

    run(story())


def test_blackout_resets_every_connection_before_anything_is_processed(run, play) -> None:
    async def story() -> None:
        async with play("blackout") as customer:
            for _ in range(3):
                with pytest.raises(httpx2.ReadError):
                    await customer.post(ONE)
            assert await customer.troubles() == [("CONNECTION_RESET_BY_PEER", "outage", None)] * 3
            assert await customer.listing("messages") == []
            await customer.advance("25h")
            assert customer.reported == []
            assert await customer.balance() == "1000.00 USD"

    run(story())


def test_the_timeline_that_blackout_shows_works_and_fails_and_works_again(run, play, tmp_path: Path) -> None:
    comments = [line[4:] for line in BLACKOUT.read_text(encoding="utf-8").splitlines() if line.startswith("#   ")]
    outage = tmp_path / "outage.yaml"
    outage.write_text("\n".join(("version: 1", *comments)), encoding="utf-8")

    async def story() -> None:
        async with play(str(outage)) as customer:
            await customer.advance("9m59s")
            assert (await customer.send(ONE)).code == OK
            await customer.advance("1s")
            with pytest.raises(httpx2.ReadError):
                await customer.post(OTHER)
            await customer.advance("10m")
            assert (await customer.send(THIRD)).code == OK
            await customer.advance("25h")
            assert customer.reported == [(ONE, "DELIVERED"), (THIRD, "DELIVERED")]

    run(story())


def test_slow_answers_late_and_every_tenth_time_octet_by_octet(run, play) -> None:
    async def story() -> None:
        async with play("slow") as customer:
            with pytest.raises(httpx2.ReadTimeout):
                await customer.post(ONE, timeout=httpx2.Timeout(20, read=0.2))

            async def pieces() -> int:
                async with customer.client.stream("POST", customer.url, content=customer.packet(OTHER)) as response:
                    arrived = [piece async for piece in response.aiter_raw()]
                assert b'"RESULT_CODE":1,' in b"".join(arrived)
                return len(arrived)

            *others, most = sorted(await asyncio.gather(*(pieces() for _ in range(9))))
            assert max(others) < 10 < most
            assert Counter(await customer.troubles()) == {
                ("DELAY", "late-answer", "OK"): 9,
                ("DRIBBLE", "octet-by-octet", "OK"): 1,
            }
            # Who gave up waiting has sent it all the same.
            assert [each["to"] for each in await customer.listing("messages")] == ["85267000011", *["85267000012"] * 9]

    run(story())


def test_slow_reports_that_a_message_is_on_its_way_and_minutes_later_that_it_arrived(run, play) -> None:
    async def story() -> None:
        async with play("slow") as customer:
            numbers = [f"852 67000{number:03}" for number in range(100)]
            await customer.send(*numbers)
            await customer.advance("10s")
            assert customer.reported == [(number, "ENROUTE") for number in numbers]
            await customer.advance("25h")
            fates = list((await customer.fates()).values())
            assert {enroute for enroute, _ in fates} == {("ENROUTE", timedelta(seconds=10))}
            assert {state for _, (state, _) in fates} == {"DELIVERED"}
            waits = sorted(after // timedelta(seconds=1) for _, (_, after) in fates)
            assert (waits[0], median(waits), waits[-1]) == (65, 580.5, 3458)

    run(story())


def test_flaky_has_about_one_request_in_five_go_wrong_and_always_the_same_ones(run, play) -> None:
    async def story() -> None:
        async with play("flaky") as customer:
            numbers = [f"852 6700{number:04}" for number in range(500)]
            assert Counter(await asyncio.gather(*(attempt(customer, number) for number in numbers))) == {
                "OK": 415,
                "Busy": 19,
                "no answer": 32,
                "HTTP 500": 14,
                "no JSON but text/html": 11,
                "no JSON but application/json": 9,
            }
            assert Counter(await customer.troubles()) == {
                (None, None, "OK"): 387,
                (None, "sometimes-busy", "Busy"): 19,
                ("CONNECTION_RESET_BY_PEER", "reset", None): 14,
                ("HTTP_500", "server-error", None): 14,
                ("HTML_PAGE", "page-of-a-proxy", None): 11,
                ("BROKEN_JSON", "broken-answer", "OK"): 9,
                ("EMPTY_RESPONSE", "empty-answer", None): 8,
                ("PROCESSED_NO_ANSWER", "lost-answer", "OK"): 10,
                ("DELAY", "late-answer", "OK"): 28,
            }
            await customer.advance("25h")
            assert Counter(state for _, state in customer.reported) == {
                "DELIVERED": 391,
                "UNDELIVERABLE": 28,
                "EXPIRED": 15,
            }

    run(story())


def test_who_sends_again_whatever_went_wrong_in_flaky_sends_some_of_it_twice(run, play) -> None:
    async def story() -> None:
        async with play("flaky") as customer:
            missing, rounds = [f"852 6700{number:04}" for number in range(200)], []
            while missing:
                rounds.append(len(missing))
                outcomes = await asyncio.gather(*(attempt(customer, number) for number in missing))
                missing = [number for number, outcome in zip(missing, outcomes, strict=True) if outcome != "OK"]
            assert rounds == [200, 29, 8, 4]
            sent = Counter(each["to"] for each in await customer.listing("messages"))
            assert Counter(sent.values()) == {1: 188, 2: 12}

    run(story())


def test_tls_trouble_has_listeners_that_a_client_refuses_each_for_its_reason(run, play) -> None:
    async def story() -> None:
        async with play("tls-trouble") as customer:
            assert list(customer.listeners) == [*REFUSALS, TlsTrouble.CUT_HANDSHAKE]
            for trouble, reason in REFUSALS.items():
                with pytest.raises(httpx2.ConnectError, match=reason):
                    await customer.post(ONE, url=customer.listeners[trouble])
            with pytest.raises(httpx2.ConnectError):
                await customer.post(ONE, url=customer.listeners[TlsTrouble.CUT_HANDSHAKE])
            refused = [(each["kind"], each["code"]) for each in await customer.listing("requests", "*")]
            assert refused == [("handshake", None)] * 6
            assert await customer.findings("*") == [["handshake-refused"]] * 6
            assert (await customer.send(ONE)).code == OK

    run(story())


def test_who_checks_no_certificate_sends_to_every_listener_of_tls_trouble_but_one(run, play, careless_tls) -> None:
    async def story() -> None:
        async with (
            play("tls-trouble") as customer,
            httpx2.AsyncClient(verify=careless_tls, trust_env=False) as careless,
        ):
            for trouble in REFUSALS:
                response = await careless.post(customer.listeners[trouble], content=customer.packet(ONE))
                assert response.json()["RESULT_CODE"] == OK
            with pytest.raises(httpx2.ConnectError):
                await careless.post(customer.listeners[TlsTrouble.CUT_HANDSHAKE], content=customer.packet(ONE))
            assert len(await customer.listing("messages")) == len(REFUSALS)

    run(story())
