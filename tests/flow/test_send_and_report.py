"""From the packet to the delivery report, over mutual TLS both ways.

Spec: CloudSMS Business Process. Spec: Delivery Report (DR) CallBack.
"""

import asyncio
import json
import ssl
from datetime import datetime, timedelta

import pytest
import trustme

from cloudsms_simulator.client.client import AsyncClient
from cloudsms_simulator.config.account_schema import AccountSettings
from cloudsms_simulator.engine.account import Callback
from cloudsms_simulator.engine.plan import ReportOptions, Step, plan_of, step
from cloudsms_simulator.push.receiver import Behaviour, Receiver, behaviour_of

SECOND = timedelta(seconds=1)
AT_ONCE = AccountSettings(report=plan_of(step(2, timedelta(0))))
FAST = 100_000.0
"""Ten seconds of the clock in a tenth of a millisecond, 25 hours in 0.9 s."""
MS = timedelta(milliseconds=1)


def account(*steps: object, url: str | None = None, retries: tuple[timedelta, ...] = ()) -> AccountSettings:
    return AccountSettings(report=plan_of(*steps), callback=Callback(url=url, retries=retries))


def test_a_send_is_answered_and_its_report_pushed_with_the_platforms_certificate(
    run, platform, receiving, packet
) -> None:
    async def story() -> None:
        receiver = Receiver()
        async with receiving(receiver) as url, platform(mtls="required", callback_url=url, accounts=(AT_ONCE,)) as here:
            answer = await here.post(packet(CUSTOMER_BODY={"订单": 1.0}))
            assert (answer.status, answer.codes) == (200, [1, 1])
            assert answer.headers["content-type"] == "application/json"

            await receiver.wait_for(1)
            [report] = receiver.reports
            assert (report.uid, report.state_name, report.source) == (answer.uids[0], "DELIVERED", "CloudSMS")
            assert (report.country_code, report.msisdn, report.serial) == (852, "67000011", 1)
            assert report.customer_body == '{"\\u8ba2\\u5355": 1.0}'
            assert report.certificate.startswith("CN=CloudSMS platform,")

            [shown] = await here.reported(answer.uids[0])
            [attempt] = shown["attempts"]
            assert (shown["outcome"], attempt["status"], attempt["findings"]) == ("answered", 200, [])
            [message] = await here.items("messages")
            assert (message["state_name"], message["cost"]) == ("DELIVERED", {"amount": "0.05", "currency": "USD"})

    run(story())


def test_no_report_is_lost_by_a_server_that_closes_each_connection_after_its_answer(run, platform, packet) -> None:
    pushed: list[int] = []

    async def once(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        length = int(head.lower().split(b"content-length: ")[1].split(b"\r\n")[0])
        pushed.append(json.loads(await reader.readexactly(length))["SERIAL"])
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
        await writer.drain()
        await reader.read(1)  # the connection is idle until the next push comes, which is not looked at
        writer.close()

    async def story() -> None:
        server = await asyncio.start_server(once, "127.0.0.1", 0)
        url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/"
        one_at_a_time = AccountSettings(report=AT_ONCE.report, callback=Callback(url=url, concurrency=1))
        async with platform(accounts=(one_at_a_time,)) as here:
            answer = await here.post(packet(*[(852, f"6700001{last}") for last in range(10)]))
            for uid in answer.uids:
                [report] = await here.reported(uid)
                assert (report["outcome"], len(report["attempts"])) == ("answered", 1)
            assert pushed == list(range(1, 11))
        server.close()

    run(story())


def test_a_batch_has_one_report_for_each_message_in_a_post_of_its_own(run, platform, receiving, packet) -> None:
    async def story() -> None:
        receiver = Receiver()
        destinations = [(852, f"6700{index:04}") for index in range(199)] + [(65, "61234567")]
        async with receiving(receiver) as url, platform(callback_url=url, accounts=(AT_ONCE,), clock=FAST) as here:
            answer = await here.post(packet(*destinations))
            assert answer.codes == [1] * 201
            await receiver.wait_for(200)
            assert sorted(report.uid for report in receiver.reports) == sorted(answer.uids)
            # Pushes are on their way side by side, so they need not arrive in order.
            assert {report.serial for report in receiver.reports} == set(range(1, 129))
            states = {report.msisdn: report.state for report in receiver.reports}
            assert (states["61234567"], states["67000000"]) == (60, 2)
            [first, *_] = await here.items("accounts")
            assert first["balance"]["amount"] == "990.05"

    run(story())


def test_states_of_one_message_arrive_in_their_order_though_the_first_is_retried(
    run, platform, receiving, packet
) -> None:
    async def story() -> None:
        heard = []

        def hear(report) -> None:
            heard.append(report.state)
            if len(heard) == 2:
                receiver.behaviour = Behaviour()

        receiver = Receiver(behaviour_of("http-500"), on_report=hear)
        async with receiving(receiver) as url:
            accounts = (account(step(1, SECOND), step(2, 2 * SECOND), url=url, retries=(SECOND, SECOND)),)
            async with platform(accounts=accounts, clock=FAST) as here:
                answer = await here.post(packet())
                await receiver.wait_for(4)
                assert heard == [1, 1, 1, 2]
                enroute, delivered = await here.reported(answer.uids[0])
                assert [attempt["status"] for attempt in enroute["attempts"]] == [500, 500, 200]
                assert (enroute["outcome"], delivered["outcome"]) == ("answered", "answered")

    run(story())


def test_a_receiver_that_is_down_is_tried_again_until_it_is_up(run, platform, receiving, packet, condition) -> None:
    async def story() -> None:
        receiver = Receiver()
        async with receiving(receiver) as url:
            port = int(url.split(":")[2].strip("/"))
        accounts = (account(step(2, timedelta(0)), url=url, retries=(10 * MS,) * 500),)
        async with platform(accounts=accounts) as here:
            answer = await here.post(packet())

            async def tried() -> bool | None:
                return any(len(report["attempts"]) >= 2 for report in await here.items("reports")) or None

            await condition(tried)
            async with receiving(receiver, port):
                await receiver.wait_for(1)
                [report] = await here.reported(answer.uids[0])
                *failed, last = report["attempts"]
                assert {each["findings"][0]["rule"] for each in failed} == {"push-refused"}
                assert (last["status"], report["outcome"]) == (200, "answered")
                assert {json.loads(each["request"])["REPORT_TIME"] for each in report["attempts"]} == {
                    json.loads(last["request"])["REPORT_TIME"]
                }

    run(story())


def test_a_customer_that_does_not_accept_our_certificate_is_shown_as_a_failed_push(
    run, platform, receiving, packet, certificates, tmp_path
) -> None:
    stranger = trustme.CA()
    stranger.cert_pem.write_to_path(tmp_path / "ca.pem")
    leaf = stranger.issue_cert("platform.test")
    leaf.private_key_and_cert_chain_pem.write_to_path(tmp_path / "platform.pem")
    own = str(tmp_path / "platform.pem")

    async def story() -> None:
        receiver = Receiver()
        async with receiving(receiver) as url:
            callback = Callback(url=url, client_cert=own, client_key=own)
            accounts = (AccountSettings(report=plan_of(step(2, timedelta(0))), callback=callback),)
            async with platform(accounts=accounts) as here:
                answer = await here.post(packet())
                [report] = await here.reported(answer.uids[0])
                [attempt] = report["attempts"]
                assert (report["outcome"], attempt["status"], receiver.received) == ("failed", None, 0)
                [finding] = attempt["findings"]
                assert finding["rule"] in {"push-tls", "push-failed"}
                [message] = await here.items("messages")
                assert (message["state_name"], message["final"]) == ("DELIVERED", True)

    run(story())


def test_a_customer_we_do_not_trust_is_shown_as_a_failed_push(run, platform, packet) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    trustme.CA().issue_cert("localhost").configure_cert(context)

    async def story() -> None:
        served = []
        server = await asyncio.start_server(lambda *pair: served.append(pair), "127.0.0.1", 0, ssl=context)
        url = f"https://localhost:{server.sockets[0].getsockname()[1]}/"
        async with server, platform(callback_url=url, accounts=(AT_ONCE,)) as here:
            answer = await here.post(packet())
            [report] = await here.reported(answer.uids[0])
            [attempt] = report["attempts"]
            [finding] = attempt["findings"]
            assert (finding["rule"], served) == ("push-tls", [])
            assert "not trusted" in finding["got"]

    run(story())


@pytest.mark.parametrize(
    ("answer", "rules"),
    [("none", ["dr-answer-empty"]), ("not-json", ["dr-answer-not-json"]), ("wrong-serial", ["dr-answer-serial"])],
)
def test_what_is_wrong_with_a_customers_answer_is_shown_and_not_retried(
    run, platform, receiving, packet, answer: str, rules: list[str]
) -> None:
    async def story() -> None:
        receiver = Receiver(behaviour_of(answer))
        async with receiving(receiver, plain=True) as url:
            accounts = (account(step(2, timedelta(0)), url=url, retries=(MS,)),)
            async with platform(accounts=accounts) as here:
                sent = await here.post(packet())
                [report] = await here.reported(sent.uids[0])
                [attempt] = report["attempts"]
                assert (report["outcome"], [each["rule"] for each in attempt["findings"]]) == ("answered", rules)

    run(story())


def test_without_a_callback_reports_are_reached_and_shown(run, platform, packet) -> None:
    async def story() -> None:
        async with platform(accounts=(AT_ONCE,)) as here:
            answer = await here.post(packet())
            [report] = await here.reported(answer.uids[0])
            assert (report["outcome"], report["attempts"]) == ("no_callback", [])

    run(story())


# Clocks


def test_on_a_scaled_clock_25_hours_are_soon_over(run, platform, receiving, packet) -> None:
    async def story() -> None:
        receiver = Receiver()
        async with receiving(receiver) as url:
            expires = account(step(1, SECOND), url=url)
            async with platform(accounts=(expires,), clock=FAST) as here:
                answer = await here.post(packet())
                await receiver.wait_for(2)
                assert [report.state_name for report in receiver.reports] == ["ENROUTE", "EXPIRED"]
                [message] = await here.items("messages")
                accepted, final = (datetime.fromisoformat(message[name]) for name in ("accepted_at", "final_at"))
                assert (message["uid"], message["state_name"]) == (answer.uids[0], "EXPIRED")
                assert final - accepted == timedelta(hours=25)

    run(story())


def test_on_a_frozen_clock_nothing_is_pushed_and_every_answer_has_the_same_time(
    run, platform, receiving, packet
) -> None:
    async def story() -> None:
        receiver = Receiver()
        async with receiving(receiver) as url, platform(callback_url=url, clock="frozen") as here:
            answers = [await here.post(packet()) for _ in range(3)]
            assert len({answer.json["TIME"] for answer in answers}) == 1
            assert len({uid for answer in answers for uid in answer.uids}) == 3
            messages = await here.items("messages")
            assert [message["state"] for message in messages] == [None] * 3
            assert (await here.items("reports"), receiver.received) == ([], 0)

    run(story())


# The other platform


def test_the_profile_observed_speaks_like_the_wire_from_end_to_end(run, platform, receiving, packet) -> None:
    async def story() -> None:
        receiver = Receiver()
        async with receiving(receiver) as url:
            accounts = (AT_ONCE,)
            async with platform(profile="observed", callback_url=url, accounts=accounts) as here:
                accepted = await here.post(packet(("852", "67000011"), SERIAL="9", VERSION="2020-07-12") + b"\n\0")
                assert accepted.codes == [1, 1]
                assert accepted.body.startswith(b'{ "RESULT_CODE": 1, "RESULT_DESC": "OK", "DETAIL_LIST": [ { "RESULT')
                assert b'"SERIAL": 9, "TIME": "' in accepted.body
                assert accepted.uids[0][13] == "X"
                assert accepted.uids[0][17] == "H"
                await receiver.wait_for(1)
                assert receiver.reports[0].uid == accepted.uids[0]

                unknown = await here.post(packet(AUTH_KEY="nobody's"))
                assert b'"TENANT_ID": 0' in unknown.body
                assert (unknown.json["RESULT_CODE"], unknown.json["RESULT_DESC"]) == (5, "'channel not exist'")
                assert "DETAIL_LIST" not in unknown.json
                assert (await here.post(packet(AUTH_KEY=...))).json["RESULT_CODE"] == 5

                old = await here.post(packet(VERSION="old"))
                assert list(old.json)[:3] == ["RESULT_CODE", "RESULT_DESC", "DETAIL_LIST"]
                assert old.json["RESULT_DESC"] == "Invalid_Version"

    run(story())


def test_each_account_has_its_own_profile_clock_and_journal(run, platform, packet) -> None:
    async def story() -> None:
        observed = AccountSettings(name="observed", auth_key="observed-key", profile="observed")
        async with platform(accounts=(AccountSettings(), observed)) as here:
            await here.post(packet())
            assert (await here.post(packet(AUTH_KEY="observed-key"))).body.startswith(b'{ "RESULT_CODE": 1')
            assert [len(await here.items("messages", name)) for name in ("default", "observed")] == [1, 1]

    run(story())


def test_what_follows_a_report_that_comes_before_the_answer_waits_for_a_late_answer(
    run, platform, receiving, packet
) -> None:
    async def story() -> None:
        receiver = Receiver()
        first = Step(1, timedelta(0), False, manner=ReportOptions(before_answer=True))
        settings = account(first, step(2, 5 * SECOND))
        async with (
            receiving(receiver) as url,
            platform(callback_url=url, accounts=(settings,), clock=FAST) as here,
            AsyncClient(here.simulator.ready.admin_url) as admin,
        ):
            await admin.faults.add({"delay": "500ms"})
            answering = asyncio.create_task(here.post(packet()))
            await receiver.wait_for(1)
            [message] = await admin.messages.all()
            assert (await admin.clock.show()).now - message.accepted_at > 5 * SECOND
            assert (len(receiver.reports), answering.done()) == (1, False)
            [uid] = (await answering).uids
            await receiver.wait_for(2)
            assert [(report.uid, report.state_name) for report in receiver.reports] == [
                (uid, "ENROUTE"),
                (uid, "DELIVERED"),
            ]

    run(story())
