"""States that are forced and reports that are pushed once more, over real sockets. Reading: R25."""

import asyncio
import json
from datetime import timedelta

import pytest

from cloudsms_simulator.client.client import AsyncClient
from cloudsms_simulator.client.errors import RefusedError
from cloudsms_simulator.config.account_schema import AccountSettings
from cloudsms_simulator.engine.account import Callback
from cloudsms_simulator.engine.plan import plan_of, step
from cloudsms_simulator.push.receiver import Receiver

SECOND = timedelta(seconds=1)


def test_on_a_clock_that_stands_a_report_has_arrived_when_the_call_returns(run, platform, receiving, packet) -> None:
    async def story() -> None:
        receiver = Receiver()
        async with receiving(receiver) as url, platform(mtls="required", callback_url=url, clock="frozen") as here:
            [uid] = (await here.post(packet())).uids
            async with AsyncClient(here.simulator.ready.admin_url) as client:
                assert [each.kind for each in await client.reports.pending()] == ["planned"]
                forced = await client.messages.report(uid, "UNDELIVERABLE")
                assert [each.state_name for each in receiver.reports] == ["UNDELIVERABLE"]
                assert forced.report is not None
                assert (forced.report.outcome, forced.message.state) == ("answered", 5)
                again = await client.reports.resend(forced.report.id)
                assert [each.serial for each in receiver.reports] == [1, 2]
                assert {each.uid for each in receiver.reports} == {uid}
                assert len(again.attempts) == 2
                assert [attempt.findings for attempt in again.attempts] == [(), ()]
                assert (await client.messages.report(uid, 8, again=True)).report is not None
                assert [each.state for each in receiver.reports] == [5, 5, 8]
                assert await client.reports.pending() == []
                timeline = await client.messages.timeline(uid)
                assert [each.kind for each in timeline.items if each.report_id] == [
                    *("forced", "reached", "report", "pushed", "pushed", "report", "pushed")
                ]
                assert timeline.items[0].text.endswith("TLSv1.3.")
                assert str((await client.accounts.show("default")).balance) == "USD 999.95"
                assert (await client.clock.run_until_idle()).now == timeline.now

    run(story())


def test_on_a_clock_that_goes_a_forced_state_is_pushed_as_soon_as_it_is_due(run, platform, receiving, packet) -> None:
    async def story() -> None:
        receiver = Receiver()
        slow = AccountSettings(report=plan_of(step(2, timedelta(hours=20))))
        async with receiving(receiver) as url, platform(callback_url=url, accounts=(slow,)) as here:
            first, second = (await here.post(packet((852, "67000011"), (852, "67000012")))).uids
            async with AsyncClient(here.simulator.ready.admin_url) as client:
                await client.messages.report(second, "REJECTED", after="50ms")
                await client.messages.report(first, "DELETED")
                await receiver.wait_for(2)
                told = {(each.uid, each.state_name) for each in receiver.reports}
                assert told == {(first, "DELETED"), (second, "REJECTED")}
                [shown] = await here.reported(second)
                entries = (await client.messages.timeline(second)).items
                assert all(each.wall_at == each.at for each in entries), "the clock is the wall's"
                assert shown["outcome"] == "answered"

    run(story())


def test_a_reset_takes_back_what_was_asked_for(run, platform, receiving, packet) -> None:
    async def story() -> None:
        receiver = Receiver()
        async with receiving(receiver) as url, platform(callback_url=url, clock="frozen") as here:
            [uid] = (await here.post(packet())).uids
            async with AsyncClient(here.simulator.ready.admin_url) as client:
                await client.messages.report(uid, "DELETED", after="1m")
                await client.accounts.reset("default")
                assert (await client.clock.advance(hours=26)).fired == ()
                assert len(receiver.reports) == 0
                with pytest.raises(RefusedError) as refused:
                    await client.messages.show(uid)
                assert refused.value.status == 404

    run(story())


def test_a_report_that_failed_arrives_when_the_server_is_up_and_it_is_pushed_once_more(
    run, platform, receiving, packet
) -> None:
    async def story() -> None:
        receiver = Receiver()
        nobody = AccountSettings(callback=Callback(url="http://127.0.0.1:9/"))
        async with receiving(receiver) as url, platform(accounts=(nobody,), clock="frozen") as here:
            [uid] = (await here.post(packet())).uids
            async with AsyncClient(here.simulator.ready.admin_url) as client:
                await client.clock.advance(seconds=1)
                assert (await client.reports.show(f"{uid}-1")).outcome == "failed"
                await client.accounts.change("default", callback={"url": url})
                assert (await client.reports.resend(f"{uid}-1")).outcome == "answered"
                [report] = receiver.reports
                assert json.loads(report.customer_body or "null") == {"order": 1}
                assert [each.kind for each in (await client.messages.timeline(uid)).items if each.attempt] == [
                    *("pushed", "finding", "pushed")
                ]

    run(story())


def test_pushes_of_one_message_never_overlap_though_many_ask_at_once(run, platform, receiving, packet) -> None:
    async def story() -> None:
        receiver = Receiver()
        slow = AccountSettings(report=plan_of(step(1, timedelta(0)), step(2, SECOND)))
        async with receiving(receiver) as url, platform(callback_url=url, accounts=(slow,)) as here:
            [uid] = (await here.post(packet())).uids
            reports = await here.reported(uid)
            async with AsyncClient(here.simulator.ready.admin_url) as client:
                asked = await asyncio.gather(
                    *(client.reports.resend(str(report["id"])) for report in reports * 5), return_exceptions=True
                )
                refused = [each for each in asked if isinstance(each, RefusedError)]
                assert all(each.status == 409 for each in refused)
                done = await here.reported(uid)
                assert sum(len(report["attempts"]) for report in done) == 2 + len(asked) - len(refused)
                assert all(report["outcome"] == "answered" for report in done)

    run(story())


def test_a_packet_is_sent_again_and_a_refused_one_corrected(run, platform, receiving, packet) -> None:
    async def story() -> None:
        receiver = Receiver()
        async with receiving(receiver) as url, platform(callback_url=url, clock="frozen") as here:
            await here.post(packet(VERSION="1.0"))
            async with AsyncClient(here.simulator.ready.admin_url) as client:
                with pytest.raises(RefusedError, match="there is no request"):
                    await client.requests.send(99)
                [refused] = await client.requests.all()
                assert (await client.requests.send(refused.id)).code == refused.code
                accepted = await client.requests.send(refused.id, corrected=True)
                assert (accepted.peer, len(accepted.uids)) == (None, 1)
                again = await client.requests.send(accepted.id)
                await client.clock.advance(1)
                assert {each.uid for each in receiver.reports} == {*accepted.uids, *again.uids}
                with pytest.raises(RefusedError, match="nothing to correct"):
                    await client.requests.send(accepted.id, corrected=True)

    run(story())
