"""The clock moved over the admin API, with a customer's receiver behind mutual TLS.

Spec: Delivery Report (DR) CallBack. Reading: R15.
"""

import asyncio
import json
import os
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from datetime import datetime, timedelta
from itertools import pairwise

import pytest

from cloudsms_simulator.config.account_schema import AccountSettings
from cloudsms_simulator.engine.account import Callback
from cloudsms_simulator.engine.plan import plan_of, step
from cloudsms_simulator.net.runtime import CalledOffError
from cloudsms_simulator.push.receiver import Behaviour, Receiver, behaviour_of

SECOND = timedelta(seconds=1)
HOUR = timedelta(hours=1)


def account(*steps: object, url: str, name: str = "default", retries: tuple[timedelta, ...] = ()) -> AccountSettings:
    key = None if name == "default" else f"the key of {name}"
    return AccountSettings(name=name, auth_key=key, report=plan_of(*steps), callback=Callback(url=url, retries=retries))


class Customer:
    """Takes reports over plain HTTP, and answers none while it is silent."""

    def __init__(self) -> None:
        self.silent = True
        self.reports: list[dict[str, object]] = []
        self.arrived = asyncio.Event()
        self.url = ""

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(asyncio.IncompleteReadError, ConnectionError):
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).lower()
                length = int(head.partition(b"content-length: ")[2].split()[0])
                self.reports.append(json.loads(await reader.readexactly(length)))
                self.arrived.set()
                if self.silent:
                    await reader.read()
                writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
        writer.close()


@asynccontextmanager
async def silence() -> AsyncIterator[Customer]:
    customer = Customer()
    async with await asyncio.start_server(customer.serve, "127.0.0.1", 0) as server:
        customer.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/"
        yield customer


async def post(here, path: str, body: object = None, account: str = "default") -> dict[str, object]:
    """What the admin API answers to a POST."""
    reader, writer = await asyncio.open_connection("127.0.0.1", here.simulator.admin_listener.port)
    data = b"" if body is None else json.dumps(body).encode()
    path += f"?account={account}" if path.startswith("clock/") else ""
    head = [
        f"POST /api/v1/{path} HTTP/1.1",
        "Host: localhost",
        "Connection: close",
        "Content-Type: application/json",
        f"Content-Length: {len(data)}",
    ]
    writer.write("\r\n".join([*head, "", ""]).encode() + data)
    told, _, answer = (await reader.read()).partition(b"\r\n\r\n")
    writer.close()
    assert b" 200 " in told.splitlines()[0], answer
    item: dict[str, object] = json.loads(answer)
    return item


def test_25_hours_bring_every_report_in_the_order_it_is_due(run, platform, receiving, packet) -> None:
    async def story() -> None:
        receiver = Receiver()
        async with receiving(receiver) as url:
            accounts = (account(step(1, SECOND), url=url),)
            async with platform(clock="frozen", mtls="required", accounts=accounts) as here:
                first = await here.post(packet((852, "67000011"), (852, "67000012")))
                await post(here, "clock/advance", {"by": 0.5})
                second = await here.post(packet())
                item = await post(here, "clock/advance", {"by": "PT25H"})
                assert (item["settled"], item["running"], item["pending"], item["mode"]) == (True, 0, 0, "frozen")
                uids = [*first.uids, *second.uids]
                assert [report.uid for report in receiver.reports] == uids * 2
                assert [report.state_name for report in receiver.reports] == ["ENROUTE"] * 3 + ["EXPIRED"] * 3
                assert [report.serial for report in receiver.reports] == [1, 2, 3, 4, 5, 6]
                assert [each["uid"] for each in item["fired"]] == uids * 2
                assert {each["outcome"] for each in item["fired"]} == {"answered"}

    run(story())


def test_retries_follow_the_clock_that_is_moved(run, platform, receiving, packet) -> None:
    async def story() -> None:
        receiver = Receiver(behaviour_of("http-500"))
        async with receiving(receiver) as url:
            accounts = (account(step(2, SECOND), url=url, retries=(SECOND, HOUR)),)
            async with platform(clock="frozen", accounts=accounts) as here:
                await here.post(packet())
                item = await post(here, "clock/advance", {"by": "1m"})
                [report] = item["fired"]
                assert (report["outcome"], [each["status"] for each in report["attempts"]]) == ("pending", [500, 500])
                receiver.behaviour = Behaviour()
                item = await post(here, "clock/run-until-idle")
                [report] = item["fired"]
                moments = [datetime.fromisoformat(each["at"]) for each in report["attempts"]]
                assert [later - earlier for earlier, later in pairwise(moments)] == [SECOND, HOUR]
                assert (report["outcome"], item["now"]) == ("answered", report["attempts"][-1]["at"])

    run(story())


def test_a_thousand_reports_over_25_hours_settle_in_the_order_they_are_due(run, platform, receiving, packet) -> None:
    async def story() -> None:
        receiver = Receiver()
        states = [step(1, number * 2.5 * HOUR) for number in range(1, 10)]
        async with (
            receiving(receiver) as url,
            platform(clock="frozen", mtls="required", accounts=(account(*states, url=url),)) as here,
            here.client() as client,
        ):
            for _ in range(100):
                assert (await client.post(packet())).codes == [1, 1]
                await post(here, "clock/advance", {"by": "1ms"})
            item = await post(here, "clock/advance", {"by": "25h", "timeout": 50})
            assert (item["settled"], item["pending"], len(item["fired"])) == (True, 0, 1000)
            assert {each["outcome"] for each in item["fired"]} == {"answered"}
            due = [datetime.fromisoformat(each["due_at"]) for each in item["fired"]]
            assert (due, len(set(due))) == (sorted(due), 1000)
            shown = [(each["uid"], each["state"]) for each in item["fired"]]
            assert [(report.uid, report.state) for report in receiver.reports] == shown

    run(story())


def test_a_real_clock_is_advanced_and_goes_on(run, platform, receiving, packet) -> None:
    async def story() -> None:
        receiver = Receiver()
        async with receiving(receiver) as url, platform(accounts=(account(step(2, HOUR), url=url),)) as here:
            await here.post(packet())
            item = await post(here, "clock/advance", {"by": "1h1s"})
            assert (item["mode"], item["settled"], len(item["fired"]), receiver.received) == ("real", True, 1, 1)

    run(story())


def test_a_clock_that_resumes_pushes_what_becomes_due_by_itself(run, platform, receiving, packet) -> None:
    async def story() -> None:
        receiver = Receiver()
        async with (
            receiving(receiver) as url,
            platform(clock="frozen", accounts=(account(step(2, HOUR), url=url),)) as here,
        ):
            await here.post(packet())
            item = await post(here, "clock/resume", {"rate": 1_000_000})
            assert item["mode"] == "scaled"
            await receiver.wait_for(1)

    run(story())


def test_accounts_have_clocks_of_their_own(run, platform, receiving, packet) -> None:
    async def story() -> None:
        receiver = Receiver()
        async with receiving(receiver) as url:
            accounts = (account(step(2, HOUR), url=url), account(step(2, HOUR), url=url, name="shop"))
            async with platform(clock="frozen", accounts=accounts) as here:
                await here.post(packet())
                sent = await here.post(packet(AUTH_KEY="the key of shop"))
                await post(here, "clock/advance", {"by": "2h"}, account="shop")
                assert [report.uid for report in receiver.reports] == sent.uids

    run(story())


def test_nothing_planned_before_a_reset_is_pushed_after_it(run, platform, packet) -> None:
    async def story() -> None:
        async with silence() as customer:
            accounts = (account(step(1, SECOND), step(2, HOUR), url=customer.url),)
            async with platform(clock="frozen", accounts=accounts) as here:
                await here.post(packet((852, "67000011"), (852, "67000012")))
                item = await post(here, "clock/advance", {"by": "2h", "timeout": 0.2})
                assert (item["settled"], item["pending"], len(customer.reports)) == (False, 2, 1)
                await post(here, "accounts/default/reset")
                customer.silent = False
                [uid] = (await here.post(packet())).uids
                item = await post(here, "clock/run-until-idle")
                assert (item["settled"], item["pending"]) == (True, 0)
                assert [(each["SMS_UID"], each["SERIAL"]) for each in customer.reports[1:]] == [(uid, 1), (uid, 2)]

    run(story())


def test_the_command_moves_the_clock_and_says_what_happened(run, platform, receiving, packet) -> None:
    async def story() -> None:
        receiver = Receiver()
        async with (
            receiving(receiver) as url,
            platform(clock="frozen", accounts=(account(step(2, HOUR), url=url),)) as here,
        ):
            sent = await here.post(packet())
            command = await asyncio.create_subprocess_exec(
                *(sys.executable, "-m", "cloudsms_simulator", "clock", "advance", "25h"),
                *("--admin-url", here.simulator.ready.admin_url),
                stdout=asyncio.subprocess.PIPE,
                env=dict(os.environ),
            )
            told, _ = await command.communicate()
            report, now = told.decode().splitlines()
            assert command.returncode == 0
            assert report.split()[2:] == [sent.uids[0], "DELIVERED", "answered", "HTTP", "200"]
            assert now.endswith("  frozen; 0 pending")

    run(story())


def test_a_stop_does_not_wait_for_an_advance(run, platform, packet) -> None:
    async def story() -> None:
        async with (
            silence() as customer,
            platform(clock="frozen", accounts=(account(step(2, HOUR), url=customer.url),)) as here,
        ):
            await here.post(packet())
            keeper, default = here.simulator.timekeeper, here.simulator.directory.named("default")
            call = asyncio.create_task(keeper.advance(default, 2 * HOUR, HOUR))
            await customer.arrived.wait()
            await here.simulator.stop(timedelta(0))
            with pytest.raises(CalledOffError, match="the simulator is stopping"):
                await call

    run(story())
