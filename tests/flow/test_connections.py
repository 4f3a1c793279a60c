"""Connections: many at once, kept open, hung up on, and stopped.

Spec: Interface specification and communication principle. Reading: R5, R16.
"""

import asyncio
import json
from datetime import timedelta

import pytest

from cloudsms_simulator.config.account_schema import AccountSettings
from cloudsms_simulator.engine.plan import plan_of, step
from cloudsms_simulator.net.http_connection import HttpConnection
from cloudsms_simulator.push.receiver import Receiver

MANY = 1000
AT_ONCE = AccountSettings(report=plan_of(step(2, timedelta(0))))


def test_a_thousand_connections_are_served_at_once(run, platform, packet) -> None:
    async def story() -> None:
        async with platform(plain=True) as here:
            everybody = asyncio.Barrier(MANY)

            async def customer(number: int) -> list[object]:
                async with here.client() as client:
                    await everybody.wait()
                    answer = await client.post(packet((852, f"6{number:07}")))
                    # Nobody leaves before everybody was answered, and each connection serves twice.
                    await everybody.wait()
                    return [*answer.codes, *(await client.post(packet(VERSION="old"))).codes]

            codes = await asyncio.gather(*map(customer, range(MANY)))
            assert codes == [[1, 1, 0x10000010, 0x10000010]] * MANY
            page = await here.page("messages")
            assert page["total"] == MANY
            assert len({item["msisdn"] for item in page["items"]}) == MANY
            accounts = await here.items("accounts")
            assert accounts[0]["balance"]["amount"] == "950.00"

    run(story())


def test_many_mutual_tls_connections_are_served_at_once(run, platform, packet) -> None:
    async def story() -> None:
        async with platform(mtls="required") as here:
            context = here.tls()

            async def customer() -> list[object]:
                async with here.client(context) as client:
                    return (await client.post(packet())).codes

            assert await asyncio.gather(*(customer() for _ in range(100))) == [[1, 1]] * 100

    run(story())


def test_a_connection_serves_one_request_after_another(run, platform, packet) -> None:
    async def story() -> None:
        async with platform() as here, here.client() as client:
            for serial in range(1, 51):
                answer = await client.post(packet(SERIAL=serial))
                assert (answer.codes, answer.json["SERIAL"]) == ([1, 1], serial)
            assert len({item["connection_id"] for item in await here.items("requests")}) == 1

    run(story())


@pytest.mark.parametrize("plain", [True, False])
def test_a_client_that_hangs_up_in_the_middle_leaves_no_half_message(
    run, platform, packet, condition, plain: bool
) -> None:
    async def story() -> None:
        async with platform(plain=plain) as here:
            body = packet()
            request = b"POST /dave/io HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body)
            head = request.index(b"\r\n\r\n") + 4
            for length in (1, head - 1, head, head + 1, len(request) // 2, len(request) - 1):
                async with here.client() as client:
                    await client.send(request[:length])

            async def noticed() -> bool | None:
                rules = [each for rules in await here.rules() for each in rules]
                return rules.count("body-unfinished") >= 3 or None

            await condition(noticed)
            assert await here.items("messages") == []
            assert await here.items("requests") == []
            [account] = await here.items("accounts")
            assert (account["balance"]["amount"], account["outstanding"]) == ("1000.00", 0)
            async with here.client() as client:
                assert (await client.post(body)).codes == [1, 1]

    run(story())


def test_a_client_that_leaves_before_its_answer_still_gets_its_reports(run, platform, receiving, packet) -> None:
    async def story() -> None:
        receiver = Receiver()
        async with receiving(receiver) as url, platform(plain=True, callback_url=url, accounts=(AT_ONCE,)) as here:
            body = packet()
            request = b"POST /dave/io HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body)
            for _ in range(20):
                async with here.client() as client:
                    await client.send(request)
            # Some left before the request was read, which is no message; some after, which is one with its report.
            async with here.client() as client:
                await client.post(body)
            accepted = (await here.page("messages"))["total"]
            assert 1 <= accepted <= 21
            await receiver.wait_for(accepted)
            for item in await here.items("messages"):
                [report] = await here.reported(item["uid"])
                assert report["outcome"] == "answered"
            accounts = await here.items("accounts")
            assert accounts[0]["balance"]["amount"] == str(1000 - accepted * AT_ONCE.prices[None])

    run(story())


def test_a_report_is_never_pushed_before_the_answer_is_written(
    run, platform, receiving, packet, monkeypatch: pytest.MonkeyPatch
) -> None:
    written: set[str] = set()
    early: list[str] = []
    write_answer = HttpConnection.answer

    def noting(connection: HttpConnection, body: bytes) -> bool:
        done = write_answer(connection, body)
        if done:
            written.update(item["SMS_UID"] for item in json.loads(body)["DETAIL_LIST"])
        return done

    monkeypatch.setattr(HttpConnection, "answer", noting)

    async def story() -> None:
        receiver = Receiver(on_report=lambda report: early.append(report.uid) if report.uid not in written else None)
        async with receiving(receiver) as url, platform(callback_url=url, accounts=(AT_ONCE,)) as here:
            async with here.client() as client:
                for _ in range(50):
                    assert (await client.post(packet((852, "1"), (852, "2")))).codes == [1, 1, 1]
            await receiver.wait_for(100)
        assert (early, len(written)) == ([], 100)

    run(story())


@pytest.mark.parametrize("count", [1, 3, 40])
def test_a_client_that_closes_its_side_gets_every_answer(run, platform, packet, count: int) -> None:
    async def story() -> None:
        async with platform(plain=True) as here, here.client() as client:
            body = packet()
            await client.send(
                *[b"POST /dave/io HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body)] * count
            )
            client.writer.write_eof()
            assert [(await client.answer()).codes for _ in range(count)] == [[1, 1]] * count
            assert await client.ended() == b""
            assert (await here.page("messages"))["total"] == count

    run(story())


def test_a_late_answer_reaches_a_client_that_has_closed_its_side(run, platform, packet, tmp_path) -> None:
    scenario = tmp_path / "late.yaml"
    scenario.write_text("version: 1\nname: late\nfaults:\n  - { id: late, delay: 200ms }\n")

    async def story() -> None:
        async with platform(plain=True, scenario=str(scenario)) as here, here.client() as client:
            body = packet()
            await client.send(b"POST /dave/io HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n\r\n" % len(body), body)
            client.writer.write_eof()
            assert (await client.answer()).codes == [1, 1]
            assert await client.ended() == b""

    run(story())


# Stopping


def test_a_stop_ends_idle_connections_at_once_and_lets_a_running_push_finish(run, platform, receiving, packet) -> None:
    async def story() -> None:
        arrived = asyncio.Event()
        go_on = asyncio.Event()

        class Slow(Receiver):
            async def __call__(self, scope, receive, send) -> None:
                arrived.set()
                await go_on.wait()
                await super().__call__(scope, receive, send)

        receiver = Slow()
        async with receiving(receiver) as url, platform(callback_url=url, accounts=(AT_ONCE,)) as here:
            async with here.client() as client:
                await client.post(packet())
                await arrived.wait()
                stopping = asyncio.ensure_future(here.simulator.stop())
                assert await client.ended() == b""
                go_on.set()
                assert await stopping == 0
            assert receiver.received == 1

    run(story())


def test_a_stop_lets_a_request_that_is_on_its_way_have_its_answer(run, platform, packet) -> None:
    async def story() -> None:
        async with platform(plain=True) as here, here.client() as client:
            body = packet()
            await client.send(b"POST /dave/io HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n\r\n" % len(body), body[:9])
            # An answer on the admin port: the first bytes have long been read by then.
            await here.page("accounts")
            stopping = asyncio.ensure_future(here.simulator.stop(timedelta(seconds=10)))
            await here.simulator.stopping.wait()
            await client.send(body[9:])
            assert (await client.answer()).codes == [1, 1]
            assert await client.ended() == b""
            await stopping

    run(story())


def test_a_stop_cuts_what_does_not_end_within_its_grace(run, platform, packet) -> None:
    async def story() -> None:
        async with platform(plain=True) as here, here.client() as client:
            await client.send(b"POST /dave/io HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\n\r\n{")
            await here.page("accounts")
            assert await here.simulator.stop(timedelta(milliseconds=50)) == 0
            assert await client.ended() == b""

    run(story())
