"""A state taken of one simulator and put into another, over the API, on real sockets.

Reading: R15, R16.
"""

import asyncio
import json


async def call(platform: object, method: str, path: str, body: bytes = b"", status: int = 200) -> bytes:
    """What the admin API answers."""
    port = platform.simulator.admin_listener.port
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    head = f"{method} /api/v1/{path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
    writer.write(f"{head}Content-Length: {len(body)}\r\nConnection: close\r\n\r\n".encode() + body)
    answer = await reader.read()
    writer.close()
    head, _, text = answer.partition(b"\r\n\r\n")
    assert int(head.split()[1]) == status, answer
    return text


def test_what_was_sent_to_one_simulator_is_reported_by_another(platform, run, packet) -> None:
    async def story() -> None:
        async with platform() as first, platform(journal_messages=50) as second:
            sink = json.loads(await call(second, "GET", "sink?account=shop", status=404))
            assert sink["status"] == 404
            default = json.loads(await call(second, "GET", "sink"))
            body = json.dumps({"name": "shop", "clock": "frozen", "callback": {"url": default["url"]}}).encode()
            account = json.loads(await call(first, "POST", "accounts", body, 201))
            answer = await first.post(packet(AUTH_KEY=account["auth_key"]))

            await call(second, "PUT", "state", await call(first, "GET", "state"), 204)

            clock = json.loads(await call(second, "POST", "clock/advance?account=shop", b'{"by": "10s"}'))
            assert [each["uid"] for each in clock["fired"]] == answer.uids
            assert [each["uid"] for each in json.loads(await call(second, "GET", "sink"))["received"]] == answer.uids
            assert (await second.post(packet(AUTH_KEY=account["auth_key"]))).codes == [1, 1]
            pages = [await each.page("requests", "shop") for each in (first, second)]
            assert pages[1]["items"][-1] == pages[0]["items"][-1]

    run(story())


def test_a_due_report_of_a_running_clock_is_pushed_when_its_state_was_put(platform, run, packet) -> None:
    async def story() -> None:
        async with platform() as first, platform() as second:
            url = json.loads(await call(second, "GET", "sink"))["url"]
            patch = json.dumps({"callback": {"url": url}, "report": [{"state": 2, "after": "1h"}]}).encode()
            await call(first, "PATCH", "accounts/default", patch)
            answer = await first.post(packet())
            document = json.loads(await call(first, "GET", "state"))
            [default] = document["accounts"]
            default["kept"]["messages"][0]["plan"]["steps"][0]["after"] = "PT0S"
            await call(second, "PUT", "state", json.dumps(document).encode(), 204)
            await second.simulator.sink.wait_for("default", 1)
            assert [each["uid"] for each in await second.items("messages")] == answer.uids

    run(story())


def test_a_document_that_is_none_changes_nothing(platform, run, packet) -> None:
    async def story() -> None:
        async with platform() as up:
            await up.post(packet())
            problem = json.loads(await call(up, "PUT", "state", b'{"version": 7}', 400))
            assert problem["detail"] == 'want a document whose "version" is 2, as GET gives it'
            assert (await up.page("messages"))["total"] == 1

    run(story())
