"""Accounts that come and go over the API, each with a sink of its own, on real sockets.

Spec: Delivery Report (DR) CallBack. Reading: R15, R19.
"""

import asyncio
import json
import logging
from datetime import timedelta

import pytest

from cloudsms_simulator.config.account_schema import AccountSettings
from cloudsms_simulator.engine.plan import plan_of, step
from cloudsms_simulator.push.receiver import Receiver


async def call(platform: object, method: str, path: str, body: object = None, status: int = 200) -> object:
    """What the admin API answers to JSON."""
    port = platform.simulator.admin_listener.port
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    sent = b"" if body is None else json.dumps(body).encode()
    head = f"{method} /api/v1/{path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
    writer.write(f"{head}Content-Length: {len(sent)}\r\nConnection: close\r\n\r\n".encode() + sent)
    answer = await reader.read()
    writer.close()
    head, _, text = answer.partition(b"\r\n\r\n")
    assert int(head.split()[1]) == status, answer
    return json.loads(text) if text else None


def test_a_new_account_sends_and_its_report_comes_to_its_sink(platform, run, packet) -> None:
    async def story() -> None:
        async with platform() as up:
            account = await call(up, "POST", "accounts", {"clock": "frozen", "balance": "1"}, 201)
            name = account["name"]
            sink = await call(up, "GET", f"sink?account={name}")
            await call(up, "PATCH", f"accounts/{name}", {"callback": {"url": sink["url"], "retries": ["1s"]}})
            await call(up, "PUT", f"sink?account={name}", {"sequence": [{"status": 503}, {"answer": "ok"}]})

            answer = await up.post(packet(AUTH_KEY=account["auth_key"]))
            assert answer.codes == [1, 1]
            clock = await call(up, "POST", f"clock/advance?account={name}", {"by": "10s"})

            assert clock["settled"] is True
            received = (await call(up, "GET", f"sink?account={name}"))["received"]
            assert [each["uid"] for each in received] == answer.uids * 2
            assert all("CloudSMS platform" in each["certificate"] for each in received)
            [report] = await up.items("reports", name)
            assert [attempt["status"] for attempt in report["attempts"]] == [503, 200]
            assert report["attempts"][1]["findings"] == []
            assert await up.items("messages") == []

    run(story())


def test_a_deleted_account_is_as_if_it_had_never_been(platform, run, packet) -> None:
    async def story() -> None:
        async with platform() as up:
            account = await call(up, "POST", "accounts", {"name": "shop", "report": [{"state": 2, "after": "0s"}]}, 201)
            sink = await call(up, "GET", "sink?account=shop")
            await call(up, "PUT", "sink?account=shop", {"delay": "60s"})
            await call(up, "PATCH", "accounts/shop", {"callback": {"url": sink["url"], "timeout": "90s"}})
            await up.post(packet(AUTH_KEY=account["auth_key"]))
            await up.simulator.sink.wait_for("shop", 1)

            await call(up, "DELETE", "accounts/shop", status=204)

            shop = type("Named", (), {"name": "shop"})()
            assert up.simulator.pusher.running(shop) == 0
            refused = await up.post(packet(AUTH_KEY=account["auth_key"]))
            assert refused.codes[0] != 1
            assert [each["name"] for each in (await call(up, "GET", "accounts"))["items"]] == ["default"]
            await call(up, "GET", "messages?account=shop", status=404)

    run(story())


def test_a_reset_of_everything_deletes_what_was_made_and_brings_back_what_was_changed(platform, run) -> None:
    async def story() -> None:
        async with platform() as up:
            before = (await call(up, "GET", "accounts"))["items"]
            await call(up, "POST", "accounts", {"name": "shop"}, 201)
            await call(up, "PATCH", "accounts/default", {"balance": "1", "routes": ["A"]})
            after = (await call(up, "POST", "reset"))["items"]
            assert [{**each, "now": None} for each in after] == [{**each, "now": None} for each in before]

    run(story())


@pytest.mark.parametrize("reset", ["accounts/default/reset", "reset"])
def test_a_reset_empties_the_sink_and_has_it_answer_rightly_at_the_same_url(platform, run, packet, reset: str) -> None:
    async def story() -> None:
        async with platform() as up:
            fresh = await call(up, "GET", "sink")
            await call(up, "PUT", "sink", {"answer": "Busy"})
            await call(up, "PATCH", "accounts/default", {"callback": {"url": fresh["url"]}})
            await call(up, "POST", "clock/freeze")
            await up.post(packet())
            await call(up, "POST", "clock/advance", {"by": "10s"})
            assert (await call(up, "GET", "sink"))["total"] == 1

            await call(up, "POST", reset)

            assert await call(up, "GET", "sink") == fresh

    run(story())


def test_a_report_that_is_due_for_a_late_answer_goes_nowhere_once_its_account_is_gone(
    platform, run, packet, caplog: pytest.LogCaptureFixture
) -> None:
    async def story() -> None:
        async with platform() as up:
            account = await call(up, "POST", "accounts", {"name": "shop"}, 201)
            await call(
                up, "POST", "faults?account=shop", {"id": "late", "delay": "300ms", "fault": "PROCESSED_NO_ANSWER"}
            )
            async with up.client() as client:
                waiting = asyncio.create_task(client.post(packet(AUTH_KEY=account["auth_key"])))
                while (await up.page("messages", "shop"))["total"] == 0:
                    await asyncio.sleep(0.005)
                await call(up, "DELETE", "accounts/shop", status=204)
                with pytest.raises(asyncio.IncompleteReadError):
                    await waiting
            assert up.simulator.pusher._dispatchers.keys() <= {"default"}
        assert [record for record in caplog.records if record.levelno >= logging.ERROR] == []

    run(story())


def test_a_server_says_what_it_is_and_gives_its_certificates(platform, run, certificates) -> None:
    async def story() -> None:
        async with platform(seed=7) as up:
            info = await call(up, "GET", "info")
            assert (info["seed"], info["ports"]["platform"]) == (7, up.simulator.listener.port)
            assert {"accounts", "clock", "sink", "info"} <= set(info["features"])
            certs = await call(up, "GET", "certs")
            assert certs["ca_pem"] == certificates.ca.read_text()

    run(story())


def test_where_any_key_will_do_the_one_that_was_sent_is_shown_nowhere_and_comes_back(
    run, platform, receiving, packet
) -> None:
    key = "whatever-this-customer-was-given-0123456789=="
    said = {"AUTH_KEY": key, "CUSTOMER_BODY": {"key": key, "n": 1.0}, "SMS_CONTENT": f"Log in with {key}"}

    async def story() -> None:
        receiver = Receiver()
        anybody = AccountSettings(auth_key="*", report=plan_of(step(2, timedelta(0))))
        async with receiving(receiver) as url, platform(callback_url=url, accounts=(anybody,)) as here:
            for destinations in ([(852, "67000011")], [(852, "67000011"), (852, "67000012")]):
                [*_, uid] = (await here.post(packet(*destinations, **said))).uids
                [shown] = await here.reported(uid)
                assert "key-" in shown["attempts"][0]["request"]
                assert key not in json.dumps(shown)
            assert [json.loads(report.customer_body)["key"] for report in receiver.reports] == [key] * 3
            lists = ("messages", "reports", "requests")
            for path in (*lists, "explain", f"messages/{uid}", f"messages/{uid}/timeline"):
                told = json.dumps(await here.page(path, limit=1000 if path in lists else None))
                assert (path, key in told) == (path, False)
            [newest, *_] = await here.items("messages")
            assert newest["customer_body"]["n"] == 1.0
            assert newest["customer_body"]["key"] in newest["text"]

    run(story())
